/** From an object in memory to what the prover takes: marks, functions, jump tables, names. */
import type { LivepatchStack } from '../../kernel/knowledge/model.ts';
import type { ParameterUse } from '../../prove/parameters.ts';
import {
  CODE,
  EXTRA,
  type Functions,
  GLOBAL,
  LOCAL,
  type ProofSubject,
  SITE,
  STUB,
  type Successor,
} from '../../prove/subject.ts';
import { ADDRESS, EXTERNAL, kindOf, payloadOf, type Value } from '../../prove/values.ts';
import { lazy } from '../../util/lazy.ts';
import { extraEdges, type TableRange } from './edges.ts';
import { handWritten } from './hand-written.ts';
import type { Memory } from './memory.ts';
import { neverReturns } from './no-return.ts';
import { shadowEdges } from './shadow.ts';

export interface PlacedFunction {
  readonly name: string;
  /** Bytes from the origin. */
  readonly global: number;
  readonly local: number;
  readonly end: number;
  readonly entryCode: number;
  /** `st_size` is 0: no compiler made it. */
  readonly isSizeless: boolean;
}

export interface SubjectParts {
  readonly memory: Memory;
  /** By ascending global entry, one for each place. */
  readonly functions: readonly PlacedFunction[];
  readonly toc: number | undefined;
  /** Ranges [from, to) of stubs and thunks. */
  readonly stubs: readonly (readonly [from: number, to: number])[];
  /** Ranges in these that are no instructions. */
  readonly stubData: readonly (readonly [from: number, to: number])[];
  /** Words that the tracer's records name. */
  readonly sites: readonly number[];
  readonly tables: readonly TableRange[];
  readonly pacaToc: number | undefined;
  readonly lrIsSavedAtSite: boolean;
  /** The names of no-return.ts are the kernel's: a module may have functions of its own that are called so. */
  readonly isKernel: boolean;
  /** Whether a pointer, or somebody outside of the object, may lead to a place. */
  isExposed(offset: number): boolean;
  /** The name of what lies at an address outside of the object. */
  externalName(address: bigint): string | undefined;
  /** Where tasks have their second stack in the kernel that the object is for, if that is known. */
  readonly livepatchStack?: Pick<LivepatchStack, 'threadInfo' | 'sp'> | undefined;
  /** What a function outside of the object does with its caller's parameter save area, where that is known. */
  parametersAt?(address: bigint): ParameterUse | undefined;
  /** What is known of a function outside of the object that is gone on in: see ProofSubject. */
  successorAt?(address: bigint): Successor | undefined;
  /** What the object's type information says of functions: see Btf.functions. `undefined` where it has none that can be read. */
  typedFunctions(): ReadonlyMap<string, boolean> | undefined;
  /** Where the stub or thunk that begins at a place leads, for messages. */
  stubName(offset: number): string | undefined;
}

/** A part that the compiler split off; it has its function's frame and is reached by jumps alone. */
const PART = /\.cold(\.\d+)?$/;

export function proofSubject(parts: SubjectParts): ProofSubject {
  const { memory, functions: list } = parts;
  const functions = functionTable(list, handWritten(parts));
  const marks = new Uint8Array(memory.code.length);
  for (const s of memory.sections)
    if (s.isCode) marks.fill(CODE, s.offset >> 2, (s.offset + (s.bytes.length & ~3)) >> 2);
  for (const [from, to] of parts.stubs) for (let at = from >> 2; at < to >> 2; at++) marks[at]! |= STUB;
  for (const [from, to] of parts.stubData)
    for (let at = from >> 2; at < to >> 2; at++) if ((marks[at]! & STUB) !== 0) marks[at]! &= ~CODE;
  const isCode = (at: number) => at >= 0 && at % 4 === 0 && at >> 2 < marks.length && (marks[at >> 2]! & CODE) !== 0;
  for (const f of list) {
    marks[f.global >> 2]! |= GLOBAL;
    marks[f.local >> 2]! |= LOCAL;
  }
  for (const at of parts.sites) if (isCode(at)) marks[at >> 2]! |= SITE;
  const edges = extraEdges(memory, parts.tables);
  for (const [at, list] of edges) if (isCode(at) || list.some(e => e.kind === 'instead')) marks[at >> 2]! |= EXTRA;
  if (!parts.isKernel)
    for (const [at, edge] of shadowEdges(memory, { marks, edges }, parts.livepatchStack)) {
      edges.set(at, [edge]);
      marks[at >> 2]! |= EXTRA;
    }
  return subjectOver({ ...parts, functions, marks, edges });
}

