/**
 * A processor for the interpreter: registers and memory as the Power ISA has them, and nothing more than compiled kernel code
 * looks at. Written from Power ISA 3.1 alone, to be a second opinion about the prover: it shares no code with `src/prove`.
 *
 * Registers are bigints from 0 to 2^64 - 1. What was never written is made up when it is first read.
 */

export const ALL = (1n << 64n) - 1n;

/** A generator of 32-bit numbers (xorshift), the same for the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed ^ 0x9e3779b9) >>> 0 || 1;
    for (let i = 0; i < 4; i++) this.next();
  }

  next(): number {
    let s = this.#state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#state = s >>> 0;
    return this.#state;
  }

  below(limit: number): number {
    return this.next() % limit;
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.next() % times === 0;
  }

  wide(): bigint {
    return (BigInt(this.next()) << 32n) | BigInt(this.next());
  }

  /** What a variable of a program might hold: small numbers, errors, pointers, anything. */
  value(): bigint {
    switch (this.below(8)) {
      case 0:
        return 0n;
      case 1:
        return BigInt(this.below(8));
      case 2:
        return BigInt(this.below(200));
      case 3:
        return BigInt.asUintN(64, -BigInt(this.below(140)));
      case 4:
      case 5:
        return 0xc000_0001_0000_0000n + BigInt(this.below(1 << 24) * 16);
      default:
        return this.wide();
    }
  }
}

/** Bytes of memory, kept as doublewords by address / 8. */
export class Memory {
  readonly #words = new Map<bigint, bigint>();
  readonly #origin: (address: bigint) => bigint;
  readonly #isFixed: (address: bigint) => boolean;
  /** Doublewords, by address / 8, in which calling conventions have put something. */
  readonly guarded = new Set<bigint>();
  /** A store has hit one of them, or what is fixed. */
  isHit = false;

  /**
   * @param origin the doubleword at an address (a multiple of 8) that nobody has written
   * @param isFixed whether nothing may be written there: code and constants
   */
  constructor(origin: (address: bigint) => bigint, isFixed: (address: bigint) => boolean = () => false) {
    this.#origin = origin;
    this.#isFixed = isFixed;
  }

  #doubleword(at: bigint): bigint {
    let value = this.#words.get(at);
    if (value === undefined) {
      value = this.#origin(BigInt.asUintN(64, at << 3n));
      this.#words.set(at, value);
    }
    return value;
  }

  /** `width` bytes from `address` on, least significant first. */
  read(address: bigint, width: number): bigint {
    const at = address >> 3n;
    const skip = Number(address & 7n);
    if (skip + width <= 8) {
      const word = this.#doubleword(at);
      return width === 8 ? word : BigInt.asUintN(width * 8, word >> BigInt(skip * 8));
    }
    const low = 8 - skip;
    return (
      this.read(address, low) | (this.read(BigInt.asUintN(64, address + BigInt(low)), width - low) << BigInt(low * 8))
    );
  }

  write(address: bigint, width: number, value: bigint): void {
    const at = address >> 3n;
    const skip = Number(address & 7n);
    if (this.guarded.has(at) || this.#isFixed(address)) this.isHit = true;
    if (width === 8 && skip === 0) {
      this.#words.set(at, value);
      return;
    }
    if (skip + width > 8) {
      const low = 8 - skip;
      this.write(address, low, BigInt.asUintN(low * 8, value));
      this.write(BigInt.asUintN(64, address + BigInt(low)), width - low, value >> BigInt(low * 8));
      return;
    }
    const bits = BigInt(skip * 8);
    const mask = ((1n << BigInt(width * 8)) - 1n) << bits;
    this.#words.set(at, (this.#doubleword(at) & (ALL ^ mask)) | ((value << bits) & mask));
  }

  /** What lies in [from, to) becomes anything. Both are multiples of 8. */
  spoil(from: bigint, to: bigint): void {
    const [first, last] = [from >> 3n, to >> 3n];
    for (const at of this.#words.keys()) if (at >= first && at < last) this.#words.delete(at);
    for (const at of this.guarded) if (at >= first && at < last) this.guarded.delete(at);
  }
}

export class Machine {
  /** General registers. */
  readonly r: bigint[];
  lr: bigint;
  ctr: bigint;
  /** The condition register; CR0 is in the four highest bits. */
  cr: number;
  /** XER's carry. */
  carry: bigint;
  readonly memory: Memory;
  readonly random: Random;

  constructor(memory: Memory, random: Random) {
    this.memory = memory;
    this.random = random;
    this.r = Array.from({ length: 32 }, () => random.value());
    this.lr = random.wide() & ~3n & ALL;
    this.ctr = random.wide();
    this.cr = random.next();
    this.carry = BigInt(random.below(2));
  }

  /** The four bits of CR field `field`. */
  field(field: number): number {
    return (this.cr >>> (28 - 4 * field)) & 15;
  }

  setField(field: number, bits: number): void {
    const shift = 28 - 4 * field;
    this.cr = ((this.cr & ~(15 << shift)) | (bits << shift)) >>> 0;
  }

  /** Bit 0 is the most significant one. */
  bit(bit: number): number {
    return (this.cr >>> (31 - bit)) & 1;
  }

  setBit(bit: number, value: number): void {
    const mask = 1 << (31 - bit);
    this.cr = (value === 1 ? this.cr | mask : this.cr & ~mask) >>> 0;
  }

  /** LT, GT, EQ and no summary overflow. */
  compare(field: number, a: bigint, b: bigint): void {
    this.setField(field, a < b ? 8 : a > b ? 4 : 2);
  }

  /** What a dot at the end of a mnemonic asks for. */
  record(result: bigint): void {
    this.compare(0, BigInt.asIntN(64, result), 0n);
  }
}
