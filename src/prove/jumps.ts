/** Where jumps lead: into functions, to known places, through the tables of switches. */
import type { Contracts } from './contracts.ts';
import { entriesOf } from './jump-index.ts';
import type { ObjectCode } from './object-code.ts';
import { NO_CODE, NO_TARGET } from './reasons.ts';
import type { State } from './state.ts';
import { LEADER } from './subject.ts';
import { addressOffset, CTR, EXTERNAL, isAddress, kindOf, LABEL, payloadOf, UNKNOWN } from './values.ts';
import type { Guide } from './walker.ts';

/** No other function, and more than one. */
const NONE = -1;
const SEVERAL = -2;

export class Jumps {
  readonly #object: ObjectCode;
  readonly #guide: Guide;
  readonly #contracts: Contracts;
  #index = 0;
  /** Where the function that is followed begins and ends. */
  #from = 0;
  #to = 0;
  /** The other function into whose middle control has gone, as from a trampoline that goes on in what it was called from. */
  #inside = NONE;
  /** A jump in a part that was split off, whose table was read as one of the function's that is followed or gone on in; -1 for none. */
  #tableInPart = NONE;

  constructor(object: ObjectCode, guide: Guide, contracts: Contracts) {
    this.#object = object;
    this.#guide = guide;
    this.#contracts = contracts;
  }

  /** The function whose jumps are asked about from now on. */
  follow(index: number): void {
    this.#index = index;
    this.#from = this.#object.subject.functions.global[index]!;
    this.#to = this.#object.subject.functions.end[index]!;
    this.#inside = NONE;
    this.#tableInPart = NONE;
  }

  jump(target: number, state: State, pc: number): void {
    if (this.#object.isCode(target)) this.#guide.reach(target, state, pc);
    else this.#guide.fail(NO_CODE, pc, UNKNOWN, 0);
  }

  /**
   * A jump, or a sibling call where it enters a function and all that the caller is owed is back. A jump to a function with
   * something not yet back is followed into it: that is what the machine does.
   */
  goTo(target: number, state: State, pc: number): void {
    if (this.#object.isInner(target)) {
      if (target < this.#from || target >= this.#to) this.#enters(target);
      this.#guide.reach(target, state, pc);
      return;
    }
    if (!this.#object.isCode(target)) {
      this.#guide.fail(NO_CODE, pc, UNKNOWN, 0);
      return;
    }
    if (this.#object.stubAt(target)?.kind === 'leaves') {
      this.#contracts.siblingOutside(pc);
      return;
    }
    const callee = this.#object.calledAt(target);
    if (callee >= 0 && this.#contracts.isBalanced(state)) {
      this.#contracts.sibling(callee, target, state, pc);
      return;
    }
    if (target < this.#from || target >= this.#to) this.#enters(target);
    this.#guide.reach(target, state, pc);
  }

  /** Takes note of another function that is gone on in. */
  #enters(target: number): void {
    const other = this.#around(target);
    const { part } = this.#object.subject.functions;
    if (other < 0 || other === this.#index || part[other] === 1 || other === this.#inside) return;
    this.#inside = this.#inside === NONE ? other : SEVERAL;
    if (this.#tableInPart !== NONE) this.#guide.fail(NO_TARGET, this.#tableInPart, UNKNOWN, CTR);
  }

  /** The function or part that an instruction lies in, or -1. */
  #around(pc: number): number {
    const { global, end, count } = this.#object.subject.functions;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (global[middle]! <= pc) low = middle + 1;
      else high = middle;
    }
    return low > 0 && pc < end[low - 1]! ? low - 1 : -1;
  }

  /**
   * The function whose places a jump table at `pc` names: the one that the jump lies in. Which one a part belongs to follows from
   * where control has come from. @returns -1 where that cannot be told
   */
  #tableOwner(pc: number): number {
    const around = this.#around(pc);
    if (around >= 0 && this.#object.subject.functions.part[around] === 0) return around;
    this.#tableInPart = pc;
    return this.#inside === NONE ? this.#index : this.#inside;
  }

  /** `bctr`: a switch, a jump to a known place, or nobody knows. */
  pointer(state: State, pc: number): void {
    const { subject } = this.#object;
    const target = state.places[CTR]!;
    if (isAddress(target)) {
      this.goTo(addressOffset(target), state, pc);
      return;
    }
    if (kindOf(target) === EXTERNAL) {
      this.#contracts.goesOnOutside(target, state, pc);
      return;
    }
    const owner = kindOf(target) === LABEL ? this.#tableOwner(pc) : -1;
    const entries = owner < 0 ? 0 : entriesOf(subject.code, subject.marks, subject.functions.global[owner]!, pc);
    const labels = entries === 0 ? undefined : subject.labels(payloadOf(target), owner, entries);
    if (labels === undefined || labels.length === 0) {
      this.#guide.fail(NO_TARGET, pc, UNKNOWN, CTR);
      return;
    }
    for (const place of labels) {
      if (this.#object.isCode(place)) subject.marks[place >> 2]! |= LEADER;
      this.jump(place, state, pc);
    }
  }
}
