/** Executes the blocks of one function: each instruction by the transfer function, branches by where they lead. */
import { isPrefix } from '../ppc64/decode.ts';
import { DONE, executeCommon, REST } from './common.ts';
import { Contracts, type Judge } from './contracts.ts';
import { BACK_CHAIN, FINE, LR_SLOT, PARAMETER_AREA, R13_WRITTEN, TOC_SLOT, TOC_USE } from './faults.ts';
import { Jumps } from './jumps.ts';
import type { ObjectCode } from './object-code.ts';
import {
  CALLERS_BACK_CHAIN,
  CALLERS_FRAME,
  CALLERS_LR_SLOT,
  CALLERS_TOC_SLOT,
  NO_CODE,
  NO_INSTRUCTION,
  NO_TARGET,
  R13_CHANGED,
  RUNS_OUT,
  SYSTEM_RETURN,
  TOC_USED,
} from './reasons.ts';
import type { State } from './state.ts';
import { CODE, EXTRA, GLOBAL, LEADER, SITE } from './subject.ts';
import { transfer, transferRest } from './transfer.ts';
import { address, addressOffset, CTR, isAddress, LR, UNKNOWN } from './values.ts';

/** Who is told where control goes. */
export interface Guide extends Judge {
  /** Control goes from the instruction at `from` to the block at `target`. */
  reach(target: number, state: State, from: number): void;
  /**
   * Control falls from the instruction at `from` into the block at `target`.
   *
   * @returns whether that block is to be executed right away, in `state`, which has been changed to what is known there
   */
  fallInto(target: number, state: State, from: number): boolean;
  /** Whether `step` is to be called. */
  readonly isWatched: boolean;
  /** Before the instruction at `pc`. @returns false to stop here */
  step(pc: number, state: State): boolean;
}

/** Unconditional `tw`: what BUG() and WARN() are made of. */
function isTrap(word: number): boolean {
  return (word & 0xffe007fe) >>> 0 === 0x7fe00008;
}

/** BO of `bclr` and `bcctr`: neither a condition nor CTR is looked at. */
function isAlways(word: number): boolean {
  return (word & 0x02800000) === 0x02800000;
}

export class Walker {
  readonly #object: ObjectCode;
  readonly #guide: Guide;
  readonly #contracts: Contracts;
  readonly #jumps: Jumps;
  #index = 0;
  /** Where subroutines without a symbol return to: places behind a `bl` to one. */
  readonly #subroutineReturns = new Set<number>();

  constructor(object: ObjectCode, guide: Guide) {
    this.#object = object;
    this.#guide = guide;
    this.#contracts = new Contracts(object, guide);
    this.#jumps = new Jumps(object, guide, this.#contracts);
  }

  /** The function whose blocks are executed from now on. */
  follow(index: number): void {
    this.#index = index;
    this.#jumps.follow(index);
    this.#subroutineReturns.clear();
    this.#contracts.of(index);
  }

  /** Executes from `start` to the end of the block, changing `state`. */
  block(start: number, state: State): void {
    const { code, marks } = this.#object.subject;
    const { around } = this.#object;
    const guide = this.#guide;
    const { isWatched } = guide;
    for (let pc = start; ; pc += 4) {
      const at = pc >> 2;
      const mark = at < marks.length ? marks[at]! : 0;
      // Most words are code and nothing else.
      if (mark !== CODE) {
        if (pc !== start && this.#ends(pc, mark, state)) return;
        if ((mark & CODE) === 0) {
          guide.fail(RUNS_OUT, pc, UNKNOWN, 0);
          return;
        }
      }
      if (isWatched && !guide.step(pc, state)) return;
      if (mark !== CODE) {
        if ((mark & SITE) !== 0) this.#contracts.tracerSite(state, pc);
        if ((mark & EXTRA) !== 0 && this.#extra(pc, state)) return;
      }
      const word = code[at]!;
      const kind = executeCommon(state, word);
      if (kind === DONE) continue;
      if (kind === REST) {
        const wrong = transferRest(around, state, word, 0, pc);
        if (wrong !== FINE) this.#judged(wrong, state, pc);
      } else if (!this.#control(word, mark, state, pc)) return;
      else if (isPrefix(word)) pc += 4;
    }
  }

  /** @returns whether control may go on behind the instruction */
  #control(word: number, mark: number, state: State, pc: number): boolean {
    const opcode = word >>> 26;
    if (opcode !== 1 && opcode !== 31) return this.#branch(word, opcode, state, pc);
    // No table speaks of this trap: the kernel dies of it.
    if (opcode === 31) return !isTrap(word) || (mark & EXTRA) !== 0;
    const { around, subject } = this.#object;
    this.#judged(transferRest(around, state, word, subject.code[(pc >> 2) + 1] ?? 0, pc), state, pc);
    return true;
  }

  /** Whether a block ends where control falls into the word at `pc`. */
  #ends(pc: number, mark: number, state: State): boolean {
    if ((mark & EXTRA) !== 0) {
      const instead = this.#object.subject.edges.get(pc)?.find(e => e.kind === 'instead');
      if (instead !== undefined) {
        this.#guide.reach(instead.target, state, pc - 4);
        return true;
      }
    }
    if ((mark & GLOBAL) !== 0) {
      const other = this.#object.calledAt(pc);
      if (other >= 0 && other !== this.#index) {
        this.#guide.fail(RUNS_OUT, pc, UNKNOWN, 0);
        return true;
      }
    }
    if ((mark & LEADER) === 0 || (mark & CODE) === 0) return false;
    return !this.#guide.fallInto(pc, state, pc - 4);
  }

  #judged(wrong: number, state: State, pc: number): void {
    const guide = this.#guide;
    if (wrong === FINE) return;
    if (wrong === TOC_USE) guide.fail(TOC_USED, pc, state.get(2), 2);
    else if (wrong === BACK_CHAIN) guide.fail(CALLERS_BACK_CHAIN, pc, state.get(1), 1);
    else if (wrong === TOC_SLOT) guide.fail(CALLERS_TOC_SLOT, pc, state.get(1), 1);
    else if (wrong === LR_SLOT) guide.fail(CALLERS_LR_SLOT, pc, UNKNOWN, LR);
    else if (wrong === PARAMETER_AREA) guide.fail(CALLERS_FRAME, pc, state.get(1), 1, false);
    else if (wrong === R13_WRITTEN) guide.fail(R13_CHANGED, pc, UNKNOWN, 13);
    else guide.fail(NO_INSTRUCTION, pc, UNKNOWN, 0);
  }

