/**
 * What functions owe one another. The contract of each follows from the local-entry bits of its symbol (ELF V2 ABI 2.2.1,
 * 2.3.2.1, 3.4.1):
 *
 *     bits   owed to it at the global entry   at the local entry     what it owes at every return
 *     0      nothing                          the same place         r2 as it was
 *     1      nothing                          the same place         nothing of r2
 *     2-6    r12 = the entry                  r2 = the home's TOC    r2 = the home's TOC
 *     HOME   r2 = the home's TOC              the same place         r2 = the home's TOC
 *     HOME_BACK  nothing                      the same place         r2 = the home's TOC
 *
 * HOME stands for hand-written functions whose symbol says 0 though they use the TOC: right as long as nobody calls them but
 * functions of the same object. HOME_BACK stands for functions whose symbol says 0 and that set r2 up themselves, as those do whose
 * replacement lies elsewhere: whoever calls from another object, or through a pointer, puts its r2 back anyway, and for all others
 * the home's TOC is the right one.
 *
 * and at every return, for all of them: r1, r14 to r31, CR2 to CR4 as they were, and to the place it was called from. What lies
 * outside of the object is taken to keep the same rules with another TOC.
 */
import { HOME_BACK, type ObjectCode } from './object-code.ts';
import { PARAMETERS, type ParameterUse } from './parameters.ts';
import {
  CALLERS_TOC_SLOT,
  COPY_ELSEWHERE,
  COPY_NOT_GIVEN,
  COPY_NOT_PROVED,
  CR_AT_RETURN,
  FRAME_AT_CALL,
  LEAVES_BY_SIBLING,
  LR_AT_RETURN,
  NO_CODE,
  NO_FRAME,
  NO_FUNCTION,
  R1_AT_RETURN,
  R12_AT_CALL,
  REGISTER_AT_RETURN,
  SITE_STATE,
  STACK_ARGUMENTS,
  TOC_AT_CALL,
  TOC_AT_RETURN,
  TOC_AT_STUB,
} from './reasons.ts';
import { Slots } from './slots.ts';
import type { State } from './state.ts';
import type { StubEffect } from './stubs.ts';
import {
  ADDRESS,
  address,
  addressOffset,
  CLOBBERED,
  CR2,
  CR4,
  CTR,
  EXTERNAL,
  entry,
  FOREIGN,
  isAddress,
  isStack,
  kindOf,
  LR,
  stack,
  stackOffset,
  UNKNOWN,
  type Value,
} from './values.ts';

/** A callee need not keep r0 and r3 to r12, LR, CTR and r2 left aside. */
const LAST_VOLATILE = 12;
const LINK = entry(LR);

/** Why it is not known that a function of another object keeps r2. */
const UNSURE = { 'not proved': COPY_NOT_PROVED, elsewhere: COPY_ELSEWHERE, 'not given': COPY_NOT_GIVEN } as const;

/** Who is told of broken rules, and of what a function relies on. */
export interface Judge {
  fail(reason: number, place: number, found: Value, register: number, certain?: boolean): void;
  relyOn(callee: number): void;
  comesBack(): void;
}

export class Contracts {
  readonly #object: ObjectCode;
  readonly #judge: Judge;
  /** Local-entry bits of the function that is followed. */
  #own = 0;

  constructor(object: ObjectCode, judge: Judge) {
    this.#object = object;
    this.#judge = judge;
  }

  /** From now on the contract of function `index` is the one to keep. */
  of(index: number): void {
    this.#own = this.#object.contract[index]!;
  }

  /** `blr` */
  returns(state: State, pc: number): void {
    const { places } = state;
    this.#judge.comesBack();
    if (places[LR] !== LINK) {
      // It goes on somewhere else, and what is owed to the caller is not due there.
      this.#judge.fail(LR_AT_RETURN, pc, places[LR]!, LR);
      return;
    }
    if (places[1] !== stack(0)) this.#judge.fail(R1_AT_RETURN, pc, places[1]!, 1);
    this.#tocBack(state, pc);
    for (let i = 14; i < 32; i++) if (places[i] !== entry(i)) this.#judge.fail(REGISTER_AT_RETURN, pc, places[i]!, i);
    for (let i = CR2; i <= CR4; i++) if (places[i] !== entry(i)) this.#judge.fail(CR_AT_RETURN, pc, places[i]!, i);
  }

