/**
 * What `diffObjects` gives: plain data, in the words of the two objects. Nothing here is disassembled or laid out for a
 * reader; `report/diff` does that.
 *
 * Offsets named `offset` inside a function count bytes from its global entry; `oldOffset` and `newOffset` of a function
 * count bytes from the start of its section.
 */

type FunctionStatus = 'added' | 'removed' | 'changed' | 'moved';

/** One instruction word of a hunk: ` ` is in both, `-` only in the old object, `+` only in the new one. */
export interface HunkWord {
  readonly op: ' ' | '-' | '+';
  /** Bytes from the global entry; negative in the words before it. Of ` `: in the new function. */
  readonly offset: number;
  /** Of ` ` only: in the old function. */
  readonly oldOffset?: number;
  readonly word: number;
  /** The word after it, where `word` is the prefix of an instruction of eight bytes. */
  readonly next?: number;
  /** The word is the second half of an instruction of eight bytes. */
  readonly suffix?: true;
  /** Relocations at this word, such as `R_PPC64_REL24 _mcount`. */
  readonly relocation?: string;
  /** Where a branch goes, in names: `demo_in_range`, `+0x58` inside its own function. */
  readonly target?: string;
}

export interface Hunk {
  /** Words of the first line, bytes from the global entry. */
  readonly oldOffset: number;
  readonly newOffset: number;
  readonly words: readonly HunkWord[];
}

export interface FunctionDiff {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly status: FunctionStatus;
  readonly section: string;
  /** Where the section's name is another in the old object. */
  readonly oldSection?: string;
  /** Where the name is another in the old object. */
  readonly oldName?: string;
  readonly oldOffset?: number;
  readonly newOffset?: number;
  readonly oldSize?: number;
  readonly newSize?: number;
  /** Of a changed function: how many words are only in the old and only in the new object. */
  readonly removedWords?: number;
  readonly addedWords?: number;
  readonly hunks?: readonly Hunk[];
  /** The two were too different to align in reasonable time; one hunk holds all between the first and the last difference. */
  readonly unaligned?: true;
}

type CallSiteChange = 'gained' | 'lost' | 'form' | 'record-gained' | 'record-lost';

export interface CallSiteDiff {
  readonly function: string;
  readonly change: CallSiteChange;
  /** Bytes from the function's global entry. */
  readonly oldOffset?: number;
  readonly newOffset?: number;
  readonly oldWord?: number;
  readonly newWord?: number;
  readonly oldForm?: string;
  readonly newForm?: string;
  readonly oldRecorded?: boolean;
  readonly newRecorded?: boolean;
}

export interface EntryPoint {
  /** Bytes from the global to the local entry. */
  readonly distance: number;
  /** The three bits of `st_other` that encode it. */
  readonly k: number;
  readonly toc: 'load-add' | 'addis-addi' | 'pcrel' | 'none';
  /** Whether the function's words use r2 as a base. */
  readonly usesToc: boolean;
}

export interface EntryPointDiff {
  readonly function: string;
  readonly old: EntryPoint;
  readonly new: EntryPoint;
}

export interface FieldChange {
  readonly field: string;
  readonly old: string;
  readonly new: string;
}

export interface SymbolDiff {
  readonly name: string;
  readonly status: 'added' | 'removed' | 'changed' | 'renamed';
  readonly oldName?: string;
  /** What it is, such as `global FUNC in .text`. */
  readonly kind: string;
  readonly changes?: readonly FieldChange[];
}

export interface RelocationDiff {
  readonly section: string;
  /** Where, in names: `demo_operations+0x8`. */
  readonly place: string;
  readonly old?: string;
  readonly new?: string;
}

export interface ContentDiff {
  /** An object, a string's section, `.toc` entry or the like, in names. */
  readonly place: string;
  readonly status: 'added' | 'removed' | 'changed';
  /** Bytes from the start of the place to the first difference. */
  readonly offset?: number;
  /** How many bytes differ. */
  readonly bytes?: number;
  readonly old?: string;
  readonly new?: string;
}

export interface SectionDiff {
  readonly name: string;
  readonly status: 'added' | 'removed' | 'changed';
  readonly allocated: boolean;
  readonly oldSize?: number;
  readonly newSize?: number;
  readonly changes?: readonly FieldChange[];
  readonly contents?: readonly ContentDiff[];
}

export interface ModinfoDiff {
  readonly key: string;
  readonly old: readonly string[];
  readonly new: readonly string[];
}

export interface TableDiff {
  readonly table: string;
  readonly old: number;
  readonly new: number;
  readonly functions: readonly {
    /** Empty for entries that name no function. */
    readonly function: string;
    readonly old: number;
    readonly new: number;
    /** Entries that both have and that say something else. */
    readonly changed: number;
  }[];
}

interface LayoutDiff {
  readonly differs: boolean;
  /** In words, one thing each: what lies elsewhere although it means the same. */
  readonly notes: readonly string[];
}

export interface DiffCounts {
  readonly functions: {
    readonly added: number;
    readonly removed: number;
    readonly changed: number;
    readonly moved: number;
    readonly unchanged: number;
  };
  readonly callSites: number;
  readonly entryPoints: number;
  readonly symbols: number;
  readonly relocations: number;
  readonly sections: number;
  readonly modinfo: number;
  readonly tables: number;
  readonly header: number;
}

export interface ObjectDiff {
  /** Byte for byte. */
  readonly identical: boolean;
  /**
   * Nothing that matters differs: the two objects mean the same to the kernel, although `layout` may tell of another
   * order, other offsets or other string tables.
   */
  readonly same: boolean;
  readonly layout: LayoutDiff;
  readonly summary: DiffCounts;
  /** Without the unchanged ones: changed, added, removed, moved, each in the order of the new object. */
  readonly functions: readonly FunctionDiff[];
  readonly callSites: readonly CallSiteDiff[];
  readonly entryPoints: readonly EntryPointDiff[];
  readonly symbols: readonly SymbolDiff[];
  readonly relocations: readonly RelocationDiff[];
  readonly sections: readonly SectionDiff[];
  readonly modinfo: readonly ModinfoDiff[];
  readonly tables: readonly TableDiff[];
  /** Fields of the ELF header and what follows the ELF file (a signature). */
  readonly header: readonly FieldChange[];
}
