/** What can be wrong with a function, or stand in the way of a proof. The order is that of `REASONS`, by which results are kept. */

export interface Reason {
  /** Code of docs/diagnostics.md: `TOC…` where a convention is broken, `PRV…` where the prover cannot tell. */
  readonly code: string;
  readonly text: string;
}

export const REASONS = [
  { code: '', text: '' },
  { code: 'TOC001', text: 'uses r2 as its TOC where r2 does not hold it' },
  { code: 'TOC002', text: 'returns with an r2 that its callers do not expect' },
  { code: 'TOC003', text: 'enters a function behind its TOC set-up with a wrong r2' },
  { code: 'TOC004', text: 'enters a function at its global entry with a wrong r12' },
  { code: 'TOC005', text: "overwrites its caller's TOC save slot" },
  { code: 'TOC006', text: 'leaves the object by a sibling call, so nobody restores r2' },
  { code: 'TOC007', text: 'calls through a stub while r2 does not hold its TOC' },
  { code: 'TOC010', text: 'returns with a wrong r1' },
  { code: 'TOC011', text: 'returns to another place than it was called from' },
  { code: 'TOC012', text: 'returns with a changed non-volatile register' },
  { code: 'TOC013', text: 'returns with a changed CR2, CR3 or CR4' },
  { code: 'TOC014', text: 'changes r13' },
  { code: 'TOC015', text: "overwrites its caller's back chain" },
  { code: 'TOC016', text: "writes something else than the return address into its caller's LR slot" },
  { code: 'TOC017', text: 'reaches a tracer site in a state that the tracer cannot work with' },
  { code: 'TOC018', text: 'calls a function that looks for stack arguments where this one has not put them' },
  { code: 'TOC019', text: 'calls with a stack pointer or a back chain that is not right' },
  { code: 'TOC020', text: "writes into its caller's frame where no argument of its own is" },
  { code: 'PRV001', text: 'has an instruction that the table does not know' },
  { code: 'PRV002', text: 'jumps to an address that could not be told' },
  { code: 'PRV003', text: 'runs past its end' },
  { code: 'PRV004', text: 'branches to a place that is no code of the object' },
  { code: 'PRV005', text: 'calls a place that is no function' },
  { code: 'PRV007', text: 'makes a call without a known frame' },
  { code: 'PRV008', text: 'is too large to be followed to the end' },
  { code: 'PRV009', text: 'returns through an instruction for system code' },
  { code: 'PRV013', text: 'goes on in a copy of a function whose module was not given' },
  { code: 'PRV014', text: 'goes on in a copy of a function that is not proved to bring r2 back' },
  { code: 'PRV015', text: 'goes on at an address where the copy that it imports does not begin' },
] as const satisfies readonly Reason[];

export const NOTHING = 0;
export const TOC_USED = 1;
export const TOC_AT_RETURN = 2;
export const TOC_AT_CALL = 3;
export const R12_AT_CALL = 4;
export const CALLERS_TOC_SLOT = 5;
export const LEAVES_BY_SIBLING = 6;
export const TOC_AT_STUB = 7;
export const R1_AT_RETURN = 8;
export const LR_AT_RETURN = 9;
export const REGISTER_AT_RETURN = 10;
export const CR_AT_RETURN = 11;
export const R13_CHANGED = 12;
export const CALLERS_BACK_CHAIN = 13;
export const CALLERS_LR_SLOT = 14;
export const SITE_STATE = 15;
export const STACK_ARGUMENTS = 16;
export const FRAME_AT_CALL = 17;
export const CALLERS_FRAME = 18;
export const NO_INSTRUCTION = 19;
export const NO_TARGET = 20;
export const RUNS_OUT = 21;
export const NO_CODE = 22;
export const NO_FUNCTION = 23;
export const NO_FRAME = 24;
export const TOO_LARGE = 25;
export const SYSTEM_RETURN = 26;
export const COPY_NOT_GIVEN = 27;
export const COPY_NOT_PROVED = 28;
export const COPY_ELSEWHERE = 29;
