/** How a function is run, and how that may end. */
import type { Run } from './run.ts';

export type Outcome =
  | 'returned'
  | 'sibling'
  /** Went on outside of the object, which returns to the caller. */
  | 'left'
  | 'stopped'
  | 'limit'
  | 'unsupported'
  /** Jumped where no code is, or through a table beyond its end. */
  | 'wild'
  /** Wrote over saved registers or constants through a pointer: a program that does so has no conventions to keep. */
  | 'overrun';

export interface Options {
  readonly seed: number;
  /** Conditional branches go either way, whatever the condition. */
  readonly isForced: boolean;
  readonly isLocal: boolean;
  /** Instructions. */
  readonly limit: number;
  /** Whether a callee is known never to come back. */
  readonly noReturn: (target: bigint) => boolean;
  /** Places that forced branches prefer. */
  readonly leading?: ReadonlySet<bigint>;
  /** Before each instruction. */
  readonly step?: (pc: bigint, run: Run) => void;
}
