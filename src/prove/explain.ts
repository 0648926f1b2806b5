/**
 * Why a verdict is what it is. For a function that is refuted or unknown: one path from an entry to the place, instruction by
 * instruction, as it goes when that path is taken and no other. For a proved one: what holds before each instruction on
 * all paths, and whom it relies on.
 */
import { PROVED, type Prover } from './prover.ts';
import { NO_INSTRUCTION } from './reasons.ts';
import type { State } from './state.ts';
import { UNKNOWN, type Value } from './values.ts';
import type { Finding, Leg } from './watcher.ts';

export interface Step {
  /** Bytes from the origin. */
  readonly pc: number;
  readonly r1: Value;
  readonly r2: Value;
  readonly r12: Value;
  /** The register that the finding is about, where there is one. */
  readonly subject: Value;
}

export interface Witness {
  readonly finding: Finding;
  readonly steps: readonly Step[];
  /** Whether the path by itself breaks the rule. If not, it does so only joined with others: it may never be taken. */
  readonly shown: boolean;
}

/** Paths that are tried before the shortest one is shown as it is. */
const MOST_PATHS = 200;
const MOST_TRAILS = 20_000;

interface Edge {
  readonly from: number;
  readonly target: number;
}

interface Graph {
  readonly edges: Map<number, Edge[]>;
  readonly failures: { readonly block: number; readonly finding: Finding }[];
}

function graphOf(prover: Prover, index: number): Graph {
  const edges = new Map<number, Edge[]>();
  const failures: { block: number; finding: Finding }[] = [];
  prover.prove(index, {
    edge: (block, from, target) => {
      const list = edges.get(block);
      if (list === undefined) edges.set(block, [{ from, target }]);
      else if (!list.some(e => e.from === from && e.target === target)) list.push({ from, target });
    },
    fail: (block, finding) => failures.push({ block, finding }),
  });
  return { edges, failures };
}

/** A path, written from its end: the block, and how the one before it was left. */
interface Trail {
  readonly block: number;
  readonly exit: number;
  readonly before: Trail | undefined;
}

function legsOf(trail: Trail): Leg[] {
  const legs: Leg[] = [];
  let exit = -1;
  for (let at: Trail | undefined = trail; at !== undefined; at = at.before) {
    legs.unshift({ block: at.block, exit });
    exit = at.exit;
  }
  return legs;
}

function visits(trail: Trail, block: number): number {
  let count = 0;
  for (let at: Trail | undefined = trail; at !== undefined; at = at.before) if (at.block === block) count++;
  return count;
}

/** Paths to `goal`, shortest first, each block at most twice. */
function* pathsTo(graph: Graph, entries: readonly number[], goal: number): Generator<Leg[]> {
  const queue: Trail[] = entries.map(block => ({ block, exit: -1, before: undefined }));
  let given = 0;
  for (let at = 0; at < queue.length && at < MOST_TRAILS; at++) {
    const trail = queue[at]!;
    if (trail.block === goal) {
      yield legsOf(trail);
      if (++given >= MOST_PATHS) return;
    }
    for (const { from, target } of graph.edges.get(trail.block) ?? [])
      if (visits(trail, target) < 2) queue.push({ block: target, exit: from, before: trail });
  }
}

/** The shortest path to `goal`, of however many blocks. */
function shortest(graph: Graph, entries: readonly number[], goal: number): Leg[] | undefined {
  const seen = new Set(entries);
  const queue: Trail[] = entries.map(block => ({ block, exit: -1, before: undefined }));
  for (const trail of queue) {
    if (trail.block === goal) return legsOf(trail);
    for (const { from, target } of graph.edges.get(trail.block) ?? [])
      if (!seen.has(target)) {
        seen.add(target);
        queue.push({ block: target, exit: from, before: trail });
      }
  }
  return undefined;
}

function walked(prover: Prover, index: number, path: readonly Leg[], wanted: Finding): Witness {
  const steps: Step[] = [];
  let finding = wanted;
  let shown = false;
  let ended = false;
  prover.walk(index, path, {
    step: (pc: number, state: State) => {
      if (ended) return;
      const about = wanted.register < state.places.length ? state.places[wanted.register]! : UNKNOWN;
      steps.push({ pc, r1: state.get(1), r2: state.get(2), r12: state.get(12), subject: about });
    },
    fail: (_block, found) => {
      if (found.place !== wanted.place || found.reason !== wanted.reason || shown) return;
      ended = true;
      shown = found.certain;
      if (found.certain) finding = found;
    },
  });
  return { finding, steps, shown };
}

/** Whether a path may show more than the proof has found. What the prover cannot follow is no broken rule: no path shows one. */
export function showsMore(reason: number): boolean {
  return reason < NO_INSTRUCTION;
}

/** A path to what is wrong with a function; `undefined` for one that is proved, or whose trouble is in a callee. */
export function witness(prover: Prover, index: number): Witness | undefined {
  const graph = graphOf(prover, index);
  if (prover.verdict[index] === PROVED) return undefined;
  const found = graph.failures.find(
    ({ finding }) => finding.reason === prover.reason[index] && finding.place === prover.place[index],
  );
  if (found === undefined) return undefined;
  const { functions } = prover.subject;
  const entries = [...new Set([functions.local[index]!, functions.global[index]!])];
  if (showsMore(found.finding.reason))
    for (const path of pathsTo(graph, entries, found.block)) {
      const result = walked(prover, index, path, found.finding);
      if (result.shown) return result;
    }
  const path = shortest(graph, entries, found.block);
  return path === undefined ? undefined : walked(prover, index, path, found.finding);
}

/** What holds before each instruction that is reached, on all paths: the last state that the proof found there. */
export function derivation(prover: Prover, index: number): readonly Step[] {
  const steps = new Map<number, Step>();
  prover.prove(index, {
    step: (pc, state) =>
      steps.set(pc, { pc, r1: state.get(1), r2: state.get(2), r12: state.get(12), subject: state.places[32]! }),
  });
  return [...steps.values()].sort((a, b) => a.pc - b.pc);
}
