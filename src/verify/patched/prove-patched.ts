/**
 * Whether a patched file keeps r2, r1, LR and the non-volatile registers right, found out from the two files alone: both are
 * loaded by the twin, and the prover judges the image that comes out. It never asks how the patch was made.
 *
 * Three kinds of functions have to be proved: those that were redirected, new code, and whatever these go to. All others only
 * must not be worse than before: what was wrong with the input is not the patch's fault.
 */
import type { ElfFile } from '../../elf/read.ts';
import { functionsOf } from '../../kernel/functions.ts';
import type { LoaderRemark } from '../../loader/model.ts';
import { InputError } from '../../util/errors.ts';
import {
  type JudgedFunction,
  type PathStep,
  type Proof,
  proveKernel,
  proveModule,
  type Verdict,
} from '../proof/proof.ts';
import { isPlainObject } from './as-module.ts';
import type { GivenModules } from './given-modules.ts';
import { type LoadingKernel, loadPatched, type NoImage } from './load.ts';
import { NOT_TOLD, type PrivateCall, PrivateCalls } from './private-calls.ts';

/** What a function has to do with the patch. `other`: it is worse than before. */
export type PatchRole = 'redirected' | 'new' | 'replacement' | 'other';

export interface ProvedFunction {
  readonly function: string;
  readonly role: PatchRole;
  readonly verdict: Verdict;
  /** Of those that are not proved: a code of docs/diagnostics.md, what is wrong, where, and how one gets there. */
  readonly code?: string;
  readonly message?: string;
  readonly section?: string;
  /** Bytes from the start of `section`. */
  readonly offset?: number;
  readonly path?: readonly PathStep[];
}

export interface PatchProof {
  readonly verdict: Verdict;
  /** The release whose rules were used; `assumed`: they were taken from the module; `itself`: the file is a
   * kernel; `none`: no kernel had to be asked. */
  readonly kernel: string;
  /** Those that have something to do with the patch, and those that are worse than before. */
  readonly functions: readonly ProvedFunction[];
  /** How many functions of the loaded module were judged, and how many of them are proved. */
  readonly judged: number;
  readonly proved: number;
  /** What the verdict rests on, a sentence each. */
  readonly grounds: readonly string[];
  /** Why nothing could be judged. */
  readonly obstacle?: NoImage;
}

/** A word that became a branch, or whose branch leads elsewhere now. */
export interface RedirectPlace {
  readonly section: string;
  readonly offset: number;
  /**
   * Names of the functions that are called anew, where the function is otherwise what it was; absent where all that it goes to
   * counts.
   */
  readonly leadsTo?: readonly string[];
  /** The function that runs instead, which has to be proved whatever the code in front of it looks like. */
  readonly to?: string;
  /**
   * The function only calls somebody else, who is owed and owes no more than whom it called before: then it must not be worse than
   * before, and these have to be proved.
   */
  readonly isCaller?: boolean;
  /** The word is a branch to a function, of the input too: who counts on what its target keeps is looked for. */
  readonly isCall?: boolean;
}

function privateCall({ register, isTaken }: PrivateCall): string {
  if (isTaken)
    return `takes something in ${register}, which is for no argument: who runs in its place does not know of it`;
  return register !== NOT_TOLD
    ? `counts on ${register} behind a call, which the function called there keeps and any other may change`
    : 'may count on registers behind a call which the function called there keeps and any other may change: it goes on by an address that is not known';
}

export class PatchProver {
  readonly #before: ElfFile;
  readonly #given: LoadingKernel | undefined;
  readonly #others: GivenModules | undefined;
  #input: ReadonlyMap<string, JudgedFunction> | undefined;

  /**
   * @param before the input; @param given the kernel that the module is for, if anybody knows it
   * @param others modules that are loaded before it
   */
  constructor(before: ElfFile, given: LoadingKernel | undefined, others?: GivenModules) {
    this.#before = before;
    this.#given = given;
    this.#others = others;
  }

