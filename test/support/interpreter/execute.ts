/** What one instruction does that is no branch and no trap: Power ISA 3.1, Book I (and the few of Book II and III that compiled code has). */
import { executeExtended } from './execute-31.ts';
import { ALL, type Machine } from './machine.ts';

const signed16 = (word: number) => BigInt((word << 16) >> 16);
export const asWord = (value: bigint) => BigInt.asUintN(32, value);

export function rotate64(value: bigint, by: number): bigint {
  const n = BigInt(by & 63);
  return BigInt.asUintN(64, (value << n) | (value >> (64n - n)));
}

/** ROTL32: the low word twice, rotated. */
export function rotate32(value: bigint, by: number): bigint {
  const low = asWord(value);
  return rotate64((low << 32n) | low, by);
}

/** Ones from bit `first` to bit `last`, counted from the left, around the end if need be. */
export function mask(first: number, last: number): bigint {
  const from = ALL >> BigInt(first);
  const to = BigInt.asUintN(64, ALL << BigInt(63 - last));
  return first <= last ? from & to : from | to;
}

/** Width and kind of the loads and stores with a 16-bit displacement, by opcode: odd ones update the base. */
const DISPLACED: Readonly<
  Record<number, readonly [kind: 'load' | 'signed' | 'store' | 'float' | 'spill', width: number]>
> = {
  32: ['load', 4],
  34: ['load', 1],
  36: ['store', 4],
  38: ['store', 1],
  40: ['load', 2],
  42: ['signed', 2],
  44: ['store', 2],
  48: ['float', 4],
  50: ['float', 8],
  52: ['spill', 4],
  54: ['spill', 8],
};

/** The address of a displacement form: (RA|0) + displacement. */
function effective(m: Machine, word: number, displacement: bigint): bigint {
  const ra = (word >>> 16) & 31;
  return BigInt.asUintN(64, (ra === 0 ? 0n : m.r[ra]!) + displacement);
}

function displaced(m: Machine, word: number, opcode: number): void {
  const [kind, width] = DISPLACED[opcode & ~1]!;
  const rt = (word >>> 21) & 31;
  const at = effective(m, word, signed16(word));
  move(m, kind, width, rt, at);
  if ((opcode & 1) === 1) m.r[(word >>> 16) & 31] = at;
}

/** A load or store of `width` bytes. Floating-point and vector registers hold anything. */
export function move(m: Machine, kind: string, width: number, rt: number, at: bigint): void {
  if (kind === 'load') m.r[rt] = m.memory.read(at, width);
  else if (kind === 'signed') m.r[rt] = BigInt.asUintN(64, BigInt.asIntN(width * 8, m.memory.read(at, width)));
  else if (kind === 'store') m.memory.write(at, width, BigInt.asUintN(width * 8, m.r[rt]!));
  else if (kind === 'spill') spill(m, at, width);
}

/** Stores what nobody knows. */
export function spill(m: Machine, at: bigint, width: number): void {
  for (let i = 0; i < width; i += 8)
    m.memory.write(
      BigInt.asUintN(64, at + BigInt(i)),
      Math.min(8, width - i),
      BigInt.asUintN(Math.min(8, width - i) * 8, m.random.wide()),
    );
}

/** @returns false for an instruction that this interpreter does not know */
export function execute(m: Machine, word: number, next: number, pc: bigint): boolean {
  const { r } = m;
  const opcode = word >>> 26;
  const rt = (word >>> 21) & 31;
  const ra = (word >>> 16) & 31;
  const immediate = signed16(word);
  const unsigned = BigInt(word & 0xffff);
  switch (opcode) {
    case 1:
      return prefixed(m, word, next, pc);
    case 4:
      return multiplyAdd(m, word);
    case 7:
      r[rt] = BigInt.asUintN(64, BigInt.asIntN(64, r[ra]!) * immediate);
      return true;
    case 8: {
      const total = (ALL ^ r[ra]!) + BigInt.asUintN(64, immediate) + 1n;
      r[rt] = BigInt.asUintN(64, total);
      m.carry = total >> 64n;
      return true;
    }
    case 10:
    case 11: {
      const wide = ((word >>> 21) & 1) === 1;
      const a = opcode === 10 ? (wide ? r[ra]! : asWord(r[ra]!)) : BigInt.asIntN(wide ? 64 : 32, r[ra]!);
      m.compare((word >>> 23) & 7, a, opcode === 10 ? unsigned : immediate);
      return true;
    }
    case 12:
    case 13: {
      const total = r[ra]! + BigInt.asUintN(64, immediate);
      r[rt] = BigInt.asUintN(64, total);
      m.carry = total >> 64n;
      if (opcode === 13) m.record(r[rt]!);
      return true;
    }
    case 14:
    case 15:
      r[rt] = BigInt.asUintN(64, (ra === 0 ? 0n : r[ra]!) + (opcode === 14 ? immediate : immediate << 16n));
      return true;
    case 20:
    case 21:
    case 23: {
      const by = opcode === 23 ? Number(r[(word >>> 11) & 31]! & 31n) : (word >>> 11) & 31;
      const ones = mask(((word >>> 6) & 31) + 32, ((word >>> 1) & 31) + 32);
      const rotated = rotate32(r[rt]!, by) & ones;
      r[ra] = opcode === 20 ? rotated | (r[ra]! & (ALL ^ ones)) : rotated;
      if ((word & 1) === 1) m.record(r[ra]!);
      return true;
    }
    case 24:
      r[ra] = r[rt]! | unsigned;
      return true;
    case 25:
      r[ra] = r[rt]! | (unsigned << 16n);
      return true;
    case 26:
      r[ra] = r[rt]! ^ unsigned;
      return true;
    case 27:
      r[ra] = r[rt]! ^ (unsigned << 16n);
      return true;
    case 28:
    case 29:
      r[ra] = r[rt]! & (opcode === 28 ? unsigned : unsigned << 16n);
      m.record(r[ra]!);
      return true;
    case 30:
      return rotateDoubleword(m, word);
    case 31:
      return executeExtended(m, word);
    case 57:
      return (word & 3) >= 2;
    case 58: {
      const at = effective(m, word, signed16(word & 0xfffc));
      const form = word & 3;
      if (form === 3) return false;
      r[rt] = form === 2 ? BigInt.asUintN(64, BigInt.asIntN(32, m.memory.read(at, 4))) : m.memory.read(at, 8);
      if (form === 1) r[ra] = at;
      return true;
    }
    case 59:
      return true;
    case 61: {
      const form = word & 7;
      if (form === 1) return true;
      spill(
        m,
        effective(m, word, signed16(word & (form === 5 ? 0xfff0 : 0xfffc))),
        form === 5 ? 16 : form === 3 || form === 7 ? 4 : 8,
      );
      return true;
    }
    case 62: {
      const form = word & 3;
      if (form > 1) return false;
      const at = effective(m, word, signed16(word & 0xfffc));
      m.memory.write(at, 8, r[rt]!);
      if (form === 1) r[ra] = at;
      return true;
    }
    case 63:
      // fcmpu and fcmpo set a CR field.
      if ((word & 0x7be) === 0) m.setField((word >>> 23) & 7, m.random.below(16));
      return true;
  }
  if (opcode < 32 || opcode > 55 || opcode === 46 || opcode === 47) return false;
  displaced(m, word, opcode);
  return true;
}

