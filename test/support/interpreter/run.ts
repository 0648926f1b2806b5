/**
 * Executes one function of a loaded module, from an entry until it returns: with made-up registers and memory, and callees
 * that do nothing but what the ABI lets them do. Says which of the things that the function owes it did not pay.
 */

import { isTaken } from './conditions.ts';
import { execute } from './execute.ts';
import { executeConditionLogic } from './execute-31.ts';
import { ALL, Machine, Memory, Random } from './machine.ts';
import type { Options, Outcome } from './options.ts';
import { doesTrap, isTrap } from './traps.ts';
import { unpaid } from './unpaid.ts';
import type { World, WorldFunction } from './world.ts';

const STACK = 0xc000_0000_5000_0000n;
/** Bytes around the stack pointer that are the stack. */
const REACH = 0x10_0000n;

/** Whether the instruction addresses memory by r1 and a constant. */
function isFramed(word: number): boolean {
  return word >>> 26 !== 31 && ((word >>> 16) & 31) === 1;
}

export class Run {
  readonly machine: Machine;
  readonly world: World;
  readonly function: WorldFunction;
  /** What the registers held at entry. */
  readonly entry: { readonly r: readonly bigint[]; readonly lr: bigint; readonly ctr: bigint; readonly cr: number };
  /** Broken rules, in the order in which they were broken. */
  readonly broken: string[] = [];
  outcome: Outcome = 'limit';
  steps = 0;
  /** Conditions that were not looked at. */
  forced = 0;
  /** A call was made without a frame of one's own: the callee has its return address in the caller's slot. */
  slotIsShared = false;
  readonly #options: Options;
  /** What lay in the caller's frame: its back chain, and its slots for LR and the TOC. */
  readonly caller: { readonly chain: bigint; readonly toc: bigint; readonly link: bigint };

  constructor(world: World, f: WorldFunction, options: Options) {
    this.world = world;
    this.function = f;
    this.#options = options;
    const random = new Random(options.seed);
    const memory = new Memory(
      address => {
        const own = world.contents(address);
        return own === undefined || !own.isConstant ? random.value() : own.value;
      },
      address => world.isFixed(address),
    );
    const machine = new Machine(memory, random);
    this.machine = machine;
    machine.r[1] = STACK + BigInt(random.below(1 << 12) * 16);
    machine.r[13] = 0xc000_0000_7000_0000n;
    machine.lr = 0xc000_0000_0080_0000n + BigInt(random.below(1 << 12) * 4);
    machine.r[2] =
      f.convention === 'bound' || (f.convention === 'home' && options.isLocal)
        ? world.toc
        : 0xc000_0000_0200_8000n + BigInt(random.below(1 << 8) << 16);
    if (f.convention === 'home' && !options.isLocal) machine.r[12] = f.global;
    this.entry = { r: [...machine.r], lr: machine.lr, ctr: machine.ctr, cr: machine.cr };
    const top = machine.r[1]!;
    for (const slot of [0n, 16n, 24n]) memory.guarded.add((top + slot) >> 3n);
    this.caller = { chain: memory.read(top, 8), link: memory.read(top + 16n, 8), toc: memory.read(top + 24n, 8) };
  }

  go(): this {
    const { world, function: f } = this;
    let pc = this.#options.isLocal ? f.local : f.global;
    while (this.steps < this.#options.limit) {
      const word = world.word(pc);
      if (word === undefined) {
        this.outcome = 'wild';
        return this;
      }
      this.#options.step?.(pc, this);
      this.steps++;
      if (world.sites.has(pc)) this.#trace(pc);
      const to = this.#next(pc, word);
      if (typeof to !== 'bigint') {
        this.outcome = to;
        if (to === 'returned' || to === 'left' || to === 'sibling') this.#settle(pc, to);
        return this;
      }
      // An alternative goes on behind its section, where control runs out of its end.
      pc = (to === pc + 4n ? world.alternativeEnds.get(to) : undefined) ?? to;
    }
    return this;
  }

