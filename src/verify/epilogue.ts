/**
 * A copy of a function that keeps its caller's r2, held against the function word by word: both are walked side by side, along the
 * function's own paths, with the distance of r1 from its value at entry on both sides. What lies above r1 at entry has to be where
 * it was, what lies below 16 bytes lower, and whatever does not concern r1 has to be the same. Known from the plan is only where the
 * copy is.
 */
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import type { KernelFunction } from '../kernel/functions.ts';
import type { PlannedEpilogue } from '../plan/plan.ts';
import { memoryAccess, readsRegister, stackEffect } from '../ppc64/registers.ts';
import type { SectionOffset } from '../util/indexes.ts';
import { copyOfStackPointer, wrongUse } from './epilogue-pointers.ts';
import type { TableEdges } from './epilogue-tables.ts';
import type { Relocation } from './places.ts';
import { type Report, wordText } from './verification.ts';

const NOP = 0x60000000;
const TRAP = 0x7fe00008;
const BLR = 0x4e800020;
const RELOAD = 0xe841fff8;
/** Room at the top of the larger frame, bytes. */
const ROOM = 16;
/** What the copy begins with, and which of its words are relocated against `.TOC.`: type and addend. */
const BEGINNING = [0xf841fff8, 0x7c0802a6, 0x429f0005, 0x7c4802a6, 0x7c0803a6, 0x3c420000, 0x38420000];
const TOC_OF_BEGINNING = new Map([
  [20, { type: 252, addend: 8 }],
  [24, { type: 250, addend: 12 }],
]);
/** A call in place of a sibling call; the fifth word from 0 is relocated. */
const CALL = [
  0xe801fff8,
  0xf801fff8,
  0x7c0802a6,
  0xf8010010,
  0xf821ffd1,
  0x48000001,
  NOP,
  0x38210030,
  0xe8010010,
  0x7c0803a6,
  RELOAD,
  BLR,
];
const CALL_AT = 20;
const TRACER = /^(_mcount|ftrace_caller|ftrace_regs_caller)$/;

/** One function and its copy in the output. */
export interface EpilogueCase {
  readonly action: PlannedEpilogue;
  readonly output: ElfFile;
  readonly from: KernelFunction;
  readonly copy: KernelFunction;
  /** Relocations of both sections by place. */
  readonly onFrom: (offset: SectionOffset) => readonly Relocation[];
  readonly onCopy: (offset: SectionOffset) => readonly Relocation[];
  readonly edges: TableEdges;
}

/** @returns how many words were compared */
export function judgeEpilogue(report: Report, given: EpilogueCase): number {
  return new SideBySide(report, given).run();
}

class SideBySide {
  readonly #report: Report;
  readonly #case: EpilogueCase;
  readonly #words: Uint32Array;
  readonly #copied: Uint32Array;
  readonly #section: Section;
  readonly #start: SectionOffset;
  readonly #end: SectionOffset;
  /** From a place of the function to that of the copy. */
  readonly #distance: number;
  /** Distance of r1 below its value at entry, by word of the function. */
  readonly #depths = new Map<SectionOffset, number>();
  readonly #work: SectionOffset[] = [];
  /** Places of the copy, behind its body, that a return or a sibling call led to. */
  readonly #used = new Set<SectionOffset>();

  constructor(report: Report, given: EpilogueCase) {
    const { action, output, from, copy } = given;
    this.#report = report;
    this.#case = given;
    this.#words = output.sectionWords(from.section);
    this.#copied = output.sectionWords(copy.section);
    this.#section = copy.section;
    this.#start = from.local;
    this.#end = Math.min(from.global + from.size, from.section.sh_size) & ~3;
    this.#distance = copy.global + action.body - from.local;
  }

