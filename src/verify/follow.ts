/**
 * Follows the code of a trampoline from where a function branches into it to every place where it leaves, and holds it
 * against what the ELF V2 ABI promises the function's callers: r1 and LR as they were, r2 with the TOC of the function's
 * object, arguments on the way in and results on the way out untouched, nothing written but volatile registers, and no
 * memory but a frame of its own and the two slots of the caller's frame that the callee may use.
 *
 * The prover judges the loaded image (verify/patched), where relocations are gone and nobody knows any more who was meant. What
 * it does not see is why this walk stays: that each way through the code leads to the replacement that the plan names, and once;
 * that arguments and results are left alone, which belong to nobody's contract; and that all this holds before any loader,
 * whose twin the proof rests on, has touched the file.
 *
 * Only instructions whose effect is modelled here are followed. Any other is a finding, and so is a loop: a trampoline
 * that cannot be understood is not let through.
 */
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { decode } from '../ppc64/decode.ts';
import { relocationName } from '../ppc64/relocations.ts';
import { PlainSteps, TOC_SLOT } from './follow-plain.ts';
import { islandAt } from './islands.ts';
import { here, isStack, type Machine, RETURN, UNKNOWN, type Value, valueText } from './machine.ts';
import { type BranchTarget, branchTarget, type Relocation, symbolTarget } from './places.ts';
import { R_PPC64_ADDR64, R_PPC64_REL24 } from './relocation-places.ts';
import { type Report, wordText } from './verification.ts';

const NOP = 0x60000000;
/** No frame is smaller: back chain, CR, LR and TOC slots. */
const SMALLEST_FRAME = 32;
const LR_SLOT = 16;

export interface FollowedCode {
  readonly elf: ElfFile;
  readonly section: Section;
  readonly relocations: ReadonlyMap<number, readonly Relocation[]>;
}

/** One path that has not come to its end. */
interface Path {
  at: number;
  readonly machine: Machine;
  /** Places on this path: a second visit is a loop. */
  readonly seen: Set<number>;
}

export interface Followed {
  /** Functions that each path calls or branches to, in order. */
  readonly ways: readonly (readonly BranchTarget[])[];
  /** What is known at the end of each path. */
  readonly ends: readonly Machine[];
}

export class Follower {
  readonly #report: Report;
  readonly #code: FollowedCode;
  readonly #words: Uint32Array;
  readonly #function: string;
  readonly #reached: Set<number>;
  readonly #open: Path[] = [];
  readonly #ends: Machine[] = [];
  readonly #plain: PlainSteps;

