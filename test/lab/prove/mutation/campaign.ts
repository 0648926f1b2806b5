/**
 * Spoils functions of a loaded module and asks the prover what it makes of each. What it still proves is executed by the
 * interpreter: if that shows a broken rule the proof was false; if not, and the spoiled place was executed often, the change
 * does not matter for what is owed.
 */
import type { LoadedImage } from '../../../../src/loader/model.ts';
import { PROVED, Prover, REFUTED } from '../../../../src/prove/prover.ts';
import { moduleSubject } from '../../../../src/verify/proof/module-image.ts';
import { neverReturns } from '../../../../src/verify/proof/no-return.ts';
import { type CoreObject, moduleObject, proveBothWays, proveInCore } from '../../../support/core.ts';
import { Random } from '../../../support/interpreter/machine.ts';
import { adopt, originOf } from '../../../support/interpreter/opinion.ts';
import { Run } from '../../../support/interpreter/run.ts';
import { type Convention, World } from '../../../support/interpreter/world.ts';
import { Body, type Mutation, type Operator } from './body.ts';
import { callOperators } from './calls.ts';
import { flowOperators } from './flow.ts';
import { frameOperators } from './frame.ts';
import { type Ways, waysTo } from './reachable.ts';
import { saveOperators } from './saves.ts';
import { tableOperators, tablesOf } from './tables.ts';
import { tocOperators } from './toc.ts';

export const wordOperators: readonly Operator[] = [
  ...tocOperators,
  ...callOperators,
  ...saveOperators,
  ...frameOperators,
  ...flowOperators,
];

export interface Tally {
  applied: number;
  refuted: number;
  unknown: number;
  /** Still proved, and no run shows anything: what is owed is paid. */
  equivalent: number;
  /** Still proved, and no run came to the changed place. */
  unreached: number;
  /** Still proved though a run shows that a rule is broken. */
  false: number;
}

export interface Survivor {
  readonly operator: string;
  readonly module: string;
  readonly function: string;
  readonly kind: 'equivalent' | 'unreached' | 'false';
  readonly changes: string;
  readonly reason: string;
}

export interface Results {
  functions: number;
  readonly tallies: Map<string, Tally>;
  readonly survivors: Survivor[];
  /** Of the mutants that are not proved, how many were executed too, and how many of those broke a rule then. */
  executed: number;
  shown: number;
  /** Mutants that the prover in WebAssembly calls proved, and the one in TypeScript does not. */
  readonly disagreements: string[];
}

export function newResults(): Results {
  return { functions: 0, tallies: new Map(), survivors: [], executed: 0, shown: 0, disagreements: [] };
}

/** All operators together. */
export function summed({ tallies }: Results): Tally {
  const total: Tally = { applied: 0, refuted: 0, unknown: 0, equivalent: 0, unreached: 0, false: 0 };
  for (const tally of tallies.values())
    for (const key of Object.keys(total) as (keyof Tally)[]) total[key] += tally[key];
  return total;
}

export interface Plan {
  readonly module: string;
  readonly seed: number;
  /** Functions of the module to spoil. */
  readonly functions: number;
  /** Operators for each of them. */
  readonly operators: number;
  /** Runs of each mutant that is still proved. */
  readonly runs: number;
  /** One in so many of the others is executed too; 0 for none. */
  readonly controlled: number;
}

class Campaign {
  readonly image: LoadedImage;
  readonly plan: Plan;
  readonly results: Results;
  readonly random: Random;
  readonly world: World;
  readonly origin: bigint;
  readonly subject;
  readonly #object: CoreObject;
  readonly marks: Uint8Array;
  /** Verdicts about the module as it is, by function. */
  readonly #baseline: Uint8Array;
  readonly #operators: readonly Operator[];
  readonly #conventions: readonly Convention[];
  readonly #around: Pick<Body, 'stubs' | 'others' | 'word'>;