  #break(pc: bigint, what: string): void {
    this.broken.push(`+0x${(pc - this.function.global).toString(16)}: ${what}`);
  }

  /** The tracer's call: it keeps all but r0 (which it leaves as it should be), r11, r12 and CTR. */
  #trace(pc: bigint): void {
    const m = this.machine;
    if (m.lr !== this.entry.lr) this.#break(pc, 'tracer site without the return address in LR');
    if (m.r[1] !== this.entry.r[1]) this.#break(pc, 'tracer site behind the frame');
    if (m.random.oneIn(2)) return;
    m.r[0] = m.lr;
    m.r[11] = m.random.wide();
    m.r[12] = m.random.wide();
    m.ctr = m.random.wide();
  }

  /** Executes `word`. @returns where to go on, or how it ends */
  #next(pc: bigint, word: number): bigint | Outcome {
    const { world, machine: m } = this;
    const opcode = word >>> 26;
    const fixup = world.fixups.get(pc);
    if (isTrap(word)) return this.#trap(pc, word, fixup);
    if (fixup !== undefined && m.random.oneIn(5)) return fixup;
    const label = world.labels.get(pc);
    if (label !== undefined) return m.random.oneIn(2) ? label : opcode === 18 ? pc + 4n : this.#plain(pc, word);
    const feature = world.features.get(pc);
    if (feature !== undefined && m.random.oneIn(2))
      return feature.alternativeEnd > feature.alternative ? feature.alternative : feature.end;
    return this.#plain(pc, word);
  }

  #plain(pc: bigint, word: number): bigint | Outcome {
    const m = this.machine;
    const opcode = word >>> 26;
    switch (opcode) {
      case 16:
        return this.#conditional(pc, word);
      case 18: {
        const target = BigInt.asUintN(64, ((word & 2) !== 0 ? 0n : pc) + BigInt(((word << 6) >> 6) & ~3));
        if ((word & 1) === 1) {
          m.lr = pc + 4n;
          return this.#enter(pc, target, pc + 4n);
        }
        return this.#jump(pc, target);
      }
      case 17:
        return 'unsupported';
      case 19: {
        const extended = (word >>> 1) & 0x3ff;
        if (extended === 16 || extended === 528) return this.#register(pc, word, extended === 528);
        return executeConditionLogic(m, word) ? pc + 4n : 'unsupported';
      }
    }
    if (!this.#isTocRight(word) && this.function.convention !== 'kept' && this.function.convention !== 'open')
      this.#break(pc, 'r2 is used and does not hold the TOC');
    const r13 = m.r[13];
    const next = opcode === 1 ? (this.world.word(pc + 4n) ?? 0) : 0;
    m.memory.isHit = false;
    if (!execute(m, word, next, pc)) return 'unsupported';
    if (m.memory.isHit && !isFramed(word)) return 'overrun';
    if (isFramed(word) && opcode === 62) this.#guard(word);
    if (m.r[13] !== r13) this.#break(pc, 'r13 is changed');
    return pc + (opcode === 1 ? 8n : 4n);
  }

  /** What is put into the frame by its own register is kept an eye on: what callers and callees count on. */
  #guard(word: number): void {
    const m = this.machine;
    const source = (word >>> 21) & 31;
    if (source > 2 && source < 12) return;
    const isUpdate = (word & 3) === 1;
    const at = m.r[1]! + (isUpdate ? 0n : BigInt(((word & 0xfffc) << 16) >> 16));
    m.memory.guarded.add(BigInt.asUintN(64, at) >> 3n);
  }

  /** Whether r2 is no base of this instruction, or holds what it should. */
  #isTocRight(word: number): boolean {
    const opcode = word >>> 26;
    const isBased =
      opcode === 14 || opcode === 15
        ? ((word >>> 21) & 31) !== 2
        : opcode >= 32 && opcode !== 59 && opcode !== 60 && opcode !== 63;
    return !isBased || ((word >>> 16) & 31) !== 2 || this.machine.r[2] === this.world.toc;
  }

  #conditional(pc: bigint, word: number): bigint | Outcome {
    const taken = isTaken(this, this.#options, pc, word);
    const target = BigInt.asUintN(64, ((word & 2) !== 0 ? 0n : pc) + BigInt(((word & 0xfffc) << 16) >> 16));
    if ((word & 1) === 0) return taken ? this.#jump(pc, target) : pc + 4n;
    this.machine.lr = pc + 4n;
    return taken ? this.#enter(pc, target, pc + 4n) : pc + 4n;
  }

  #register(pc: bigint, word: number, isCtr: boolean): bigint | Outcome {
    const m = this.machine;
    if (!isTaken(this, this.#options, pc, word)) return pc + 4n;
    const target = (isCtr ? m.ctr : m.lr) & (ALL ^ 3n);
    if ((word & 1) === 1) {
      m.lr = pc + 4n;
      if (isCtr && m.r[12] !== m.ctr) this.#break(pc, 'r12 does not hold the address that is called');
      return isCtr ? this.#called(pc, target, true, pc + 4n) : 'unsupported';
    }
    if (!isCtr) return target === this.entry.lr ? 'returned' : this.#isOwn(target) ? target : this.#astray(pc);
    if (this.#isOwn(target)) return this.#isEntry(target) ? this.#jump(pc, target) : target;
    if (this.world.word(target) !== undefined) {
      const f = this.world.functionAt(target);
      if (f !== undefined) return this.#jump(pc, target);
      if (this.#goesOn(pc, target)) return target;
      if (!this.#options.isForced) this.#break(pc, 'a jump into the middle of another function');
      return 'wild';
    }
    // The end of a call stub, or a jump of the function itself.
    if (this.world.imports.has(target)) {
      if (m.r[12] !== target) this.#break(pc, 'r12 does not hold the address that is called');
      return m.lr === this.entry.lr ? 'left' : this.#called(pc, target, true, m.lr);
    }
    if (!this.#isOwn(pc)) this.#break(pc, 'a stub leads to nothing that is imported');
    return 'wild';
  }

  #astray(pc: bigint): Outcome {
    this.#break(pc, 'LR does not hold the return address');
    return 'wild';
  }

  #isOwn(target: bigint): boolean {
    return target >= this.function.global && target < this.function.end;
  }

  #isEntry(target: bigint): boolean {
    return this.world.functionAt(target) !== undefined;
  }

  /** Into a part that was split off, or on in a function that was gone on in. */
  #goesOn(pc: bigint, target: bigint): boolean {
    return this.world.functions.some(
      f => target >= f.global && target < f.end && (f.isPart || (pc >= f.global && pc < f.end)),
    );
  }

  /** A jump without LR: on in the code, or a sibling call where everything is as the caller left it. */
  #jump(pc: bigint, target: bigint): bigint | Outcome {
    const callee = this.world.functionAt(target);
    if (callee === undefined || callee.isPart || !this.isBalanced()) return target;
    this.#owed(pc, callee, target);
    const m = this.machine;
    // What the callee leaves in r2 is what this function leaves.
    if (callee.convention === 'open') m.r[2] = m.random.wide();
    else if (callee.convention !== 'kept') m.r[2] = this.world.toc;
    return 'sibling';
  }

  /** Whether r1, LR, the non-volatile registers and CR fields are as at entry. */
  isBalanced(): boolean {
    const { machine: m, entry } = this;
    if (m.r[1] !== entry.r[1] || m.lr !== entry.lr || (m.cr & 0x00fff000) !== (entry.cr & 0x00fff000)) return false;
    for (let i = 14; i < 32; i++) if (m.r[i] !== entry.r[i]) return false;
    return true;
  }

  #owed(pc: bigint, callee: WorldFunction, target: bigint): void {
    if (callee.convention !== 'home' && callee.convention !== 'bound') return;
    if (target === callee.local) {
      if (this.machine.r[2] !== this.world.toc) this.#break(pc, `${callee.name} is entered with a wrong r2`);
    } else if (this.machine.r[12] !== target) this.#break(pc, `${callee.name} is entered with a wrong r12`);
  }

  /** `bl`: a function is called; anything else is gone through. */
  #enter(pc: bigint, target: bigint, back: bigint): bigint | Outcome {
    const callee = this.world.functionAt(target);
    if (callee === undefined || callee.isPart)
      return target === pc + 4n || this.world.word(target) !== undefined ? target : 'wild';
    this.#owed(pc, callee, target);
    return this.#called(pc, target, false, back);
  }

  /** The callee does what it may: volatile registers and everything below r1 are spoiled. */
  #called(pc: bigint, target: bigint, isOutside: boolean, back: bigint): bigint | Outcome {
    if (this.#options.noReturn(target)) return 'stopped';
    const { machine: m, world } = this;
    const { random, memory } = m;
    const convention = isOutside ? 'open' : world.functionAt(target)!.convention;
    const top = m.r[1]!;
    const chain = memory.read(top, 8);
    if (top === this.entry.r[1]) this.slotIsShared = true;
    if (top > this.entry.r[1]! && top < this.entry.r[1]! + REACH) this.#break(pc, "a call over the caller's frame");
    if (top !== this.entry.r[1] && !(chain > top && chain <= this.entry.r[1]!))
      this.#break(pc, 'a call with a broken back chain');
    for (const i of [0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) m.r[i] = random.value();
    if (convention === 'open') m.r[2] = 0xc000_0000_0300_8000n + BigInt(random.below(1 << 8) << 16);
    else if (convention !== 'kept') m.r[2] = world.toc;
    m.ctr = random.wide();
    m.cr = ((m.cr & 0x00fff000) | (random.next() & 0xff000fff)) >>> 0;
    m.carry = BigInt(random.below(2));
    m.lr = back;
    memory.spoil(top - REACH, top);
    memory.spoil(top + 8n, top + 24n);
    return back;
  }

  #trap(pc: bigint, word: number, fixup: bigint | undefined): bigint | Outcome {
    const m = this.machine;
    const isConditional = ((word >>> 21) & 31) !== 31;
    const traps = isConditional && this.#options.isForced ? m.random.oneIn(2) : doesTrap(m, word);
    if (!traps) return pc + 4n;
    if (fixup !== undefined) return fixup;
    return this.world.warnings.has(pc) ? pc + 4n : 'stopped';
  }

  /** What is owed at the end. */
  #settle(pc: bigint, how: Outcome): void {
    for (const what of unpaid(this, how === 'left')) this.#break(pc, what);
  }
}
