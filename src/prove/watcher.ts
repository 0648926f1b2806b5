/** What those see who want to know how a verdict comes about: see explain.ts. */
import type { State } from './state.ts';
import type { Value } from './values.ts';

/** Looks on while a function is followed; for explanations only. */
export interface Watcher {
  /** Before the instruction at `pc`. */
  step?(pc: number, state: State): void;
  /** Control goes from the instruction at `from`, in the block that begins at `block`, to `target`. */
  edge?(block: number, from: number, target: number): void;
  /** Something is wrong at `finding.place`, in the block that begins at `block`. */
  fail?(block: number, finding: Finding): void;
}

/** Part of a path: a block, and the instruction by which it is left. */
export interface Leg {
  readonly block: number;
  readonly exit: number;
}

export interface Finding {
  /** Index in REASONS. */
  readonly reason: number;
  /** Bytes from the origin. */
  readonly place: number;
  /** What was found in the register in question. */
  readonly found: Value;
  /** A place of `State`. */
  readonly register: number;
  /** Whether it is known to be wrong, and not only not known to be right. */
  readonly certain: boolean;
}
