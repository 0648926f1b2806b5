/**
 * What is known of the machine while a trampoline is followed: which register holds what, in terms of the moment when the
 * patched function branched away.
 *
 * Stack places are counted in bytes from r1 at that moment, so a frame of the trampoline's own lies below 0, and 16 is
 * the caller's slot for LR.
 */
import type { SymbolIndex } from '../util/indexes.ts';
import type { BranchTarget } from './places.ts';

export type Value =
  /** What register `n` held when the function branched away. */
  | { readonly kind: 'entry'; readonly register: number }
  | { readonly kind: 'stack'; readonly offset: number }
  /** The address that the function returns to. */
  | { readonly kind: 'return' }
  /** The TOC of the object that the function lives in. */
  | { readonly kind: 'home' }
  /** The address of a place in the section that is followed. */
  | { readonly kind: 'here'; readonly offset: number }
  /** Halfway to a symbol: the high part, made at `place` with `addend`, is added to the address of `here`. */
  | {
      readonly kind: 'half';
      readonly symbol: SymbolIndex;
      readonly here: number;
      readonly place: number;
      readonly addend: number;
    }
  /** Halfway to a symbol from the TOC. */
  | { readonly kind: 'tocHalf'; readonly symbol: SymbolIndex; readonly addend: number }
  /** The value of a symbol: of a function, its global entry. */
  | { readonly kind: 'symbol'; readonly symbol: SymbolIndex; readonly name: string }
  | { readonly kind: 'number'; readonly value: number }
  /** What a called function left in a result register. */
  | { readonly kind: 'result' }
  | { readonly kind: 'unknown' };

export const UNKNOWN: Value = { kind: 'unknown' };
export const HOME: Value = { kind: 'home' };
export const RETURN: Value = { kind: 'return' };
const RESULT: Value = { kind: 'result' };

export function stack(offset: number): Value {
  return { kind: 'stack', offset };
}

export function here(offset: number): Value {
  return { kind: 'here', offset };
}

export function isStack(value: Value, offset: number): boolean {
  return value.kind === 'stack' && value.offset === offset;
}

/** In words, for messages. */
export function valueText(value: Value): string {
  switch (value.kind) {
    case 'entry':
      return `r${value.register} as it was`;
    case 'stack':
      return value.offset === 0
        ? 'r1 as it was'
        : `r1 as it was ${value.offset < 0 ? '-' : '+'} ${Math.abs(value.offset)}`;
    case 'return':
      return 'the return address';
    case 'home':
      return 'the TOC of the function’s object';
    case 'here':
      return `the address of 0x${value.offset.toString(16)}`;
    case 'half':
    case 'tocHalf':
      return 'half of an address';
    case 'symbol':
      return `the address of ${value.name}`;
    case 'number':
      return `${value.value}`;
    case 'result':
      return 'the result of the call';
    case 'unknown':
      return 'something unknown';
  }
}

export class Machine {
  readonly registers: Value[];
  lr: Value = RETURN;
  ctr: Value = UNKNOWN;
  /** Doublewords on the stack that are known. */
  readonly memory: Map<number, Value>;
  /** Functions called so far. */
  readonly calls: BranchTarget[];
  /** Whether one of them was called, and comes back here. */
  hasCalled = false;
  /** Whether r2 has been computed since. */
  hasComputedToc = false;
  /** The function of another object that is gone on in, at the end. */
  outside: BranchTarget | undefined;

  private constructor(registers: Value[], memory: Map<number, Value>, calls: BranchTarget[]) {
    this.registers = registers;
    this.memory = memory;
    this.calls = calls;
  }

  static atEntry(): Machine {
    const registers = Array.from({ length: 32 }, (_, register): Value => ({ kind: 'entry', register }));
    registers[1] = stack(0);
    return new Machine(registers, new Map(), []);
  }

  /** The same in the function that was jumped to, which has called nobody yet. */
  after(): Machine {
    const copy = this.copy();
    copy.calls.length = 0;
    return copy;
  }

  copy(): Machine {
    const copy = new Machine([...this.registers], new Map(this.memory), [...this.calls]);
    copy.lr = this.lr;
    copy.ctr = this.ctr;
    copy.hasCalled = this.hasCalled;
    copy.hasComputedToc = this.hasComputedToc;
    return copy;
  }

  /** Where r1 points, or `undefined` where that is not known. */
  get top(): number | undefined {
    const r1 = this.registers[1]!;
    return r1.kind === 'stack' ? r1.offset : undefined;
  }

  /** What a function may do to its caller's registers and frame (ELF V2 ABI, 2.2.1 and 2.2.3). */
  clobber(after: Value): void {
    this.hasCalled = true;
    this.hasComputedToc = false;
    for (const register of [0, 5, 6, 7, 8, 9, 10, 11, 12]) this.registers[register] = UNKNOWN;
    this.registers[3] = RESULT;
    this.registers[4] = RESULT;
    this.ctr = UNKNOWN;
    this.lr = after;
    const { top } = this;
    // The callee's prologue writes LR and CR there, and a stub on its way out the TOC slot.
    for (const slot of [8, 16, 24]) if (top !== undefined) this.memory.delete(top + slot);
    this.#forgetBelow();
  }

  /** Moves r1; what lies below it may be gone at any moment. */
  moveStack(to: Value): void {
    this.registers[1] = to;
    this.#forgetBelow();
  }

  #forgetBelow(): void {
    const { top } = this;
    for (const at of this.memory.keys()) if (top === undefined || at < top) this.memory.delete(at);
  }
}
