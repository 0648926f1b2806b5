/**
 * How the kernel's own parameter types read their values (params.c, lib/kstrtox.c): only whether they take the text, and how
 * many bytes they write.
 */
import type { ErrnoName } from './state.ts';

export interface ParameterType {
  /** Takes the parameter without `=value` (KERNEL_PARAM_OPS_FL_NOARG). */
  readonly needsNoValue: boolean;
  /** Bytes at the argument's address that are written. */
  readonly size: number;
  /** Why the value is refused, if it is. `value` is `undefined` only where none is needed. */
  readonly check: (value: string | undefined, takesEnable: boolean) => ErrnoName | undefined;
}

interface Range {
  readonly minimum: bigint;
  readonly maximum: bigint;
}

const unsigned = (bits: bigint): Range => ({ minimum: 0n, maximum: (1n << bits) - 1n });
const signed = (bits: bigint): Range => ({ minimum: -(1n << (bits - 1n)), maximum: (1n << (bits - 1n)) - 1n });

const integer = (size: number, range: Range): ParameterType => ({
  needsNoValue: false,
  size,
  check: value => checkInteger(value!, range),
});

const boolean = (size: number): ParameterType => ({ needsNoValue: true, size, check: checkBoolean });

/** By the name of the `param_ops_*` symbol. */
export const PARAMETER_TYPES: ReadonlyMap<string, ParameterType> = new Map([
  ['param_ops_byte', integer(1, unsigned(8n))],
  ['param_ops_short', integer(2, signed(16n))],
  ['param_ops_ushort', integer(2, unsigned(16n))],
  ['param_ops_int', integer(4, signed(32n))],
  ['param_ops_uint', integer(4, unsigned(32n))],
  ['param_ops_hexint', integer(4, unsigned(32n))],
  ['param_ops_long', integer(8, signed(64n))],
  ['param_ops_ulong', integer(8, unsigned(64n))],
  ['param_ops_ullong', integer(8, unsigned(64n))],
  ['param_ops_bool', boolean(1)],
  ['param_ops_invbool', boolean(1)],
  ['param_ops_bint', boolean(4)],
]);

const DIGITS = '0123456789abcdef';

/** kstrtoll and its kind, with base 0. */
function checkInteger(text: string, range: Range): ErrnoName | undefined {
  const isSigned = range.minimum < 0n;
  let rest = text;
  const isNegative = isSigned && rest.startsWith('-');
  if (isNegative || rest.startsWith('+')) rest = rest.slice(1);
  let base = 10;
  if (rest.startsWith('0')) base = /^0x[0-9a-f]/i.test(rest) ? 16 : 8;
  if (base === 16) rest = rest.slice(2);
  let value = 0n;
  let count = 0;
  for (; count < rest.length; count++) {
    const digit = DIGITS.indexOf(rest[count]!.toLowerCase());
    if (digit < 0 || digit >= base) break;
    value = value * BigInt(base) + BigInt(digit);
  }
  // Overflow is found out before what follows the digits is looked at.
  if (value >= 1n << 64n) return 'ERANGE';
  const tail = rest.slice(count);
  if (count === 0 || (tail !== '' && tail !== '\n')) return 'EINVAL';
  const result = isNegative ? -value : value;
  return result < range.minimum || result > range.maximum ? 'ERANGE' : undefined;
}

/** `kstrtobool`; no value means yes. */
function checkBoolean(value: string | undefined, takesEnable: boolean): ErrnoName | undefined {
  if (value === undefined) return undefined;
  const first = takesEnable ? /^(?:[yYtT1nNfF0eEdD]|[oO][nNfF])/ : /^(?:[yYtT1nNfF0]|[oO][nNfF])/;
  return first.test(value) ? undefined : 'EINVAL';
}
