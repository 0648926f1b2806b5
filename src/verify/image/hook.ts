/**
 * Follows the code of a hook in a linked image, a straight line, with a small machine: what each register and each doubleword of the
 * trampoline's frame holds, in terms of what they held when the function branched away. At the call the hook has to get ip and the return
 * address; on the way back everything that belongs to the function or its caller has to be what it was.
 */
import type { ElfFile } from '../../elf/read.ts';
import { symbolAddress } from '../../kernel/image-layout.ts';
import type { ImageFunction } from './actions.ts';
import type { ImageWords } from './words.ts';

export interface WantedHook {
  readonly hooks: readonly ImageFunction[];
  readonly own: ImageFunction;
  readonly ip: bigint;
  /** Where the function goes on. */
  readonly resume: bigint;
  /** The word that the branch replaced, which runs last; `undefined` where it was the call site's. */
  readonly moved: number | undefined;
}

/** What a register had at the branch (by number, 32 for LR), an address, or nothing that is known. */
type Value = { readonly entry: number; readonly plus: number } | { readonly address: bigint } | undefined;

const LR = 32;
const NOP = 0x60000000;
const entry = (register: number, plus = 0): Value => ({ entry: register, plus });
const isEntry = (value: Value, register: number) =>
  value !== undefined && 'entry' in value && value.entry === register && value.plus === 0;
const isAddress = (value: Value, address: bigint) =>
  value !== undefined && 'address' in value && value.address === address;

/** Registers whose contents belong to somebody else: r1, r2, the arguments, r13 to r31. */
const OWNED = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, ...Array.from({ length: 18 }, (_, i) => 14 + i)];
/** The longest hook is far shorter. */
const MOST_WORDS = 200;

/** @returns what is wrong with it; `undefined` where nothing is */
export function followImageHook(
  words: ImageWords,
  image: ElfFile,
  start: bigint,
  wanted: WantedHook,
): string | undefined {
  const machine = new Machine(symbolAddress(image, '.TOC.') ?? 0n, wanted.own.k >= 2);
  let calls = 0;
  for (let n = 0, at = start; n < MOST_WORDS; n++, at += 4n) {
    const word = words.at(at);
    if (word === undefined) return 'it runs over its end';
    if (words.branchAt(at + 4n) === wanted.resume && wanted.moved !== undefined)
      return word === wanted.moved ? machine.leaves(calls) : 'the instruction that the branch replaced is missing';
    if (words.branchAt(at) === wanted.resume)
      return wanted.moved === undefined ? machine.leaves(calls) : 'the instruction that the branch replaced is missing';
    const called = words.branchAt(at, true);
    if (called !== undefined) {
      const hook = wanted.hooks.find(h => h.local === called);
      if (hook === undefined) return 'it calls something else';
      const fault = machine.call(wanted.ip, hook.k);
      if (fault !== undefined) return fault;
      calls++;
    } else if (!machine.step(word, at)) return `0x${word.toString(16)} is nothing that a hook does`;
  }
  return 'it does not come to an end';
}

class Machine {
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

  call(ip: bigint, k: number): string | undefined {
    const r = this.#registers;
    if (!isAddress(r[3], ip)) return 'the hook does not get ip';
    if (!isEntry(r[4], LR)) return 'the hook does not get the return address';
    if (k >= 2 && !isAddress(r[2], this.#toc)) return 'the hook does not get the TOC in r2';
    if (!(this.#top <= -112) || this.#top % 16 !== 0) return 'the hook is called without a frame';
    for (const volatile of [0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, LR]) r[volatile] = undefined;
    for (const at of [...this.#memory.keys()])
      if (at < this.#top || [8, 16, 24].includes(at - this.#top)) this.#memory.delete(at);
    return undefined;
  }

  leaves(calls: number): string | undefined {
    const r = this.#registers;
    if (calls !== 1) return `the hook is called ${calls} times`;
    if (!isEntry(r[LR], LR)) return 'LR is not what it was';
    for (const register of OWNED) {
      const isHome = register === 2 && this.#tocOnEntry && isAddress(r[2], this.#toc);
      if (!isHome && !isEntry(r[register], register)) return `r${register} is not what it was`;
    }
    return isEntry(r[0], LR) || isEntry(r[0], 0) ? undefined : 'r0 does not hold the return address';
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
        if (to >= 0 && !(to === 16 && isEntry(r[t], LR))) return false;
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
