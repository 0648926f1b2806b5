/** A machine of two CPUs for the code of `shadow`, instruction by instruction: see the tests that use it. */
import { expect } from 'vitest';
import { decode } from '../../../../src/ppc64/decode.ts';
import type { Template } from '../../../../src/trampoline/template.ts';

const CODE = 0x1000n;
const STATE = 0x100000n;
export const TABLE = 0x200000n;
const TOC = 0x308000n;
/** G, and F behind its branch: places that the test acts out. */
const G = 0x400000n;
const F = 0x500000n;
/** Return addresses are made from here on; each call has one of its own. */
const RETURNS = 0x1_0000_0000n;
export const SIZE = { slot: 32n, slots: 1055 };

class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }
}

const u64 = (value: bigint) => BigInt.asUintN(64, value);
const s64 = (value: bigint) => BigInt.asIntN(64, value);

/** How F goes on, for templates. */
export const REST: Template = [
  { asm: 'b function', word: 0x48000000, relocation: { type: 10, role: 'function', addend: 0 } },
];

/** Words with their relocations filled in, from CODE on. */
function linked(template: Template): readonly number[] {
  const symbols: Readonly<Record<string, bigint>> = {
    state: STATE,
    table: TABLE,
    '.TOC.': TOC,
    target: G,
    function: F,
  };
  return template.flatMap(({ word, relocation }, i, all) => {
    if (i > 0 && all[i - 1]!.relocation?.type === 38) return [];
    if (relocation === undefined) return [word];
    const value = symbols[relocation.role]! + BigInt(relocation.addend);
    const distance = Number(value - CODE) - i * 4;
    if (relocation.type === 252) return [word | (((distance + 0x8000) >> 16) & 0xffff)];
    if (relocation.type === 250) return [word | (distance & 0xffff)];
    if (relocation.type === 38) return [Number(value), 0];
    return [word | (distance & 0x03fffffc)];
  });
}

/** Of the second stacks: tasks have 16 KiB, which these grow up in from the end. */
export const OFFSETS = { threadInfo: 2312, sp: 16 } as const;
const PACA = 0x600000n;
const THREAD = 0x700000n;
const STACK = 0xc000_0000_1000_0000n;
const STACK_SIZE = 0x4000n;

function isOfStack(at: bigint): boolean {
  if (at >= STACK) return (at - STACK) % STACK_SIZE < 0x2000n;
  return at >= THREAD && at < THREAD + 0x10000n && (at - THREAD) % 64n === BigInt(OFFSETS.sp);
}

interface Context {
  readonly r: bigint[];
  lr: bigint;
  ctr: bigint;
  /** CR0: less, greater, equal. */
  cr: number;
  pc: bigint;
  reservation: bigint | undefined;
  /** Return addresses that are still owed, with r1 and r2 there. */
  readonly owed: { readonly to: bigint; readonly r1: bigint; readonly r2: bigint; readonly lr: bigint }[];
  calls: number;
}

export class Machine {
  readonly memory = new Map<bigint, bigint>();
  words: readonly number[];
  readonly random: Random;
  readonly saved: boolean;
  readonly usesStack: boolean;
  /** What runs on each CPU; interrupts on top. */
  readonly cpus: Context[][] = [[], []];
  readonly waiting: Context[] = [];
  entries = 0;
  originals = 0;
  returns = 0;
  #next = RETURNS;

  /** @param usesStack the code keeps its things on the second stack of the task */
  constructor(template: Template, toc: 'saved' | 'recomputed', seed: number, limit: bigint, usesStack = false) {
    this.words = linked(template);
    this.saved = toc === 'saved';
    this.random = new Random(seed);
    this.usesStack = usesStack;
    this.memory.set(STATE + 32n, limit);
  }

  read(at: bigint): bigint {
    if (at >= CODE && at < CODE + BigInt(this.words.length * 4)) {
      const i = Number(at - CODE) / 4;
      return BigInt(this.words[i]!) | (BigInt(this.words[i + 1]!) << 32n);
    }
    return this.memory.get(at) ?? 0n;
  }

  write(at: bigint, value: bigint): void {
    const isData = this.usesStack ? isOfStack(at) : at >= TABLE && at < TABLE + SIZE.slot * BigInt(SIZE.slots);
    if (!isData && !(at >= STATE && at < STATE + 40n)) throw new Error(`a store to 0x${at.toString(16)}`);
    this.memory.set(at, value);
    for (const c of [...this.cpus.flat(), ...this.waiting]) if (c.reservation === at) c.reservation = undefined;
  }

