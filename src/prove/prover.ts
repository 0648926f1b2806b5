/**
 * The proof of one object, function by function. docs/proof.md has the theory.
 *
 * Each function is followed from its entries along all paths, and may rely on the contracts of those that it calls. That all of
 * them hold together follows by induction over the length of an execution: whoever breaks its contract first does so while
 * everybody before it kept theirs, and that function has been shown not to.
 */
import { Frontier } from './frontier.ts';
import { type FoundContracts, HOME, HOME_BACK, ObjectCode } from './object-code.ts';
import type { ParameterUse } from './parameters.ts';
import { LR_AT_RETURN, NO_INSTRUCTION, NOTHING, TOC_AT_RETURN, TOC_AT_STUB, TOO_LARGE } from './reasons.ts';
import { State } from './state.ts';
import type { ProofSubject } from './subject.ts';
import { address, CLOBBERED, entry, PLACES, stack, UNKNOWN, type Value } from './values.ts';
import { type Guide, Walker } from './walker.ts';
import type { Leg, Watcher } from './watcher.ts';

export const PROVED = 0;
export const UNPROVED = 1;
export const REFUTED = 2;

/** Blocks that one function may be followed through; a loop revisits its blocks at most a few times. */
const MOST_BLOCKS = 200_000;

/** One path that is followed by itself. */
interface Path {
  readonly exit: number;
  readonly target: number;
  readonly state: State;
  taken: boolean;
}

/** What a proof has found of each function, by function; as the fields of `Prover`, `ObjectCode` and `ParameterAreas`. */
export interface FoundFunctions extends FoundContracts {
  readonly verdict: Uint8Array;
  readonly reason: Uint8Array;
  readonly place: Int32Array;
  readonly found: Int32Array;
  readonly register: Uint8Array;
  readonly calls: Iterable<readonly [caller: number, callees: readonly number[]]>;
}

export class Prover implements Guide {
  readonly subject: ProofSubject;
  /** PROVED, UNPROVED or REFUTED, by function; for parts that were split off it stays PROVED and means nothing. */
  readonly verdict: Uint8Array;
  /** Index in REASONS. */
  readonly reason: Uint8Array;
  /** Where: bytes from the origin. */
  readonly place: Int32Array;
  readonly found: Int32Array;
  readonly register: Uint8Array;
  /** Functions of the object that a function calls or continues in: it relies on their contracts. */
  readonly calls = new Map<number, number[]>();

  readonly #object: ObjectCode;
  readonly #walker: Walker;
  readonly #frontier: Frontier;
  /** By function: whether some path of it returns, or goes on elsewhere. */
  readonly #comesBack: Uint8Array;
  /** Functions that were followed again because they lost their return address. */
  readonly #linkLost = new Set<number>();
  readonly #state = new State();
  #current = 0;
  /** Blocks that were executed of the current function. */
  #blocks = 0;
  /** Start of the block that is executed. */
  #start = 0;
  #watcher: Watcher | undefined;
  #path: Path | undefined;

  /** @param found of every function, when all was done, by a proof that has left its marks: to say more of some of them */
  constructor(subject: ProofSubject, found?: FoundFunctions) {
    this.subject = subject;
    const { count } = subject.functions;
    this.verdict = new Uint8Array(count);
    this.reason = new Uint8Array(count);
    this.place = new Int32Array(count);
    this.found = new Int32Array(count);
    this.register = new Uint8Array(count);
    this.#comesBack = new Uint8Array(count);
    this.#object = new ObjectCode(subject, found !== undefined);
    this.#walker = new Walker(this.#object, this);
    this.#frontier = new Frontier(subject.code.length);
    if (found !== undefined) this.#resume(found);
  }

