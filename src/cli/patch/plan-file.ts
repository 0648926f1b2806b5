/**
 * `--plan FILE`: a patch, or several, as YAML or JSON (plan-text.ts), with the same power as the command line. Flags that say how
 * tocsin runs and prints (--dry-run, --format, --force, --quiet, --verbose, --color) stay there.
 */
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { readStored, STDIN } from '../../io/read.ts';
import type { RedirectAt, TocRecovery } from '../../plan/plan.ts';
import type { SigningArguments } from '../commands/patch.ts';
import { commentOfItem, commentOfRest, type ENTRY_LISTS } from './plan-comments.ts';
import { type PlanText, parsePlan } from './plan-text.ts';
import type { ShadowStackChoice } from './shadow-stack.ts';
import { type StrategyText, withPath } from './strategy.ts';

export interface NopEntry {
  readonly functions: string;
  readonly comment?: string;
}

export interface RedirectEntry {
  readonly function: string;
  readonly to: string;
  readonly strategy?: StrategyText;
  readonly toc?: TocRecovery;
  readonly at?: RedirectAt;
  readonly comment?: string;
}

export interface HookEntry {
  readonly functions: string;
  readonly before?: string;
  readonly after?: string;
  readonly toc?: TocRecovery;
  readonly at?: RedirectAt;
  readonly comment?: string;
}

export interface RetargetEntry {
  readonly function: string;
  readonly call: string;
  readonly to: string;
  readonly comment?: string;
}

export interface EpilogueEntry {
  readonly functions: string;
  readonly comment?: string;
}

/** A file that a list of a plan names. */
export interface FileEntry {
  readonly file: string;
  readonly comment?: string;
}

/** What holds for all entries that say nothing else; the command line counts more. */
export interface PlanSettings {
  /** An index, a vmlinux or a release. */
  readonly kernel?: string;
  readonly sign?: SigningArguments;
  readonly strategy?: StrategyText;
  readonly toc?: TocRecovery;
  readonly at?: RedirectAt;
  readonly shadowStack?: ShadowStackChoice;
  readonly allowUnproved?: boolean;
}

/** What is to be done to one module. */
export interface PlanEntries extends PlanSettings {
  readonly comment?: string;
  readonly symvers: readonly FileEntry[];
  /** Modules that are loaded before. */
  readonly loaded: readonly FileEntry[];
  /** Objects that are merged in first. */
  readonly with: readonly FileEntry[];
  readonly nop: readonly NopEntry[];
  readonly redirect: readonly RedirectEntry[];
  readonly hook: readonly HookEntry[];
  readonly retarget: readonly RetargetEntry[];
  readonly epilogue: readonly EpilogueEntry[];
}

export interface PlannedModule extends PlanEntries {
  readonly file: string;
  readonly output: string;
  readonly report?: string;
}

/** Paths are resolved against the plan's folder. */
export interface PlanFile extends PlanEntries {
  readonly path: string;
  /** Absent where the plan is for the module of the command line. */
  readonly modules?: readonly PlannedModule[];
}

/** As the schema has it: lists may be missing, and a pattern may stand for itself. */
interface RawEntries extends Omit<PlanSettings, 'sign'> {
  readonly comment?: string;
  readonly sign?: Omit<SigningArguments, 'hash'> & Partial<SigningArguments>;
  readonly symvers?: readonly string[];
  readonly loaded?: readonly string[];
  readonly with?: readonly string[];
  readonly nop?: readonly (string | NopEntry)[];
  readonly redirect?: readonly RedirectEntry[];
  readonly hook?: readonly HookEntry[];
  readonly retarget?: readonly RetargetEntry[];
  readonly epilogue?: readonly (string | EpilogueEntry)[];
}

interface Raw extends RawEntries {
  readonly modules?: readonly (RawEntries & Omit<PlannedModule, keyof PlanEntries>)[];
}

