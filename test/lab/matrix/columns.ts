// The columns of the matrix: ways in which a function may be entered, as runs of the canary.
import type { CanaryModule, CanaryPath } from '../boot/scripts.ts';

export interface Run {
  readonly module: CanaryModule;
  /** Of the canary. */
  readonly target: string;
  readonly path: CanaryPath;
  /** Calls of redirected functions in one call of the target. */
  readonly entries: number;
}

export interface Column {
  readonly name: string;
  /** Functions that have to be redirected for it. */
  readonly functions: readonly string[];
  readonly runs: readonly Run[];
}

const run = (module: CanaryModule, target: string, path: CanaryPath, entries = 1): Run => ({
  module,
  target,
  path,
  entries,
});

/** From its own module, from another one, through pointers, and in an interrupt. */
function everyWay(target: string, entries = 1): readonly Run[] {
  return [
    run('canary', target, 'local', entries),
    run('canary', target, 'pointer', entries),
    run('canary', target, 'interrupt', entries),
    run('canary_ext', target, 'external', entries),
    run('canary_ext', target, 'pointer', entries),
  ];
}

export const TRACED = 'tracer on and off';
export const AGAIN = 'unloaded and loaded again';

/** Calls as deep as the recursive targets go, and the last one. */
const DEPTH = 21;

const PLAIN = ['home_add', 'home_eight', 'home_pair'] as const;
const PLAIN_TARGETS = ['add', 'eight', 'pair'] as const;

export const COLUMNS: readonly Column[] = [
  { name: 'local caller', functions: PLAIN, runs: PLAIN_TARGETS.map(t => run('canary', t, 'local')) },
  { name: 'external caller', functions: PLAIN, runs: PLAIN_TARGETS.map(t => run('canary_ext', t, 'external')) },
  {
    name: 'function pointer',
    functions: PLAIN,
    runs: PLAIN_TARGETS.flatMap(t => [run('canary', t, 'pointer'), run('canary_ext', t, 'pointer')]),
  },
  {
    name: 'sibling caller, entered externally',
    functions: ['home_add'],
    runs: [
      run('canary_ext', 'sibling', 'external'),
      run('canary_ext', 'sibling', 'pointer'),
      run('canary', 'sibling', 'local'),
    ],
  },
  { name: 'recursive', functions: ['home_recurse'], runs: everyWay('recurse', DEPTH) },
  { name: 'mutually recursive', functions: ['home_ping', 'home_pong'], runs: everyWay('mutual', DEPTH) },
  {
    name: 'interrupt',
    functions: PLAIN,
    runs: [...PLAIN_TARGETS, 'sibling', 'twice'].map(t => run('canary', t, 'interrupt')),
  },
  { name: 'ten arguments', functions: ['home_ten'], runs: everyWay('ten') },
  { name: 'variadic', functions: ['home_variadic'], runs: everyWay('variadic') },
  { name: 'leaf without TOC', functions: ['home_leaf'], runs: everyWay('leaf') },
  {
    name: TRACED,
    functions: PLAIN,
    runs: [
      run('canary', 'add', 'local'),
      run('canary', 'eight', 'pointer'),
      run('canary', 'add', 'interrupt'),
      run('canary_ext', 'add', 'external'),
      run('canary_ext', 'sibling', 'external'),
    ],
  },
  { name: AGAIN, functions: PLAIN, runs: [run('canary', 'add', 'local'), run('canary_ext', 'eight', 'external')] },
];
