/**
 * A plan's text as YAML, which JSON is a part of: decoded, parsed, and judged by the published schema
 * (schemas/tocsin.patch-plan-1.schema.json). Every complaint names line and column.
 */
import { readFileSync } from 'node:fs';
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { InputError } from '../../util/errors.ts';
import { schemaFile } from '../package-files.ts';

/** Characters of the parser's own message. */
const MOST_QUOTED = 200;

/** Bytes of a plan: a hundred thousand entries, which take seconds to read. */
const LARGEST = 4 << 20;

/** Uses of anchors times what each stands for, as the parser counts them. */
const MOST_ALIASES = 100;

export interface PlanText {
  readonly document: Document.Parsed;
  /** As the schema has it. */
  readonly value: unknown;
}

/** @throws InputError CLI020 where it is too large, PLN001 where it is neither YAML nor JSON, PLN002 where the schema does not let it through */
export function parsePlan(path: string, bytes: Uint8Array): PlanText {
  if (bytes.length > LARGEST)
    throw new InputError({
      code: 'CLI020',
      message: 'the plan is too large',
      file: path,
      expected: `at most ${LARGEST} bytes`,
      found: `${bytes.length}`,
      remedy: 'use patterns in place of names, or several plans',
    });
  const text = Buffer.from(bytes).toString('utf8');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const fail = (code: string, message: string, offset: number) => bad(path, code, message, lines.linePos(offset));
  const spoiled = notText(text, bytes);
  if (spoiled !== undefined) throw fail('PLN001', 'neither YAML nor JSON: not UTF-8', spoiled);
  // A tag that YAML does not have is a warning to the parser.
  const [error] = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  if (error !== undefined) throw fail('PLN001', `neither YAML nor JSON: ${inWords(error)}`, error.pos[0]);
  const key = keyThatIsNoText(document);
  if (key !== undefined) throw fail('PLN001', 'a key that is no text', key);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (thrown) {
    // Aliases that expand without end, or name nothing.
    throw fail('PLN001', oneLine((thrown as Error).message), aliasOf(document));
  }
  const validate = new Ajv2020({ strict: false, allErrors: true }).compile(schema());
  if (validate(value)) return { document, value };
  const { message, offset } = invalid(document, validate.errors!);
  throw fail('PLN002', message, offset);
}

function schema(): object {
  return JSON.parse(readFileSync(schemaFile('patch-plan'), 'utf8'));
}

/** Where the first bytes that are not UTF-8 stand in the text. */
function notText(text: string, bytes: Uint8Array): number | undefined {
  const back = Buffer.from(text);
  if (Buffer.compare(back, bytes) === 0) return undefined;
  let at = 0;
  while (back[at] === bytes[at]) at++;
  return Buffer.from(bytes.subarray(0, at)).toString('utf8').length;
}

function inWords({ code, message }: { readonly code: string; readonly message: string }): string {
  switch (code) {
    case 'RESOURCE_EXHAUSTION':
      return 'nested too deeply';
    case 'MULTIPLE_DOCS':
      return 'more than one document';
    case 'DUPLICATE_KEY':
      return 'a key that stands there already';
    default:
      return oneLine(message);
  }
}

/** What the parser says quotes the file, which may be of any kind and size. */
function oneLine(message: string): string {
  const printable = message.replace(/[^\x20-\x7e]+/g, ' ');
  return printable.length > MOST_QUOTED ? `${printable.slice(0, MOST_QUOTED)}...` : printable;
}

/** Where a key is that JavaScript would turn into a text of its own. */
function keyThatIsNoText(document: Document): number | undefined {
  let found: number | undefined;
  visit(document, {
    Pair(_key, { key }) {
      if (isScalar(key) && typeof key.value === 'string') return undefined;
      found = startOf(key as Node);
      return visit.BREAK;
    },
  });
  return found;
}

/** Where the first alias without an anchor is, or else the last alias of all. */
function aliasOf(document: Document): number {
  let found = 0;
  visit(document, {
    Alias(_key, alias) {
      found = startOf(alias);
      return alias.resolve(document) === undefined ? visit.BREAK : undefined;
    },
  });
  return found;
}

function startOf(node: Node | null | undefined): number {
  return node?.range?.[0] ?? 0;
}

/** The complaint about the place that lies deepest: what stands above it is wrong because of it. */
function invalid(document: Document, errors: readonly ErrorObject[]): { message: string; offset: number } {
  const depth = (e: ErrorObject) => e.instancePath.split('/').length + (e.keyword === 'oneOf' ? -0.5 : 0);
  const { instancePath, message, params } = [...errors].sort((a, b) => depth(b) - depth(a))[0]!;
  const keys = instancePath.split('/').slice(1).map(unescaped);
  const where = keys.length === 0 ? 'the plan' : keys.join('.');
  const { additionalProperty: unknown, allowedValues, allowedValue } = params;
  const allowed = allowedValues?.join(', ') ?? allowedValue;
  return {
    message:
      unknown === undefined
        ? `${where} ${message}${allowed === undefined ? '' : `: ${allowed}`}`
        : `${where} has no key ${oneLine(JSON.stringify(unknown))}`,
    offset: unknown === undefined ? startOf(nodeAt(document, keys)) : keyAt(document, keys, unknown),
  };
}

function unescaped(key: string): string {
  return key.replaceAll('~1', '/').replaceAll('~0', '~');
}

function keyAt(document: Document, keys: readonly string[], name: string): number {
  const node = nodeAt(document, keys);
  const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && key.value === name) : undefined;
  return startOf(pair?.key as Node | undefined);
}

/** What stands at a path of keys and numbers, through aliases too; its nearest ancestor where nothing does. */
function nodeAt(document: Document, keys: readonly string[]): Node | null | undefined {
  let node: unknown = document.contents;
  for (const key of keys) {
    if (isAlias(node)) node = node.resolve(document);
    const next = isSeq(node) ? node.items[Number(key)] : isMap(node) ? node.get(key, true) : undefined;
    if (next === undefined || next === null) break;
    node = next;
  }
  return node as Node | null | undefined;
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
