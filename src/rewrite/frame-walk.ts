/**
 * Follows r1 through a function, and every register that holds an address of the stack, to see whether the function
 * touches its caller's parameter save area: 32(r1) and above, counted from r1 on entry.
 *
 * All ways through the code are walked: branches, jump tables behind `bctr`, exception fixups, jump labels, cold parts,
 * and functions that are jumped to (they inherit the caller's argument area). A register's value is "entry r1 plus a
 * number", the same with an unknown index, or not known to be a stack address. An indexed address whose base lies below
 * the caller's frame is taken to stay there, as C requires of an array; one whose base is the frame's header is not.
 *
 * An address that went through memory, or was handed to another function, was formed before, and is judged where it was
 * formed: an address at 32 or above is the save area's, whatever is done with it.
 */
import type { Section } from '../elf/section.ts';
import { hex } from '../util/bytes.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import type { Evidence } from './arguments.ts';
import { isBctr, jumpTableLabels } from './jump-tables.ts';
import { type Spot, sidewaysEdges } from './sideways.ts';
import { placeKey, type Subject } from './subject.ts';

/** Start of the parameter save area, bytes above r1 on entry (ELFv2, 2.2.3). */
const SAVE_AREA = 32;
/** More words than any function of a kernel has: a walk that is not about one function any more. */
const MOST_WORDS = 60_000;

const NONE = 0;
/** Entry r1 plus `offset`. */
const EXACT = 1;
/** Entry r1 plus `offset` plus something unknown. */
const INDEXED = 2;
/** Made from a stack address in a way that is not followed. */
const ODD = 3;

/** 32 kinds, then 32 offsets. */
type State = Int32Array;

const OFFSET = 32;

class Verdict extends Error {
  readonly evidence: Evidence;

  constructor(evidence: Evidence) {
    super(evidence.because);
    this.evidence = evidence;
  }
}

interface Branch {
  readonly spot: Spot | undefined;
  readonly name: string;
}

class Walk {
  readonly #subject: Subject;
  readonly #states = new Map<number, State>();
  readonly #work: Spot[] = [];
  #section: Section;
  #offset = 0;

  constructor(subject: Subject, section: Section) {
    this.#subject = subject;
    this.#section = section;
  }

  run(section: Section, start: SectionOffset): Evidence {
    const entry = new Int32Array(64);
    entry[1] = EXACT;
    try {
      this.#reach({ section, offset: start }, entry);
      for (let spot = this.#work.pop(); spot !== undefined; spot = this.#work.pop()) this.#block(spot);
    } catch (error) {
      if (error instanceof Verdict) return error.evidence;
      throw error;
    }
    return { answer: 'no', because: 'no instruction of its code touches the parameter save area' };
  }

  #where(): string {
    return `${this.#section.name}+${hex(this.#offset)}`;
  }

  #unknown(what: string): never {
    throw new Verdict({ answer: 'unknown', because: `${what} at ${this.#where()}`, offset: this.#sameSection() });
  }

  #uses(): never {
    throw new Verdict({
      answer: 'yes',
      because: `its parameter save area is used at ${this.#where()}`,
      offset: this.#sameSection(),
    });
  }

