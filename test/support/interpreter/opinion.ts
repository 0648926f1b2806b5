/** Runs one function many times and holds each step against what the prover says of it. */
import type { LoadedImage } from '../../../src/loader/model.ts';
import { HOME, HOME_BACK } from '../../../src/prove/object-code.ts';
import { PROVED, type Prover } from '../../../src/prove/prover.ts';
import { State } from '../../../src/prove/state.ts';
import type { ProofSubject } from '../../../src/prove/subject.ts';
import { addressOffset, isAddress, LR } from '../../../src/prove/values.ts';
import { neverReturns } from '../../../src/verify/proof/no-return.ts';
import { outside } from './contains.ts';
import type { Outcome } from './options.ts';
import { Run } from './run.ts';
import type { World, WorldFunction } from './world.ts';

export interface Opinion {
  readonly outcomes: Map<Outcome, number>;
  /** Instructions that were executed. */
  steps: number;
  /** Places that the proof reaches, and how many of them some run reached. */
  places: number;
  visited: number;
  /** What the proof excludes and a run has shown, or what a proved function did not pay. */
  readonly wrong: string[];
  /** Callees in the object that the prover takes never to come back. */
  readonly endless: Set<WorldFunction>;
  /** Broken rules where the function is not proved: no contradiction. */
  broken: number;
}

/** The lowest address of code, from which the prover counts. */
export function originOf(image: LoadedImage): bigint {
  const code = image.sections.filter(
    s => s.size > 0 && s.memory !== 'percpu' && ((s.flags & 4) !== 0 || s.name.startsWith('__ftr_alt')),
  );
  return code.reduce((a, s) => (s.address < a ? s.address : a), code[0]?.address ?? image.toc);
}

/** Tells the world of functions that the prover holds to another contract than that of their symbols. */
export function adopt(world: World, prover: Prover, origin: bigint): void {
  const { count, global } = prover.subject.functions;
  for (let i = 0; i < count; i++) {
    const contract = prover.contract(i);
    const f = world.functionAt(origin + BigInt(global[i]!));
    if (f !== undefined) f.convention = contract === HOME ? 'bound' : contract === HOME_BACK ? 'back' : f.declared;
  }
}

/** The states that the proof ends with, by place. Where blocks begin anew in the middle of others there may be several. */
function statesOf(prover: Prover, index: number): Map<number, State[]> {
  const states = new Map<number, State[]>();
  const keep = (pc: number, state: State) => {
    const copy = new State();
    copy.copyFrom(state);
    const list = states.get(pc);
    if (list === undefined) states.set(pc, [copy]);
    else list.push(copy);
  };
  prover.prove(index, { step: keep });
  return states;
}

export interface Trials {
  readonly runs: number;
  readonly limit: number;
  readonly seed: number;
}

/** @param origin address of place 0 of the subject */
export function opinionOf(
  prover: Prover,
  index: number,
  world: World,
  f: WorldFunction,
  origin: bigint,
  trials: Trials,
): Opinion {
  const { subject } = prover;
  const states = statesOf(prover, index);
  const seen = new Set<number>();
  const result: Opinion = {
    outcomes: new Map(),
    steps: 0,
    places: states.size,
    visited: 0,
    wrong: [],
    endless: new Set(),
    broken: 0,
  };
  const isProved = prover.verdict[index] === PROVED;
  for (let i = 0; i < trials.runs && result.wrong.length === 0; i++) {
    let isOver = false;
    let last = 0;
    const run = new Run(world, f, {
      seed: trials.seed + i * 7919,
      isForced: i % 4 !== 0,
      isLocal: i % 8 !== 1,
      limit: trials.limit,
      noReturn: target => neverReturns(world.imports.get(target) ?? world.functionAt(target)?.name ?? ''),
      step: (address, running) => {
        if (result.wrong.length > 0 || isOver) return;
        const pc = Number(address - origin);
        const known = states.get(pc);
        // The callee of a `bl` that may be the last word of the function: behind it stands whatever comes next.
        const isBehindCall = isJudged(subject, index, pc - 4) && last === subject.code[(pc - 4) >> 2];
        const callee = isBehindCall && !comesFromCall(known, pc) ? calleeBefore(subject, world, origin, pc) : undefined;
        if (callee !== undefined) {
          result.endless.add(callee);
          isOver = true;
          return;
        }
        // Code of a stub, which the proof follows by itself.
        if (known === undefined && !isJudged(subject, index, pc)) return;
        if (known === undefined && running.forced > 0 && last >>> 26 === 19) {
          // An index beyond its table, which a condition would have kept out.
          result.outcomes.set('wild', (result.outcomes.get('wild') ?? 0) + 1);
          isOver = true;
          return;
        }
        last = subject.code[pc >> 2]!;
        seen.add(pc);
        const best = closest(running, subject, origin, known ?? []);
        if (best.length > 0)
          result.wrong.push(`+0x${(pc - subject.functions.global[index]!).toString(16)}: ${best.join('; ')}`);
      },
    }).go();
    result.steps += run.steps;
    result.outcomes.set(run.outcome, (result.outcomes.get(run.outcome) ?? 0) + 1);
    if (run.broken.length > 0 && isProved && !isOver)
      result.wrong.push(`seed ${trials.seed + i * 7919}: ${run.broken.join('; ')}`);
    else result.broken += run.broken.length;
  }
  result.visited = seen.size;
  return result;
}

/** Whether the proof lets control come to `pc` with LR as a call in front of it leaves it. */
function comesFromCall(states: readonly State[] | undefined, pc: number): boolean {
  return states?.some(({ places }) => !isAddress(places[LR]!) || addressOffset(places[LR]!) === pc) ?? false;
}

function isJudged(subject: ProofSubject, index: number, pc: number): boolean {
  const { global, end } = subject.functions;
  return pc >= global[index]! && pc < end[index]!;
}

/** The last states are the widest, so they are asked first. */
function closest(run: Run, subject: ProofSubject, origin: bigint, states: readonly State[]): string[] {
  let best = ['the proof never gets here'];
  for (let i = states.length - 1; i >= 0; i--) {
    const wrong = outside(run, subject, origin, states[i]!);
    if (wrong.length === 0) return wrong;
    if (i === states.length - 1) best = wrong;
  }
  return best;
}

/** Whether a `bl` stands before `pc` and leads to a function: the prover may have found that it never comes back. */
function calleeBefore(subject: ProofSubject, world: World, origin: bigint, pc: number): WorldFunction | undefined {
  const word = subject.code[(pc - 4) >> 2] ?? 0;
  return word >>> 26 === 18 && (word & 1) === 1
    ? world.functionAt(origin + BigInt(pc - 4 + ((word << 6) >> 8) * 4))
    : undefined;
}
