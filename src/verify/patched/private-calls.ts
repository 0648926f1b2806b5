/**
 * Calls that count on more than the ABI promises. A callee may change r0, r3 to r12 and CTR (ABI 2.2.1.1), so compilers expect
 * nothing of them behind a call but results. Hand-written code may know that the function it calls keeps one, and does; led
 * to another function it would go on with whatever that one leaves there. The prover follows no values of volatile
 * registers, so neither the caller nor the callee looks wrong to it.
 *
 * Such a call is told by its caller: a path behind it reads one of these registers (r3 and r4 apart, which hold results)
 * before anything has written it. Who counts on a function counts on those that it calls and goes to as well, unless it has a
 * place for the tracer, which may change them too.
 */
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import { functionsOf, type KernelFunction } from '../../kernel/functions.ts';
import { decode } from '../../ppc64/decode.ts';
import { registersRead, registersWritten } from '../../ppc64/registers.ts';
import { MFLR_R0, NOP } from '../../ppc64/words.ts';
import type { SectionOffset } from '../../util/indexes.ts';
import { branchTarget, placeKey, type Relocation, recordedPlaces, relocationsOn } from '../places.ts';
import { R_PPC64_REL24 } from '../relocation-places.ts';

/** A branch that may be a call, by where it stands. */
interface Branch {
  readonly section: Section;
  readonly offset: SectionOffset;
}

export interface PrivateCall extends Branch {
  /** The caller. */
  readonly function: string;
  /** `r10`, or `CTR`. */
  readonly register: string;
}

const CTR = 31;
/** r0, r5 to r12, and CTR in the place of r31, which nobody has to ask about. */
const VOLATILE = (1 | 0x1fe0 | (1 << CTR)) >>> 0;
const I_FORM = 18;
const B_FORM = 16;
const XL_FORM = 19;

export class PrivateCalls {
  readonly #elf: ElfFile;
  readonly #functions: readonly KernelFunction[];
  readonly #entries: ReadonlySet<number>;
  readonly #relocations = new Map<Section, ReadonlyMap<SectionOffset, Relocation[]>>();
  #callers: ReadonlyMap<number, readonly Branch[]> | undefined;
  #records: ReadonlySet<number> | undefined;

  constructor(elf: ElfFile) {
    this.#elf = elf;
    this.#functions = functionsOf(elf);
    this.#entries = new Set(this.#functions.flatMap(f => [f.global, f.local].map(o => placeKey(f.section.index, o))));
  }

  /** Who counts on registers that one of these branches, led elsewhere, may change; by caller. */
  behind(branches: readonly { readonly section: string; readonly offset: SectionOffset }[]): readonly PrivateCall[] {
    const found = new Map<string, PrivateCall>();
    const seen = new Set<KernelFunction>();
    const waiting: Branch[] = branches.flatMap(({ section, offset }) => {
      const home = this.#elf.sectionNamed(section);
      return home === undefined ? [] : [{ section: home, offset }];
    });
    for (let branch = waiting.pop(); branch !== undefined; branch = waiting.pop()) {
      const caller = this.#over(branch);
      const isTraced = caller !== undefined && this.#isTraced(caller);
      const register = isTraced ? undefined : this.#countsOn(branch);
      const name = caller?.name ?? `${branch.section.name}+0x${branch.offset.toString(16)}`;
      if (register !== undefined && !found.has(name)) found.set(name, { ...branch, function: name, register });
      if (caller === undefined || isTraced || seen.has(caller)) continue;
      seen.add(caller);
      if (this.#elf.isRelocatable) waiting.push(...this.#callersOf(caller));
    }
    return [...found.values()];
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

  /** A compiler has made a place for the tracer at its entry: in an object a record names it, in an image its words tell. */
  #isTraced({ section, local }: KernelFunction): boolean {
    if (this.#elf.isRelocatable) {
      this.#records ??= recordedPlaces(this.#elf);
      return [0, 4, 8].some(behind => this.#records!.has(placeKey(section.index, local + behind)));
    }
    const words = this.#elf.sectionWords(section);
    const first = words[local / 4];
    const place = first === MFLR_R0 ? words[local / 4 + 1]! : first;
    return place === NOP || (first === MFLR_R0 && place! >>> 26 === I_FORM);
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
    if ((call & 1) === 0 || !this.#target(section, offset, call)?.section) return undefined;
    /** What the callee may have left there, by place: what has been followed already. */
    const followed = new Map<SectionOffset, number>();
    const waiting: { at: SectionOffset; left: number }[] = [{ at: offset + 4, left: VOLATILE }];
    const go = (at: SectionOffset, left: number) => {
      const known = followed.get(at) ?? 0;
      if ((left & ~known) === 0 || this.#entries.has(placeKey(section.index, at))) return;
      followed.set(at, known | left);
      waiting.push({ at, left });
    };
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { at } = next;
      const word = words[at / 4];
      if (word === undefined || !decode(word).known) continue;
      if (isTrap(word)) continue;
      const read = next.left & readBy(word, words[at / 4 + 1]);
      if (read !== 0) return read < 0 ? 'CTR' : `r${31 - Math.clz32(read & -read)}`;
      const left = next.left & ~writtenBy(word, words[at / 4 + 1]);
      const opcode = word >>> 26;
      if (opcode === I_FORM || opcode === B_FORM) {
        if ((word & 1) !== 0) continue;
        const target = this.#target(section, at, word);
        if (target?.section === section.index) go(target.offset, left);
        if (opcode === I_FORM || isAlways(word)) continue;
      }
      const xo = (word >>> 1) & 0x3ff;
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

function readBy(word: number, next: number | undefined): number {
  const opcode = word >>> 26;
  const xo = (word >>> 1) & 0x3ff;
  const [s, a, b] = [(word >>> 21) & 31, (word >>> 16) & 31, (word >>> 11) & 31];
  if (opcode === B_FORM) return (word & 0x00800000) === 0 ? 1 << CTR : 0;
  if (opcode === XL_FORM && xo === 528) return 1 << CTR;
  if (opcode === XL_FORM && xo === 16) return (word & 0x00800000) === 0 ? 1 << CTR : 0;
  if (opcode === 31) {
    if (isSpecial(word, 339)) return 1 << CTR;
    // `or x,x,x` says how urgent a thread is; `xor x,y,y` and `subf x,y,y` make 0.
    if (xo === 444 && s === a && s === b) return 0;
    if (xo === 316 && s === b) return 0;
    if ((xo & 0x1ff) === 40 && a === b) return 0;
  }
  return registersRead(word, next) & VOLATILE & 0x7fffffff;
}

function writtenBy(word: number, next: number | undefined): number {
  if (word >>> 26 === 31 && isSpecial(word, 467)) return 1 << CTR;
  return registersWritten(word, next) & 0x7fffffff;
}

/** mfspr or mtspr of CTR. */
function isSpecial(word: number, xo: number): boolean {
  return (word & 0xfc1fffff) >>> 0 === ((31 << 26) | (9 << 16) | (xo << 1)) >>> 0;
}