  /** A call of F. */
  enter(c: Context, r1: bigint): void {
    this.entries++;
    this.#next += 4n;
    // r2 of a caller may be anything where F says nothing of it; it comes back as it was, or as the home's TOC.
    const r2 = this.saved ? 0x7000n + this.#next : TOC;
    c.owed.push({ to: this.#next, r1, r2, lr: c.lr });
    c.r[1] = r1;
    c.r[2] = r2;
    for (let i = 3; i <= 10; i++) c.r[i] = this.#next + BigInt(i);
    c.lr = this.#next;
    c.pc = CODE;
  }

  /** @param paca where the task is found */
  task(r1: bigint, paca = 0n): Context {
    const zeros = Array.from({ length: 32 }, () => 0n);
    const c = { r: zeros, lr: 0n, ctr: 0n, cr: 0, pc: 0n, reservation: undefined, owed: [], calls: 0 };
    c.r[13] = paca;
    this.enter(c, r1);
    return c;
  }

  /** What G does: calls F, jumps to it, takes its time, or returns. */
  #replacement(c: Context): void {
    expect(c.r.slice(3, 11)).toEqual(c.r.slice(3, 11).map((_, i) => c.r[3]! + BigInt(i)));
    const choice = this.random.below(10);
    if (c.calls < 40 && choice < 2) {
      c.calls++;
      this.enter(c, c.r[1]! - 112n);
    } else if (c.calls < 40 && choice === 2) {
      c.calls++;
      this.entries++;
      // A sibling call out of G: the home is another, so r2 is G's.
      c.r[2] = this.saved ? 0x9000n : TOC;
      c.pc = CODE;
    } else if (choice > 7) {
      for (const register of [0, 5, 6, 7, 8, 9, 10, 11, 12]) c.r[register] = 0xdeadn;
      c.r[2] = 0xbadn;
      c.r[3] = 77n;
      c.r[4] = 78n;
      c.ctr = 0xdeadn;
      c.pc = c.lr;
    }
  }

  /** @returns false when the context has nothing left to do */
  step(c: Context): boolean {
    if (c.pc === G) this.#replacement(c);
    else if (c.pc === F) {
      this.originals++;
      // As `mflr r0` in front of the branch left it.
      expect(c.r[0]).toBe(c.lr);
      expect(c.r[4]! - c.r[3]!).toBe(1n);
      c.r[3] = 77n;
      c.r[4] = 78n;
      c.pc = c.lr;
    } else if (c.pc >= RETURNS) {
      const owed = c.owed.pop()!;
      this.returns++;
      expect([c.pc, c.r[1], c.r[2], c.r[3], c.r[4]]).toEqual([owed.to, owed.r1, owed.r2, 77n, 78n]);
      if (c.owed.length === 0) return false;
      c.r[1] = c.owed.at(-1)!.r1;
      for (let i = 3; i <= 10; i++) c.r[i] = BigInt(i);
      c.lr = owed.lr;
      c.pc = G;
    } else this.#execute(c);
    return true;
  }

  #execute(c: Context): void {
    const word = this.words[Number(c.pc - CODE) / 4]!;
    const decoded = decode(word);
    if (!decoded.known) throw new Error(`0x${word.toString(16)} at 0x${c.pc.toString(16)}`);
    const [a = 0, b = 0, d = 0] = decoded.values;
    const { r } = c;
    const base = (register: number) => (register === 0 ? 0n : r[register]!);
    const compare = (x: bigint, y: bigint) => (x < y ? 8 : x > y ? 4 : 2);
    const { pc } = c;
    c.pc += 4n;
    const opcode = word >>> 26;
    if (opcode === 18) {
      c.pc = pc + BigInt(((word & 0x03fffffc) << 6) >> 6);
      return;
    }
    if (opcode === 16) {
      const options = (word >>> 21) & 31;
      if ((word & 1) === 1) c.lr = pc + 4n;
      let taken = true;
      if ((options & 4) === 0) {
        c.ctr = u64(c.ctr - 1n);
        taken = c.ctr !== 0n;
      }
      if ((options & 16) === 0) taken &&= ((c.cr >> (3 - ((word >>> 16) & 3))) & 1) === ((options >>> 3) & 1);
      if (taken) c.pc = pc + BigInt(((word & 0xfffc) << 16) >> 16);
      return;
    }
    switch (opcode === 31 ? (word >>> 1) & 0x3ff : -opcode) {
      case -14:
        r[(word >>> 21) & 31] = u64(base((word >>> 16) & 31) + BigInt(((word & 0xffff) << 16) >> 16));
        return;
      case -15:
        r[(word >>> 21) & 31] = u64(base((word >>> 16) & 31) + BigInt((word & 0xffff) << 16));
        return;
      case -24:
        r[(word >>> 16) & 31] = r[(word >>> 21) & 31]! | BigInt(word & 0xffff);
        return;
      case -21: {
        const x = Number(BigInt.asUintN(32, r[(word >>> 21) & 31]!));
        const [shift, begin, end] = [(word >>> 11) & 31, (word >>> 6) & 31, (word >>> 1) & 31];
        const mask = (0xffffffff >>> begin) & (0xffffffff << (31 - end));
        r[(word >>> 16) & 31] = BigInt((((x << shift) | (x >>> (32 - shift))) & mask) >>> 0);
        return;
      }
      case -30:
        expect(word).toBe(0x796c04e0);
        r[12] = r[11]! & 0x1fffn;
        return;
      case -10:
        c.cr = compare(r[(word >>> 16) & 31]!, BigInt(word & 0xffff));
        return;
      case 40:
        r[(word >>> 21) & 31] = u64(r[(word >>> 11) & 31]! - r[(word >>> 16) & 31]!);
        return;
      case 68:
        if (r[(word >>> 16) & 31] !== r[(word >>> 11) & 31]) throw new Error('the trap');
        return;
      case -11:
        c.cr = compare(s64(r[(word >>> 16) & 31]!), BigInt(((word & 0xffff) << 16) >> 16));
        return;
      case -58:
        r[(word >>> 21) & 31] = this.read(u64(r[(word >>> 16) & 31]! + BigInt(((word & 0xfffc) << 16) >> 16)));
        return;
      case -62:
        this.write(u64(r[(word >>> 16) & 31]! + BigInt(((word & 0xfffc) << 16) >> 16)), r[(word >>> 21) & 31]!);
        return;
      case 0:
        c.cr = compare(s64(r[(word >>> 16) & 31]!), s64(r[(word >>> 11) & 31]!));
        return;
      case 32:
        c.cr = compare(r[(word >>> 16) & 31]!, r[(word >>> 11) & 31]!);
        return;
      case 84:
        c.reservation = u64(base((word >>> 16) & 31) + r[(word >>> 11) & 31]!);
        r[(word >>> 21) & 31] = this.read(c.reservation);
        return;
      case 214: {
        const at = u64(base((word >>> 16) & 31) + r[(word >>> 11) & 31]!);
        const holds = c.reservation === at;
        c.reservation = undefined;
        c.cr = holds ? 2 : 0;
        if (holds) this.write(at, r[(word >>> 21) & 31]!);
        return;
      }
      case 235:
        r[(word >>> 21) & 31] = u64(
          BigInt.asIntN(32, r[(word >>> 16) & 31]!) * BigInt.asIntN(32, r[(word >>> 11) & 31]!),
        );
        return;
      case 266:
        r[(word >>> 21) & 31] = u64(r[(word >>> 16) & 31]! + r[(word >>> 11) & 31]!);
        return;
      case 444:
        r[(word >>> 16) & 31] = r[(word >>> 21) & 31]! | r[(word >>> 11) & 31]!;
        return;
      case 339:
        r[a] = ((word >>> 16) & 31) === 8 ? c.lr : c.ctr;
        return;
      case 467:
        if (((word >>> 16) & 31) === 8) c.lr = r[(word >>> 21) & 31]!;
        else c.ctr = r[(word >>> 21) & 31]!;
        return;
      case 598:
        return;
      case -19:
        if (((word >>> 1) & 0x3ff) === 16) c.pc = c.lr;
        else {
          expect(r[12]).toBe(c.ctr);
          c.lr = pc + 4n;
          c.pc = c.ctr;
        }
        return;
    }
    throw new Error(`${decoded.instruction.mnemonic} ${a},${b},${d}`);
  }