  #resume(found: FoundFunctions): void {
    this.verdict.set(found.verdict);
    this.reason.set(found.reason);
    this.place.set(found.place);
    this.found.set(found.found);
    this.register.set(found.register);
    for (const [caller, callees] of found.calls) this.calls.set(caller, [...callees]);
    this.#object.resume(found);
  }

  /**
   * Follows every function. What is found to never return, though no list says so, ends the paths that call it: those that
   * could not be proved are followed again, until nothing more is found.
   */
  proveAll(): void {
    const { functions } = this.subject;
    for (let i = 0; i < functions.count; i++) if (functions.part[i] === 0) this.prove(i);
    for (let again = this.#homebound(); again.length > 0; again = this.#homebound())
      for (const i of again) this.prove(i);
    for (let again = this.#endless(); again.length > 0; again = this.#endless()) for (const i of again) this.prove(i);
    this.#settle();
    // What was seen of a function to the end may allow what it does at its beginning.
    for (let left = this.#unproved(), before = -1; left.length > 0 && left.length !== before; left = this.#unproved()) {
      before = left.length;
      for (const i of left) this.prove(i);
      this.#settle();
    }
  }

  #settle(): void {
    for (let again = this.#arguing(); again.length > 0; again = this.#arguing()) for (const i of again) this.prove(i);
  }

  #unproved(): number[] {
    const found: number[] = [];
    this.verdict.forEach((verdict, i) => {
      if (verdict === UNPROVED) found.push(i);
    });
    return found;
  }

  /**
   * Functions that were followed before it was known what their callees do to the frames that they are called from: callers of
   * those that look for stack arguments, and whoever may have kept its return address where its callees put their own.
   */
  #arguing(): number[] {
    const changed = this.#object.areas.takeChanged();
    const again: number[] = [];
    for (const [caller, callees] of this.calls)
      if (callees.some(c => changed.has(c)) || this.#isLinkLost(caller)) again.push(caller);
    return again;
  }

  #isLinkLost(index: number): boolean {
    if (this.verdict[index] !== UNPROVED || this.reason[index] !== LR_AT_RETURN || this.#linkLost.has(index))
      return false;
    this.#linkLost.add(index);
    return true;
  }

  /** Whose contract a function is held to: see contracts.ts. */
  contract(index: number): number {
    return this.#object.contract[index]!;
  }

  /** What a function does with its caller's parameter save area; `undefined` if it leaves it alone. */
  parameters(index: number): ParameterUse | undefined {
    return this.#object.areas.use(index);
  }

  /**
   * Finds functions whose symbol says that they need no r2, though they use it as the TOC, and that nobody but this object can
   * call: from now on their callers owe them the home's TOC. And those that come back with the home's TOC without having been
   * given it: from now on their callers find it there.
   *
   * @returns those functions and their callers
   */
  #homebound(): number[] {
    const { functions } = this.subject;
    const { contract } = this.#object;
    const found = new Set<number>();
    for (let i = 0; i < functions.count; i++) {
      const isOpen = contract[i] === 0 || contract[i] === HOME_BACK;
      if (this.verdict[i] === PROVED || !isOpen || this.register[i] !== 2) continue;
      const comesHome = this.found[i] === this.#object.home && this.reason[i] === TOC_AT_RETURN;
      if (comesHome && contract[i] === 0) contract[i] = HOME_BACK;
      else if (this.found[i] !== entry(2) || this.reason[i]! > TOC_AT_STUB) continue;
      else if (this.subject.isExposed(functions.global[i]!)) continue;
      else contract[i] = HOME;
      found.add(i);
    }
    const again = [...found];
    if (found.size > 0)
      for (const [caller, callees] of this.calls)
        if (!found.has(caller) && callees.some(c => found.has(c))) again.push(caller);
    return again;
  }

  /** Takes note of functions that never return. @returns those that call one and are not proved */
  #endless(): number[] {
    const { functions } = this.subject;
    const { neverReturns } = this.#object;
    const found = new Set<number>();
    for (let i = 0; i < functions.count; i++) {
      if (functions.part[i] === 1 || this.verdict[i] !== PROVED) continue;
      if (this.#comesBack[i] === 1 || neverReturns[i] === 1) continue;
      neverReturns[i] = 1;
      found.add(i);
    }
    const again: number[] = [];
    for (const [caller, callees] of this.calls)
      if (this.verdict[caller] !== PROVED && callees.some(c => found.has(c))) again.push(caller);
    return again;
  }

  /** Follows one function along all its paths and keeps the verdict; its callees are taken to keep their contracts. */
  prove(index: number, watcher?: Watcher): void {
    const { functions } = this.subject;
    const global = functions.global[index]!;
    const local = functions.local[index]!;
    this.#begin(index, watcher);
    this.verdict[index] = PROVED;
    this.reason[index] = NOTHING;
    this.#comesBack[index] = 0;
    this.calls.delete(index);
    this.#follow(global === local ? [global] : [global, local]);
    // What is wrong behind one entry is not known behind both together. Each of them may be taken.
    if (global !== local && this.verdict[index] === UNPROVED && this.reason[index]! < NO_INSTRUCTION) {
      this.#follow([local]);
      this.#follow([global]);
    }
    this.#watcher = undefined;
  }

  /** Follows the current function from these of its entries. */
  #follow(entries: readonly number[]): void {
    const index = this.#current;
    const state = this.#state;
    for (const at of entries) {
      this.#enter(state, at);
      this.reach(at, state, at);
    }
    this.#blocks = 0;
    for (let at = this.#frontier.take(state); at >= 0; at = this.#frontier.take(state)) {
      if (++this.#blocks > MOST_BLOCKS) this.fail(TOO_LARGE, at, UNKNOWN, 0);
      if (this.#blocks > MOST_BLOCKS || this.verdict[index] === REFUTED) break;
      this.#start = at;
      this.#walker.block(at, state);
    }
    this.#frontier.clear();
  }

  #begin(index: number, watcher: Watcher | undefined): void {
    this.#current = index;
    this.#watcher = watcher;
    this.#walker.follow(index);
    this.#object.areas.follow(index);
  }

  /** The state in which a function may count on being entered, at one of its entries. */
  #enter(state: State, at: number): void {
    const { functions } = this.subject;
    const index = this.#current;
    for (let i = 0; i < PLACES; i++) state.places[i] = entry(i);
    state.places[1] = stack(0);
    state.clear();
    // What earlier callees left in the caller's LR slot: never this function's return address.
    state.store(16, 8, CLOBBERED);
    const contract = this.#object.contract[index]!;
    if (contract === HOME) state.places[2] = this.#object.home;
    if (contract < 2 || contract >= HOME) return;
    const isGlobal = at === functions.global[index];
    if (isGlobal) state.places[12] = address(at);
    if (!isGlobal || functions.global[index] === functions.local[index]) state.places[2] = this.#object.home;
  }

  /**
   * Follows one path alone, without joining states: from an entry of the function through the blocks that the legs begin with,
   * leaving each at its exit. The last one is executed to its end, and what is wrong anywhere is told to the watcher.
   *
   * @returns whether the path exists
   */
  walk(index: number, legs: readonly Leg[], watcher: Watcher): boolean {
    const { verdict, reason, place, found, register } = this;
    const kept = [verdict[index]!, reason[index]!, place[index]!, found[index]!, register[index]!] as const;
    const state = new State();
    this.#begin(index, watcher);
    this.#enter(state, legs[0]!.block);
    let whole = true;
    for (let i = 0; i < legs.length && whole; i++) {
      const { block, exit } = legs[i]!;
      const path: Path = { exit, target: legs[i + 1]?.block ?? -1, state: new State(), taken: false };
      this.#path = path;
      this.#start = block;
      this.#walker.block(block, state);
      whole = i === legs.length - 1 || path.taken;
      if (path.taken) state.copyFrom(path.state);
    }
    this.#path = undefined;
    this.#watcher = undefined;
    [verdict[index], reason[index], place[index], found[index], register[index]] = kept;
    return whole;
  }

  fallInto(target: number, state: State, from: number): boolean {
    const mayGoOn = !this.isWatched && this.verdict[this.#current] !== REFUTED && ++this.#blocks <= MOST_BLOCKS;
    if (mayGoOn) {
      if (!this.#frontier.fallInto(target, state)) return false;
      this.#start = target;
      return true;
    }
    this.reach(target, state, from);
    return false;
  }

  get isWatched(): boolean {
    return this.#watcher !== undefined || this.#path !== undefined;
  }

  step(pc: number, state: State): boolean {
    if (this.#path?.taken === true) return false;
    this.#watcher?.step?.(pc, state);
    return true;
  }

  reach(target: number, state: State, from: number): void {
    const path = this.#path;
    if (path === undefined) {
      this.#watcher?.edge?.(this.#start, from, target);
      this.#frontier.reach(target, state);
    } else if (target === path.target && from === path.exit && !path.taken) {
      path.taken = true;
      path.state.copyFrom(state);
    }
  }

  /** Keeps the first thing that is wrong; one that is certain goes before one that is not known. */
  fail(reason: number, place: number, found: Value, register: number, certain = found !== UNKNOWN): void {
    // A function that says it needs no r2, and uses it, may have callers that know better.
    const isHomebound = register === 2 && found === entry(2) && this.#object.contract[this.#current] === 0;
    const isCertain = certain && reason < NO_INSTRUCTION && !(isHomebound && reason !== TOC_AT_RETURN);
    this.#watcher?.fail?.(this.#start, { reason, place, found, register, certain: isCertain });
    const index = this.#current;
    const verdict = isCertain ? REFUTED : UNPROVED;
    if (this.verdict[index]! >= verdict) return;
    this.verdict[index] = verdict;
    this.reason[index] = reason;
    this.place[index] = place;
    this.found[index] = found;
    this.register[index] = register;
  }

  relyOn(callee: number): void {
    const list = this.calls.get(this.#current);
    if (list === undefined) this.calls.set(this.#current, [callee]);
    else if (!list.includes(callee)) list.push(callee);
  }

  comesBack(): void {
    this.#comesBack[this.#current] = 1;
  }
}
