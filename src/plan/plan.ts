/**
 * A patch as data: what is to be done, word by word, before anything is done. Locating and choosing make a plan, `rewrite`
 * executes it, `verify` holds the output against it, `report` prints it. It has no methods and refers to the input by
 * indices of the input only, so it can be frozen, printed and compared.
 *
 * Section indices, relocation entry numbers and offsets are those of the input file. Offsets are bytes from the start of
 * the named section.
 */
import type { SectionIndex, SectionOffset, SymbolIndex } from '../util/indexes.ts';
import type { MergedInto } from './merge.ts';

export type Strategy = 'direct' | 'epilogue' | 'frame' | 'shadow' | 'custom';
/** Which word of a function becomes the branch: the one behind its call site, or the call site's. */
export type SiteAt = 'after-site' | 'site';
/**
 * The same for a redirect, which may also be for some callers only. `global-entry`: those from outside and through pointers,
 * who meet the branch in front of the local entry. `local-entry`: the object's own, whose branches are changed.
 */
export type RedirectAt = SiteAt | 'global-entry' | 'local-entry';
export type TocRecovery = 'recomputed' | 'saved';

/** The ways in which compilers leave room for the tracer. */
export type SiteForm = 'mprofile-kernel' | 'mprofile-kernel-lr' | 'patchable' | 'patchable-out-of-line' | 'pg';

/** One thing done to one function; what people read. */
export type PlannedAction = PlannedNop | PlannedRedirect | PlannedHook | PlannedRetarget | PlannedEpilogue;

export interface PlannedNop {
  readonly kind: 'nop';
  readonly function: string;
  /** Other names of the same code. */
  readonly aliases: readonly string[];
  readonly section: string;
  readonly offset: SectionOffset;
  readonly form: SiteForm;
  /** Whether a record of the tracer's table went with it. */
  readonly recordRemoved: boolean;
}

export interface PlannedRedirect {
  readonly kind: 'redirect';
  readonly function: string;
  readonly aliases: readonly string[];
  readonly to: string;
  readonly strategy: Strategy;
  readonly at: RedirectAt;
  readonly section: string;
  /** The word that becomes the branch; of `local-entry`, the one that the branches led to. */
  readonly offset: SectionOffset;
  /** Absent where the function has no call site. */
  readonly form?: SiteForm;
  readonly recordRemoved: boolean;
  /**
   * Where one branch may not reach. `long`: several words that go by an address. `island`: it leads to a piece of code near it, and that
   * goes on by an address.
   */
  readonly branch?: 'long' | 'island';
  /** Of `local-entry`: the branches that lead to the replacement now, by section and offset. */
  readonly branches?: readonly PlannedBranch[];
  /** How the caller's r2 is right again on return: `kept` where nothing between changes it, `own`: by code of the user's own. */
  readonly toc: 'kept' | TocRecovery | 'own';
  /** What the choice rests on, a sentence each (argument passing, entry state, who was looked at). */
  readonly grounds: readonly string[];
  /** Of `custom`: what was merged in as the trampoline. */
  readonly custom?: CustomTrampoline;
  /** Of `epilogue`: whom the branch leads to. */
  readonly copy?: ImportedCopy;
  /** Of `shadow` on the task's second stack: where that is; absent where a table is merged in. */
  readonly stack?: ShadowStack;
}

/** A copy of a function that keeps the r2 of whoever enters it, in the module that was given with the patch. */
export interface ImportedCopy {
  /** The name that it is exported by. */
  readonly symbol: string;
  readonly module: string;
  /** Checksum of the export; absent where its module has none. */
  readonly crc?: number;
}

/** Where a kernel with CONFIG_LIVEPATCH has the second stack of a task, bytes. */
export interface ShadowStack {
  /** In the PACA, of the pointer to `thread_info`. */
  readonly threadInfo: number;
  /** `thread_info.livepatch_sp`. */
  readonly sp: number;
}

/** A trampoline of the user's own, in the merged module that the plan speaks of. */
export interface CustomTrampoline {
  /** File name without folder. */
  readonly object: string;
  /** Of the object as the user gave it, lower-case hexadecimal. */
  readonly sha256: string;
  /** The symbol that the function's branch leads to. */
  readonly entry: string;
  /**
   * Where it names the rest of the function: `original` to be called, `continue` to be gone on in; and where a branch cannot reach the
   * `target`, and leads to an island.
   */
  readonly places: readonly RestPlace[];
}

export interface RestPlace {
  readonly section: string;
  /** Of the relocation, bytes. */
  readonly offset: SectionOffset;
  readonly stands: 'original' | 'continue' | 'target';
}

/** A branch that entered a function. */
export interface PlannedBranch {
  /** Where it stands; empty where that is no function's code. */
  readonly function: string;
  readonly section: string;
  readonly offset: SectionOffset;
  /** `bl`, or `b`. */
  readonly links: boolean;
}

/** Functions that are called before another one, or when it has returned. One of `before` and `after` at least is there. */
export interface PlannedHook {
  readonly kind: 'hook';
  readonly function: string;
  readonly aliases: readonly string[];
  /** Called with (ip, parent_ip). */
  readonly before?: string;
  /** Called with (ip, parent_ip, result). */
  readonly after?: string;
  /** `after-site`: the word that becomes the branch is moved behind the calls. `site`: it was the call site's. */
  readonly at: SiteAt;
  readonly section: string;
  /** The word that becomes the branch; the function goes on at the next one. */
  readonly offset: SectionOffset;
  /** What the hooks get as `ip`: the word that the tracer would turn into a call. */
  readonly ip: SectionOffset;
  readonly form: SiteForm;
  readonly recordRemoved: boolean;
  /** How r2 is the function's own again behind a hook that lies elsewhere. `kept`: all hooks lie in this object. */
  readonly toc: 'kept' | TocRecovery;
  readonly grounds: readonly string[];
}

