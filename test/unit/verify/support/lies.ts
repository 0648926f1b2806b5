/**
 * Plans that lie: every field of a plan, one after the other, says something else. Found by walking the object, so that a field that
 * is added to plans is lied about as well.
 */
import type { PatchPlan } from '../../../../src/plan/plan.ts';

export interface Lie<P extends object = PatchPlan> {
  /** Where the plan was changed: field names, with `[]` for a place in a list. */
  readonly field: string;
  /** The same with the number of the place in each list. */
  readonly path: string;
  readonly what: string;
  readonly plan: P;
}

type Json = null | boolean | number | bigint | string | Uint8Array | readonly Json[] | { readonly [key: string]: Json };

/** Values that a field of this name may have: what a lie would say. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  kind: ['nop', 'redirect', 'hook', 'retarget', 'epilogue'],
  strategy: ['direct', 'epilogue', 'frame', 'shadow', 'custom'],
  at: ['after-site', 'site', 'global-entry', 'local-entry'],
  form: ['mprofile-kernel', 'mprofile-kernel-lr', 'patchable', 'patchable-out-of-line', 'pg'],
  toc: ['kept', 'recomputed', 'saved', 'own', 'restored'],
  branch: ['long', 'island'],
  stands: ['original', 'continue', 'target'],
};

/** Fields that only some actions have; where they are missing they are put in. */
const MISSING: Readonly<Record<string, Json>> = {
  branch: 'long',
  branches: [],
  form: 'pg',
  before: 'demo_parity',
  after: 'demo_parity',
  copy: { symbol: '__tocsin_epilogue_demo_parity', module: 'other', crc: 1 },
  stack: { threadInfo: 8, sp: 16 },
  custom: { object: 'other.o', sha256: '00'.repeat(32), entry: 'demo_parity', places: [] },
};

/** @param names functions that a name may be replaced by */
export function* liesOf<P extends object = PatchPlan>(plan: P, names: readonly string[]): Generator<Lie<P>> {
  for (const [field, path, what, value] of variants(plan as unknown as Json, '', '', '', names))
    yield { field, path, what, plan: value as unknown as P };
}

type Variant = readonly [field: string, path: string, what: string, value: Json];

function* variants(
  value: Json,
  key: string,
  field: string,
  path: string,
  names: readonly string[],
): Generator<Variant> {
  if (value instanceof Uint8Array) yield* contents(value, field, path);
  else if (Array.isArray(value)) yield* lists(value, key, field, path, names);
  else if (typeof value === 'object' && value !== null)
    yield* objects(value as { readonly [key: string]: Json }, key, field, path, names);
  else
    for (const [what, other] of scalars(value as boolean | number | bigint | string, key, names))
      yield [field, path, what, other];
}

function* lists(
  list: readonly Json[],
  key: string,
  field: string,
  path: string,
  names: readonly string[],
): Generator<Variant> {
  for (const [i, item] of list.entries()) {
    const rest = [...list.slice(0, i), ...list.slice(i + 1)];
    yield [`${field}[]`, `${path}[${i}]`, 'left out', rest];
    yield [`${field}[]`, `${path}[${i}]`, 'twice', [...list.slice(0, i), item, ...list.slice(i)]];
    if (i > 0) yield [`${field}[]`, `${path}[${i}]`, 'moved to the front', [item, ...rest]];
    for (const [f, p, what, other] of variants(item, key, `${field}[]`, `${path}[${i}]`, names))
      yield [f, p, what, [...list.slice(0, i), other, ...list.slice(i + 1)]];
  }
  if (list.length === 0) yield [field, path, 'something in an empty list', ['demo_parity']];
}

function* objects(
  object: { readonly [key: string]: Json },
  key: string,
  field: string,
  path: string,
  names: readonly string[],
): Generator<Variant> {
  for (const [name, value] of Object.entries(object)) {
    const [f, p] = [`${field}.${name}`, `${path}.${name}`];
    const { [name]: _, ...rest } = object;
    if (value !== undefined) yield [f, p, 'left out', rest];
    if (value === undefined) continue;
    for (const [ff, pp, what, other] of variants(value, name, f, p, names))
      yield [ff, pp, what, { ...object, [name]: other }];
  }
  if (key !== 'actions') return;
  for (const [name, value] of Object.entries(MISSING))
    if (object[name] === undefined)
      yield [`${field}.${name}`, `${path}.${name}`, 'put in', { ...object, [name]: value }];
}

/** Bytes of an image: one of them another, and fewer of them. */
function* contents(bytes: Uint8Array, field: string, path: string): Generator<Variant> {
  for (const at of new Set([0, bytes.length >> 1, bytes.length - 1])) {
    const other = bytes.slice();
    other[at]! ^= 0x41;
    yield [field, path, `another byte at ${at}`, other];
  }
  yield [field, path, 'shorter', bytes.slice(0, bytes.length - 8)];
}

function* scalars(
  value: boolean | number | bigint | string,
  key: string,
  names: readonly string[],
): Generator<[string, Json]> {
  if (typeof value === 'boolean') yield [`${!value}`, !value];
  else if (typeof value === 'bigint') {
    const others = new Set([value + 4n, value - 4n, value + 8n, value ^ 0x10000n, 0n]);
    for (const other of others) if (other !== value) yield [`${value} -> ${other}`, other];
  } else if (typeof value === 'number') {
    const others = new Set([value + 1, value + 4, value - 4, value + 8, value ^ 0x10000, 0, -1]);
    for (const other of others) if (other !== value) yield [`${value} -> ${other}`, other];
  } else {
    const words = WORDS[key] ?? [`${value}x`, '', ...names];
    for (const other of words) if (other !== value) yield [`${value} -> ${other}`, other];
  }
}
