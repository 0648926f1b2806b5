/**
 * Laying a relocation's value into the words at its place, and reading it back (fields of section 3.5.1).
 *
 * Bits outside the field are kept. Bits of the value that the field has no room for are dropped: whether that loses
 * anything is the business of `checkPsabi` and `checkKernel`.
 */

import type { RelocationField } from './relocation-types.ts';
import { relocationFacts } from './relocations.ts';

/** The 32-bit words read little-endian at P and at P + 4; the second matters only for fields of eight bytes. */
export interface PlaceWords {
  readonly first: number;
  readonly second: number;
}

function fieldOf(type: number): RelocationField {
  return relocationFacts(type)?.field ?? 'none';
}

function merge(word: number, mask: number, bits: number): number {
  return ((word & ~mask) | (bits & mask)) >>> 0;
}

/** d0, d1 and d2 of `addpcis`: MSB-0 bits 16:25 hold the high ten bits, 11:15 the next five, 31 the lowest. */
function splitHalf(half: number): number {
  return (half & 0xffc0) | ((half & 0x3e) << 15) | (half & 1);
}

function joinHalf(word: number): number {
  return (word & 0xffc0) | ((word >>> 15) & 0x3e) | (word & 1);
}

const splitMask = 0x001fffc1;

/** The words with `value` in the field of `type`. Types without a field leave the words as they are. */
export function encodeField(type: number, words: PlaceWords, value: bigint): PlaceWords {
  const { first, second } = words;
  const low = Number(BigInt.asUintN(32, value));
  const high = Number(BigInt.asUintN(32, value >> 32n));
  switch (fieldOf(type)) {
    case 'none':
      return { first: first >>> 0, second: second >>> 0 };
    case 'word64':
      return { first: low, second: high };
    case 'word32':
      return { first: low, second };
    case 'word30':
      return { first: merge(first, 0xfffffffc, low), second };
    case 'low24':
      return { first: merge(first, 0x03fffffc, low), second };
    case 'low14':
    case 'half16ds':
      return { first: merge(first, 0xfffc, low), second };
    case 'half16':
      return { first: merge(first, 0xffff, low), second };
    case 'half16dq':
      return { first: merge(first, 0xfff0, low), second };
    case 'split16':
      return { first: merge(first, splitMask, splitHalf(low)), second };
    case 'prefix34':
      return { first: merge(first, 0x3ffff, Number((value >> 16n) & 0x3ffffn)), second: merge(second, 0xffff, low) };
    case 'prefix28':
      return { first: merge(first, 0xfff, low >>> 16), second: merge(second, 0xffff, low) };
  }
}

/** The signed value that the field of `type` holds now (branches in bytes); 0 for types without a field. */
export function decodeField(type: number, { first, second }: PlaceWords): bigint {
  switch (fieldOf(type)) {
    case 'none':
      return 0n;
    case 'word64':
      return BigInt.asIntN(64, (BigInt(second >>> 0) << 32n) | BigInt(first >>> 0));
    case 'word32':
      return BigInt(first | 0);
    case 'word30':
      return BigInt(first & ~3);
    case 'low24':
      return BigInt(decodeRel24(first));
    case 'low14':
    case 'half16ds':
      return BigInt(((first & 0xfffc) << 16) >> 16);
    case 'half16':
      return BigInt((first << 16) >> 16);
    case 'half16dq':
      return BigInt(((first & 0xfff0) << 16) >> 16);
    case 'split16':
      return BigInt((joinHalf(first) << 16) >> 16);
    case 'prefix34':
      return BigInt.asIntN(34, (BigInt(first & 0x3ffff) << 16n) | BigInt(second & 0xffff));
    case 'prefix28':
      return BigInt.asIntN(28, (BigInt(first & 0xfff) << 16n) | BigInt(second & 0xffff));
  }
}

/** Can a `b` or `bl` cover this distance in bytes? ±32 MB, a multiple of 4. */
export function fitsRel24(displacement: number): boolean {
  return displacement >= -0x2000000 && displacement <= 0x1fffffc && (displacement & 3) === 0;
}

/** `word` (an I-form branch) with `displacement` bytes as its LI field; AA and LK are kept. Check `fitsRel24` first. */
export function encodeRel24(word: number, displacement: number): number {
  return ((word & ~0x03fffffc) | (displacement & 0x03fffffc)) >>> 0;
}

/** The signed byte distance in the LI field of an I-form branch. */
export function decodeRel24(word: number): number {
  return ((word & 0x03fffffc) << 6) >> 6;
}
