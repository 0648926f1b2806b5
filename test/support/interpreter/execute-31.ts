/** Instructions of primary opcode 31, and the logic of the condition register (opcode 19). */
import { arithmetic, logic, s32, s64, shiftRight, u64 } from './compute.ts';
import { asWord, move } from './execute.ts';
import { ALL, type Machine } from './machine.ts';

type Kind = 'load' | 'signed' | 'store' | 'float' | 'spill' | 'reversed' | 'put reversed' | 'conditional';

/** Indexed loads and stores by extended opcode: kind, bytes, whether the base is updated. */
const INDEXED: ReadonlyMap<number, readonly [Kind, number, boolean?]> = new Map([
  [20, ['load', 4]],
  [21, ['load', 8]],
  [23, ['load', 4]],
  [52, ['load', 1]],
  [53, ['load', 8, true]],
  [55, ['load', 4, true]],
  [84, ['load', 8]],
  [87, ['load', 1]],
  [116, ['load', 2]],
  [119, ['load', 1, true]],
  [149, ['store', 8]],
  [150, ['conditional', 4]],
  [151, ['store', 4]],
  [181, ['store', 8, true]],
  [183, ['store', 4, true]],
  [214, ['conditional', 8]],
  [215, ['store', 1]],
  [247, ['store', 1, true]],
  [279, ['load', 2]],
  [311, ['load', 2, true]],
  [341, ['signed', 4]],
  [343, ['signed', 2]],
  [373, ['signed', 4, true]],
  [375, ['signed', 2, true]],
  [407, ['store', 2]],
  [439, ['store', 2, true]],
  [532, ['reversed', 8]],
  [534, ['reversed', 4]],
  [535, ['float', 4]],
  [599, ['float', 8]],
  [660, ['put reversed', 8]],
  [662, ['put reversed', 4]],
  [663, ['spill', 4]],
  [694, ['conditional', 1]],
  [726, ['conditional', 2]],
  [727, ['spill', 8]],
  [790, ['reversed', 2]],
  [918, ['put reversed', 2]],
  [983, ['spill', 4]],
  // Vector loads and stores.
  [103, ['float', 16]],
  [332, ['float', 8]],
  [588, ['float', 8]],
  [780, ['float', 16]],
  [844, ['float', 16]],
  [231, ['spill', 16]],
  [396, ['spill', 16]],
  [716, ['spill', 8]],
  [908, ['spill', 16]],
  [972, ['spill', 16]],
] as [number, [Kind, number, boolean?]][]);

/** Barriers, cache hints, moves into vector registers and into privileged state: nothing that is looked at. */
const NOTHING: ReadonlySet<number> = new Set([
  22,
  54,
  86,
  146,
  178,
  179,
  198,
  246,
  278,
  435,
  598,
  854,
  982,
  30,
  62,
  434,
  498,
  402,
  470,
  774,
  838,
  128 + 51,
  211,
  243,
  403,
]);

function reversed(value: bigint, width: number): bigint {
  let result = 0n;
  for (let i = 0; i < width; i++) result = (result << 8n) | ((value >> BigInt(8 * i)) & 255n);
  return result;
}

/** @returns false for an instruction that is not known */
export function executeExtended(m: Machine, word: number): boolean {
  const { r } = m;
  const extended = (word >>> 1) & 0x3ff;
  const rt = (word >>> 21) & 31;
  const ra = (word >>> 16) & 31;
  const rb = (word >>> 11) & 31;
  const access = INDEXED.get(extended);
  if (access !== undefined) {
    const at = u64((ra === 0 ? 0n : r[ra]!) + r[rb]!);
    indexed(m, access[0], access[1], rt, at);
    if (access[2] === true) r[ra] = at;
    return true;
  }
  const computed = arithmetic(m, extended, r[ra]!, r[rb]!);
  if (computed !== undefined) {
    r[rt] = u64(computed);
    if ((word & 1) === 1) m.record(r[rt]!);
    return true;
  }
  const result = logic(m, extended, r[rt]!, r[rb]!, rb) ?? shiftedByImmediate(m, word, r[rt]!);
  if (result !== undefined) {
    r[ra] = u64(result);
    if ((word & 1) === 1) m.record(r[ra]!);
    return true;
  }
  return NOTHING.has(extended) || special(m, word, extended);
}

/** sradi and extswsli, whose shift has six bits. */
function shiftedByImmediate(m: Machine, word: number, s: bigint): bigint | undefined {
  const by = ((word >>> 11) & 31) | ((word & 2) << 4);
  const form = (word >>> 2) & 0x1ff;
  if (form === 413) return shiftRight(m, s64(s), by);
  return form === 445 ? s32(s) << BigInt(by) : undefined;
}