  #tocBack(state: State, pc: number): void {
    if (this.#own === 1) return;
    const owed = this.#own === 0 ? entry(2) : this.#object.home;
    if (state.places[2] !== owed) this.#judge.fail(TOC_AT_RETURN, pc, state.get(2), 2);
  }

  /** Whether all is back that a function owes its caller, r2 left aside: then a jump to a function is a sibling call. */
  isBalanced(state: State): boolean {
    const { places } = state;
    if (places[1] !== stack(0) || places[LR] !== LINK) return false;
    for (let i = 14; i < 32; i++) if (places[i] !== entry(i)) return false;
    for (let i = CR2; i <= CR4; i++) if (places[i] !== entry(i)) return false;
    return true;
  }

  /** A sibling call of a function of the object: it returns to this one's caller, who expects what this one owes. */
  sibling(callee: number, target: number, state: State, pc: number): void {
    this.#owed(callee, target, state, pc);
    this.#judge.relyOn(callee);
    this.#judge.comesBack();
    this.#arguments(this.#object.areas.use(callee), state, pc);
    const theirs = this.#object.contract[callee]!;
    if (theirs === 0) this.#tocBack(state, pc);
    else if (theirs === 1 && this.#own !== 1) this.#judge.fail(TOC_AT_RETURN, pc, FOREIGN, 2);
    else if (theirs > 1 && this.#own === 0) this.#judge.fail(TOC_AT_RETURN, pc, this.#object.home, 2);
  }

  /** A sibling call that leaves the object: nobody puts r2 back, and a stub would store it in the caller's own slot. */
  siblingOutside(pc: number): void {
    this.#judge.comesBack();
    if (this.#own !== 1) this.#judge.fail(LEAVES_BY_SIBLING, pc, FOREIGN, 2);
  }

  /** A jump out of the object to a known address. What is proved to keep r2 returns for this function; all is owed there already. */
  goesOnOutside(target: Value, state: State, pc: number): void {
    const { subject, home } = this.#object;
    const known = subject.successor?.(target);
    if (known === undefined) this.siblingOutside(pc);
    else if (known === 'proved') {
      this.#arguments(subject.parameters?.(target), state, pc);
      this.returns(state, pc);
    } else {
      this.#judge.comesBack();
      // Which contract this function has does not depend on that: see HOME_BACK.
      if (this.#own === 0 && state.places[2] === home) this.#tocBack(state, pc);
      this.#judge.fail(UNSURE[known], pc, UNKNOWN, 0);
    }
  }

  /** What a function of the object is owed at the entry that is taken. */
  #owed(callee: number, target: number, state: State, pc: number): void {
    const { functions } = this.#object.subject;
    const wants = this.#object.contract[callee]!;
    if (wants < 2 || wants === HOME_BACK) return;
    if (target === functions.local[callee]) {
      if (state.places[2] !== this.#object.home) this.#judge.fail(TOC_AT_CALL, pc, state.get(2), 2);
    } else if (state.places[12] !== address(target)) this.#judge.fail(R12_AT_CALL, pc, state.get(12), 12);
  }

  /**
   * Whether the callee finds its stack arguments. Without a frame of this function in between it looks where this one's own
   * arguments are.
   */
  #arguments(use: ParameterUse | undefined, state: State, pc: number): void {
    if (use === undefined) return;
    const { top } = state;
    if (top === 0) this.#object.areas.passOn(use);
    else if (use.writeEnd + top > 0) this.#judge.fail(STACK_ARGUMENTS, pc, state.get(1), 1);
    else if (use.readEnd + top > 0) this.#judge.fail(STACK_ARGUMENTS, pc, state.get(1), 1, !use.isVariadic);
    else if ((use.reads & ~state.arguments) !== 0) this.#judge.fail(STACK_ARGUMENTS, pc, state.get(1), 1, false);
    if (use.writeEnd > 0) state.forget(top + PARAMETERS, top + use.writeEnd);
  }

  /**
   * At a call r1 is not above where it was at entry, and each frame's first doubleword leads to the one before it, down to the
   * caller's: what unwinds the stack meanwhile goes by it (ELF V2 ABI 2.2.2.1, 2.2.3).
   */
  #chained(state: State, pc: number): void {
    let { top } = state;
    if (!(top <= 0)) this.#judge.fail(FRAME_AT_CALL, pc, state.get(1), 1);
    while (top < 0) {
      const before = state.load(top, 8);
      if (!isStack(before) || stackOffset(before) <= top || stackOffset(before) > 0) {
        this.#judge.fail(FRAME_AT_CALL, pc, before, 1);
        return;
      }
      top = stackOffset(before);
    }
  }

  /**
   * After a callee: the volatile registers are gone, and what lies in the slots that it may write.
   *
   * @param savesLink it is known to put its return address into the LR slot of the frame on top
   */
  #clobber(state: State, pc: number, toc: Value, left: Value, savesLink: boolean): void {
    const { places } = state;
    places[0] = left;
    for (let register = 3; register <= LAST_VOLATILE; register++) places[register] = left;
    places[CTR] = left;
    places[LR] = address(pc + 4);
    places[2] = toc;
    state.sameAsCtr = 0;
    state.sameAsR12 = 0;
    state.arguments = 0;
    const { top } = state;
    if (Number.isNaN(top)) {
      state.slots = Slots.none;
      return;
    }
    const link = state.load(top + 16, 8);
    state.slots = state.slots.withoutCallees(top);
    if (savesLink && link !== UNKNOWN) state.store(top + 16, 8, CLOBBERED);
  }

  /** `bl target`. @returns false if nothing goes on behind it */
  call(target: number, state: State, pc: number): boolean {
    if (!this.#object.isCode(target)) {
      this.#judge.fail(NO_CODE, pc, UNKNOWN, 0);
      return false;
    }
    const callee = this.#object.calledAt(target);
    if (callee < 0) return this.#callStub(target, state, pc);
    this.#owed(callee, target, state, pc);
    this.#judge.relyOn(callee);
    const { areas } = this.#object;
    this.#arguments(areas.use(callee), state, pc);
    this.#chained(state, pc);
    if (this.#object.neverReturns[callee] === 1) return false;
    const theirs = this.#object.contract[callee]!;
    // A callee in the same object may in truth leave a register alone, and hand-written code counts on it.
    const toc = theirs === 0 ? state.get(2) : theirs === 1 ? FOREIGN : this.#object.home;
    this.#clobber(state, pc, toc, UNKNOWN, areas.savesLink(callee));
    return true;
  }

  #callStub(target: number, state: State, pc: number): boolean {
    const stub = this.#object.stubAt(target);
    if (stub === undefined || stub.kind === 'unknown') {
      this.#judge.fail(NO_FUNCTION, pc, UNKNOWN, 0);
      return false;
    }
    if (stub.needsToc && state.places[2] !== this.#object.home) this.#judge.fail(TOC_AT_STUB, pc, state.get(2), 2);
    if (stub.kind === 'jump') return this.call(stub.target, state, pc);
    if (isAddress(stub.callee) && !stub.savesToc) {
      // A thunk of the linker to a function of this object: r12 is right, and r2 stays as between any two of its functions.
      state.set(12, stub.callee);
      return this.call(addressOffset(stub.callee), state, pc);
    }
    this.#saveToc(stub, state, pc);
    this.#arguments(this.#useOf(stub.callee), state, pc);
    this.#chained(state, pc);
    if (!stub.returns) return false;
    this.#clobber(state, pc, FOREIGN, CLOBBERED, true);
    return true;
  }

  #saveToc(stub: StubEffect, state: State, pc: number): void {
    if (!stub.savesToc) return;
    const { top } = state;
    if (Number.isNaN(top)) this.#judge.fail(NO_FRAME, pc, UNKNOWN, 1);
    else if (top + 24 >= 0) this.#judge.fail(CALLERS_TOC_SLOT, pc, state.get(1), 1);
    else state.store(top + 24, 8, state.places[2]!);
  }

  /** `bctrl`. @returns false if nothing goes on behind it */
  callPointer(state: State, pc: number): boolean {
    const target = state.places[CTR]!;
    const isKnown = kindOf(target) === ADDRESS || kindOf(target) === EXTERNAL;
    if (!state.r12IsCtr && !(isKnown && state.places[12] === target))
      this.#judge.fail(R12_AT_CALL, pc, state.get(12), 12, false);
    if (isAddress(target)) this.#atAddress(addressOffset(target), state, pc);
    if (isKnown) this.#arguments(this.#useOf(target), state, pc);
    this.#chained(state, pc);
    if (isKnown && this.#object.subject.noReturn(target)) return false;
    this.#clobber(state, pc, FOREIGN, CLOBBERED, true);
    return true;
  }

  /** A call of a place of the object by its address, which is that of a function: anything else has no contract. */
  #atAddress(target: number, state: State, pc: number): void {
    const callee = this.#object.isCode(target) ? this.#object.calledAt(target) : -1;
    if (callee < 0) this.#judge.fail(NO_FUNCTION, pc, UNKNOWN, 0);
    else {
      this.#owed(callee, target, state, pc);
      this.#judge.relyOn(callee);
    }
  }

  /** What a function does to its caller's frame, given its address. */
  #useOf(target: Value): ParameterUse | undefined {
    if (kindOf(target) === EXTERNAL) return this.#object.subject.parameters?.(target);
    const callee = isAddress(target) ? this.#object.calledAt(addressOffset(target)) : -1;
    return callee < 0 ? undefined : this.#object.areas.use(callee);
  }