  #tell(code: string, message: string, at: SectionOffset): void {
    this.#report.error(code, message, this.#section, at, this.#case.action.symbol);
  }

  run(): number {
    const { action, copy, output } = this.#case;
    const st_other = output.symbols!.st_other(copy.symbol);
    if (st_other !== 0 || copy.k !== 0)
      this.#tell('VER140', `st_other is ${st_other}: it owes nobody's r2 back`, copy.global);
    if (action.body !== BEGINNING.length * 4 || action.offset !== this.#start)
      this.#tell('VER140', 'the plan does not say where the copy of the local entry is', copy.global);
    this.#beginning();
    this.#reach(this.#start, 0);
    for (let at = this.#work.pop(); at !== undefined; at = this.#work.pop()) this.#word(at);
    for (let at = this.#start; at < this.#end; at += 4) {
      const there = at + this.#distance;
      const isSecond = this.#words[at / 4 - 1]! >>> 26 === 1 && this.#depths.has(at - 4);
      if (!this.#depths.has(at) && !isSecond && this.#copied[there / 4] !== TRAP)
        this.#tell('VER141', 'a word that no path reaches is not a trap', there);
    }
    this.#pointers();
    this.#rest();
    return this.#depths.size;
  }

  #beginning(): void {
    const { copy, output, onCopy } = this.#case;
    BEGINNING.forEach((word, i) => {
      const at = copy.global + i * 4;
      const relocations = onCopy(at);
      const wanted = TOC_OF_BEGINNING.get(i * 4);
      const isRight = relocations.every(
        r => r.type === wanted?.type && r.addend === wanted.addend && output.symbols!.name(r.symbol) === '.TOC.',
      );
      if (this.#copied[at / 4] !== word || relocations.length !== (wanted === undefined ? 0 : 1) || !isRight)
        this.#tell('VER140', `${wordText(this.#copied[at / 4] ?? 0)} is no word of the beginning that keeps r2`, at);
    });
  }

  #reach(at: SectionOffset, depth: number): void {
    const known = this.#depths.get(at);
    if (known === depth) return;
    if (known !== undefined || at < this.#start || at >= this.#end) {
      const what =
        known === undefined
          ? 'control leads out of the function'
          : `r1 is ${known} and ${depth} below its value at entry`;
      this.#tell(
        'VER142',
        `${what}, at ${this.#case.from.section.name}+0x${at.toString(16)} of the function`,
        at + this.#distance,
      );
      return;
    }
    this.#depths.set(at, depth);
    this.#work.push(at);
  }

  #word(at: SectionOffset): void {
    const there = at + this.#distance;
    const word = this.#words[at / 4]!;
    const is = this.#copied[there / 4] ?? 0;
    const next = this.#words[at / 4 + 1];
    const depth = this.#depths.get(at)!;
    for (const to of this.#case.edges.from(this.#case.from.section.index, at)) this.#reach(to, depth);
    const opcode = word >>> 26;
    if (opcode === 18 || opcode === 16) {
      this.#branch(at, there, word, is, depth);
      return;
    }
    if (opcode === 19 && [16, 528, 560].includes((word >>> 1) & 0x3ff)) {
      this.#register(at, there, word, is, depth);
      return;
    }
    const size = opcode === 1 ? 8 : 4;
    if (size === 8 && this.#copied[there / 4 + 1] !== next)
      this.#tell('VER141', 'the second word is another', there + 4);
    this.#sameRelocations(at, there);
    const after = this.#stack(word, is, next, depth, there);
    // Behind a call that does not come back there may be nothing; any other word goes on.
    const before = this.#words[at / 4 - 1]!;
    const isCallsNop = word === NOP && before >>> 26 === 18 && (before & 1) !== 0;
    if (at + size < this.#end || !isCallsNop) this.#reach(at + size, after);
    else if (this.#copied[there / 4 + 1] !== TRAP)
      this.#tell('VER141', 'behind the last call there is no trap', there + 4);
  }

  /** @returns where r1 is behind the word */
  #stack(word: number, is: number, next: number | undefined, depth: number, there: SectionOffset): number {
    const was = stackEffect(word, next);
    const now = stackEffect(is, next);
    const wrong = (): number => {
      this.#tell('VER142', `${wordText(word)} and ${wordText(is)} do not do the same with the larger frame`, there);
      return depth;
    };
    if (was.kind === 'unknown' || was.kind !== now.kind) return wrong();
    if (was.kind === 'pop') return depth > 0 && word === is ? 0 : wrong();
    if (was.kind === 'adjust' && now.kind === 'adjust') {
      const behind = depth - was.bytes;
      const larger = (d: number) => (d === 0 ? 0 : d + ROOM);
      const isOne = (behind === 0) !== (depth === 0) && behind >= 0;
      return isOne && larger(depth) - now.bytes === larger(behind) && word >>> 16 === is >>> 16 ? behind : wrong();
    }
    if (!readsRegister(word, 1, next)) {
      if (word !== is) this.#tell('VER141', `${wordText(word)} became ${wordText(is)}`, there);
      return depth;
    }
    if (!this.#samePlace(word, is, next, depth)) wrong();
    return depth;
  }

  /** Whether two words that use r1 reach the same memory: the caller's where it is, the function's own 16 bytes lower. */
  #samePlace(word: number, is: number, next: number | undefined, depth: number): boolean {
    const opcode = word >>> 26;
    if (opcode === 31 && depth === 0 && copyOfStackPointer(word) !== undefined) return word === is;
    // r1 plus an index: an address of the function's own frame, whose distance from r1 has not changed.
    if (opcode === 31) return word === is && depth > 0;
    const access = memoryAccess(word, next);
    const isAddress = opcode === 14;
    if (!isAddress && (access?.base !== 1 || access.updates || access.size === undefined)) return false;
    if (((word >>> 16) & 31) !== 1 || word >>> 16 !== is >>> 16 || (word & 15) !== (is & 15)) return false;
    const signed = (w: number) => (isAddress ? (w << 16) >> 16 : memoryAccess(w, next)?.displacement);
    const [from, to] = [signed(word), signed(is)];
    if (from === undefined || to === undefined) return false;
    const place = from - depth;
    if (isAddress && place >= 0 && place < 32) return false;
    if (place < 0 && place + (access?.size ?? 0) > 0) return false;
    return to - (depth === 0 ? 0 : depth + ROOM) === (place < 0 ? place - ROOM : place);
  }

  /** What got r1 at entry is an address of the caller's arguments. */
  #pointers(): void {
    const ways = { words: this.#words, after: (at: SectionOffset) => this.#after(at) };
    for (const [at, depth] of this.#depths) {
      if (depth !== 0 || copyOfStackPointer(this.#words[at / 4]!) === undefined) continue;
      const wrong = wrongUse(ways, at);
      if (wrong !== undefined)
        this.#tell('VER206', 'a copy of r1 is used for something else than arguments', wrong + this.#distance);
    }
  }

  /** Where control goes behind a word of the function; `undefined` behind calls, returns and what leaves it. */
  #after(at: SectionOffset): readonly SectionOffset[] | undefined {
    const word = this.#words[at / 4]!;
    const opcode = word >>> 26;
    const sideways = this.#case.edges.from(this.#case.from.section.index, at);
    if (opcode === 19 && [16, 528, 560].includes((word >>> 1) & 0x3ff)) return undefined;
    if (opcode !== 18 && opcode !== 16) return [at + (opcode === 1 ? 8 : 4), ...sideways];
    if ((word & 3) !== 0 || this.#case.onFrom(at).length > 0) return undefined;
    const distance = opcode === 18 ? ((word & 0x03fffffc) << 6) >> 6 : ((word & 0xfffc) << 16) >> 16;
    const isAlways = opcode === 18 || ((word >>> 21) & 0x14) === 0x14;
    return [at + distance, ...(isAlways ? [] : [at + 4]), ...sideways];
  }

  #sameRelocations(at: SectionOffset, there: SectionOffset): void {
    const was = this.#case.onFrom(at);
    const now = this.#case.onCopy(there);
    if (was.length === now.length && was.every((r, i) => this.#means(r, now[i]!))) return;
    this.#tell('VER143', 'it is relocated against something else than in the function', there);
  }

  #means(a: Relocation, b: Relocation): boolean {
    const { output } = this.#case;
    const symbols = output.symbols!;
    if (a.type !== b.type) return false;
    if (a.symbol === b.symbol) return a.addend === b.addend;
    // The merge may have given one place two symbols, never two entries.
    const isDefined =
      symbols.sectionOf(a.symbol) !== 0 && symbols.st_other(a.symbol) >>> 5 === symbols.st_other(b.symbol) >>> 5;
    return (
      isDefined &&
      symbols.sectionOf(a.symbol) === symbols.sectionOf(b.symbol) &&
      symbols.value(a.symbol) + a.addend === symbols.value(b.symbol) + b.addend
    );
  }

  #branch(at: SectionOffset, there: SectionOffset, word: number, is: number, depth: number): void {
    const relocations = this.#case.onFrom(at);
    const links = (word & 1) !== 0;
    const [relocation] = relocations;
    if (links) {
      const isTracer = relocation !== undefined && TRACER.test(this.#case.output.symbols!.name(relocation.symbol));
      if (isTracer) {
        if (is !== NOP || this.#case.onCopy(there).length > 0)
          this.#tell('VER141', 'the call of the tracer is not gone', there);
      } else {
        if (word !== is || relocation === undefined)
          this.#tell('VER141', `${wordText(word)} became ${wordText(is)}`, there);
        this.#sameRelocations(at, there);
      }
      if (at + 4 < this.#end) this.#reach(at + 4, depth);
      else if (this.#copied[there / 4 + 1] !== TRAP)
        this.#tell('VER141', 'behind the last call there is no trap', there + 4);
      return;
    }
    if (relocation !== undefined) {
      this.#sibling(at, there, word, is, depth, relocations);
      return;
    }
    if (word !== is || this.#case.onCopy(there).length > 0)
      this.#tell('VER141', `${wordText(word)} became ${wordText(is)}`, there);
    const distance = word >>> 26 === 18 ? ((word & 0x03fffffc) << 6) >> 6 : ((word & 0xfffc) << 16) >> 16;
    if ((word & 2) !== 0) this.#tell('VER142', 'a branch leads to an absolute address', there);
    this.#reach(at + distance, depth);
    if (word >>> 26 === 16 && ((word >>> 21) & 0x14) !== 0x14) this.#reach(at + 4, depth);
  }

  #sibling(
    at: SectionOffset,
    there: SectionOffset,
    word: number,
    is: number,
    depth: number,
    was: readonly Relocation[],
  ): void {
    const target = this.#landing(there, is, 18);
    const isCall = CALL.every((expected, i) => this.#copied[target / 4 + i] === expected);
    const now = isCall ? this.#case.onCopy(target + CALL_AT) : [];
    if (
      depth !== 0 ||
      word >>> 26 !== 18 ||
      !isCall ||
      now.length !== 1 ||
      was.length !== 1 ||
      !this.#means(was[0]!, now[0]!)
    )
      this.#tell('VER144', 'the sibling call has not become a call of the same function', there);
    for (let i = 0; i < CALL.length; i++) this.#used.add(target + i * 4);
    if (this.#case.onCopy(there).length > 0)
      this.#tell('VER143', 'the branch to the call is relocated', at + this.#distance);
  }

  /** Where a branch of the copy that is not relocated leads. */
  #landing(there: SectionOffset, is: number, opcode: number): SectionOffset {
    if (is >>> 26 !== opcode || (is & 3) !== 0 || this.#case.onCopy(there).length > 0) return -4;
    return there + (opcode === 18 ? ((is & 0x03fffffc) << 6) >> 6 : ((is & 0xfffc) << 16) >> 16);
  }

  #register(at: SectionOffset, there: SectionOffset, word: number, is: number, depth: number): void {
    const extended = (word >>> 1) & 0x3ff;
    if ((word & 1) !== 0) {
      if (word !== is || extended !== 528) this.#tell('VER141', `${wordText(word)} became ${wordText(is)}`, there);
      if (at + 4 < this.#end) this.#reach(at + 4, depth);
      return;
    }
    const target = this.#landing(there, is, word === BLR ? 18 : 16);
    const sameCondition = word === BLR || (word & 0x03ff0000) === (is & 0x03ff0000);
    const isReturn = this.#copied[target / 4] === RELOAD && this.#copied[target / 4 + 1] === BLR;
    if (extended !== 16 || depth !== 0 || !isReturn || !sameCondition)
      this.#tell('VER144', `${wordText(word)} does not lead to a return that brings r2 back`, there);
    this.#used.add(target);
    this.#used.add(target + 4);
    if (word !== BLR && ((word >>> 21) & 0x14) !== 0x14) this.#reach(at + 4, depth);
  }

  /** Behind the body there is nothing but what returns and sibling calls lead to. */
  #rest(): void {
    const { copy, onCopy } = this.#case;
    const first = this.#end + this.#distance;
    for (let at = first; at < copy.global + copy.size; at += 4) {
      const isTrap = at === first && this.#copied[at / 4] === TRAP;
      const word = this.#copied[at / 4];
      const isUnusedReturn = word === RELOAD || word === BLR;
      if (!this.#used.has(at) && !isTrap && !isUnusedReturn)
        this.#tell('VER141', 'a word behind the copy that nothing leads to', at);
      if (!this.#used.has(at) && onCopy(at).length > 0) this.#tell('VER143', 'a relocation behind the copy', at);
    }
    for (const at of this.#used)
      if (at < first || at >= copy.global + copy.size)
        this.#tell('VER144', 'a return lies outside of the copy', Math.max(at, 0));
  }
}