/**
 * Reads and judges a plan. A `#` comment of YAML in front of an entry, in it or behind it is told with the entry, behind a comment that
 * the entry has as a key; all others with their module or with the plan.
 *
 * @throws InputError IO codes; CLI020, PLN001, PLN002
 */
export async function readPlan(path: string): Promise<PlanFile> {
  const plan = parsePlan(path, (await readStored(path)).bytes);
  // A plan on standard input lies nowhere: its paths are those of the working folder.
  const folder = path === STDIN ? '.' : dirname(path);
  return planOf(path, plan, name => (isAbsolute(name) ? name : resolve(folder, name)));
}

type Resolved = (name: string) => string;

function planOf(path: string, { value, document }: PlanText, resolved: Resolved): PlanFile {
  const { modules, ...raw } = value as Raw;
  return {
    path,
    ...entries(raw, document, undefined, resolved),
    ...(modules && {
      modules: modules.map((module, i) => ({
        ...entries(module, document, i, resolved),
        file: resolved(module.file),
        output: resolved(module.output),
        ...(module.report !== undefined && { report: resolved(module.report) }),
      })),
    }),
  };
}

function settings(
  { kernel, sign, strategy, toc, at, shadowStack, allowUnproved }: RawEntries,
  resolved: Resolved,
): PlanSettings {
  return {
    ...(kernel !== undefined && { kernel: isPath(kernel, resolved) ? resolved(kernel) : kernel }),
    ...(sign && {
      sign: { key: resolved(sign.key), certificate: resolved(sign.certificate), hash: sign.hash ?? 'sha256' },
    }),
    ...(strategy !== undefined && { strategy: withPath(strategy, resolved) }),
    ...(toc !== undefined && { toc }),
    ...(at !== undefined && { at }),
    ...(shadowStack !== undefined && { shadowStack }),
    ...(allowUnproved !== undefined && { allowUnproved }),
  };
}

/** A kernel may be named by its release. */
function isPath(kernel: string, resolved: Resolved): boolean {
  return kernel.includes('/') || existsSync(resolved(kernel));
}

/** @param module its number; absent for what stands above all modules */
function entries(
  raw: RawEntries,
  document: PlanText['document'],
  module: number | undefined,
  resolved: Resolved,
): PlanEntries {
  const { symvers = [], loaded = [], with: objects = [], nop = [], redirect = [], hook = [], retarget = [] } = raw;
  const said = both(raw.comment, commentOfRest(document, module));
  const at = module === undefined ? [] : ['modules', module];
  const told = <T extends { readonly comment?: string }>(list: readonly T[], name: (typeof ENTRY_LISTS)[number]): T[] =>
    list.map((entry, i) => {
      const comment = both(entry.comment, commentOfItem(document, [...at, name], i));
      return comment === undefined ? entry : { ...entry, comment };
    });
  const files = (list: readonly string[]): FileEntry[] => list.map(name => ({ file: resolved(name) }));
  const patterns = (list: readonly (string | NopEntry)[]) =>
    list.map(entry => (typeof entry === 'string' ? { functions: entry } : entry));
  return {
    ...settings(raw, resolved),
    ...(said !== undefined && { comment: said }),
    symvers: told(files(symvers), 'symvers'),
    loaded: told(files(loaded), 'loaded'),
    with: told(files(objects), 'with'),
    nop: told(patterns(nop), 'nop'),
    redirect: told(redirect, 'redirect').map(({ strategy, ...entry }) => ({
      ...entry,
      ...(strategy !== undefined && { strategy: withPath(strategy, resolved) }),
    })),
    hook: told(hook, 'hook'),
    retarget: told(retarget, 'retarget'),
    epilogue: told(patterns(raw.epilogue ?? []), 'epilogue'),
  };
}

function both(first: string | undefined, second: string | undefined): string | undefined {
  return first === undefined || second === undefined ? (first ?? second) : `${first} ${second}`;
}
