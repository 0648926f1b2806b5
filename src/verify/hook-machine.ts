/**
 * What is known of the machine while the code of a hook is followed, in terms of the moment when the hooked function branched away.
 * Every register has its place here, since a hook has to bring back what it moves: machine.ts, for redirects, never moves one.
 *
 * Stack places are counted in bytes from r1 at that moment.
 */
import type { SymbolIndex } from '../util/indexes.ts';
import { type Value, valueText } from './machine.ts';

export type HookValue =
  | Exclude<Value, { readonly kind: 'symbol' | 'number' | 'result' }>
  /** The high part of a distance from the TOC. */
  | { readonly kind: 'half-toc'; readonly symbol: SymbolIndex; readonly addend: number }
  | { readonly kind: 'symbol'; readonly symbol: SymbolIndex; readonly addend: number }
  /** What the hooked function has left in a register. */
  | { readonly kind: 'left'; readonly register: number };

export const UNKNOWN: HookValue = { kind: 'unknown' };
export const HOME: HookValue = { kind: 'home' };
export const RETURN: HookValue = { kind: 'return' };

export const stack = (offset: number): HookValue => ({ kind: 'stack', offset });
export const left = (register: number): HookValue => ({ kind: 'left', register });

export function hookValueText(value: HookValue): string {
  switch (value.kind) {
    case 'half-toc':
      return 'half of an address';
    case 'symbol':
      return `the address of symbol ${value.symbol} + ${value.addend}`;
    case 'left':
      return `r${value.register} as the function left it`;
    default:
      return valueText(value);
  }
}

export function isSame(a: HookValue, b: HookValue): boolean {
  return a.kind !== 'unknown' && JSON.stringify(a) === JSON.stringify(b);
}

/** Registers that a call may change. */
const VOLATILE = [0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

export class HookMachine {
  readonly registers: HookValue[] = Array.from({ length: 32 }, (_, register) => ({ kind: 'entry', register }));
  readonly memory = new Map<number, HookValue>();
  lr: HookValue = RETURN;
  /** Whether r2 has been computed since the last call. */
  hasComputedToc = false;

  /** @param tocOnEntry whether the function has its TOC in r2 where it branches away */
  constructor(tocOnEntry: boolean) {
    this.registers[1] = stack(0);
    if (tocOnEntry) this.registers[2] = HOME;
  }

  get(register: number): HookValue {
    return this.registers[register]!;
  }

  /** Where r1 points; NaN where that is not known. */
  get top(): number {
    const r1 = this.get(1);
    return r1.kind === 'stack' ? r1.offset : Number.NaN;
  }

  moveStack(to: HookValue): void {
    this.registers[1] = to;
    this.#forgetBelow();
  }

  /** What a called function may do; it returns to `at` in the section that is followed. */
  clobber(at: number): void {
    this.hasComputedToc = false;
    for (const register of VOLATILE) this.registers[register] = UNKNOWN;
    this.lr = { kind: 'here', offset: at };
    // Callees save CR, LR and, in a stub, r2 in the frame of whoever calls.
    for (const slot of [8, 16, 24]) this.memory.delete(this.top + slot);
    this.#forgetBelow();
  }

  #forgetBelow(): void {
    for (const at of this.memory.keys()) if (!(at >= this.top)) this.memory.delete(at);
  }
}