  #sameSection(): SectionOffset {
    return this.#offset;
  }

  /** Joins `state` into what is known at `spot`, and has it walked (again) where that is news. */
  #reach(spot: Spot, state: State): void {
    const key = placeKey(spot.section.index, spot.offset);
    const known = this.#states.get(key);
    if (known === undefined) {
      if (this.#states.size > MOST_WORDS) this.#unknown('the walk leads too far');
      this.#states.set(key, state.slice());
      this.#work.push(spot);
      return;
    }
    if (known[1] !== state[1] || known[OFFSET + 1] !== state[OFFSET + 1]) this.#unknown('r1 has two values');
    let news = false;
    for (let r = 0; r < 32; r++) {
      const joined = join(known[r]!, known[OFFSET + r]!, state[r]!, state[OFFSET + r]!);
      if (joined === known[r]) continue;
      if (known[r] === NONE) known[OFFSET + r] = state[OFFSET + r]!;
      known[r] = joined;
      news = true;
    }
    if (news) this.#work.push(spot);
  }

  /** Walks from `spot` until the way ends or meets one that was walked with the same knowledge. */
  #block(spot: Spot): void {
    this.#section = spot.section;
    const words = this.#subject.elf.sectionWords(spot.section);
    let offset = spot.offset;
    const state = this.#states.get(placeKey(spot.section.index, offset))!.slice();
    for (;;) {
      this.#offset = offset;
      const word = words[offset / 4];
      // Zeros stand between functions: the call in front of them does not return.
      if (word === undefined || word === 0) return;
      for (const edge of sidewaysEdges(this.#subject, spot.section.index, offset)) this.#reach(edge, state);
      const next = offset + (word >>> 26 === 1 ? 8 : 4);
      if (!this.#step(words, offset, word, state)) return;
      offset = next;
      const key = placeKey(spot.section.index, offset);
      if (this.#states.has(key) || isCall(word)) {
        // A call that does not return may stand in front of another function's entry.
        if (isCall(word) && this.#isEntry(spot.section.index, offset)) return;
        this.#reach({ section: spot.section, offset }, state);
        return;
      }
      if (this.#states.size > MOST_WORDS) this.#unknown('the walk leads too far');
      this.#states.set(key, state.slice());
    }
  }

  #isEntry(section: SectionIndex, offset: SectionOffset): boolean {
    return this.#subject.entries.has(placeKey(section, offset));
  }

  /** Carries one instruction out; says whether the next one is reached from it. */
  #step(words: Uint32Array, offset: number, word: number, state: State): boolean {
    const opcode = word >>> 26;
    if (opcode === 18 || opcode === 16) return this.#branch(offset, word, opcode, state);
    if (opcode === 19) return this.#register(words, offset, word, state);
    if (opcode === 1) this.#prefixed(words[offset / 4 + 1] ?? 0, word, state);
    else if (opcode === 31) this.#extended(word, state);
    else if (opcode >= 32 || opcode === 6) this.#memory(word, opcode, state);
    else this.#immediate(word, opcode, state);
    if (state[1] !== EXACT) this.#unknown('r1 cannot be followed');
    if (state[OFFSET + 1]! > 0) this.#unknown('r1 rises above its value on entry');
    return true;
  }

  #branch(offset: number, word: number, opcode: number, state: State): boolean {
    const conditional = opcode === 16 && ((word >>> 21) & 0x14) !== 0x14;
    if ((word & 1) !== 0) {
      // bcl 20,31,.+4 is how code finds its own address, and calls nobody.
      if (!(opcode === 16 && (word & 0xfffc) === 4)) clobber(state);
      return true;
    }
    const target = this.#target(offset, word, opcode);
    if (target.spot === undefined) this.#unknown(`a jump to ${target.name}, which is not in this object,`);
    this.#reach(target.spot, state);
    return conditional;
  }

  #target(offset: number, word: number, opcode: number): Branch {
    const relocated = this.#subject.branchTarget(this.#section, offset);
    if (relocated !== undefined) return relocated;
    const distance = opcode === 18 ? ((word & 0x03fffffc) << 6) >> 6 : ((word & 0xfffc) << 16) >> 16;
    const to = (word & 2) !== 0 ? -1 : offset + distance;
    const inside = to >= 0 && to < this.#section.sh_size;
    return { spot: inside ? { section: this.#section, offset: to } : undefined, name: hex(to) };
  }

  /** Branches to LR and CTR; condition register arithmetic otherwise. */
  #register(words: Uint32Array, offset: number, word: number, state: State): boolean {
    const xo = (word >>> 1) & 0x3ff;
    if (xo !== 16 && xo !== 528 && xo !== 560) {
      if (((word >>> 1) & 31) === 2) state[(word >>> 21) & 31] = NONE;
      return true;
    }
    if ((word & 1) !== 0) {
      clobber(state);
      return true;
    }
    const conditional = ((word >>> 21) & 0x14) !== 0x14;
    if (xo === 16) return conditional;
    const f = isBctr(word) ? this.#subject.around(this.#section, offset) : undefined;
    const labels = f === undefined ? [] : jumpTableLabels(words, offset + 4, f.start, f.end);
    if (labels[0] === undefined || labels[0] === offset + 4 || words[offset / 4 + 1] === 0)
      this.#unknown('a jump to an address in a register');
    for (const label of labels) this.#reach({ section: this.#section, offset: label }, state);
    return conditional;
  }

  /** An address was made: one in the save area betrays its use. */
  #formed(kind: number, offset: number): void {
    if ((kind === EXACT || kind === INDEXED) && offset >= SAVE_AREA) this.#uses();
  }

  /** @param width bytes; what is no wider than a doubleword does not leave it */
  #access(state: State, base: number, displacement: number, width = 8): void {
    const kind = state[base]!;
    if (kind === NONE) return;
    if (kind === ODD) this.#unknown('a stack address that was computed in an unusual way is used');
    const offset = state[OFFSET + base]! + displacement;
    if (offset >= SAVE_AREA || (width > 8 && offset + width > SAVE_AREA)) this.#uses();
    if (kind === INDEXED && offset >= 0) this.#unknown('an indexed address near the parameter save area is used');
  }

  #set(state: State, register: number, kind: number, offset = 0): void {
    this.#formed(kind, offset);
    state[register] = kind;
    state[OFFSET + register] = offset;
  }

  /** D-, DS- and DQ-form loads and stores: primary opcodes 32 to 63. */
  #memory(word: number, opcode: number, state: State): void {
    if (opcode === 59 || opcode === 60 || opcode === 63) return;
    const rt = (word >>> 21) & 31;
    const ra = (word >>> 16) & 31;
    const isPair = opcode === 6;
    const isWide =
      isPair || opcode === 56 || (opcode === 61 && (word & 3) === 1) || (opcode === 62 && (word & 3) === 2);
    const mask = opcode === 62 || !isWide ? (opcode < 56 ? 0xffff : 0xfffc) : 0xfff0;
    const displacement = ((word & mask) << 16) >> 16;
    if (ra !== 0) this.#access(state, ra, displacement, isPair ? 32 : isWide ? 16 : 8);
    if (isPair) return;
    const updates =
      opcode < 56
        ? opcode !== 46 && opcode !== 47 && (opcode & 1) === 1
        : (opcode === 58 || opcode === 62) && (word & 3) === 1;
    const backChain = opcode === 58 && (word & 3) === 0 && ra === 1 && displacement === 0 && state[OFFSET + 1]! < 0;
    if (updates && state[ra] !== NONE) this.#set(state, ra, state[ra]!, state[OFFSET + ra]! + displacement);
    if (backChain) this.#set(state, rt, EXACT, 0);
    else if (opcode === 46) for (let r = rt; r < 32; r++) state[r] = NONE;
    else if (opcode <= 35 || (opcode >= 40 && opcode <= 43) || opcode === 58) state[rt] = NONE;
    else if (opcode === 56) {
      state[rt] = NONE;
      state[(rt + 1) & 31] = NONE;
    }
  }

  /** Arithmetic with an immediate, and rotates: primary opcodes up to 30. */
  #immediate(word: number, opcode: number, state: State): void {
    const rt = (word >>> 21) & 31;
    const ra = (word >>> 16) & 31;
    const immediate = (word << 16) >> 16;
    if (opcode === 14 || opcode === 15 || opcode === 12 || opcode === 13) {
      const base = ra === 0 && opcode >= 14 ? NONE : state[ra]!;
      this.#set(state, rt, base, state[OFFSET + ra]! + (opcode === 15 ? immediate * 0x10000 : immediate));
    } else if (opcode === 7 || opcode === 8) state[rt] = state[ra] === NONE ? NONE : ODD;
    else if (opcode === 24 && (word & 0xffff) === 0) this.#set(state, ra, state[rt]!, state[OFFSET + rt]!);
    else if ((opcode >= 20 && opcode <= 29 && opcode !== 22) || opcode === 30) {
      const inserts = opcode === 20 || (opcode === 30 && ((word >>> 2) & 7) === 3);
      state[ra] = state[rt] === NONE && !(inserts && state[ra] !== NONE) ? NONE : ODD;
    } else if (opcode === 4 && (word & 63) >= 48 && (word & 63) <= 51) {
      const sources = [ra, (word >>> 11) & 31, (word >>> 6) & 31];
      state[rt] = sources.some(r => state[r] !== NONE) ? ODD : NONE;
    }
  }

  #prefixed(suffix: number, prefix: number, state: State): void {
    const ra = (suffix >>> 16) & 31;
    if ((prefix & 0x0010_0000) === 0 && ra !== 0 && state[ra] !== NONE)
      this.#unknown('a stack address in a prefixed instruction');
    const opcode = suffix >>> 26;
    if (opcode === 14 || (opcode >= 32 && opcode <= 43) || opcode === 57 || opcode === 41)
      state[(suffix >>> 21) & 31] = NONE;
  }

  /** Primary opcode 31. */
  #extended(word: number, state: State): void {
    const rt = (word >>> 21) & 31;
    const ra = (word >>> 16) & 31;
    const rb = (word >>> 11) & 31;
    const xo = (word >>> 1) & 0x3ff;
    const tracked = state[ra] !== NONE || state[rb] !== NONE;
    if (isIndexedAccess.has(xo)) {
      this.#indexedAccess(state, ra, rb);
      if (storesAndUpdates.has(xo) || loadsAndUpdates.has(xo)) this.#sum(state, ra, ra, rb);
      if (loadsRegister.has(xo)) state[rt] = NONE;
    } else if ((xo & 0x1ff) === 266) this.#sum(state, rt, ra, rb);
    else if ((xo & 0x1ff) === 40) {
      if (state[rb] !== NONE && state[ra] === NONE) this.#sum(state, rt, rb, ra);
      else state[rt] = state[rb] === NONE && state[ra] !== NONE ? ODD : NONE;
    } else if ((xo & 31) === 15) state[rt] = tracked ? ODD : NONE;
    else if (xo === 444 && rt === rb) this.#set(state, ra, state[rt]!, state[OFFSET + rt]!);
    else if (logical.has(xo) || (xo & ~1) === 826 || (xo & ~1) === 890) {
      const binary = !unary.has(xo);
      state[ra] = state[rt] !== NONE || (binary && state[rb] !== NONE) ? ODD : NONE;
    } else if (arithmetic.has(xo & 0x1ff)) state[rt] = tracked ? ODD : NONE;
    else if (movesToRegister.has(xo)) state[rt] = NONE;
    else if (movesFromVector.has(xo)) state[ra] = NONE;
  }

  /** One stack address plus a number that is not known. */
  #sum(state: State, to: number, a: number, b: number): void {
    if (state[a] !== NONE && state[b] !== NONE) this.#set(state, to, ODD);
    else if (state[a] === NONE && state[b] === NONE) state[to] = NONE;
    else {
      const base = state[a] !== NONE ? a : b;
      this.#set(state, to, state[base] === ODD ? ODD : INDEXED, state[OFFSET + base]!);
    }
  }

  #indexedAccess(state: State, ra: number, rb: number): void {
    const a = ra === 0 ? NONE : state[ra]!;
    if (a === NONE && state[rb] === NONE) return;
    if (a !== NONE && state[rb] !== NONE) this.#unknown('two stack addresses are added');
    const base = a !== NONE ? ra : rb;
    if (ra === 0) this.#access(state, base, 0);
    // No array begins at r1: the index is a place in this frame, or in the caller's.
    else if (base === 1) this.#unknown('a place of the stack whose distance from r1 is in a register is used');
    else if (state[base] === ODD || state[OFFSET + base]! >= 0)
      this.#unknown('an indexed address near the parameter save area is used');
  }
}