  constructor(image: LoadedImage, plan: Plan, results: Results) {
    this.image = image;
    this.plan = plan;
    this.results = results;
    this.random = new Random(plan.seed);
    this.world = new World(image);
    this.origin = originOf(image);
    this.#object = moduleObject(image);
    this.subject = this.#object.subject;
    this.marks = this.subject.marks.slice();
    const prover = new Prover(this.subject);
    prover.proveAll();
    this.#baseline = prover.verdict;
    adopt(this.world, prover, this.origin);
    this.#conventions = this.world.functions.map(f => f.convention);
    this.subject.marks.set(this.marks);
    const { functions } = this.subject;
    const others: { global: number; local: number }[] = [];
    for (let i = 0; i < functions.count; i++)
      if (functions.part[i] === 0 && functions.entryCode[i]! > 1)
        others.push({ global: functions.global[i]!, local: functions.local[i]! });
    this.#around = {
      stubs: image.stubs.filter(s => s.kind === 'call').map(s => Number(s.address - this.origin)),
      others,
      word: at => {
        const found = this.world.contents(this.origin + BigInt(at));
        return found === undefined ? undefined : Number(BigInt.asIntN(32, found.value));
      },
    };
    this.#operators = [...wordOperators, ...tableOperators(tablesOf(image, this.origin), this.origin)];
  }

  run(): void {
    const { functions } = this.subject;
    const { plan, random } = this;
    const chosen: number[] = [];
    for (let i = 0; i < functions.count; i++)
      if (functions.part[i] === 0 && this.#baseline[i] === PROVED) chosen.push(i);
    while (chosen.length > plan.functions) chosen.splice(random.below(chosen.length), 1);
    for (const index of chosen) {
      this.results.functions++;
      this.#spoil(index);
    }
  }

  #spoil(index: number): void {
    const body = new Body(this.subject, index, this.#around);
    const left = [...this.#operators];
    for (let done = 0; done < this.plan.operators && left.length > 0; ) {
      const [operator] = left.splice(this.random.below(left.length), 1);
      const ways = operator!.ways(body);
      if (ways.length === 0) continue;
      done++;
      this.#judge(index, operator!, ways[this.random.below(ways.length)]!);
    }
  }

  #judge(index: number, operator: Operator, mutation: Mutation): void {
    const { results } = this;
    let tally = results.tallies.get(operator.name);
    if (tally === undefined) {
      tally = { applied: 0, refuted: 0, unknown: 0, equivalent: 0, unreached: 0, false: 0 };
      results.tallies.set(operator.name, tally);
    }
    tally.applied++;
    // Tables may lie in the code, where no run comes to them.
    const isTable = operator.name.startsWith('jump table entry');
    const undo = this.#apply(mutation);
    const verdict = this.#verdict(index, mutation);
    if (verdict !== PROVED) this.#compare(index, operator, mutation);
    if (verdict === PROVED) {
      const { kind, reason } = this.#execute(index, mutation, isTable);
      tally[kind]++;
      results.survivors.push({
        operator: operator.name,
        module: this.plan.module,
        function: this.subject.functions.name(index),
        kind,
        changes: mutation.map(({ at, word }) => this.#text(index, at, word)).join(', '),
        reason,
      });
    } else {
      tally[verdict === REFUTED ? 'refuted' : 'unknown']++;
      if (this.plan.controlled > 0 && this.random.oneIn(this.plan.controlled)) {
        results.executed++;
        if (this.#execute(index, mutation, isTable).kind === 'false') results.shown++;
      }
    }
    undo();
  }

  /** Nothing may be proved in WebAssembly that is not proved here. */
  #compare(index: number, operator: Operator, mutation: Mutation): void {
    const object = moduleObject(this.image);
    object.subject.code.set(this.subject.code);
    if (proveInCore(object)?.verdict[index] !== PROVED) return;
    // What the prover finds of the whole object may prove a function that is not proved by itself.
    const { prover } = proveBothWays(object);
    if (prover.verdict[index] === PROVED) return;
    const changes = mutation.map(({ at, word }) => this.#text(index, at, word)).join(', ');
    this.results.disagreements.push(
      `${this.plan.module} ${object.subject.functions.name(index)}, ${operator.name}: ${changes}`,
    );
  }

  #text(index: number, at: number, word: number): string {
    const { global, end } = this.subject.functions;
    const inside = at >= global[index]! && at < end[index]!;
    return `${inside ? `+0x${(at - global[index]!).toString(16)}` : `@0x${at.toString(16)}`} ${word.toString(16).padStart(8, '0')}`;
  }

  #apply(mutation: Mutation): () => void {
    const { world, subject, origin, marks } = this;
    const before = mutation.map(({ at, word }) => {
      const was = world.poke(origin + BigInt(at), word);
      if (at >= 0 && at >> 2 < subject.code.length) subject.code[at >> 2] = word;
      return { at, word: was };
    });
    world.readTables();
    return () => {
      for (const { at, word } of before.reverse()) {
        world.poke(origin + BigInt(at), word);
        if (at >= 0 && at >> 2 < subject.code.length) subject.code[at >> 2] = word;
      }
      subject.marks.set(marks);
      world.readTables();
      world.functions.forEach((f, i) => {
        f.convention = this.#conventions[i]!;
      });
    };
  }

  /** Words of code are changed where the subject has them; for anything else it is made anew. */
  #verdict(index: number, mutation: Mutation): number {
    const { marks, code } = this.subject;
    const isCode = mutation.every(({ at }) => at >= 0 && at >> 2 < code.length && (marks[at >> 2]! & 1) !== 0);
    const subject = isCode ? this.subject : moduleSubject(this.image).subject;
    const prover = new Prover(subject);
    prover.prove(index);
    const verdict = prover.verdict[index]!;
    // What a function owes about r2 may be read from what it does, and so may what others owe it.
    const isOpen = subject.functions.entryCode[index] === 0 && (verdict === PROVED || prover.register[index] === 2);
    if (!isOpen) return verdict;
    prover.proveAll();
    adopt(this.world, prover, this.origin);
    return prover.verdict.reduce((worst, v, i) => (this.#baseline[i] === PROVED ? Math.max(worst, v) : worst), PROVED);
  }

  #execute(
    index: number,
    mutation: Mutation,
    isTable: boolean,
  ): { readonly kind: Survivor['kind']; readonly reason: string } {
    const { world, origin, plan } = this;
    const f = world.functions.find(x => Number(x.global - origin) === this.subject.functions.global[index]);
    if (f === undefined) return { kind: 'unreached', reason: 'no symbol' };
    const wanted = new Set(mutation.map(({ at }) => origin + BigInt(at)));
    const isData = isTable || [...wanted].some(at => world.word(at) === undefined);
    let reached = 0;
    let runs = 0;
    let ways: Ways | undefined;
    // A place that is hard to come to gets more runs.
    for (; runs < plan.runs || (reached < 3 && !isData && runs < plan.runs * 12); runs++) {
      let hit = false;
      const run = new Run(world, f, {
        seed: plan.seed + runs * 104729,
        isForced: runs % 3 !== 0,
        isLocal: runs % 4 !== 1,
        limit: runs < plan.runs ? 600 : 3000,
        ...(ways !== undefined && { leading: ways.leading }),
        noReturn: target => this.#isEnd(target),
        step: pc => {
          if (wanted.has(pc)) hit = true;
        },
      }).go();
      if (hit) reached++;
      if (run.broken.length > 0) return { kind: 'false', reason: `${run.broken.slice(0, 3).join('; ')} (run ${runs})` };
      if (runs === plan.runs && reached < 3) {
        ways = waysTo(world, f, wanted, target => this.#isEnd(this.#beyond(target)));
        if (!ways.isOpen && !mutation.some(({ at }) => ways!.reached.has(origin + BigInt(at))))
          return { kind: 'equivalent', reason: 'no path leads to the changed place' };
      }
    }
    return reached > 0 || isData
      ? {
          kind: 'equivalent',
          reason: `nothing owed is lost in ${runs} runs, ${isData ? 'the change is one of data' : `${reached} of them over the changed place`}`,
        }
      : { kind: 'unreached', reason: `no run of ${runs} came to the changed place` };
  }

  #isEnd(target: bigint): boolean {
    return neverReturns(this.world.imports.get(target) ?? '');
  }

  /** Where a stub leads. */
  #beyond(target: bigint): bigint {
    return this.image.stubs.find(s => s.address === target)?.target ?? target;
  }
}

/** Adds the mutants of one module to `results`. */
export function campaign(image: LoadedImage, plan: Plan, results: Results): void {
  new Campaign(image, plan, results).run();
}
