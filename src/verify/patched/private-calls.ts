/**
 * Calls that count on more than the ABI promises. A callee may change r0, r3 to r12, CTR, XER, CR0, CR1, CR5 to CR7 and many
 * floating-point and vector registers (ABI 2.2.1.1; `volatile.ts`), so compilers expect nothing of them behind a call but results.
 * Hand-written code may know that the function it calls keeps one, and does; led to another function it would go on with whatever
 * that one leaves there. The prover follows no values of volatile registers, so neither the caller nor the callee looks wrong to it.
 *
 * Such a call is told by its caller: a path behind it reads one of these registers (r3 and r4 only where the callee has no result
 * in them) before anything has written it. Who counts on a function counts on those that it calls and goes to as well, unless it
 * has a place for the tracer, which may change them too. A call on the way of a function without such a place is gone past, and
 * into: it may keep what the first one has left.
 *
 * The other way round, a hand-written function may take something in a register that is for no argument, of which what runs in its
 * place does not know. A function that reads such a register before anything has written it tells that.
 */
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import { functionsOf, type KernelFunction } from '../../kernel/functions.ts';
import { decode, isPrefix } from '../../ppc64/decode.ts';
import { registersRead, registersWritten } from '../../ppc64/registers.ts';
import type { SectionOffset } from '../../util/indexes.ts';
import { branchTarget, placeKey, type Relocation, recordedPlaces, relocationsOn } from '../places.ts';
import { R_PPC64_REL24 } from '../relocation-places.ts';
import { type Branch, ImageCallers, type ImageStretch } from './image-callers.ts';
import { nameOf, R12, RESULTS, readBy, TAKEN, VOLATILE, writtenBy } from './volatile.ts';

export interface PrivateCall extends Branch {
  /** The caller, or the called function where `isTaken`. */
  readonly function: string;
  /** `r10`, or `CTR`. */
  readonly register: string;
  /** The called function takes something in that register, which is for no argument. */
  readonly isTaken: boolean;
}

/** The code that a branch lies in. */
interface Caller {
  readonly self: KernelFunction | ImageStretch;
  readonly name: string;
  readonly isTraced: boolean;
  readonly callers: () => readonly Branch[];
}

const I_FORM = 18;
const B_FORM = 16;
const XL_FORM = 19;
const MFCR = 0x7c000026;
/** Of a caller whose way behind the call nobody knows. */
export const NOT_TOLD = 'what cannot be told';

export class PrivateCalls {
  readonly #elf: ElfFile;
  readonly #functions: readonly KernelFunction[];
  readonly #entries: ReadonlySet<number>;
  readonly #relocations = new Map<Section, ReadonlyMap<SectionOffset, Relocation[]>>();
  /** What functions leave of r3 and r4, by place. */
  readonly #left = new Map<number, number>();
  #callers: ReadonlyMap<number, readonly Branch[]> | undefined;
  #records: ReadonlySet<number> | undefined;
  #image: ImageCallers | undefined;

  constructor(elf: ElfFile) {
    this.#elf = elf;
    this.#functions = functionsOf(elf);
    this.#entries = new Set(this.#functions.flatMap(f => [f.global, f.local].map(o => placeKey(f.section.index, o))));
  }

  /** Who counts on registers that one of these branches, led elsewhere, may change; by caller. */
  behind(branches: readonly { readonly section: string; readonly offset: SectionOffset }[]): readonly PrivateCall[] {
    const found = new Map<string, PrivateCall>();
    const seen = new Set<KernelFunction | ImageStretch>();
    const waiting: Branch[] = branches.flatMap(({ section, offset }) => {
      const home = this.#elf.sectionNamed(section);
      return home === undefined ? [] : [{ section: home, offset }];
    });
    for (const { section, offset } of waiting) {
      const callee = this.#target(section, offset, this.#elf.sectionWords(section)[offset / 4] ?? 0);
      const taker = callee && this.#taking(callee);
      if (taker !== undefined) found.set(`${taker.function} itself`, taker);
    }
    for (let branch = waiting.pop(); branch !== undefined; branch = waiting.pop()) {
      const caller = this.#callerOf(branch);
      const isTraced = caller?.isTraced === true;
      const register = isTraced ? undefined : this.#countsOn(branch);
      const name = caller?.name ?? `${branch.section.name}+0x${branch.offset.toString(16)}`;
      if (register !== undefined && !found.has(name))
        found.set(name, { ...branch, function: name, register, isTaken: false });
      if (caller === undefined || isTraced || seen.has(caller.self)) continue;
      seen.add(caller.self);
      waiting.push(...caller.callers());
    }
    return [...found.values()];
  }

  #callerOf(branch: Branch): Caller | undefined {
    if (!this.#elf.isRelocatable) {
      this.#image ??= new ImageCallers(this.#elf);
      const image = this.#image;
      const self = image.over(branch);
      return self && { self, name: self.name, isTraced: self.isTraced, callers: () => image.callersOf(self) };
    }
    const self = this.#over(branch);
    return self && { self, name: self.name, isTraced: this.#isTraced(self), callers: () => this.#callersOf(self) };
  }