  /** What the prover makes of a file: of an object as the twin loads it, of a linked image as it is. */
  #proofOf(elf: ElfFile, judge?: (errors: readonly LoaderRemark[]) => NoImage | undefined): Proof | NoImage {
    if (!elf.isRelocatable) return tryProof(() => proveKernel(elf));
    const loaded = loadPatched(elf, this.#given, this.#others);
    if ('code' in loaded) return loaded;
    return judge?.(loaded.errors) ?? tryProof(() => proveModule(loaded.image, this.#others?.proofs));
  }

  /** What the twin complains of, and does not complain of in the input: the kernel takes the module all the same. */
  #newError(errors: readonly LoaderRemark[]): NoImage | undefined {
    if (errors.length === 0) return undefined;
    const input = loadPatched(this.#before, this.#given, this.#others);
    const known = 'code' in input ? [] : input.errors;
    for (const { code } of errors) {
      const alike = (list: readonly LoaderRemark[]) => list.filter(e => e.code === code);
      const fresh = alike(errors)[alike(known).length];
      if (fresh === undefined) continue;
      const place = fresh.section === undefined ? '' : `${fresh.section}+0x${(fresh.offset ?? 0).toString(16)}: `;
      return { code, message: place + fresh.message, isRefusal: false };
    }
    return undefined;
  }

  /** @param after the output, read again */
  prove(after: ElfFile, redirects: readonly RedirectPlace[]): PatchProof {
    const isImage = !after.isRelocatable;
    const isObject = !isImage && isPlainObject(after);
    const assumed = this.#given === undefined || isObject ? 'assumed' : this.#given.kernel.release;
    const kernel = isImage ? 'itself' : assumed;
    const proof = this.#proofOf(after, errors => this.#newError(errors));
    if ('code' in proof)
      return {
        kernel,
        functions: [],
        judged: 0,
        proved: 0,
        verdict: 'unknown',
        grounds: [],
        obstacle: this.#withInput(proof),
      };
    const judged = proof.judged();
    const functions = this.#told(proof, judged, redirects);
    return {
      kernel,
      verdict: worst(functions),
      functions,
      judged: judged.length,
      proved: judged.filter(f => f.verdict === 'proved').length,
      grounds: isImage ? [] : grounds(isObject, this.#given),
    };
  }

  #withInput(obstacle: NoImage): NoImage {
    if (!obstacle.isRefusal || !('code' in loadPatched(this.#before, this.#given, this.#others))) return obstacle;
    return { ...obstacle, message: `${obstacle.message} (the input is refused as well)` };
  }

  #told(proof: Proof, judged: readonly JudgedFunction[], redirects: readonly RedirectPlace[]): ProvedFunction[] {
    const roles = this.#roles(judged, redirects);
    const told: ProvedFunction[] = [];
    for (const f of judged) {
      const role = roles.get(f.index);
      if (role === undefined && (f.verdict === 'proved' || !this.#isWorse(f))) continue;
      const found = proof.finding(f.index);
      told.push({
        function: f.function,
        role: role ?? 'other',
        verdict: f.verdict,
        ...(found !== undefined && {
          code: found.code,
          message: found.message,
          section: found.section,
          offset: found.offset,
          ...(found.path.length > 0 && { path: found.path }),
        }),
      });
    }
    told.push(...this.#counting(redirects));
    return told.sort((a, b) => ORDER.indexOf(a.role) - ORDER.indexOf(b.role));
  }

  /** Callers that count on more than a function has to keep. */
  #counting(redirects: readonly RedirectPlace[]): ProvedFunction[] {
    const calls = redirects.filter(r => r.isCall === true);
    if (calls.length === 0) return [];
    return new PrivateCalls(this.#before).behind(calls).map(call => ({
      function: call.function,
      role: 'other',
      verdict: 'unknown',
      code: 'VER250',
      message: privateCall(call),
      section: call.section.name,
      offset: call.offset,
    }));
  }

  #roles(judged: readonly JudgedFunction[], redirects: readonly RedirectPlace[]): ReadonlyMap<number, PatchRole> {
    const roles = new Map<number, PatchRole>();
    const places = bySection(redirects);
    const isReplaced = redirects.some(r => r.leadsTo === undefined);
    /** Functions of which everything counts that they go to. */
    const all = new Set<number>();
    /** What is left of hooked functions: new code that they call, and that nobody asked for by name. */
    const rests = new Set<number>();
    const byIndex = new Map(judged.map(f => [f.index, f]));
    for (const f of judged) {
      if (this.#before.sectionNamed(f.section) === undefined) {
        roles.set(f.index, 'new');
        continue;
      }
      const found = inside(places.get(f.section) ?? [], f);
      const asked =
        found.length > 0 && found.every(r => r.leadsTo !== undefined) ? found.flatMap(r => r.leadsTo!) : undefined;
      if (asked !== undefined)
        for (const callee of f.relies) if (!asked.includes(byIndex.get(callee)?.function ?? '')) rests.add(callee);
      if (found.some(r => r.isCaller !== true)) roles.set(f.index, 'redirected');
      if (found.some(r => r.leadsTo === undefined)) all.add(f.index);
    }
    // A rest calls whom its function called.
    if (isReplaced) for (const [index, role] of roles) if (role === 'new' && !rests.has(index)) all.add(index);
    const named = this.#placesOf(new Set(redirects.flatMap(r => r.leadsTo ?? [])));
    const led = this.#placesOf(new Set(redirects.flatMap(r => r.to ?? [])));
    for (const f of judged) if (led.has(placeOf(f)) && !roles.has(f.index)) roles.set(f.index, 'replacement');
    for (const f of judged)
      if (roles.has(f.index) && roles.get(f.index) !== 'replacement')
        for (const callee of f.relies) {
          const isWanted = all.has(f.index) || named.has(placeOf(byIndex.get(callee) ?? f));
          if (isWanted && !roles.has(callee)) roles.set(callee, 'replacement');
        }
    return roles;
  }

  /** Where the functions of these names begin. */
  #placesOf(names: ReadonlySet<string>): ReadonlySet<string> {
    if (names.size === 0) return new Set();
    const functions = functionsOf(this.#before).filter(f => names.has(f.name));
    return new Set(functions.map(f => placeOf({ section: f.section.name, offset: f.global })));
  }

  /** Whether the input has something better to say of the function that begins at the same place. */
  #isWorse(f: JudgedFunction): boolean {
    this.#input ??= this.#judgeInput();
    const before = this.#input.get(placeOf(f));
    if (before === undefined || before.verdict === 'proved') return true;
    const isSame = before.code === f.code && placeOf(before.place) === placeOf(f.place);
    return !isSame || (f.verdict === 'refuted' && before.verdict !== 'refuted');
  }

  /** The input's functions by place; none where it cannot be judged. */
  #judgeInput(): ReadonlyMap<string, JudgedFunction> {
    const proof = this.#proofOf(this.#before);
    return new Map('code' in proof ? [] : proof.judged().map(f => [placeOf(f), f]));
  }
}

const ORDER: readonly PatchRole[] = ['redirected', 'new', 'replacement', 'other'];

/** By section, ascending by place. */
function bySection(redirects: readonly RedirectPlace[]): ReadonlyMap<string, readonly RedirectPlace[]> {
  const places = new Map<string, RedirectPlace[]>();
  for (const redirect of redirects) {
    const list = places.get(redirect.section);
    if (list === undefined) places.set(redirect.section, [redirect]);
    else list.push(redirect);
  }
  for (const list of places.values()) list.sort((a, b) => a.offset - b.offset);
  return places;
}

/** Those of the ascending places that lie in a function. */
function inside(places: readonly RedirectPlace[], { offset, size }: JudgedFunction): readonly RedirectPlace[] {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (places[middle]!.offset < offset) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < places.length && places[end]!.offset < offset + size) end++;
  return places.slice(low, end);
}

function placeOf({ section, offset }: { readonly section: string; readonly offset: number }): string {
  return `${section}+${offset}`;
}

function worst(functions: readonly ProvedFunction[]): Verdict {
  if (functions.some(f => f.verdict === 'refuted')) return 'refuted';
  return functions.some(f => f.verdict === 'unknown') ? 'unknown' : 'proved';
}

function tryProof(run: () => Proof): Proof | NoImage {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { code: error.code, message: error.complaint.message, isRefusal: false };
  }
}

function grounds(isObject: boolean, given: LoadingKernel | undefined): string[] {
  if (isObject)
    return ['a plain object was loaded as a module by itself: what it will be linked with was not looked at'];
  if (given === undefined)
    return [
      'no kernel was given (--kernel): the rules of the loader follow from the module, and whether its symbols resolve was not judged',
    ];
  return given.kernel.options.moduleSigForce ? ['the kernel wants a signature, which was not judged'] : [];
}
