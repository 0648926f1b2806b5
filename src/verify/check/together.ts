/**
 * Modules that are checked together import from one another, so what the kernel says of one depends on the others: a module
 * whose exporter is refused is refused too, modules that need each other cannot be loaded at all, and of two that export one
 * symbol the second is refused.
 */
import type { CheckFinding, CheckResult } from './finding.ts';

export interface TogetherFile {
  readonly file: string;
  readonly result: CheckResult;
}

/** A module with everything that it needs among the others, in an order in which they can be loaded. */
export interface LoadOrder {
  /** Files; those that import in circles left out. */
  readonly order: readonly string[];
  /** Names of the modules of each circle. */
  readonly circles: readonly (readonly string[])[];
}

/** Tarjan's strongly connected components, without recursion: chains of modules may be long. */
export function loadOrder(files: readonly TogetherFile[]): LoadOrder {
  const byName = new Map<string, number>();
  files.forEach(({ result }, i) => {
    if (result.module !== '' && !byName.has(result.module)) byName.set(result.module, i);
  });
  const needs = files.map(({ result }) => result.uses.flatMap(name => byName.get(name) ?? []));
  const order: string[] = [];
  const circles: string[][] = [];
  const index = new Int32Array(files.length).fill(-1);
  const low = new Int32Array(files.length);
  const onStack = new Uint8Array(files.length);
  const stack: number[] = [];
  let next = 0;
  for (let root = 0; root < files.length; root++) {
    if (index[root] !== -1) continue;
    const walk = [{ node: root, edge: 0 }];
    while (walk.length > 0) {
      const at = walk.at(-1)!;
      const { node } = at;
      if (at.edge === 0) {
        index[node] = low[node] = next++;
        stack.push(node);
        onStack[node] = 1;
      }
      const target = needs[node]![at.edge++];
      if (target !== undefined) {
        if (index[target] === -1) walk.push({ node: target, edge: 0 });
        else if (onStack[target] === 1) low[node] = Math.min(low[node]!, index[target]!);
        continue;
      }
      // `edge` went one past the end: the node is done.
      walk.pop();
      const parent = walk.at(-1);
      if (parent !== undefined) low[parent.node] = Math.min(low[parent.node]!, low[node]!);
      if (low[node] !== index[node]) continue;
      const members = stack.splice(stack.indexOf(node));
      for (const m of members) onStack[m] = 0;
      if (members.length > 1 || needs[node]!.includes(node)) circles.push(members.map(m => files[m]!.result.module));
      else order.push(files[node]!.file);
    }
  }
  return { order, circles };
}

/** Of each circle's modules: the finding that says so. */
export function circleFinding(circle: readonly string[]): CheckFinding {
  return {
    code: 'SYM202',
    level: 'error',
    message: `modules that import from each other in a circle, so none of them can be loaded first: ${[...circle, circle[0]].join(' -> ')}`,
  };
}

export function duplicateFinding(symbol: string, others: readonly string[]): CheckFinding {
  return {
    code: 'SYM201',
    level: 'error',
    message: `it exports ${symbol}, and so does ${others.join(', ')}: the kernel refuses whichever is loaded second`,
  };
}