  /** The function that begins last before a branch: hand-written ones may have a size that is too small, or none. */
  #over({ section, offset }: Branch): KernelFunction | undefined {
    let last: KernelFunction | undefined;
    for (const f of this.#functions)
      if (f.section === section && f.global <= offset && (last === undefined || f.global > last.global)) last = f;
    return last;
  }

  #relocationsOf(section: Section): ReadonlyMap<SectionOffset, Relocation[]> {
    const known = this.#relocations.get(section);
    if (known !== undefined) return known;
    const found = relocationsOn(this.#elf, section.index);
    this.#relocations.set(section, found);
    return found;
  }

  /** Where a branch that its word, or its relocation, leads into a section of the object lands. */
  #target(section: Section, offset: SectionOffset, word: number): { section: number; offset: number } | undefined {
    const relocation = this.#relocationsOf(section).get(offset)?.[0];
    if (relocation !== undefined)
      return relocation.type === R_PPC64_REL24 ? branchTarget(this.#elf, relocation) : undefined;
    if ((word & 2) !== 0) return undefined;
    const distance = word >>> 26 === I_FORM ? ((word & 0x03fffffc) << 6) >> 6 : ((word & 0xfffc) << 16) >> 16;
    return { section: section.index, offset: offset + distance };
  }

  /** A compiler has made a place for the tracer at its entry: a record names it. */
  #isTraced({ section, local }: KernelFunction): boolean {
    this.#records ??= recordedPlaces(this.#elf);
    return [0, 4, 8].some(behind => this.#records!.has(placeKey(section.index, local + behind)));
  }

  /** Whether the code there is no function that a compiler has made a place for the tracer in. */
  #isPrivate({ section, offset }: { readonly section: number; readonly offset: SectionOffset }): boolean {
    if (!this.#entries.has(placeKey(section, offset))) return true;
    // An image's functions call each other through thunks, and its table is asked by `ImageCallers`.
    if (!this.#elf.isRelocatable) return false;
    const f = this.#functions.find(g => g.section.index === section && (g.global === offset || g.local === offset));
    return f !== undefined && !this.#isTraced(f);
  }

  /** Of r3 and r4, which hold results: what a function that calls nobody never writes. */
  #leaves(callee: { readonly section: number; readonly offset: SectionOffset }): number {
    const key = placeKey(callee.section, callee.offset);
    const known = this.#left.get(key) ?? this.#findLeft(callee);
    this.#left.set(key, known);
    return known;
  }

  #findLeft({ section: index, offset }: { readonly section: number; readonly offset: SectionOffset }): number {
    const section = this.#elf.sections[index];
    const self = section?.isCode === true ? this.#over({ section, offset }) : undefined;
    if (section === undefined || self === undefined) return 0;
    const words = this.#elf.sectionWords(section);
    let left = RESULTS;
    for (let at = self.global; at / 4 < words.length; at += 4) {
      if (at > self.local && this.#entries.has(placeKey(index, at))) break;
      const word = words[at / 4]!;
      const opcode = word >>> 26;
      const isLeft = opcode === I_FORM || (opcode === XL_FORM && ((word >>> 1) & 0x3ff) === 528);
      // Who goes elsewhere may write them there, or be entered again.
      if (isLeft && !this.#isWithin(self, section, at, word)) return 0;
      left &= ~registersWritten(word, words[at / 4 + 1]);
    }
    return left;
  }

  /** Whether a branch of a function stays in it, without link. */
  #isWithin(self: KernelFunction, section: Section, at: SectionOffset, word: number): boolean {
    const target = word >>> 26 === I_FORM && (word & 1) === 0 ? this.#target(section, at, word) : undefined;
    return target?.section === section.index && this.#over({ section, offset: target.offset }) === self;
  }