/** Opcode 4: maddhd, maddhdu, maddld; vector instructions change no register that is looked at, but CR6 with a dot. */
function multiplyAdd(m: Machine, word: number): boolean {
  const form = word & 63;
  if (form === 48 || form === 49 || form === 51) {
    const [a, b, c] = [m.r[(word >>> 16) & 31]!, m.r[(word >>> 11) & 31]!, m.r[(word >>> 6) & 31]!];
    const s = (x: bigint) => BigInt.asIntN(64, x);
    const total = form === 49 ? a * b + c : s(a) * s(b) + s(c);
    m.r[(word >>> 21) & 31] = BigInt.asUintN(64, form === 51 ? total : total >> 64n);
    return true;
  }
  // Vector compares, and the few that write a general register (vextract...x, vclzlsbb, vctzlsbb), are left out.
  if ((form & 0x3e) === 6 || form === 13 || form === 2) return false;
  return true;
}

function rotateDoubleword(m: Machine, word: number): boolean {
  const { r } = m;
  const rs = (word >>> 21) & 31;
  const ra = (word >>> 16) & 31;
  const bits = ((word >>> 6) & 31) | (word & 32);
  const form = (word >>> 2) & 7;
  const isByRegister = form === 4;
  const by = isByRegister ? Number(r[(word >>> 11) & 31]! & 63n) : ((word >>> 11) & 31) | ((word & 2) << 4);
  const rotated = rotate64(r[rs]!, by);
  if (isByRegister) r[ra] = rotated & (((word >>> 1) & 1) === 0 ? mask(bits, 63) : mask(0, bits));
  else if (form === 0) r[ra] = rotated & mask(bits, 63);
  else if (form === 1) r[ra] = rotated & mask(0, bits);
  else if (form === 2) r[ra] = rotated & mask(bits, 63 - by);
  else if (form === 3) {
    const ones = mask(bits, 63 - by);
    r[ra] = (rotated & ones) | (r[ra]! & (ALL ^ ones));
  } else return false;
  if ((word & 1) === 1) m.record(r[ra]!);
  return true;
}

/** Eight-byte instructions: paddi, and the prefixed loads and stores of integers. */
function prefixed(m: Machine, prefix: number, word: number, pc: bigint): boolean {
  const type = (prefix >>> 24) & 3;
  const displacement = (BigInt(((prefix & 0x3ffff) << 14) >> 14) << 16n) + BigInt(word & 0xffff);
  const rt = (word >>> 21) & 31;
  const ra = (word >>> 16) & 31;
  const base = ((prefix >>> 20) & 1) === 1 ? pc : ra === 0 ? 0n : m.r[ra]!;
  const at = BigInt.asUintN(64, base + displacement);
  const opcode = word >>> 26;
  if (type === 2 && opcode === 14) m.r[rt] = at;
  else if (type === 0 && opcode === 57) m.r[rt] = m.memory.read(at, 8);
  else if (type === 0 && opcode === 41) move(m, 'signed', 4, rt, at);
  else if (type === 0 && opcode === 61) m.memory.write(at, 8, m.r[rt]!);
  else if (type === 2 && DISPLACED[opcode] !== undefined) move(m, ...DISPLACED[opcode]!, rt, at);
  else return false;
  return true;
}
