/** Gives any object to the prover in WebAssembly, and holds what it finds against what the one in TypeScript finds. */
import type { LoadedImage } from '../../src/loader/model.ts';
import { EDGE_KINDS, foundIn, giveTables, type ProverCode, proverImports } from '../../src/prove/core.ts';
import type { FoundFunctions } from '../../src/prove/prover.ts';
import { Prover } from '../../src/prove/prover.ts';
import type { ProofSubject } from '../../src/prove/subject.ts';
import { EXTERNAL, kindOf } from '../../src/prove/values.ts';
import { PROVING_CODE } from '../../src/verify/check/proving-code.ts';
import { moduleSubject } from '../../src/verify/proof/module-image.ts';
import { neverReturns } from '../../src/verify/proof/no-return.ts';

/** What `wasm/proving.ts` exports besides what modules need. */
interface CoreCode extends ProverCode {
  place(which: number): number;
  subjectSize(words: number, functions: number, sections: number, edges: number): number;
  giveSubject(at: number, words: number, functions: number, sections: number, edges: number): void;
  placeObject(origin: bigint, hasToc: number, toc: number, lrIsSavedAtSite: number, allExposed: number): void;
  placeOfSubject(which: number): number;
  addExternal(address: bigint, flags: number): void;
  proverSize(words: number, functions: number): number;
  proveAll(at: number): number;
}

/** Numbers of `placeOfSubject`. */
const PLACES = {
  code: 0,
  marks: 1,
  globals: 2,
  locals: 3,
  ends: 4,
  parts: 5,
  entryCodes: 6,
  assemblies: 7,
  endless: 8,
  ofFunctions: 9,
  sections: 10,
  edges: 11,
};
/** Number of `place` for the file, behind which nothing else lies. */
const FILE = 0;

const CONSTANT = 1;
const EXPOSES = 2;
const SECTION_WORDS = 5;
const EDGE_WORDS = 3;
const IMPORTED = 1;
const ENDLESS = 2;

export interface CoreSection {
  /** Bytes from the origin. */
  readonly offset: number;
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly isConstant: boolean;
  /** Its words may be addresses of functions that somebody calls. */
  readonly exposes: boolean;
}

/** A subject of the prover, with what its methods tell one place at a time. */
export interface CoreObject {
  readonly subject: ProofSubject;
  readonly origin: bigint;
  /** By ascending offset, without overlaps. */
  readonly sections: readonly CoreSection[];
  readonly externals: readonly { readonly address: bigint; readonly isEndless: boolean }[];
  /** Pointers may lead to every function. */
  readonly allExposed?: boolean;
  /** Functions of the object that are known by name never to return. */
  readonly endless?: (index: number) => boolean;
}

let instance: CoreCode | undefined;

function core(): CoreCode {
  if (instance === undefined) {
    const module = new WebAssembly.Module(Buffer.from(PROVING_CODE, 'base64'));
    instance = new WebAssembly.Instance(module, proverImports).exports as CoreCode;
    giveTables(instance);
  }
  return instance;
}

const aligned = (size: number) => (size + 15) & ~15;