/** A branch that leads to another function than before. */
export interface PlannedRetarget {
  readonly kind: 'retarget';
  /** The function that the branch stands in. */
  readonly function: string;
  readonly aliases: readonly string[];
  /** Whom it led to. */
  readonly call: string;
  readonly to: string;
  readonly section: string;
  readonly offset: SectionOffset;
  /** `bl`, or `b` to a function that returns to this one's caller. */
  readonly links: boolean;
  /** As of a redirect. */
  readonly branch?: 'island';
  /** `restored`: the word behind the branch is a nop, which the loader turns into the load of r2. */
  readonly toc: 'kept' | 'restored';
  readonly grounds: readonly string[];
}

/** A copy of a function that keeps the r2 of whoever enters it, exported for redirects in other modules. */
export interface PlannedEpilogue {
  readonly kind: 'epilogue';
  readonly function: string;
  readonly aliases: readonly string[];
  /** The copy, and the name that it is exported by. */
  readonly symbol: string;
  readonly section: string;
  /** The local entry of the function, from where it is copied. */
  readonly offset: SectionOffset;
  /** Bytes from the start of the copy to the word that is the one at `offset`. */
  readonly body: number;
  readonly gplOnly: boolean;
  /** Empty: none. */
  readonly namespace: string;
  readonly crc: number;
  readonly grounds: readonly string[];
}

/** A 32-bit word of an existing section that changes. */
export interface WordChange {
  readonly section: SectionIndex;
  readonly offset: SectionOffset;
  readonly before: number;
  readonly after: number;
}

/** An entry of an SHT_RELA section that goes. */
export interface RemovedRelocation {
  /** The SHT_RELA section and the entry's number in it. */
  readonly table: SectionIndex;
  readonly entry: number;
}

/**
 * An entry of a tracer table (`__mcount_loc`, `__patchable_function_entries`) that goes, and the relocation that fills it.
 * Later entries move up, and so do the r_offsets of their relocations.
 */
export interface RemovedRecord {
  readonly table: SectionIndex;
  readonly offset: SectionOffset;
  /** Bytes: 8. */
  readonly size: number;
  readonly relocation: RemovedRelocation;
}

/** A symbol that a new relocation refers to: one of the input, or one that the plan adds (number in `newSymbols`). */
export type SymbolRef = { readonly existing: SymbolIndex } | { readonly added: number };

export interface NewRelocation {
  readonly offset: SectionOffset;
  readonly type: number;
  readonly symbol: SymbolRef;
  readonly addend: number;
}

/** A relocation added to a section of the input. */
export interface AddedRelocation extends NewRelocation {
  readonly section: SectionIndex;
}

/** A new section of code. */
export interface NewCode {
  readonly name: string;
  /**
   * The section of the input that its header stands in front of, so that the loader places it beside code that it has to be near;
   * absent: behind all others.
   */
  readonly before?: SectionIndex;
  readonly alignment: number;
  readonly words: readonly number[];
  readonly relocations: readonly NewRelocation[];
}

export interface PlannedSymbol {
  readonly name: string;
  readonly binding: number;
  readonly type: number;
  readonly st_other: number;
  /** Number in `newCode`; absent for an undefined symbol. */
  readonly code?: number;
  /** Bytes from the start of that code. */
  readonly value: number;
  readonly size: number;
}

/**
 * A symbol version (CONFIG_MODVERSIONS) for a new import. It is added at the end of `__versions`, and of
 * `__version_ext_crcs` and `__version_ext_names` where the module has them: the kernel refuses an import without one.
 */
export interface AddedVersion {
  readonly name: string;
  readonly crc: number;
}

/** A function of the result that is not proved to keep r2, r1, LR and the non-volatile registers right. */
export interface Unproved {
  /** Empty where no function could be judged. */
  readonly function: string;
  readonly verdict: 'refuted' | 'unknown';
  /** A code of docs/diagnostics.md. */
  readonly code: string;
  /** Of a refusal that the user overruled: its cause. */
  readonly message?: string;
}

export interface PatchPlan {
  readonly schema: 'tocsin.plan/1';
  readonly actions: readonly PlannedAction[];
  readonly words: readonly WordChange[];
  /** Ascending by table, then entry; entries that fill removed records are not repeated here. */
  readonly removedRelocations: readonly RemovedRelocation[];
  /** Ascending by table, then offset. */
  readonly removedRecords: readonly RemovedRecord[];
  readonly addedRelocations: readonly AddedRelocation[];
  readonly newCode: readonly NewCode[];
  readonly newSymbols: readonly PlannedSymbol[];
  readonly addedVersions: readonly AddedVersion[];
  /** The file ends before an appended signature, which no longer holds. */
  readonly dropsSignature: boolean;
  /** What the user should know and need not stop for. */
  readonly warnings: readonly string[];
  /** What the user was told is not proved, and wants all the same; absent where all is proved. The note in the file says so. */
  readonly unproved?: readonly Unproved[];
  /** Objects that were merged first: then the input that this plan speaks of is the merged module. */
  readonly merged?: MergedInto;
}

/** The warning of a plan with `dropsSignature`; of no account where the result is signed anew. */
export const SIGNATURE_DROPPED =
  'the signature at the end of the file no longer holds: the output is written without it';
