/**
 * Follows the code of a hook, a straight line, from where the function branches into it to where the function goes on or
 * returns, and holds it against what the plan says and the ELF V2 ABI asks for: the hooks of the plan are called, each once and
 * with the right arguments, in a frame of the trampoline's own; and behind them everything that belongs to the function or to
 * its caller is what it was. Any instruction that is not modelled is a finding.
 */
import type { PlannedHook } from '../plan/plan.ts';
import { type DecodedInstruction, decode } from '../ppc64/decode.ts';
import { relocationName } from '../ppc64/relocations.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import type { FollowedCode } from './follow.ts';
import { findsToc, GLOBAL_ENTRY } from './global-entry.ts';
import {
  HOME,
  HookMachine,
  type HookValue,
  hookValueText,
  isSame,
  left,
  RETURN,
  stack,
  UNKNOWN,
} from './hook-machine.ts';
import { islandAt } from './islands.ts';
import { type BranchTarget, branchTarget, type Relocation } from './places.ts';
import { R_PPC64_REL16_HA, R_PPC64_REL16_LO, R_PPC64_REL24 } from './relocation-places.ts';
import { type Report, wordText } from './verification.ts';

const NOP = 0x60000000;
const BCL_NEXT = 0x429f0005;
const R_PPC64_TOC16_LO = 48;
const R_PPC64_TOC16_HA = 50;
const LR_SLOT = 16;
const TOC_SLOT = 24;
/** Back chain, CR, LR and TOC slots, eight parameters, and something to keep. */
const SMALLEST_FRAME = 112;
/** Non-volatile registers, and those that the kernel never gives away. */
const CALLERS = [13, ...Array.from({ length: 18 }, (_, i) => 14 + i)];
const ARGUMENTS = [3, 4, 5, 6, 7, 8, 9, 10];

/** The hooked function, as the output has it, and the word that was moved, as the input had it. */
export interface HookedFunction {
  readonly name: string;
  readonly section: SectionIndex;
  readonly k: number;
  readonly word: number;
  readonly relocations: readonly Relocation[];
}

export class HookFollower {
  readonly #report: Report;
  readonly #code: FollowedCode;
  readonly #words: Uint32Array;
  readonly #action: PlannedHook;
  readonly #hooked: HookedFunction;
  readonly #reached: Set<number>;
  /** Whether a target is the function that the plan calls so. */
  readonly #isNamed: (name: string, target: BranchTarget) => boolean;
  /** What has happened: 'before', 'function', 'after'. */
  readonly #done: string[] = [];
  #isInside = false;
  /** Whether all hooks lie in this object, and whether the last one that was called does not. */
  #isNear = true;
  #isFar = false;

  constructor(
    report: Report,
    code: FollowedCode,
    action: PlannedHook,
    hooked: HookedFunction,
    reached: Set<number>,
    isNamed: (name: string, target: BranchTarget) => boolean,
  ) {
    this.#report = report;
    this.#code = code;
    this.#words = code.elf.sectionWords(code.section);
    this.#action = action;
    this.#hooked = hooked;
    this.#reached = reached;
    this.#isNamed = isNamed;
  }