function indexed(m: Machine, kind: Kind, width: number, rt: number, at: bigint): void {
  if (kind === 'reversed') m.r[rt] = reversed(m.memory.read(at, width), width);
  else if (kind === 'put reversed') m.memory.write(at, width, reversed(BigInt.asUintN(8 * width, m.r[rt]!), width));
  else if (kind === 'conditional') {
    const succeeds = !m.random.oneIn(4);
    if (succeeds) m.memory.write(at, width, BigInt.asUintN(8 * width, m.r[rt]!));
    m.setField(0, succeeds ? 2 : 0);
  } else move(m, kind, width, rt, at);
}

/** Compares, selection, and moves to and from other registers. */
function special(m: Machine, word: number, extended: number): boolean {
  const { r } = m;
  const rt = (word >>> 21) & 31;
  const ra = (word >>> 16) & 31;
  const rb = (word >>> 11) & 31;
  const field = (word >>> 23) & 7;
  if ((extended & 31) === 15) {
    r[rt] = m.bit((word >>> 6) & 31) === 1 ? (ra === 0 ? 0n : r[ra]!) : r[rb]!;
    return true;
  }
  switch (extended) {
    case 0: {
      const bits = ((word >>> 21) & 1) === 1 ? 64 : 32;
      m.compare(field, BigInt.asIntN(bits, r[ra]!), BigInt.asIntN(bits, r[rb]!));
      return true;
    }
    case 32: {
      const bits = ((word >>> 21) & 1) === 1 ? 64 : 32;
      m.compare(field, BigInt.asUintN(bits, r[ra]!), BigInt.asUintN(bits, r[rb]!));
      return true;
    }
    case 19: {
      // mfocrf leaves the other fields undefined.
      const fields = ((word >>> 20) & 1) === 1 ? (word >>> 12) & 0xff : 0xff;
      const known = fieldMask(fields);
      r[rt] = BigInt(((m.cr & known) | (m.random.next() & ~known)) >>> 0);
      return true;
    }
    case 144: {
      const changed = fieldMask((word >>> 12) & 0xff);
      m.cr = ((m.cr & ~changed) | (Number(asWord(r[rt]!)) & changed)) >>> 0;
      return true;
    }
    case 339:
      r[rt] = fromSpecial(m, ra | (rb << 5));
      return true;
    case 467:
      if ((ra | (rb << 5)) === 8) m.lr = r[rt]!;
      else if ((ra | (rb << 5)) === 9) m.ctr = r[rt]!;
      else if ((ra | (rb << 5)) === 1) m.carry = (r[rt]! >> 29n) & 1n;
      return true;
    case 83: // mfmsr
    case 371: // mftb
    case 755: // darn
      r[rt] = m.random.wide();
      return true;
    case 51: // mfvsrd
    case 115: // mfvsrwz
    case 307: // mfvsrld
      r[ra] = m.random.wide();
      return true;
    case 128: // setb
      r[rt] = (m.field((word >>> 18) & 7) & 8) !== 0 ? ALL : (m.field((word >>> 18) & 7) & 4) !== 0 ? 1n : 0n;
      return true;
    case 384: // setbc, setbcr, setnbc, setnbcr
    case 416:
    case 448:
    case 480: {
      const isSet = (m.bit(ra) === 1) !== ((extended & 32) !== 0);
      r[rt] = isSet ? (extended < 448 ? 1n : ALL) : 0n;
      return true;
    }
    case 1014: // dcbz; the block has 128 bytes
      for (let i = 0n; i < 128n; i += 8n) m.memory.write((u64((ra === 0 ? 0n : r[ra]!) + r[rb]!) & ~127n) + i, 8, 0n);
      return true;
  }
  return false;
}

/** Four bits for each of the eight fields of an FXM operand. */
function fieldMask(fields: number): number {
  let bits = 0;
  for (let i = 0; i < 8; i++) if (((fields >>> (7 - i)) & 1) === 1) bits |= 15 << (28 - 4 * i);
  return bits;
}

function fromSpecial(m: Machine, number: number): bigint {
  if (number === 8) return m.lr;
  if (number === 9) return m.ctr;
  if (number === 1) return m.carry << 29n;
  return m.random.wide();
}

/** Opcode 19 without its branches. @returns false for what is not known */
export function executeConditionLogic(m: Machine, word: number): boolean {
  const extended = (word >>> 1) & 0x3ff;
  const target = (word >>> 21) & 31;
  const a = m.bit((word >>> 16) & 31);
  const b = m.bit((word >>> 11) & 31);
  switch (extended) {
    case 0:
      m.setField((word >>> 23) & 7, m.field((word >>> 18) & 7));
      return true;
    case 33:
      m.setBit(target, 1 - (a | b));
      return true;
    case 129:
      m.setBit(target, a & (1 - b));
      return true;
    case 150:
      return true;
    case 193:
      m.setBit(target, a ^ b);
      return true;
    case 225:
      m.setBit(target, 1 - (a & b));
      return true;
    case 257:
      m.setBit(target, a & b);
      return true;
    case 289:
      m.setBit(target, 1 - (a ^ b));
      return true;
    case 417:
      m.setBit(target, a | (1 - b));
      return true;
    case 449:
      m.setBit(target, a | b);
      return true;
  }
  return false;
}