  /** The tables' own ways on. True if nothing goes on behind the instruction. */
  #extra(pc: number, state: State): boolean {
    let ends = false;
    for (const { kind, target } of this.#object.subject.edges.get(pc) ?? []) {
      if (kind === 'also' || kind === 'fixup') this.#jumps.jump(target, state, pc);
      else if (kind === 'next') this.#guide.reach(pc + 4, state, pc);
      else if (kind === 'keeps') this.#contracts.keeps(state, pc, target === 2);
      else if (kind === 'gives') this.#contracts.gives(state, target === 2);
      if (kind === 'stop' || kind === 'fixup') ends = true;
    }
    return ends;
  }

  /** @returns whether control may go on behind the branch, in `state` */
  #branch(word: number, opcode: number, state: State, pc: number): boolean {
    // An absolute address of 26 or 16 bits is nobody's code: objects lie where the upper half of an address is not zero.
    if ((opcode === 18 || opcode === 16) && (word & 2) !== 0) {
      this.#guide.fail(NO_CODE, pc, UNKNOWN, 0);
      return opcode === 16;
    }
    if (opcode === 18) {
      const target = pc + ((word << 6) >> 8) * 4;
      if ((word & 1) === 1) return this.#call(target, state, pc);
      this.#jumps.goTo(target, state, pc);
      return false;
    }
    if (opcode === 16) return this.#conditional(word, state, pc);
    if (opcode === 17) {
      this.#guide.fail(SYSTEM_RETURN, pc, UNKNOWN, 0);
      return false;
    }
    return this.#branchRegister(word, state, pc);
  }

  /** Opcode 19: bclr, bcctr, bctar, returns from interrupts, and the logic of the condition register. */
  #branchRegister(word: number, state: State, pc: number): boolean {
    switch ((word >>> 1) & 0x3ff) {
      case 16:
        if ((word & 1) === 1) break;
        this.#countDown(word, state);
        this.#returns(state, pc);
        return !isAlways(word);
      case 528:
        // An invalid form, which counts CTR down and may go elsewhere.
        if (((word >>> 21) & 4) === 0) {
          this.#guide.fail(NO_INSTRUCTION, pc, UNKNOWN, 0);
          return true;
        }
        if ((word & 1) === 1) return this.#contracts.callPointer(state, pc);
        this.#jumps.pointer(state, pc);
        return !isAlways(word);
      case 560:
        break;
      case 18: // rfid
      case 82: // rfscv
      case 274: // hrfid
      case 370: // stop
        this.#guide.fail(SYSTEM_RETURN, pc, UNKNOWN, 0);
        return false;
      default:
        this.#judged(transfer(this.#object.around, state, word, 0, pc), state, pc);
        return true;
    }
    this.#guide.fail(NO_TARGET, pc, UNKNOWN, LR);
    return false;
  }

  #returns(state: State, pc: number): void {
    const back = state.places[LR]!;
    if (isAddress(back) && this.#subroutineReturns.has(addressOffset(back)))
      this.#guide.reach(addressOffset(back), state, pc);
    else this.#contracts.returns(state, pc);
  }

  /**
   * `bl`. What is called without being a function or a stub, as assembly does within one function, has no contract: control is
   * followed into it and, at its `blr`, back.
   */
  #call(target: number, state: State, pc: number): boolean {
    const object = this.#object;
    if (target !== pc + 4) {
      if (!object.isCode(target) || object.calledAt(target) >= 0 || object.stubAt(target) !== undefined)
        return this.#contracts.call(target, state, pc);
      this.#subroutineReturns.add(pc + 4);
      object.subject.marks[(pc + 4) >> 2]! |= LEADER;
      state.places[LR] = address(pc + 4);
      this.#guide.reach(target, state, pc);
      return false;
    }
    state.places[LR] = address(target);
    return true;
  }

  /** Branches that count CTR down. */
  #countDown(word: number, state: State): void {
    if (((word >>> 21) & 4) !== 0) return;
    state.places[CTR] = UNKNOWN;
    state.sameAsCtr = 0;
  }

  #conditional(word: number, state: State, pc: number): boolean {
    const target = pc + (((word & 0xfffc) << 16) >> 16);
    const options = (word >>> 21) & 31;
    this.#countDown(word, state);
    const always = (options & 20) === 20;
    if ((word & 1) === 0) {
      this.#jumps.goTo(target, state, pc);
      return !always;
    }
    if (!always) {
      // LR is written whether or not the branch is taken.
      const link = state.places[LR]!;
      state.places[LR] = address(pc + 4);
      this.#guide.reach(pc + 4, state, pc);
      state.places[LR] = link;
    }
    return this.#call(target, state, pc);
  }
}
