/**
 * `--plan FILE`: a patch, or several, as YAML or JSON. What it holds is judged by the published schema
 * (schemas/tocsin.patch-plan-1.schema.json); complaints name line and column.
 */
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { type Document, isNode, LineCounter, parseDocument, visit } from 'yaml';
import { readStored, STDIN } from '../../io/read.ts';
import type { RedirectAt, TocRecovery } from '../../plan/plan.ts';
import type { SigningHash } from '../../sign/hashes.ts';
import { InputError } from '../../util/errors.ts';
import { schemaFile } from '../package-files.ts';
import { type StrategyText, withPath } from './strategy.ts';

/** Characters of the parser's own message. */
const MOST_QUOTED = 200;

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

/** What is to be done to one module. */
export interface PlanEntries {
  readonly comment?: string;
  /** Objects that are merged in first. */
  readonly with: readonly string[];
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
  readonly kernel?: string;
  readonly symvers: readonly string[];
  readonly sign?: { readonly key: string; readonly certificate: string; readonly hash: SigningHash };
  /** Absent where the plan is for the module of the command line. */
  readonly modules?: readonly PlannedModule[];
}

/** As the schema has it: lists may be missing, and a pattern may stand for itself. */
interface Raw {
  readonly comment?: string;
  readonly kernel?: string;
  readonly symvers?: readonly string[];
  readonly sign?: { readonly key: string; readonly certificate: string; readonly hash?: SigningHash };
  readonly with?: readonly string[];
  readonly nop?: readonly (string | NopEntry)[];
  readonly redirect?: readonly RedirectEntry[];
  readonly hook?: readonly HookEntry[];
  readonly retarget?: readonly RetargetEntry[];
  readonly epilogue?: readonly (string | EpilogueEntry)[];
  readonly modules?: readonly (Omit<Raw, 'modules'> & {
    readonly file: string;
    readonly output: string;
    readonly report?: string;
  })[];
}

/**
 * Reads and judges a plan. A `#` comment of YAML in front of an entry, or behind it, is the entry's comment unless the entry has
 * one of its own.
 *
 * @throws InputError IO codes, PLN001 where it is neither YAML nor JSON, PLN002 where the schema does not let it through
 */
export async function readPlan(path: string): Promise<PlanFile> {
  const text = Buffer.from((await readStored(path)).bytes).toString('utf8');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined)
    throw bad(path, 'PLN001', `neither YAML nor JSON: ${oneLine(error.message)}`, lines.linePos(error.pos[0]));
  const raw = javaScript(path, document, lines);
  const validate = new Ajv2020({ strict: false, allErrors: true }).compile(schema());
  if (!validate(raw)) throw invalid(path, document, lines, validate.errors!);
  // A plan on standard input lies nowhere: its paths are those of the working folder.
  const folder = path === STDIN ? '.' : dirname(path);
  return planOf(path, raw as Raw, document, name => (isAbsolute(name) ? name : resolve(folder, name)));
}

/** What the parser says quotes the file, which may be of any kind and size. */
function oneLine(message: string): string {
  const printable = message.replace(/[^\x20-\x7e]+/g, ' ');
  return printable.length > MOST_QUOTED ? `${printable.slice(0, MOST_QUOTED)}...` : printable;
}

function schema(): object {
  return JSON.parse(readFileSync(schemaFile('patch-plan'), 'utf8'));
}

function javaScript(path: string, document: Document.Parsed, lines: LineCounter): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // Aliases that expand without end, or name nothing.
    throw bad(path, 'PLN001', (error as Error).message, lines.linePos(0));
  }
}

function planOf(path: string, raw: Raw, document: Document, resolved: (name: string) => string): PlanFile {
  const { kernel, symvers = [], sign, modules } = raw;
  return {
    path,
    ...entries(raw, document, [], resolved),
    // A kernel may be named by its release.
    ...(kernel !== undefined && { kernel: kernel.includes('/') ? resolved(kernel) : kernel }),
    symvers: symvers.map(resolved),
    ...(sign && {
      sign: { key: resolved(sign.key), certificate: resolved(sign.certificate), hash: sign.hash ?? 'sha256' },
    }),
    ...(modules && {
      modules: modules.map((module, i) => ({
        ...entries(module, document, ['modules', i], resolved),
        file: resolved(module.file),
        output: resolved(module.output),
        ...(module.report !== undefined && { report: resolved(module.report) }),
      })),
    }),
  };
}

