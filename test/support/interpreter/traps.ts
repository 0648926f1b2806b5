/** Traps: Power ISA 3.1, Book I, 3.3.11. */
import type { Machine } from './machine.ts';

/** tdi, twi, tw, td */
export function isTrap(word: number): boolean {
  const opcode = word >>> 26;
  return opcode === 2 || opcode === 3 || (opcode === 31 && ((word & 0x7fe) === 8 || (word & 0x7fe) === 136));
}

/** Whether the condition of a trap holds. */
export function doesTrap(m: Machine, word: number): boolean {
  const conditions = (word >>> 21) & 31;
  const opcode = word >>> 26;
  const bits = opcode === 2 || (opcode === 31 && (word & 0x7fe) === 136) ? 64 : 32;
  const a = m.r[(word >>> 16) & 31]!;
  const b = opcode === 31 ? m.r[(word >>> 11) & 31]! : BigInt((word << 16) >> 16);
  const [x, y] = [BigInt.asIntN(bits, a), BigInt.asIntN(bits, b)];
  const [u, v] = [BigInt.asUintN(bits, a), BigInt.asUintN(bits, b)];
  return (
    ((conditions & 16) !== 0 && x < y) ||
    ((conditions & 8) !== 0 && x > y) ||
    ((conditions & 4) !== 0 && x === y) ||
    ((conditions & 2) !== 0 && u < v) ||
    ((conditions & 1) !== 0 && u > v)
  );
}
