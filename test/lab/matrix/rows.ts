// The rows of the matrix: ways of replacing or hooking functions.

import { join } from 'node:path';
import { samplesFolder } from '../harness/harness.ts';

/** What the canary's functions give then. */
export type Gives = 'original' | 'replaced';

export interface Row {
  readonly name: string;
  readonly gives: Gives;
  /** Options for these functions of the canary: what each of them becomes. */
  readonly options: (functions: readonly string[]) => readonly string[];
  /** Whether the canary's object with replacements is merged in. */
  readonly merges: boolean;
  /** Whether the module of replacements is given, which exports copies that keep r2. */
  readonly wantsCopies?: true;
  /** Functions for which it is refused, and the code. */
  readonly refused: Readonly<Record<string, string>>;
}

const redirects = (to: string, ...options: readonly string[]): Row['options'] => {
  return functions => [...functions.flatMap(f => ['--redirect', `${f}=${f.replace('home', to)}`]), ...options];
};

/** A frame hides them. */
const ON_STACK = { home_ten: 'PAT011', home_variadic: 'PAT011' } as const;

const TOCS = ['recomputed', 'saved'] as const;

export const ROWS: readonly Row[] = [
  {
    name: 'direct',
    gives: 'replaced',
    options: redirects('object', '--strategy', 'direct'),
    merges: true,
    refused: {},
  },
  ...TOCS.map(
    (toc): Row => ({
      name: `epilogue, ${toc}`,
      gives: 'replaced',
      options: redirects('fix', '--strategy', 'epilogue', '--toc', toc),
      merges: false,
      wantsCopies: true,
      refused: {},
    }),
  ),
  ...TOCS.map(
    (toc): Row => ({
      name: `frame, ${toc}`,
      gives: 'replaced',
      options: redirects('fix', '--strategy', 'frame', '--toc', toc),
      merges: false,
      refused: ON_STACK,
    }),
  ),
  ...TOCS.map(
    (toc): Row => ({
      name: `shadow, ${toc}`,
      gives: 'replaced',
      options: redirects('fix', '--strategy', 'shadow', '--toc', toc),
      merges: false,
      refused: {},
    }),
  ),
  {
    name: 'custom',
    gives: 'replaced',
    options: redirects('fix', '--strategy', `custom:${join(samplesFolder, 'custom/frame.o')}`),
    merges: false,
    refused: ON_STACK,
  },
  ...TOCS.flatMap((toc): readonly Row[] => [
    {
      name: `hook, ${toc}`,
      gives: 'original',
      options: functions => [...functions.flatMap(f => ['--hook', `${f}=fix_hook`]), '--toc', toc],
      merges: false,
      refused: {},
    },
    {
      name: `hook with exit, ${toc}`,
      gives: 'original',
      options: functions => [
        ...functions.flatMap(f => ['--hook', `${f}=fix_hook`, '--hook-exit', `${f}=fix_hook`]),
        '--toc',
        toc,
      ],
      merges: false,
      refused: ON_STACK,
    },
  ]),
];

/** All functions that columns ask for. */
export const FUNCTIONS = [
  'home_add',
  'home_leaf',
  'home_eight',
  'home_ten',
  'home_variadic',
  'home_pair',
  'home_recurse',
  'home_ping',
  'home_pong',
] as const;
