/** What the instructions of opcode 31 compute: Power ISA 3.1, Book I, 3.3. */
import { asWord } from './execute.ts';
import { ALL, type Machine } from './machine.ts';

export const s64 = (value: bigint) => BigInt.asIntN(64, value);
export const s32 = (value: bigint) => BigInt.asIntN(32, value);
export const u64 = (value: bigint) => BigInt.asUintN(64, value);

function ones(value: bigint): bigint {
  let count = 0n;
  for (let rest = value; rest !== 0n; rest &= rest - 1n) count++;
  return count;
}

function leadingZeros(value: bigint, bits: number): bigint {
  return BigInt(value === 0n ? bits : bits - value.toString(2).length);
}

function trailingZeros(value: bigint, bits: number): bigint {
  return value === 0n ? BigInt(bits) : ones((value & -value) - 1n);
}

/** Quotients that do not exist are undefined: zero is as good as anything. */
function quotient(a: bigint, b: bigint): bigint {
  return b === 0n ? 0n : a / b;
}

function remainder(a: bigint, b: bigint): bigint {
  return b === 0n ? 0n : a % b;
}

/** Results into RT from RA and RB; `undefined` for what is none of these. */
export function arithmetic(m: Machine, extended: number, a: bigint, b: bigint): bigint | undefined {
  const sum = (x: bigint, y: bigint, carry: bigint) => {
    const total = x + y + carry;
    m.carry = total >> 64n;
    return total;
  };
  switch (extended) {
    case 8:
      return sum(ALL ^ a, b, 1n);
    case 9:
      return (a * b) >> 64n;
    case 10:
      return sum(a, b, 0n);
    case 11:
      return (asWord(a) * asWord(b)) >> 32n;
    case 40:
      return b - a;
    case 73:
      return (s64(a) * s64(b)) >> 64n;
    case 75:
      return asWord((s32(a) * s32(b)) >> 32n);
    case 104:
      return -a;
    case 136:
      return sum(ALL ^ a, b, m.carry);
    case 138:
      return sum(a, b, m.carry);
    case 200:
      return sum(ALL ^ a, 0n, m.carry);
    case 202:
      return sum(a, 0n, m.carry);
    case 232:
      return sum(ALL ^ a, ALL, m.carry);
    case 234:
      return sum(a, ALL, m.carry);
    case 233:
      return a * b;
    case 235:
      return s32(a) * s32(b);
    case 265:
      return remainder(a, b);
    case 266:
      return a + b;
    case 267:
      return remainder(asWord(a), asWord(b));
    case 393:
      return quotient(a << 64n, b);
    case 395:
      return quotient(asWord(a) << 32n, asWord(b));
    case 425:
      return quotient(s64(a) << 64n, s64(b));
    case 427:
      return quotient(s32(a) << 32n, s32(b));
    case 457:
      return quotient(a, b);
    case 459:
      return quotient(asWord(a), asWord(b));
    case 489:
      return quotient(s64(a), s64(b));
    case 491:
      return quotient(s32(a), s32(b));
    case 777:
      return remainder(s64(a), s64(b));
    case 779:
      return remainder(s32(a), s32(b));
  }
  return undefined;
}

/** Results into RA from RS and RB. */
export function logic(m: Machine, extended: number, s: bigint, b: bigint, field: number): bigint | undefined {
  const shift = Number(b & 127n);
  switch (extended) {
    case 24:
      return shift & 32 ? 0n : asWord(s << BigInt(shift & 31));
    case 26:
      return leadingZeros(asWord(s), 32);
    case 27:
      return shift & 64 ? 0n : s << BigInt(shift);
    case 28:
      return s & b;
    case 58:
      return leadingZeros(s, 64);
    case 60:
      return s & (ALL ^ b);
    case 124:
      return ALL ^ (s | b);
    case 284:
      return ALL ^ (s ^ b);
    case 316:
      return s ^ b;
    case 412:
      return s | (ALL ^ b);
    case 444:
      return s | b;
    case 476:
      return ALL ^ (s & b);
    case 378:
      return ones(asWord(s)) | (ones(s >> 32n) << 32n);
    case 506:
      return ones(s);
    case 508: {
      let result = 0n;
      for (let i = 0n; i < 64n; i += 8n) if (((s >> i) & 255n) === ((b >> i) & 255n)) result |= 255n << i;
      return result;
    }
    case 536:
      return shift & 32 ? 0n : asWord(s) >> BigInt(shift & 31);
    case 538:
      return trailingZeros(asWord(s), 32);
    case 539:
      return shift & 64 ? 0n : s >> BigInt(shift);
    case 570:
      return trailingZeros(s, 64);
    case 792:
      return shiftRight(m, s32(s), shift & 63);
    case 824:
      return shiftRight(m, s32(s), field);
    case 794:
      return shiftRight(m, s64(s), shift);
    case 922:
      return BigInt.asIntN(16, s);
    case 954:
      return BigInt.asIntN(8, s);
    case 986:
      return s32(s);
  }
  return undefined;
}

/** An arithmetic shift; the carry says whether ones of a negative number were lost. */
export function shiftRight(m: Machine, value: bigint, by: number): bigint {
  const result = value >> BigInt(by);
  m.carry = value < 0n && result << BigInt(by) !== value ? 1n : 0n;
  return result;
}