  /** Whether who is called may be written by hand, and keep what another one has left. */
  #mayKeep(target: { readonly section: number; readonly offset: SectionOffset } | undefined): boolean {
    return this.#elf.isRelocatable && target !== undefined && target.section !== 0 && this.#isPrivate(target);
  }

  #callersOf(f: KernelFunction): readonly Branch[] {
    this.#callers ??= this.#allBranches();
    const places = new Set([f.global, f.local]);
    return [...places].flatMap(at => this.#callers!.get(placeKey(f.section.index, at)) ?? []);
  }

  /** The branches to entries of functions, by the entry. */
  #allBranches(): ReadonlyMap<number, readonly Branch[]> {
    const callers = new Map<number, Branch[]>();
    for (const section of this.#elf.sections) {
      if (!section.isAllocated || !section.isCode) continue;
      const words = this.#elf.sectionWords(section);
      for (let i = 0; i < words.length; i++) {
        if (words[i]! >>> 26 !== I_FORM) continue;
        const target = this.#target(section, i * 4, words[i]!);
        if (target === undefined) continue;
        const key = placeKey(target.section, target.offset);
        if (!this.#entries.has(key)) continue;
        const list = callers.get(key);
        if (list === undefined) callers.set(key, [{ section, offset: i * 4 }]);
        else list.push({ section, offset: i * 4 });
      }
    }
    return callers;
  }

  /** The register that is read behind a call before it is written; of a jump nothing is behind it. */
  #countsOn({ section, offset }: Branch): string | undefined {
    const words = this.#elf.sectionWords(section);
    const call = words[offset / 4] ?? 0;
    // Who lies elsewhere is called as the ABI says, through a stub.
    const callee = this.#target(section, offset, call);
    if ((call & 1) === 0 || !callee?.section) return undefined;
    return this.#firstRead(section, offset + 4, VOLATILE | this.#leaves(callee));
  }

  /** What a function of the object that is called takes in registers that are for no argument. */
  #taking(callee: { readonly section: number; readonly offset: SectionOffset }): PrivateCall | undefined {
    const section = this.#elf.sections[callee.section];
    if (section?.isCode !== true || !this.#isPrivate({ section: callee.section, offset: callee.offset }))
      return undefined;
    const self = this.#over({ section, offset: callee.offset });
    // The global entry gets its own address in r12 (ABI 2.3.2.1).
    const isGlobal = self !== undefined && self.global === callee.offset && self.global !== self.local;
    const register = this.#firstRead(section, callee.offset, isGlobal ? TAKEN & ~R12 : TAKEN);
    // What stands behind a jump to an address that is not known is not looked at: compiled functions have jump tables.
    if (register === undefined || register === NOT_TOLD) return undefined;
    const name = self?.name ?? `${section.name}+0x${callee.offset.toString(16)}`;
    return { section, offset: callee.offset, function: name, register, isTaken: true };
  }

  /** Which of the registers `first` is read from `start` on before it is written. */
  #firstRead(section: Section, start: SectionOffset, first: number): string | undefined {
    const words = this.#elf.sectionWords(section);
    /** What is in these registers still, by place: what has been followed already. */
    const followed = new Map<SectionOffset, number>();
    const waiting: { at: SectionOffset; left: number }[] = [{ at: start, left: first }];
    const go = (at: SectionOffset, left: number) => {
      const known = followed.get(at) ?? 0;
      if ((left & ~known) === 0 || !this.#isPrivate({ section: section.index, offset: at })) return;
      followed.set(at, known | left);
      waiting.push({ at, left });
    };
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { at } = next;
      const word = words[at / 4];
      if (word === undefined || !decode(word, words[at / 4 + 1] ?? 0).known) continue;
      if (isTrap(word)) continue;
      const read = isCrSaved(words, at / 4) ? 0 : next.left & readBy(word, words[at / 4 + 1]);
      if (read !== 0) return nameOf(read);
      const left = next.left & ~writtenBy(word, words[at / 4 + 1]);
      const opcode = word >>> 26;
      if (opcode === I_FORM || opcode === B_FORM) {
        const target = this.#target(section, at, word);
        if ((word & 1) !== 0) {
          const isHere = target?.section === section.index && target.offset === at + 4;
          if (!isHere && !this.#mayKeep(target)) continue;
          // One that keeps what another one has left may count on it as well.
          if (!isHere && target?.section === section.index) go(target.offset, left);
          go(at + 4, left);
          continue;
        }
        if (target?.section === section.index) go(target.offset, left);
        if (opcode === I_FORM || isAlways(word)) continue;
      }
      const xo = (word >>> 1) & 0x3ff;
      // Nobody knows where it goes on.
      if (opcode === XL_FORM && xo === 528 && (word & 1) === 0 && left !== 0 && this.#elf.isRelocatable)
        return NOT_TOLD;
      if (opcode === XL_FORM && (xo === 16 || xo === 528 || xo === 560) && isAlways(word)) continue;
      if (opcode === 17 || (opcode === XL_FORM && (xo === 18 || xo === 274))) continue;
      go(at + (opcode === 1 ? 8 : 4), left);
    }
    return undefined;
  }
}

/** `twi 31` and `tw 31`, which always trap. */
function isTrap(word: number): boolean {
  return (word >>> 26 === 3 || (word & 0xfc0007fe) >>> 0 === 0x7c000008) && ((word >>> 21) & 31) === 31;
}

function isAlways(word: number): boolean {
  return (word & 0x02800000) === 0x02800000;
}

/** mfcr or mfocrf in a prologue: the word goes to the CR save slot, 8(r1) (ABI 2.2.2.1), before anything else is done with it. */
function isCrSaved(words: Uint32Array, at: number): boolean {
  if ((words[at]! & 0xfc0007fe) >>> 0 !== MFCR) return false;
  const register = (words[at]! >>> 21) & 31;
  const saving = (0x90010008 | (register << 21)) >>> 0;
  for (let i = at + 1; i < words.length; i++) {
    const [word, next] = [words[i]!, words[i + 1]];
    if (word === saving) return true;
    const isBranch = [I_FORM, B_FORM, XL_FORM].includes(word >>> 26);
    if (
      isBranch ||
      isPrefix(word) ||
      ((registersRead(word, next) | registersWritten(word, next)) & (1 << register)) !== 0
    )
      return false;
  }
  return false;
}