function entries(
  {
    comment,
    with: objects = [],
    nop = [],
    redirect = [],
    hook = [],
    retarget = [],
    epilogue = [],
  }: Omit<Raw, 'modules'>,
  document: Document,
  at: readonly (string | number)[],
  resolved: (name: string) => string,
): PlanEntries {
  const said = comment ?? (at.length > 0 ? commentOf(document, at) : undefined);
  const withComment = <T extends { readonly comment?: string }>(entry: T, list: string, i: number): T => {
    const found = entry.comment ?? commentOf(document, [...at, list, i]);
    return found === undefined ? entry : { ...entry, comment: found };
  };
  return {
    ...(said !== undefined && { comment: said }),
    with: objects.map(resolved),
    nop: nop.map((entry, i) => withComment(typeof entry === 'string' ? { functions: entry } : entry, 'nop', i)),
    redirect: redirect.map(({ strategy, ...entry }, i) => ({
      ...withComment(entry, 'redirect', i),
      ...(strategy !== undefined && { strategy: withPath(strategy, resolved) }),
    })),
    hook: hook.map((entry, i) => withComment(entry, 'hook', i)),
    retarget: retarget.map((entry, i) => withComment(entry, 'retarget', i)),
    epilogue: epilogue.map((entry, i) =>
      withComment(typeof entry === 'string' ? { functions: entry } : entry, 'epilogue', i),
    ),
  };
}

/** The `#` comments in and before an item of a list. Those before a list's first item belong to the list, as YAML reads them. */
function commentOf(document: Document, at: readonly (string | number)[]): string | undefined {
  const node = document.getIn(at, true);
  const list = at.at(-1) === 0 ? document.getIn(at.slice(0, -1), true) : undefined;
  if (!isNode(node)) return undefined;
  const parts: (string | null | undefined)[] = [isNode(list) ? list.commentBefore : undefined];
  const take = (inner: { readonly commentBefore?: string | null; readonly comment?: string | null }): void => {
    parts.push(inner.commentBefore, inner.comment);
  };
  // What stands in lists inside of it belongs to their items.
  visit(node, {
    Scalar: (_key, inner) => take(inner),
    Collection: (_key, inner) => (inner === node ? take(inner) : visit.SKIP),
  });
  const text = parts
    .flatMap(part => part?.split('\n') ?? [])
    .map(line => line.trim())
    .filter(line => line !== '')
    .join(' ');
  return text === '' ? undefined : text;
}

/** The complaint about the place that lies deepest: what stands above it is wrong because of it. */
function invalid(path: string, document: Document, lines: LineCounter, errors: readonly ErrorObject[]): InputError {
  const depth = (e: ErrorObject) => e.instancePath.split('/').length + (e.keyword === 'oneOf' ? -0.5 : 0);
  const worst = [...errors].sort((a, b) => depth(b) - depth(a))[0]!;
  const keys = worst.instancePath.split('/').slice(1).map(unescaped);
  const node = keys.length === 0 ? document.contents : document.getIn(keys, true);
  const place = lines.linePos(isNode(node) ? (node.range?.[0] ?? 0) : 0);
  const extra = worst.params.additionalProperty === undefined ? '' : ` (${worst.params.additionalProperty})`;
  const allowed = worst.params.allowedValues === undefined ? '' : `: ${worst.params.allowedValues.join(', ')}`;
  const where = keys.length === 0 ? 'the plan' : keys.join('.');
  return bad(path, 'PLN002', `${where} ${worst.message}${extra}${allowed}`, place);
}

function unescaped(key: string): string | number {
  const text = key.replaceAll('~1', '/').replaceAll('~0', '~');
  return /^\d+$/.test(text) ? Number(text) : text;
}

function bad(file: string, code: string, message: string, { line, col }: { line: number; col: number }): InputError {
  return new InputError({
    code,
    message: `line ${line}, column ${col}: ${message}`,
    file,
    expected: 'a plan as schemas/tocsin.patch-plan-1.schema.json describes it',
    remedy: 'see the README for an example',
  });
}
