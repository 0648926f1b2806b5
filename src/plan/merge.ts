/**
 * What merging objects into a module does, as data: which section of which object goes where, which symbols are added, what
 * each symbol of an object becomes. Types only, for the same reason as `plan.ts`: the maker fills it, the judge reads it.
 *
 * Symbol indices of the merged module are those of the input with the added symbols behind them; section indices are those of
 * the input with the new sections behind them. No index of the input changes. Offsets and sizes are bytes.
 */
import type { SectionIndex, SectionOffset, SymbolIndex } from '../util/indexes.ts';

/** An object that was merged in. */
export interface MergedObject {
  /** File name without folder. */
  readonly name: string;
  readonly size: number;
  /** Of the unpacked object, lower-case hexadecimal. */
  readonly sha256: string;
}

/** A section of an object and the place that it gets. */
export interface MergedPiece {
  /** Number in `objects`. */
  readonly object: number;
  /** In the object. */
  readonly section: SectionIndex;
  /** In the merged module. */
  readonly target: SectionIndex;
  readonly offset: SectionOffset;
  /** In the merged module. */
  readonly size: number;
  /** Of `.modinfo`: the strings that come along, [start, end) in the object's section, where not all of it does. */
  readonly kept?: readonly (readonly [start: SectionOffset, end: SectionOffset])[];
}

/** A section that the module did not have. Its contents are its pieces. */
export interface MergedSection {
  readonly name: string;
  readonly sh_type: number;
  readonly sh_flags: number;
  readonly sh_addralign: number;
  readonly sh_entsize: number;
}

/** A symbol behind those of the module. */
export interface MergedSymbol {
  readonly name: string;
  readonly binding: number;
  readonly type: number;
  readonly st_other: number;
  /** In the merged module, 0 for an undefined symbol, or SHN_ABS. */
  readonly section: number;
  readonly value: number;
  readonly size: number;
}

/** What a symbol of an object becomes: a symbol of the merged module, and how far from it. */
export interface SymbolTarget {
  readonly symbol: SymbolIndex;
  readonly addend: number;
}

/**
 * What an undefined symbol of an object is bound to: a global symbol of the module, a local one, one of another merged object,
 * an import that the module has, a new import, or nothing (weak). In a kernel image: a global symbol of it, or a local one.
 */
export type BoundTo =
  | 'module'
  | 'local'
  | 'object'
  | 'import'
  | 'new import'
  | 'nothing'
  | 'image'
  | 'local of the image';

export interface Binding {
  readonly object: number;
  /** As the object writes it. */
  readonly name: string;
  readonly to: BoundTo;
  /** `SECTION+0xOFFSET` of what is defined in the module. */
  readonly place?: string;
}

/** A local symbol that got another name, because the module has one of that name. */
export interface RenamedSymbol {
  readonly object: number;
  readonly from: string;
  readonly to: string;
}

/** A section of an object that stays out. */
export interface LeftOut {
  readonly object: number;
  readonly section: string;
  readonly why:
    | 'debug information'
    | 'a note'
    | 'for the build only'
    | 'the module has this group'
    | 'the module says it of itself'
    | 'nothing refers to it';
}

/** A table of exports whose rows changed places, so that it is sorted by name: row i is the one that was joined as row `order[i]`. */
export interface SortedTable {
  readonly table: string;
  readonly order: readonly number[];
}

/** A symbol that a merged object exports, and that the module exports from now on. */
export interface NewExport {
  /** The object that says so: number in `objects`. */
  readonly object: number;
  readonly symbol: string;
  readonly gplOnly: boolean;
  /** Empty where it is in none. */
  readonly namespace: string;
  /** Where the module has checksums. */
  readonly crc?: number;
}

export interface MergePlan {
  readonly schema: 'tocsin.merge/1';
  readonly objects: readonly MergedObject[];
  /** By target, then offset. */
  readonly pieces: readonly MergedPiece[];
  /** The k-th has index `sections of the input + k` in the merged module; SHT_RELA sections follow behind. */
  readonly sections: readonly MergedSection[];
  /** Sections of the module that are aligned more strictly than before. */
  readonly alignments: readonly { readonly section: SectionIndex; readonly alignment: number }[];
  readonly symbols: readonly MergedSymbol[];
  /** For each object: what its symbols become; those that nothing needs are absent. */
  readonly targets: readonly ReadonlyMap<SymbolIndex, SymbolTarget>[];
  readonly bindings: readonly Binding[];
  readonly renamed: readonly RenamedSymbol[];
  readonly leftOut: readonly LeftOut[];
  /** Symbols that the module has not imported so far. */
  readonly imports: readonly string[];
  /** The file ends before an appended signature, which no longer holds. */
  readonly dropsSignature: boolean;
  /** Tables of exports that would not be in order as they were joined. */
  readonly sorted: readonly SortedTable[];
  /** Exports of the objects that tocsin made tables for. */
  readonly exports: readonly NewExport[];
  readonly warnings: readonly string[];
}

/** What a patch plan for a merged module remembers of the merging. */
export interface MergedInto {
  readonly objects: readonly MergedObject[];
  readonly dropsSignature: boolean;
}
