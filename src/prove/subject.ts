/**
 * What the prover is given: the code of one loaded object (a module after the loader's work, or a kernel image), and what its
 * tables say. It knows no ELF file. All places are bytes from the object's origin, an address that the giver chooses not
 * above the first word of code; code lies in one array from there on, with gaps between sections marked as no code.
 */
import type { ParameterUse } from './parameters.ts';
import type { Value } from './values.ts';

/** Marks of a word, for `ProofSubject.marks`. */
export const CODE = 1;
/** Global entry of a function. */
export const GLOBAL = 2;
/** Local entry of a function. */
export const LOCAL = 4;
/** What the loader or the linker made: call stubs, branch thunks. Without CODE: data that the loader puts beside their instructions. */
export const STUB = 8;
/** The tracer may put a call of its own here (the word that a record names). */
export const SITE = 16;
/** `ProofSubject.edges` has entries for this word. */
export const EXTRA = 32;
/** A branch leads here. The prover fills it in. */
export const LEADER = 64;

/** Another way to go on from an instruction than the one that its word says. */
export interface ExtraEdge {
  /**
   * - `also`: control may continue at `target`, with the state before the instruction (exception fixups, jump labels that are
   *   off, alternatives of feature fixups);
   * - `next`: the instruction may be a nop (a jump label that is on);
   * - `instead`: falling into this word continues at `target` (the end of an alternative);
   * - `stop`: a trap that does not return (BUG);
   * - `pass`: a trap that returns behind itself (WARN);
   * - `fixup`: a trap that returns to `target` and nowhere else;
   * - `keeps`: no way on, but r0 is put where nobody else writes (a slot of the shadow table, whose key is r1); with `target` 2
   *   r2 is as well;
   * - `gives`: r0, and with `target` 2 r2, have come back from there.
   */
  readonly kind: 'also' | 'next' | 'instead' | 'stop' | 'pass' | 'fixup' | 'keeps' | 'gives';
  readonly target: number;
}

export interface Functions {
  readonly count: number;
  /** Global entry, local entry and end of each function: bytes from the origin. */
  readonly global: Int32Array;
  readonly local: Int32Array;
  readonly end: Int32Array;
  /** 1 for a part that the compiler split off (`f.cold`): reached by jumps from its function, with its frame. */
  readonly part: Uint8Array;
  /** The three bits of st_other that tell the local entry. */
  readonly entryCode: Uint8Array;
  /** 1 for hand-written assembly, where the subject can tell. */
  readonly assembly: Uint8Array;
  name(index: number): string;
}

/**
 * What is known of an external that a function goes on in without coming back:
 *
 * - `proved`: its own object's proof has shown that it keeps the contract of functions with one entry, r2 included;
 * - `not proved`: its object is there, and that was not shown;
 * - `elsewhere`: its object is there, and the address is not where it begins;
 * - `not given`: it is meant to keep r2, and its object is not there.
 */
export type Successor = 'proved' | 'not proved' | 'elsewhere' | 'not given';

export interface ProofSubject {
  /** Instruction words from the origin on. */
  readonly code: Uint32Array;
  /** One byte of marks a word, as above. */
  readonly marks: Uint8Array;
  readonly functions: Functions;
  /** Where r2 points when it holds the home's TOC; `undefined` for an object without one. */
  readonly toc: number | undefined;
  /** Extra edges by place, for words marked EXTRA. */
  readonly edges: ReadonlyMap<number, readonly ExtraEdge[]>;
  /**
   * The doubleword that lies at a place and cannot change: a `number`, an `address` in the object, an `external`, or UNKNOWN
   * where it is data that may change or nothing is there.
   */
  constant(offset: number): Value;
  /**
   * Where the entries of the jump table at a place may lead: every place that it may name, or nothing if it is no table, or has
   * fewer than `count` entries.
   */
  labels(table: number, functionIndex: number, count: number): readonly number[] | undefined;
  /** Whether somebody outside of the object, or a pointer, may lead to the function that begins at a place. */
  isExposed(offset: number): boolean;
  /** Whether an `external` is the address of something that the object imports. */
  isImported(target: Value): boolean;
  /** Whether a call of this external, or of this function of the object, never comes back. */
  noReturn(target: Value): boolean;
  /** What an external does with the parameter save area of its caller's frame, where its object is known. */
  parameters?(target: Value): ParameterUse | undefined;
  /** `undefined` where nothing is said of its r2: it may come back with another object's TOC. */
  successor?(target: Value): Successor | undefined;
  /** The name of an external, or of a place in the object, for messages. */
  nameOf(value: Value): string;
  /** Offset of the kernel's TOC in the PACA (r13), where this object's home is the kernel. */
  readonly pacaToc: number | undefined;
  /** What the tracer's call leaves alone, where the site is: `mflr` has been executed before (6.1), or not. */
  readonly lrIsSavedAtSite: boolean;
}
