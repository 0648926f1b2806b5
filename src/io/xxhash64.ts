/**
 * XXH64 with seed 0, whose low 32 bits are the content checksum of a zstd frame (RFC 8878, section 3.1.1).
 *
 * 64-bit values are pairs of 32-bit words. BigInt would be shorter and twenty times slower. Functions that give a pair
 * leave it in `hi` and `lo`; both are signed, which does not matter to sums, products and rotations modulo 2^64.
 */
let hi = 0;
let lo = 0;

type Word64 = readonly [high: number, low: number];

const PRIME_1: Word64 = [0x9e3779b1, 0x85ebca87];
const PRIME_2: Word64 = [0xc2b2ae3d, 0x27d4eb4f];
const PRIME_3: Word64 = [0x165667b1, 0x9e3779f9];
const PRIME_4: Word64 = [0x85ebca77, 0xc2b2ae63];
const PRIME_5: Word64 = [0x27d4eb2f, 0x165667c5];

const STRIPE = 32;

function add(otherHigh: number, otherLow: number): void {
  const sum = (lo >>> 0) + (otherLow >>> 0);
  hi = (hi + otherHigh + (sum > 0xffff_ffff ? 1 : 0)) | 0;
  lo = sum | 0;
}

function multiply(high: number, low: number): void {
  const a = lo >>> 16;
  const b = lo & 0xffff;
  const c = low >>> 16;
  const d = low & 0xffff;
  const middle = a * d + ((b * d) >>> 16); // below 2^32
  const carry = b * c + (middle & 0xffff);
  hi = (a * c + (middle >>> 16) + (carry >>> 16) + Math.imul(hi, low) + Math.imul(lo, high)) | 0;
  lo = Math.imul(lo, low);
}

function rotate(count: number): void {
  const [h, l] = count < 32 ? [hi, lo] : [lo, hi];
  const n = count & 31;
  hi = (h << n) | (l >>> (32 - n));
  lo = (l << n) | (h >>> (32 - n));
}

function shiftXor(count: number): void {
  if (count < 32) {
    lo ^= (lo >>> count) | (hi << (32 - count));
    hi ^= hi >>> count;
  } else {
    lo ^= hi >>> (count - 32);
  }
}

/** One lane: `rotate(accumulator + word * PRIME_2, 31) * PRIME_1`, the accumulator being in `hi`, `lo`. */
function round(wordHigh: number, wordLow: number): void {
  const high = hi;
  const low = lo;
  hi = wordHigh;
  lo = wordLow;
  multiply(PRIME_2[0], PRIME_2[1]);
  add(high, low);
  rotate(31);
  multiply(PRIME_1[0], PRIME_1[1]);
}

/** The low 32 bits of XXH64(bytes, 0), unsigned. */
export function xxh64Low(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.byteLength;
  let at = 0;

  if (length >= STRIPE) {
    const high = new Int32Array(4);
    const low = new Int32Array(4);
    [hi, lo] = PRIME_1;
    add(PRIME_2[0], PRIME_2[1]);
    high[0] = hi;
    low[0] = lo;
    [high[1], low[1]] = PRIME_2;
    [hi, lo] = [~PRIME_1[0], ~PRIME_1[1]];
    add(0, 1);
    high[3] = hi;
    low[3] = lo;
    for (; at + STRIPE <= length; at += STRIPE) {
      for (let lane = 0; lane < 4; lane++) {
        hi = high[lane]!;
        lo = low[lane]!;
        round(view.getInt32(at + lane * 8 + 4, true), view.getInt32(at + lane * 8, true));
        high[lane] = hi;
        low[lane] = lo;
      }
    }
    let sumHigh = 0;
    let sumLow = 0;
    for (let lane = 0; lane < 4; lane++) {
      hi = high[lane]!;
      lo = low[lane]!;
      rotate([1, 7, 12, 18][lane]!);
      add(sumHigh, sumLow);
      sumHigh = hi;
      sumLow = lo;
    }
    for (let lane = 0; lane < 4; lane++) {
      hi = 0;
      lo = 0;
      round(high[lane]!, low[lane]!);
      hi ^= sumHigh;
      lo ^= sumLow;
      multiply(PRIME_1[0], PRIME_1[1]);
      add(PRIME_4[0], PRIME_4[1]);
      sumHigh = hi;
      sumLow = lo;
    }
  } else {
    [hi, lo] = PRIME_5;
  }
  add(Math.floor(length / 2 ** 32), length | 0);

  for (; at + 8 <= length; at += 8) {
    const high = hi;
    const low = lo;
    hi = 0;
    lo = 0;
    round(view.getInt32(at + 4, true), view.getInt32(at, true));
    hi ^= high;
    lo ^= low;
    rotate(27);
    multiply(PRIME_1[0], PRIME_1[1]);
    add(PRIME_4[0], PRIME_4[1]);
  }
  if (at + 4 <= length) {
    mixIn(view.getInt32(at, true), PRIME_1);
    rotate(23);
    multiply(PRIME_2[0], PRIME_2[1]);
    add(PRIME_3[0], PRIME_3[1]);
    at += 4;
  }
  for (; at < length; at++) {
    mixIn(view.getUint8(at), PRIME_5);
    rotate(11);
    multiply(PRIME_1[0], PRIME_1[1]);
  }

  shiftXor(33);
  multiply(PRIME_2[0], PRIME_2[1]);
  shiftXor(29);
  multiply(PRIME_3[0], PRIME_3[1]);
  shiftXor(32);
  return lo >>> 0;
}

function mixIn(word: number, prime: Word64): void {
  const high = hi;
  const low = lo;
  hi = 0;
  lo = word;
  multiply(prime[0], prime[1]);
  hi ^= high;
  lo ^= low;
}