  run(tasks: number, steps: number): void {
    for (let i = 0n; i < tasks; i++) {
      // A pointer to the task, the task, and in it the end of its second stack.
      this.memory.set(PACA + i * 16n + BigInt(OFFSETS.threadInfo), THREAD + i * 64n);
      this.memory.set(THREAD + i * 64n + BigInt(OFFSETS.sp), STACK + i * STACK_SIZE + 8n);
      this.waiting.push(this.task(STACK + i * STACK_SIZE + 0x3e00n, PACA + i * 16n));
    }
    let left = steps;
    while (this.waiting.length > 0 || this.cpus.some(cpu => cpu.length > 0)) {
      const cpu = this.cpus[this.random.below(2)]!;
      const top = cpu.at(-1);
      const chance = this.random.below(200);
      if (top === undefined || (cpu.length === 1 && chance === 0)) {
        // Another task; the scheduler of real machines drops the reservation too.
        if (top !== undefined) {
          top.reservation = undefined;
          this.waiting.push(cpu.pop()!);
        }
        const [next] = this.waiting.splice(this.random.below(this.waiting.length), 1);
        if (next !== undefined) cpu.push(next);
        continue;
      }
      if (chance < 3 && left > 0 && cpu.length < 4) {
        top.reservation = undefined;
        cpu.push(this.task((top.r[1]! - 1024n) & ~15n, top.r[13]));
        continue;
      }
      left--;
      if (left < -20 * steps) throw new Error('it never ends');
      if (!this.step(top)) cpu.pop();
    }
  }

  counters(): readonly bigint[] {
    return [0n, 8n, 16n, 24n].map(at => this.read(STATE + at));
  }

  /** Bytes of second stacks that are still in use. */
  leftOnStacks(tasks: number): bigint {
    let left = 0n;
    for (let i = 0n; i < tasks; i++)
      left += this.read(THREAD + i * 64n + BigInt(OFFSETS.sp)) - (STACK + i * STACK_SIZE + 8n);
    return left;
  }

  used(): number {
    let used = 0;
    for (let i = 0; i < SIZE.slots; i++) if (this.read(TABLE + SIZE.slot * BigInt(i)) !== 0n) used++;
    return used;
  }
}