/** An object of which all is known that the prover is given, as arrays. */
export interface KnownObject
  extends Omit<SubjectParts, 'functions' | 'stubs' | 'stubData' | 'sites' | 'tables' | 'typedFunctions'>,
    Pick<ProofSubject, 'functions' | 'marks' | 'edges'> {}

export function subjectOver(object: KnownObject): ProofSubject {
  const { memory, functions, marks } = object;
  const isCode = (at: number) => at >= 0 && at % 4 === 0 && at >> 2 < marks.length && (marks[at >> 2]! & CODE) !== 0;
  const names = lazy(() => {
    const found = new Map<number, string>();
    for (let i = 0; i < functions.count; i++) found.set(functions.global[i]!, functions.name(i));
    return found;
  });
  const splitOff: number[] = [];
  for (let i = 0; i < functions.count; i++) if (functions.part[i] === 1) splitOff.push(i);
  const externalNames = new Map<number, string>();
  const nameOf = (value: Value): string => {
    const payload = payloadOf(value);
    if (kindOf(value) === ADDRESS) {
      const name = names().get(payload);
      if (name !== undefined) return name;
      const stub = object.stubName(payload);
      return stub === undefined ? placeName(functions, payload) : `stub of ${stub}`;
    }
    if (kindOf(value) !== EXTERNAL) return '';
    let name = externalNames.get(payload);
    if (name === undefined) {
      const at = memory.externals[payload]!;
      name = object.externalName(at) ?? `0x${at.toString(16)}`;
      externalNames.set(payload, name);
    }
    return name;
  };
  const noReturns = new Map<Value, boolean>();
  return {
    code: memory.code,
    marks,
    functions,
    toc: object.toc,
    edges: object.edges,
    constant: offset => memory.constant(offset),
    labels: (table, index, count) => jumpLabels(memory, isCode, functions, index, splitOff, table, count),
    isImported: value =>
      kindOf(value) === EXTERNAL && object.externalName(memory.externals[payloadOf(value)]!) !== undefined,
    noReturn: value => {
      let known = noReturns.get(value);
      if (known === undefined) {
        known = (kindOf(value) === EXTERNAL || object.isKernel) && neverReturns(nameOf(value));
        noReturns.set(value, known);
      }
      return known;
    },
    parameters: target => object.parametersAt?.(memory.externals[payloadOf(target)]!),
    successor: target => object.successorAt?.(memory.externals[payloadOf(target)]!),
    nameOf,
    isExposed: object.isExposed,
    pacaToc: object.pacaToc,
    lrIsSavedAtSite: object.lrIsSavedAtSite,
  };
}

function functionTable(list: readonly PlacedFunction[], assembly: Uint8Array): Functions {
  const count = list.length;
  const global = new Int32Array(count);
  const local = new Int32Array(count);
  const end = new Int32Array(count);
  const part = new Uint8Array(count);
  const entryCode = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const f = list[i]!;
    global[i] = f.global;
    local[i] = f.local;
    end[i] = f.end;
    part[i] = PART.test(f.name) ? 1 : 0;
    entryCode[i] = f.entryCode;
  }
  return { count, global, local, end, part, entryCode, assembly, name: index => list[index]!.name };
}

/** `function+0x10`, or the bare offset. */
function placeName({ count, global, end, name }: Functions, offset: number): string {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (global[middle]! <= offset) low = middle + 1;
    else high = middle;
  }
  const f = low - 1;
  if (f < 0 || offset >= end[f]!) return `+0x${offset.toString(16)}`;
  return offset === global[f] ? name(f) : `${name(f)}+0x${(offset - global[f]!).toString(16)}`;
}

/**
 * A table of signed 32-bit distances from its own start. Where it ends is not written down, so it is read as long as its words
 * name places of this function or of parts that were split off: more than the compiler put there perhaps, never less. A
 * table that lies in the code ends at the latest where the first of its own labels behind it begins.
 */
function jumpLabels(
  memory: Memory,
  isCode: (at: number) => boolean,
  functions: Functions,
  index: number,
  splitOff: readonly number[],
  table: number,
  count: number,
): number[] | undefined {
  const { global, end } = functions;
  const isIn = (f: number, target: number) => target >= global[f]! && target < end[f]!;
  const labels = new Set<number>();
  let stop = Number.POSITIVE_INFINITY;
  let at = table;
  for (; at < stop; at += 4) {
    const distance = memory.word(at);
    if (distance === undefined) break;
    const target = table + distance;
    if (!isCode(target)) break;
    if (!isIn(index, target) && !splitOff.some(f => isIn(f, target))) break;
    labels.add(target);
    if (target > at && target < stop) stop = target;
  }
  return labels.size === 0 || at < table + 4 * count ? undefined : [...labels];
}
