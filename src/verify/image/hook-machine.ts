/**
 * What registers, and the doublewords of a hook's frame, hold while its code is followed: in terms of what they held when the function
 * branched away, and of what the function left.
 */

/** What a register had at the branch (by number, 32 for LR; from LEFT on, what the function left in it), an address, or nothing. */
type Value = { readonly entry: number; readonly plus: number } | { readonly address: bigint } | undefined;

const LR = 32;
const LEFT = 64;
const NOP = 0x60000000;
const entry = (register: number, plus = 0): Value => ({ entry: register, plus });
const isEntry = (value: Value, register: number) =>
  value !== undefined && 'entry' in value && value.entry === register && value.plus === 0;
const isAddress = (value: Value, address: bigint) =>
  value !== undefined && 'address' in value && value.address === address;

/** Registers whose contents belong to the caller, or to nobody. */
const CALLERS = [1, 13, ...Array.from({ length: 18 }, (_, i) => 14 + i)];
const ARGUMENTS = [3, 4, 5, 6, 7, 8, 9, 10];
const LR_SLOT = 16;
/** Back chain, CR, LR and TOC slots, eight parameters: what lies above belongs to the frame's own function. */
const HEADER = 96;

export class HookedMachine {
  readonly #registers: Value[] = Array.from({ length: 33 }, (_, r) => entry(r));
  /** By bytes from r1 at the branch. */
  readonly #memory = new Map<number, Value>();
  readonly #toc: bigint;
  readonly #tocOnEntry: boolean;

  constructor(toc: bigint, tocOnEntry: boolean) {
    this.#toc = toc;
    this.#tocOnEntry = tocOnEntry;
    if (tocOnEntry) this.#registers[2] = { address: toc };
  }

  /** Where r1 points, bytes from where it did. */
  get #top(): number {
    const r1 = this.#registers[1];
    return r1 !== undefined && 'entry' in r1 && r1.entry === 1 ? r1.plus : Number.NaN;
  }

  /** A hook that has `k` in its st_other is called, behind the function or before it. */
  call(ip: bigint, k: number, isAfter: boolean): string | undefined {
    const r = this.#registers;
    if (!isAddress(r[3], ip)) return 'the hook does not get ip';
    if (!isEntry(r[4], LR)) return 'the hook does not get the return address';
    if (isAfter && !isEntry(r[5], LEFT + 3)) return 'the hook does not get the result';
    if (k === 1) return 'the hook does not keep r2';
    if (k >= 2 && !isAddress(r[2], this.#toc)) return 'the hook does not get the TOC in r2';
    return this.#leavesFor() ?? this.#clobber();
  }

  /** The function is called: with all that it was given, in a frame that hides nothing but its caller's. */
  callFunction(): string | undefined {
    const r = this.#registers;
    for (const register of ARGUMENTS) if (!isEntry(r[register], register)) return `r${register} is not what it was`;
    return this.#checkToc() ?? this.#leavesFor();
  }

  /** Behind the function: what it left in its result registers, and in r2 where that is not the TOC's. */
  afterFunction(): void {
    this.#clobber();
    const r = this.#registers;
    for (const register of [3, 4]) r[register] = entry(LEFT + register);
    if (!this.#tocOnEntry) r[2] = entry(LEFT + 2);
  }

  #leavesFor(): string | undefined {
    const isFrame = this.#top <= -112 && this.#top % 16 === 0;
    if (!isFrame || !isEntry(this.#memory.get(this.#top), 1)) return 'something is called without a frame';
    return isEntry(this.#memory.get(LR_SLOT), LR) ? undefined : 'the return address is not in its slot';
  }

  /** What a callee may change: volatile registers, and of the frame all that belongs to it: header and parameters. */
  #clobber(): undefined {
    const r = this.#registers;
    for (const volatile of [0, ...ARGUMENTS, 11, 12, LR]) r[volatile] = undefined;
    for (const at of [...this.#memory.keys()])
      if (at < this.#top || (at > this.#top && at < this.#top + HEADER)) this.#memory.delete(at);
  }

  #checkToc(): string | undefined {
    const r2 = this.#registers[2];
    const isHome = this.#tocOnEntry && isAddress(r2, this.#toc);
    return isHome || isEntry(r2, 2) ? undefined : 'r2 is not what it was';
  }

  #checkCallers(): string | undefined {
    const r = this.#registers;
    if (!isEntry(r[LR], LR)) return 'LR is not what it was';
    for (const register of CALLERS) if (!isEntry(r[register], register)) return `r${register} is not what it was`;
    return undefined;
  }

  /** The function goes on: everything that it was given is there. */
  goesOn(): string | undefined {
    const r = this.#registers;
    for (const register of ARGUMENTS) if (!isEntry(r[register], register)) return `r${register} is not what it was`;
    const fault = this.#checkCallers() ?? this.#checkToc();
    if (fault !== undefined) return fault;
    return isEntry(r[0], LR) || isEntry(r[0], 0) ? undefined : 'r0 does not hold the return address';
  }

  /** Back to the function's caller, with the function's result. */
  returns(): string | undefined {
    const r = this.#registers;
    for (const register of [3, 4]) if (!isEntry(r[register], LEFT + register)) return `r${register} is not the result`;
    const isToc = this.#tocOnEntry ? isAddress(r[2], this.#toc) : isEntry(r[2], LEFT + 2);
    return isToc ? this.#checkCallers() : 'r2 is not what the function left';
  }

  /** Whether the instruction is one of those that hooks are made of. */
  step(word: number, at: bigint): boolean {
    const r = this.#registers;
    const [t, a, d] = [(word >>> 21) & 31, (word >>> 16) & 31, (word << 16) >> 16];
    switch (word >>> 26) {
      case 14: // addi
        if (a === 0) return false;
        r[t] = plus(r[a], d);
        return true;
      case 15: // addis
        if (a === 0) return false;
        r[t] = plus(r[a], d * 0x10000);
        return true;
      case 24: // ori: nop alone
        return word === NOP;
      case 16: // bcl 20,31,.+4
        r[LR] = { address: at + 4n };
        return word === 0x429f0005;
      case 31:
        return this.#move(word, t, a);
      case 58: // ld
        if ((word & 3) !== 0 || a !== 1 || Number.isNaN(this.#top)) return false;
        r[t] = this.#memory.get(this.#top + d);
        return true;
      case 62: {
        // std, stdu
        if (a !== 1 || (word & 3) > 1 || Number.isNaN(this.#top)) return false;
        const to = this.#top + (d & ~3);
        // LR goes to its slot in the caller's frame; nothing else there is the trampoline's.
        if (to >= 0 && !(to === LR_SLOT && isEntry(r[t], LR))) return false;
        this.#memory.set(to, r[t]);
        if ((word & 3) === 1) r[1] = entry(1, to);
        return true;
      }
      default:
        return false;
    }
  }

  /** mflr, mtlr, mr */
  #move(word: number, t: number, a: number): boolean {
    const r = this.#registers;
    if ((word & 0xfc1fffff) >>> 0 === 0x7c0802a6) r[t] = r[LR];
    else if ((word & 0xfc1fffff) >>> 0 === 0x7c0803a6) r[LR] = r[t];
    else if ((word & 0x7ff) === 0x378 && t === ((word >>> 11) & 31)) r[a] = r[t];
    else return false;
    return true;
  }
}

function plus(value: Value, distance: number): Value {
  if (value === undefined) return undefined;
  return 'entry' in value ? entry(value.entry, value.plus + distance) : { address: value.address + BigInt(distance) };
}