  /**
   * The return address in r0, and r2 where that is asked for, go to a place of this activation's own, which r1 is the key to. They
   * have to be what came in.
   */
  keeps(state: State, pc: number, withToc: boolean): void {
    const { places } = state;
    if (places[1] !== stack(0)) this.#judge.fail(R1_AT_RETURN, pc, state.get(1), 1, false);
    if (state.get(0) !== LINK) this.#judge.fail(LR_AT_RETURN, pc, state.get(0), 0, false);
    if (withToc && state.get(2) !== this.#tocOnEntry()) this.#judge.fail(TOC_AT_RETURN, pc, state.get(2), 2, false);
  }

  /** What `keeps` has put away has come back. */
  gives(state: State, withToc: boolean): void {
    if (state.places[1] !== stack(0)) return;
    state.set(0, LINK);
    if (withToc) state.set(2, this.#tocOnEntry());
  }

  #tocOnEntry(): Value {
    return this.#own < 2 || this.#own === HOME_BACK ? entry(2) : this.#object.home;
  }

  /**
   * The tracer may put a call here. It needs the return address in LR (and in r0, where `mflr r0` stands in front), and no
   * frame yet; it keeps everything but r0, which gets the return address, r11, r12 and CTR.
   */
  tracerSite(state: State, pc: number): void {
    if (state.places[LR] !== LINK) this.#judge.fail(SITE_STATE, pc, state.places[LR]!, LR);
    if (state.places[1] !== stack(0)) this.#judge.fail(SITE_STATE, pc, state.get(1), 1);
    if (this.#object.subject.lrIsSavedAtSite && state.get(0) !== LINK)
      this.#judge.fail(SITE_STATE, pc, state.get(0), 0);
    if (state.get(0) !== LINK) state.set(0, UNKNOWN);
    state.set(11, UNKNOWN);
    state.set(12, UNKNOWN);
    state.places[CTR] = UNKNOWN;
    state.sameAsCtr = 0;
  }
}