  follow(start: SectionOffset): void {
    const machine = new HookMachine(this.#hooked.k > 1);
    for (let at = start; this.#step(machine, at); ) at += 4;
    const { before, after, toc } = this.#action;
    const owed = this.#hooked.k < 2 ? toc === 'saved' : (toc === 'kept') === this.#isNear;
    if (!owed) this.#error('VER225', `the plan has r2 ${toc} behind hooks of a function like this`, start);
    const wanted = [before && 'before', 'function', after && 'after'].filter(step => step !== undefined);
    if (this.#done.join() !== wanted.join())
      this.#error(
        'VER090',
        `the trampoline runs ${this.#done.join(', ') || 'nothing'}; the plan has ${wanted.join(', ')}`,
        start,
      );
  }

  #error(code: string, message: string, at: number): false {
    this.#report.error(code, message, this.#code.section, at, this.#action.function);
    return false;
  }

  /** One instruction; false at the end. */
  #step(machine: HookMachine, at: number): boolean {
    const word = this.#words[at >>> 2];
    // A symbol may lie anywhere, and beyond 2^53 numbers do not go up.
    if (word === undefined || at < 0 || at >= this.#words.length * 4)
      return this.#error('VER070', 'the trampoline runs over its end', at);
    this.#reached.add(at);
    const relocations = this.#code.relocations.get(at) ?? [];
    if (this.#action.at === 'after-site' && this.#wayBack(at + 4) !== undefined) {
      this.#checkMoved(word, relocations, at);
      return this.#goOn(machine, at + 4);
    }
    if (this.#wayBack(at) !== undefined) {
      if (this.#action.at === 'after-site')
        this.#error('VER092', 'the instruction that the branch replaced is missing', at);
      return this.#goOn(machine, at);
    }
    const decoded = decode(word);
    if (word === BCL_NEXT && relocations.length === 0) {
      machine.lr = { kind: 'here', offset: at + 4 };
      return true;
    }
    if (!decoded.known || relocations.length > 1) return this.#notUnderstood(word, relocations, at);
    if ((word & 0xfc000003) >>> 0 === 0x48000001) return this.#call(machine, word, relocations, at);
    return this.#plain(machine, decoded, at, relocations[0]) ?? this.#notUnderstood(word, relocations, at);
  }

  #notUnderstood(word: number, relocations: readonly Relocation[], at: number): false {
    const with_ = relocations.map(r => ` with ${relocationName(r.type)}`).join('');
    return this.#error('VER060', `${wordText(word)}${with_} is nothing that a hook of tocsin's is known to do`, at);
  }

  /** The branch at `at`, if it leads into the hooked function's section. */
  #wayBack(at: number): BranchTarget | undefined {
    const word = this.#words[at >>> 2];
    const [relocation, second] = this.#code.relocations.get(at) ?? [];
    if (word === undefined || (word & 0xfc000003) >>> 0 !== 0x48000000) return undefined;
    if (relocation?.type !== R_PPC64_REL24 || second !== undefined) return undefined;
    const target = branchTarget(this.#code.elf, relocation);
    return target.section === this.#hooked.section ? target : undefined;
  }

  /** The function goes on: at the word behind the branch, with everything as it was. */
  #goOn(machine: HookMachine, at: number): false {
    this.#reached.add(at);
    this.#done.push('function');
    const target = this.#wayBack(at)!;
    const wanted = this.#action.offset + 4;
    if (target.offset !== wanted)
      this.#error(
        'VER091',
        `the function goes on at 0x${target.offset.toString(16)}, not at 0x${wanted.toString(16)}`,
        at,
      );
    this.#checkCallers(machine, at);
    this.#checkToc(machine, at);
    for (const register of ARGUMENTS)
      this.#expect(machine.get(register), { kind: 'entry', register }, `r${register}`, 'VER064', at);
    this.#expect(machine.get(0), RETURN, 'r0', 'VER062', at);
    this.#expect(machine.get(2), this.#hooked.k > 1 ? HOME : { kind: 'entry', register: 2 }, 'r2', 'VER063', at);
    return false;
  }

  /** How r2 came back behind a hook of another object is what the plan says. */
  #checkToc(machine: HookMachine, at: number): void {
    const isFar = this.#isFar;
    this.#isFar = false;
    if (!isFar || this.#hooked.k < 2) return;
    const found = machine.hasComputedToc ? 'recomputed' : 'saved';
    if (this.#action.toc !== found)
      this.#error('VER225', `r2 is ${found} behind the hook, and the plan has it ${this.#action.toc}`, at);
  }

  /** What has to be back on every way out. */
  #checkCallers(machine: HookMachine, at: number): void {
    this.#expect(machine.get(1), stack(0), 'r1', 'VER061', at);
    this.#expect(machine.lr, RETURN, 'LR', 'VER062', at);
    for (const register of CALLERS)
      this.#expect(machine.get(register), { kind: 'entry', register }, `r${register}`, 'VER064', at);
  }

  #expect(found: HookValue, wanted: HookValue, what: string, code: string, at: number): void {
    if (!isSame(found, wanted))
      this.#error(code, `${what} is ${hookValueText(found)}, not ${hookValueText(wanted)}`, at);
  }

  #checkMoved(word: number, relocations: readonly Relocation[], at: number): void {
    const { word: was, relocations: before } = this.#hooked;
    const same =
      word === was &&
      relocations.length === before.length &&
      relocations.every(
        (r, i) => r.type === before[i]!.type && r.symbol === before[i]!.symbol && r.addend === before[i]!.addend,
      );
    if (!same)
      this.#error(
        'VER092',
        `the instruction that the branch replaced was ${wordText(was)}, here is ${wordText(word)}`,
        at,
      );
  }

  #call(machine: HookMachine, word: number, relocations: readonly Relocation[], at: number): boolean {
    const [relocation] = relocations;
    if (relocation?.type !== R_PPC64_REL24) return this.#notUnderstood(word, relocations, at);
    const next = branchTarget(this.#code.elf, relocation);
    const isHere = next.section === this.#code.section.index;
    const island = isHere ? islandAt(this.#code, next.offset) : undefined;
    for (const place of island?.places ?? []) this.#reached.add(place);
    const target = island?.target ?? next;
    this.#checkFrame(machine, target.name, at);
    if (isHere && island === undefined) return this.#callFunction(machine, target, at);
    const { before, after } = this.#action;
    const isAfter = this.#done.includes('function');
    const name = isAfter ? after : before;
    if (name === undefined || !this.#isNamed(name, target))
      this.#error('VER090', `${target.name} is called, and the plan has ${name ?? 'nothing'} there`, at);
    this.#done.push(isAfter ? 'after' : 'before');
    this.#checkArguments(machine, isAfter, at);
    const external = target.section === 0;
    const r2 = machine.get(2);
    if ((external || target.k > 1 || island?.needsHome === true) && r2.kind !== 'home')
      this.#error(
        'VER067',
        `${target.name} is called with ${hookValueText(r2)} in r2, and needs the TOC of this object`,
        at,
      );
    machine.clobber(at + 4);
    this.#isFar = external;
    if (external) this.#isNear = false;
    if (target.k === 1) machine.registers[2] = UNKNOWN;
    if (!external) return true;
    if (this.#words[(at >>> 2) + 1] !== NOP || this.#code.relocations.has(at + 4))
      return this.#error('VER065', `no nop behind the call of ${target.name}`, at + 4);
    // The stub stores r2 into our frame, and the loader makes the nop load it.
    machine.memory.set(machine.top + TOC_SLOT, r2);
    machine.registers[2] = r2;
    return true;
  }

  /** `bl` to the rest of the hooked function, which has a piece of code of its own in front. */
  #callFunction(machine: HookMachine, target: BranchTarget, at: number): boolean {
    // The rest of the function calls nothing: code that calls its own piece again would go in a circle.
    if (this.#isInside) return this.#error('VER070', `${target.name} is called by code that it leads to`, at);
    this.#checkToc(machine, at);
    const inner = new HookMachine(this.#hooked.k > 1);
    const r2 = machine.get(2);
    this.#expect(r2, inner.get(2), 'r2', 'VER067', at);
    for (const register of ARGUMENTS)
      this.#expect(machine.get(register), { kind: 'entry', register }, `r${register}`, 'VER064', at);
    this.#checkEntry(target, at);
    const before = this.#done.length;
    this.#isInside = true;
    for (let inside = target.offset; this.#step(inner, inside); ) inside += 4;
    this.#isInside = false;
    if (this.#done.length !== before + 1 || this.#done.at(-1) !== 'function')
      return this.#error('VER090', 'what is called there is not the function', at);
    machine.clobber(at + 4);
    for (const register of [3, 4]) machine.registers[register] = left(register);
    if (this.#hooked.k < 2) machine.registers[2] = left(2);
    return true;
  }

  /** A body with two entries begins with the two words that find the TOC; with one, it says nothing of r2. */
  #checkEntry({ name, offset, k }: BranchTarget, at: number): void {
    const isDouble = this.#hooked.k > 1;
    if (k !== (isDouble ? 3 : 0)) {
      this.#error('VER090', `st_other of ${name} says ${k}, and that of the function ${this.#hooked.k}`, at);
      return;
    }
    if (!isDouble) return;
    const start = offset - 4 * GLOBAL_ENTRY.length;
    for (let i = 0; i < GLOBAL_ENTRY.length; i++) this.#reached.add(start + 4 * i);
    if (!findsToc(this.#code, start)) this.#error('VER063', `the global entry of ${name} does not find the TOC`, start);
  }

  #checkArguments(machine: HookMachine, isAfter: boolean, at: number): void {
    const ip = machine.get(3);
    const symbols = this.#code.elf.symbols!;
    const isRight =
      ip.kind === 'symbol' &&
      symbols.sectionOf(ip.symbol) === this.#hooked.section &&
      symbols.value(ip.symbol) + ip.addend === this.#action.ip;
    if (!isRight) this.#error('VER090', `the hook gets ${hookValueText(ip)} as ip`, at);
    this.#expect(machine.get(4), RETURN, 'r4', 'VER090', at);
    if (isAfter) this.#expect(machine.get(5), left(3), 'r5', 'VER090', at);
  }

  #checkFrame(machine: HookMachine, name: string, at: number): void {
    const { top } = machine;
    if (!(top <= -SMALLEST_FRAME))
      this.#error('VER066', `${name} is called with less than ${SMALLEST_FRAME} bytes of a frame`, at);
    this.#expect(machine.memory.get(top) ?? UNKNOWN, stack(0), 'the back chain', 'VER066', at);
    this.#expect(machine.memory.get(LR_SLOT) ?? UNKNOWN, RETURN, 'the LR slot', 'VER066', at);
  }

  /** Everything but branches to functions; undefined for what is not modelled. */
  #plain(
    machine: HookMachine,
    { instruction, values }: DecodedInstruction,
    at: number,
    relocation?: Relocation,
  ): boolean | undefined {
    const [a = 0, b = 0, c = 0] = values;
    const { mnemonic } = instruction;
    if (relocation !== undefined && mnemonic !== 'addis' && mnemonic !== 'addi') return undefined;
    switch (mnemonic) {
      case 'nop':
        return true;
      case 'mflr':
        return this.#set(machine, a, machine.lr, at);
      case 'mtlr':
        machine.lr = machine.get(a);
        return true;
      case 'mr':
        return this.#set(machine, a, machine.get(b), at);
      case 'addi':
        if (relocation !== undefined) return this.#low(machine, a, b, at, relocation);
        return a === 1 && b === 1 ? this.#set(machine, 1, stack(machine.top + c), at) : undefined;
      case 'addis':
        return relocation === undefined ? undefined : this.#high(machine, a, b, at, relocation);
      case 'ld':
        return c === 1 ? this.#set(machine, a, machine.memory.get(machine.top + b) ?? UNKNOWN, at) : undefined;
      case 'std':
        return c === 1 ? this.#store(machine, machine.top + b, machine.get(a), at) : undefined;
      case 'stdu':
        if (a !== 1 || c !== 1 || b >= 0 || b % 16 !== 0) return undefined;
        machine.memory.set(machine.top + b, machine.get(1));
        machine.registers[1] = stack(machine.top + b);
        return true;
      case 'blr':
        return this.#returns(machine, at);
      default:
        return undefined;
    }
  }

  #set(machine: HookMachine, register: number, value: HookValue, at: number): boolean {
    if (register !== 1) machine.registers[register] = value;
    else if (value.kind !== 'stack' || !(value.offset <= 0))
      return this.#error('VER061', `r1 becomes ${hookValueText(value)}`, at);
    else machine.moveStack(value);
    return true;
  }

  #store(machine: HookMachine, place: number, value: HookValue, at: number): boolean {
    const own = place >= machine.top && place + 8 <= 0;
    const link = place === LR_SLOT && value.kind === 'return';
    if (!own && !link)
      this.#error('VER069', `a store outside the trampoline's own frame (${hookValueText(stack(place))})`, at);
    machine.memory.set(place, value);
    return true;
  }

  #high(machine: HookMachine, to: number, from: number, at: number, relocation: Relocation): boolean | undefined {
    const { type, symbol, addend } = relocation;
    const base = machine.get(from);
    if (type === R_PPC64_TOC16_HA)
      return this.#set(machine, to, base.kind === 'home' ? { kind: 'half-toc', symbol, addend } : UNKNOWN, at);
    if (type !== R_PPC64_REL16_HA) return undefined;
    return this.#set(
      machine,
      to,
      base.kind === 'here' ? { kind: 'half', symbol, addend, here: base.offset, place: at } : UNKNOWN,
      at,
    );
  }

  #low(machine: HookMachine, to: number, from: number, at: number, relocation: Relocation): boolean | undefined {
    const { type, symbol, addend } = relocation;
    const base = machine.get(from);
    let value = UNKNOWN;
    if (type === R_PPC64_TOC16_LO) {
      if (base.kind === 'half-toc' && base.symbol === symbol && base.addend === addend)
        value = { kind: 'symbol', symbol, addend };
    } else if (type !== R_PPC64_REL16_LO) return undefined;
    else if (base.kind === 'half' && base.symbol === symbol && this.#code.elf.symbols!.name(symbol) === '.TOC.') {
      const isPair = base.addend - base.place === addend - at && base.here + base.addend === base.place;
      if (isPair) value = HOME;
    }
    if (to === 2) machine.hasComputedToc = true;
    return this.#set(machine, to, value, at);
  }

  /** Back to the function's caller, with the function's result. */
  #returns(machine: HookMachine, at: number): false {
    this.#checkCallers(machine, at);
    this.#checkToc(machine, at);
    for (const register of [3, 4]) this.#expect(machine.get(register), left(register), `r${register}`, 'VER064', at);
    this.#expect(machine.get(2), this.#hooked.k > 1 ? HOME : left(2), 'r2', 'VER063', at);
    return false;
  }
}