  /**
   * @param fn the function that branches here, for messages
   * @param reached collects the offsets of all instructions that some path executes
   */
  constructor(report: Report, code: FollowedCode, fn: string, reached: Set<number>) {
    this.#report = report;
    this.#code = code;
    this.#words = code.elf.sectionWords(code.section);
    this.#function = fn;
    this.#reached = reached;
    this.#plain = new PlainSteps({
      error: (...told) => this.#error(...told),
      symbolName: ({ symbol }) => code.elf.symbols!.name(symbol),
      doubleword: (place, at) => this.#doubleword(place, at),
      doublewordOf: (symbol, addend, at) => {
        const { symbols } = code.elf;
        const isHere = symbols!.sectionOf(symbol) === code.section.index;
        return this.#doubleword(isHere ? symbols!.value(symbol) + addend : Number.NaN, at);
      },
    });
  }

  follow(start: number, machine: Machine): Followed {
    this.#open.push({ at: start, machine, seen: new Set() });
    for (let path = this.#open.pop(); path !== undefined; path = this.#open.pop()) while (this.#step(path));
    return { ways: this.#ends.map(end => end.calls), ends: this.#ends };
  }

  #error(code: string, message: string, at: number): false {
    this.#report.error(code, message, this.#code.section, at, this.#function);
    return false;
  }

  /**
   * What a doubleword of the code holds that the loader fills: the address of one symbol. Nobody else writes there, since code is
   * read-only once it is loaded.
   */
  #doubleword(place: number, at: number): Value {
    const { relocations } = this.#code;
    const [relocation, other] = relocations.get(place) ?? [];
    const isEmpty = this.#words[place >>> 2] === 0 && this.#words[(place >>> 2) + 1] === 0;
    const isFilled = relocation?.type === R_PPC64_ADDR64 && relocation.addend === 0 && other === undefined;
    if (place % 8 !== 0 || !isEmpty || !isFilled || relocations.has(place + 4)) {
      this.#error('VER150', 'what is loaded here is no doubleword of the code that holds the address of a symbol', at);
      return UNKNOWN;
    }
    this.#reached.add(place);
    this.#reached.add(place + 4);
    return { kind: 'symbol', symbol: relocation.symbol, name: this.#code.elf.symbols!.name(relocation.symbol) };
  }

  /** One instruction; false at the end of the path. */
  #step(path: Path): boolean {
    const { at } = path;
    const word = this.#words[at >>> 2];
    if (word === undefined || at < 0 || at >= this.#words.length * 4)
      return this.#error('VER070', 'the trampoline runs over its end', at);
    if (path.seen.has(at)) return this.#error('VER070', 'the trampoline goes round in a circle', at);
    path.seen.add(at);
    this.#reached.add(at);
    const relocations = this.#code.relocations.get(at) ?? [];
    const decoded = decode(word);
    if (relocations.length > 1 || !decoded.known) return this.#notUnderstood(word, relocations, at);
    path.at += 4;
    if (word >>> 26 === 18) return this.#branch(path, word, at, relocations[0]);
    if (word >>> 26 === 16) return this.#conditional(path, word, at, relocations[0]);
    if (relocations.length === 0 && decoded.instruction.mnemonic === 'blr') return this.#leave(path.machine, at);
    if (relocations.length === 0 && decoded.instruction.mnemonic === 'bctr') return this.#jump(path.machine, at);
    return this.#plain.step(path.machine, decoded, at, relocations[0]) ?? this.#notUnderstood(word, relocations, at);
  }

  #notUnderstood(word: number, relocations: readonly Relocation[], at: number): false {
    const decoded = decode(word);
    const title = decoded.known ? decoded.instruction.mnemonic : 'an unknown instruction';
    const with_ = relocations.map(r => ` with ${relocationName(r.type)}`).join('');
    return this.#error(
      'VER060',
      `${title} (${wordText(word)})${with_} is nothing that a trampoline of tocsin's is known to do`,
      at,
    );
  }

  /** b and bl. */
  #branch(path: Path, word: number, at: number, relocation: Relocation | undefined): boolean {
    const links = (word & 1) !== 0;
    if (relocation === undefined) {
      if (links || (word & 2) !== 0) return this.#notUnderstood(word, [], at);
      path.at = at + (((word & 0x03fffffc) << 6) >> 6);
      return true;
    }
    if (relocation.type !== R_PPC64_REL24) return this.#notUnderstood(word, [relocation], at);
    if (links) return this.#call(path, at, relocation);
    const target = branchTarget(this.#code.elf, relocation);
    if (target.section === this.#code.section.index) {
      for (const place of islandAt(this.#code, target.offset)?.places ?? []) this.#reached.add(place);
      path.at = target.offset;
      return true;
    }
    if (target.section === 0)
      this.#error('VER151', `${target.name} is gone on in through a stub, which stores r2 in the caller’s frame`, at);
    const r2 = path.machine.registers[2]!;
    if (target.k > 1 && r2.kind !== 'home')
      this.#error(
        'VER067',
        `${target.name} is entered with ${valueText(r2)} in r2, and needs the TOC of this object`,
        at,
      );
    path.machine.calls.push(target);
    return this.#leave(path.machine, at);
  }

  #call(path: Path, at: number, relocation: Relocation): boolean {
    const { machine } = path;
    const next = branchTarget(this.#code.elf, relocation);
    const isHere = next.section === this.#code.section.index;
    const island = isHere ? islandAt(this.#code, next.offset) : undefined;
    if (isHere && island === undefined) return this.#notUnderstood(this.#words[at >>> 2]!, [relocation], at);
    for (const place of island?.places ?? []) this.#reached.add(place);
    const target = island?.target ?? next;
    const external = target.section === 0;
    this.#checkFrame(machine, target.name, at);
    const r2 = machine.registers[2]!;
    if ((external || target.k > 1 || island?.needsHome === true) && r2.kind !== 'home')
      this.#error(
        'VER067',
        `${target.name} is called with ${valueText(r2)} in r2; ${external ? 'the stub' : 'it'} needs the TOC of this object`,
        at,
      );
    machine.calls.push(target);
    machine.clobber(here(at + 4));
    if (!external) {
      if (target.k === 1) machine.registers[2] = UNKNOWN;
      return true;
    }
    machine.registers[2] = UNKNOWN;
    const { top } = machine;
    if (this.#words[(at >>> 2) + 1] !== NOP)
      return this.#error('VER065', `no nop behind the call of ${target.name}`, at + 4);
    // The stub stored r2 into the slot of the frame on top, and the loader makes the nop load it again.
    if (top !== undefined && top < 0) machine.memory.set(top + TOC_SLOT, r2);
    machine.registers[2] = top === undefined ? UNKNOWN : (machine.memory.get(top + TOC_SLOT) ?? UNKNOWN);
    this.#reached.add(at + 4);
    path.at = at + 8;
    return true;
  }

  /** A call needs a frame on top that is the trampoline's own: the callee and the stub write into it. */
  #checkFrame(machine: Machine, name: string, at: number): void {
    const { top } = machine;
    if (top === undefined || top > -SMALLEST_FRAME)
      this.#error(
        'VER066',
        `${name} is called with ${top === undefined ? 'no known' : `${-top} bytes of`} frame; ${SMALLEST_FRAME} are the least`,
        at,
      );
    else if (!isStack(machine.memory.get(top) ?? UNKNOWN, 0))
      this.#error(
        'VER066',
        `${name} is called with ${valueText(machine.memory.get(top) ?? UNKNOWN)} as the back chain`,
        at,
      );
    if ((machine.memory.get(LR_SLOT) ?? UNKNOWN).kind !== 'return')
      this.#report.warn(
        'VER066',
        `${name} is called while the return address is not where an unwinder looks for it`,
        this.#code.section,
        at,
        this.#function,
      );
  }

  /** bc: both ways are followed. `bcl 20,31,.+4` only puts the address of the next instruction into LR. */
  #conditional(path: Path, word: number, at: number, relocation: Relocation | undefined): boolean {
    const distance = ((word & 0xfffc) << 16) >> 16;
    if (relocation === undefined && word === 0x429f0005) {
      path.machine.lr = here(at + 4);
      return true;
    }
    if (relocation !== undefined || (word & 3) !== 0)
      return this.#notUnderstood(word, relocation === undefined ? [] : [relocation], at);
    // BO without this bit counts CTR down.
    if ((word & 0x00800000) === 0) path.machine.ctr = UNKNOWN;
    this.#open.push({ at: at + distance, machine: path.machine.copy(), seen: new Set(path.seen) });
    return true;
  }

  /** A way out: blr, or a branch to a function that returns to the function's caller itself. */
  #leave(machine: Machine, at: number): false {
    this.#ends.push(machine);
    const [, r1, r2] = machine.registers;
    if (!isStack(r1!, 0)) this.#error('VER061', `r1 is ${valueText(r1!)} on the way out`, at);
    if (machine.lr !== RETURN)
      this.#error('VER062', `LR is ${valueText(machine.lr)} on the way out, not the return address`, at);
    if (r2!.kind !== 'home' && !(r2!.kind === 'entry' && r2!.register === 2))
      this.#error('VER063', `r2 is ${valueText(r2!)} on the way out, not the TOC of the function's object`, at);
    return false;
  }

  /** bctr to a function's global entry, which finds its TOC from r12: so r12 must be where it goes. */
  #jump(machine: Machine, at: number): false {
    const { ctr } = machine;
    if (ctr.kind !== 'symbol') return this.#error('VER060', `bctr to ${valueText(ctr)} cannot be followed`, at);
    const r12 = machine.registers[12]!;
    if (r12.kind !== 'symbol' || r12.symbol !== ctr.symbol)
      this.#error('VER067', `bctr to ${ctr.name} with ${valueText(r12)} in r12`, at);
    const target = symbolTarget(this.#code.elf, ctr.symbol);
    machine.calls.push(target);
    if (target.section === 0) machine.outside = target;
    return this.#leave(machine, at);
  }
}