/** @returns what was found of each function; nothing where the object was given up */
export function proveInCore(object: CoreObject): FoundFunctions | undefined {
  const code = core();
  const { subject, sections } = object;
  const { functions, toc } = subject;
  const words = subject.code.length;
  const { count } = functions;
  const edges = [...subject.edges]
    .sort(([a], [b]) => a - b)
    .flatMap(([at, list]) => list.flatMap(({ kind, target }) => [at, EDGE_KINDS.indexOf(kind), target]));
  const contents = aligned(code.place(FILE) >>> 0);
  const start = sections.reduce((at, s) => at + aligned(s.bytes.length), contents);
  const proverAt = aligned(start + code.subjectSize(words, count, sections.length, edges.length / EDGE_WORDS));
  const missing = proverAt + code.proverSize(words, count) + 64 - code.memory.buffer.byteLength;
  if (missing > 0) code.memory.grow(Math.ceil(missing / 0x1_0000));
  code.giveSubject(start, words, count, sections.length, edges.length / EDGE_WORDS);
  const { buffer } = code.memory;
  const at = (which: keyof typeof PLACES) => code.placeOfSubject(PLACES[which]) >>> 0;
  new Uint32Array(buffer, at('code'), words).set(subject.code);
  new Uint8Array(buffer, at('marks'), words).set(subject.marks);
  new Int32Array(buffer, at('globals'), count).set(functions.global);
  new Int32Array(buffer, at('locals'), count).set(functions.local);
  new Int32Array(buffer, at('ends'), count).set(functions.end);
  new Uint8Array(buffer, at('parts'), count).set(functions.part);
  new Uint8Array(buffer, at('entryCodes'), count).set(functions.entryCode);
  new Uint8Array(buffer, at('assemblies'), count).set(functions.assembly);
  new Uint8Array(buffer, at('endless'), count).forEach((_, i, all) => {
    all[i] = object.endless?.(i) === true ? 1 : 0;
  });
  new Int32Array(buffer, at('edges'), edges.length).set(edges);
  let place = contents;
  sections.forEach(({ offset, size, bytes, isConstant, exposes }, i) => {
    new Uint8Array(buffer, place, bytes.length).set(bytes);
    const flags = (isConstant ? CONSTANT : 0) | (exposes ? EXPOSES : 0);
    new Int32Array(buffer, at('sections') + 4 * SECTION_WORDS * i, SECTION_WORDS).set([
      offset,
      size,
      place,
      bytes.length,
      flags,
    ]);
    place += aligned(bytes.length);
  });
  for (const { address, isEndless } of object.externals)
    code.addExternal(BigInt.asIntN(64, address), isEndless ? IMPORTED | ENDLESS : IMPORTED);
  const isExposed = object.allExposed === true ? 1 : 0;
  code.placeObject(
    BigInt.asIntN(64, object.origin),
    toc === undefined ? 0 : 1,
    toc ?? 0,
    subject.lrIsSavedAtSite ? 1 : 0,
    isExposed,
  );
  if (code.proveAll(proverAt) === 0) return undefined;
  return foundIn(buffer, at('ofFunctions'), count);
}

/** Externals have numbers of their own in each of the two. */
const comparable = (value: number) => (kindOf(value) === EXTERNAL ? 'external' : value);

/**
 * What the two provers say differently of an object that both have proved, function by function.
 *
 * @param prover has proved the same object
 */
export function differences(prover: Prover, found: FoundFunctions): string[] {
  const wrong: string[] = [];
  const { functions } = prover.subject;
  for (let i = 0; i < functions.count; i++) {
    const told = (
      of: Pick<FoundFunctions, 'verdict' | 'reason' | 'place' | 'found' | 'register'>,
      contract: number,
    ) => {
      const why = [of.reason[i], of.place[i], comparable(of.found[i]!), of.register[i]];
      return `${functions.name(i)}: verdict ${of.verdict[i]}, contract ${contract}${of.verdict[i] === 0 ? '' : `, ${why.join(' ')}`}`;
    };
    const [ours, theirs] = [told(prover, prover.contract(i)), told(found, found.contract[i]!)];
    if (ours !== theirs) wrong.push(`${ours}; in WebAssembly: ${theirs}`);
  }
  return wrong;
}

/** Proves an object both ways. @returns the prover in TypeScript, and what the other one finds differently */
export function proveBothWays(object: CoreObject): { readonly prover: Prover; readonly wrong: readonly string[] } {
  const marks = object.subject.marks.slice();
  const found = proveInCore(object);
  object.subject.marks.set(marks);
  const prover = new Prover(object.subject);
  prover.proveAll();
  return { prover, wrong: found === undefined ? ['given up'] : differences(prover, found) };
}

/** Sections whose words call nobody; as in `module-image.ts`. */
const CALLS_NOBODY = new Set(['.gnu.linkonce.this_module', '.symtab', '__mcount_loc', '__patchable_function_entries']);

/** A loaded module. Its sections are not copied: what changes them later is seen. */
export function moduleObject(image: LoadedImage): CoreObject {
  const { subject, origin, memory } = moduleSubject(image);
  const names = new Map(image.stubs.map(stub => [stub.target, stub.name]));
  return {
    subject,
    origin,
    sections: memory.sections.map(({ name, offset, size, bytes, isCode, isConstant }) => ({
      offset,
      size,
      bytes,
      isConstant,
      exposes: !isCode && !CALLS_NOBODY.has(name),
    })),
    externals: [...names].map(([address, name]) => ({ address, isEndless: neverReturns(name) })),
  };
}