function join(kind: number, offset: number, otherKind: number, otherOffset: number): number {
  if (otherKind === NONE) return kind;
  if (kind === NONE) return otherKind;
  if (kind === ODD || otherKind === ODD) return ODD;
  return kind === EXACT && otherKind === EXACT && offset === otherOffset ? EXACT : INDEXED;
}

/** What a call leaves of the registers: r0 and r3 to r12 are anybody's (ELFv2, 2.2.1.1). */
function clobber(state: State): void {
  state[0] = NONE;
  for (let r = 3; r <= 12; r++) state[r] = NONE;
}

/** A call or a trap, behind which there may be nothing. */
function isCall(word: number): boolean {
  const opcode = word >>> 26;
  if (opcode === 18) return (word & 1) !== 0;
  return word === 0x0fe00000 || word === 0x7fe00008;
}

/** Extended opcodes of primary opcode 31, by what they do to general registers (Power ISA 3.1, Book I, appendix). */
const loadsAndUpdates = new Set([53, 55, 119, 311, 373, 375]);
const storesAndUpdates = new Set([181, 183, 247, 439, 567, 631, 695, 759]);
const loadsRegister = new Set([
  20, 21, 23, 52, 53, 55, 84, 87, 116, 119, 276, 279, 311, 341, 343, 373, 375, 532, 533, 534, 597, 790,
]);
const isIndexedAccess = new Set([
  ...loadsRegister,
  ...storesAndUpdates,
  ...[149, 150, 151, 182, 214, 215, 407, 660, 661, 662, 694, 725, 726, 918],
  ...[535, 599, 663, 727, 791, 855, 887, 919, 983],
  ...[7, 39, 71, 103, 359, 135, 167, 199, 231, 487],
  ...[
    12, 13, 45, 76, 77, 109, 140, 141, 173, 205, 236, 237, 333, 461, 582, 614, 710, 742, 268, 269, 301, 332, 364, 396,
    397, 429, 524, 588, 652, 716, 780, 781, 812, 813, 844, 876, 908, 909, 940, 941, 972, 1004,
  ],
  // dcbz, hashst and hashstp write.
  1014,
  722,
  658,
]);
const logical = new Set([
  24, 26, 27, 28, 58, 60, 122, 124, 154, 155, 186, 252, 284, 316, 378, 412, 444, 476, 506, 508, 536, 538, 539, 570, 792,
  794, 824, 922, 954, 986,
]);
const unary = new Set([26, 58, 122, 154, 186, 378, 506, 538, 570, 824, 922, 954, 986, 826, 827, 890, 891]);
const arithmetic = new Set([
  8, 9, 10, 11, 73, 75, 104, 136, 138, 170, 200, 202, 232, 233, 234, 235, 265, 267, 393, 395, 425, 427, 457, 459, 489,
  491,
]);
const movesToRegister = new Set([19, 83, 128, 339, 371, 576, 755, 595, 659]);
const movesFromVector = new Set([51, 115, 307]);

/** Whether the function whose global entry is at `start` uses its caller's parameter save area. */
export function walkFrame(subject: Subject, section: Section, start: SectionOffset): Evidence {
  return new Walk(subject, section).run(section, start);
}
