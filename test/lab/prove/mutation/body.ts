/** The words of one function of a loaded object, for operators that look for something to spoil. Own decoding, a few forms only. */
import type { ProofSubject } from '../../../../src/prove/subject.ts';

/** A word that gets another value: bytes from the origin, of code or data. */
export interface Change {
  readonly at: number;
  readonly word: number;
}

/** One way to spoil a function. */
export type Mutation = readonly Change[];

export interface Operator {
  readonly name: string;
  /** What is changed, for people. */
  readonly what: string;
  /** All ways to apply it to a function. */
  ways(body: Body): readonly Mutation[];
}

export const NOP = 0x60000000;
export const BLR = 0x4e800020;
export const BCTR = 0x4e800420;
export const BCTRL = 0x4e800421;
export const MFLR_R0 = 0x7c0802a6;
export const MTLR_R0 = 0x7c0803a6;
/** ld r2,24(r1) and std r2,24(r1) */
export const TOC_RESTORE = 0xe8410018;
export const TOC_SAVE = 0xf8410018;

export const rt = (word: number) => (word >>> 21) & 31;
export const ra = (word: number) => (word >>> 16) & 31;
export const displacement = (word: number) => (word << 16) >> 16;
export const withRt = (word: number, register: number) => ((word & ~(31 << 21)) | (register << 21)) >>> 0;
export const withRa = (word: number, register: number) => ((word & ~(31 << 16)) | (register << 16)) >>> 0;
export const moved = (word: number, by: number) => ((word & 0xffff0000) | ((word + by) & 0xffff)) >>> 0;

/** std rS,d(r1) without update */
export const isSave = (word: number) => word >>> 26 === 62 && (word & 3) === 0 && ra(word) === 1;
/** ld rT,d(r1) */
export const isRestore = (word: number) => word >>> 26 === 58 && (word & 3) === 0 && ra(word) === 1;
/** stdu r1,-N(r1) */
export const isPush = (word: number) => word >>> 16 === 0xf821 && (word & 3) === 1;
/** addi r1,r1,N */
export const isPop = (word: number) => word >>> 16 === 0x3821;
export const isBranch = (word: number) => word >>> 26 === 18 && (word & 3) === 0;
export const isCall = (word: number) => word >>> 26 === 18 && (word & 3) === 1;
export const isConditional = (word: number) => word >>> 26 === 16 && (word & 3) === 0;
export const isMtctr = (word: number) => (word & 0xfc1fffff) >>> 0 === 0x7c0903a6;
/** Neither a branch, a trap, a prefix nor a call of the system: something else may stand there. */
export const isPlain = (word: number) => {
  const opcode = word >>> 26;
  return opcode !== 1 && opcode !== 2 && opcode !== 3 && (opcode < 16 || opcode > 19) && opcode !== 0;
};

export class Body {
  readonly subject: ProofSubject;
  readonly index: number;
  readonly global: number;
  readonly local: number;
  readonly end: number;
  /** Places of stubs that functions of the object call. */
  readonly stubs: readonly number[];
  /** Entries of functions with two entries, other than this one. */
  readonly others: readonly { readonly global: number; readonly local: number }[];
  /** The word of data or code at a place. */
  readonly word: (at: number) => number | undefined;

  constructor(subject: ProofSubject, index: number, around: Pick<Body, 'stubs' | 'others' | 'word'>) {
    const { functions } = subject;
    this.subject = subject;
    this.index = index;
    this.global = functions.global[index]!;
    this.local = functions.local[index]!;
    this.end = functions.end[index]!;
    this.stubs = around.stubs;
    this.others = around.others.filter(o => o.global !== this.global);
    this.word = around.word;
  }

  at(pc: number): number {
    return this.subject.code[pc >> 2] ?? 0;
  }

  /** Places whose word is as wanted, from `from` (the local entry, unless told) on. */
  find(isWanted: (word: number, pc: number) => boolean, from = this.local): number[] {
    const found: number[] = [];
    for (let pc = from; pc < this.end; pc += 4) {
      const word = this.at(pc);
      if (isWanted(word, pc)) found.push(pc);
      // A prefix and what belongs to it.
      if (word >>> 26 === 1) pc += 4;
    }
    return found;
  }

  /** One change of one word, wherever `isWanted` holds. `to` gives the new word, or `undefined` for no way. */
  each(
    isWanted: (word: number, pc: number) => boolean,
    to: (word: number, pc: number) => number | undefined,
    from?: number,
  ): Mutation[] {
    return this.find(isWanted, from).flatMap(pc => {
      const word = to(this.at(pc), pc);
      return word === undefined || word >>> 0 === this.at(pc) ? [] : [[{ at: pc, word: word >>> 0 }]];
    });
  }

  /** Where a branch of opcode 18 or 16 leads. */
  target(pc: number): number {
    const word = this.at(pc);
    return pc + (word >>> 26 === 18 ? ((word << 6) >> 6) & ~3 : ((word & 0xfffc) << 16) >> 16);
  }

  /** The branch at `pc`, leading elsewhere; `undefined` if it does not reach. */
  retargeted(pc: number, target: number): number | undefined {
    const word = this.at(pc);
    const distance = target - pc;
    if (word >>> 26 === 18) return ((word & 0xfc000003) | (distance & 0x03fffffc)) >>> 0;
    return distance >= -0x8000 && distance < 0x8000 ? ((word & 0xffff0003) | (distance & 0xfffc)) >>> 0 : undefined;
  }

  isLocalEntry(target: number): boolean {
    return target === this.local || this.others.some(o => o.local === target);
  }

  globalOf(target: number): number | undefined {
    return target === this.local ? this.global : this.others.find(o => o.local === target)?.global;
  }

  isStub(target: number): boolean {
    return this.stubs.includes(target);
  }

  /** Bytes of the frame that the function pushes first. */
  get frame(): number | undefined {
    const pc = this.find(isPush)[0];
    return pc === undefined ? undefined : -displacement(this.at(pc) & 0xfffffffc);
  }

  get hasTwoEntries(): boolean {
    return this.local !== this.global;
  }
}
