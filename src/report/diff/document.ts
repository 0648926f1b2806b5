/**
 * The document of `tocsin diff`: an `ObjectDiff` with the words of its hunks disassembled. Text, JSON and every other
 * form are made from it.
 *
 * The shape is published as `schemas/tocsin.diff-1.schema.json`.
 */
import type { DiffCounts, FunctionDiff, Hunk, HunkWord, ObjectDiff } from '../../diff/model.ts';
import { type DisassembledBy, type Disassembler, loadDisassembler } from './disassembler.ts';

export interface DiffLine {
  readonly op: ' ' | '-' | '+';
  /** Bytes from the global entry; negative before it. */
  readonly offset: number;
  /** Of ` ` only: in the old function. */
  readonly oldOffset?: number;
  /** Eight hexadecimal digits. */
  readonly word: string;
  readonly text: string;
  readonly relocation?: string;
  readonly target?: string;
}

export interface DiffHunk {
  readonly oldOffset: number;
  readonly newOffset: number;
  readonly lines: readonly DiffLine[];
}

export interface DiffFunction extends Omit<FunctionDiff, 'hunks'> {
  readonly hunks?: readonly DiffHunk[];
}

/** How many words were put into text by tocsin's own table, by Capstone, and as `.long`. */
interface DisassemblyCounts {
  own: number;
  capstone: number;
  raw: number;
}

export interface DiffFile {
  /** The path as it was given. */
  readonly file: string;
  /** Bytes, after decompression. */
  readonly size: number;
}

export interface DiffDocument extends Omit<ObjectDiff, 'functions' | 'summary'> {
  readonly schema: 'tocsin.diff/1';
  readonly old: DiffFile;
  readonly new: DiffFile;
  readonly summary: DiffCounts;
  readonly functions: readonly DiffFunction[];
  readonly disassembly: DisassemblyCounts;
}

export interface DocumentOptions {
  /** Disassemble only so many changed functions; the others have no `hunks`. Without it: all. */
  readonly mostFunctions?: number;
}

/**
 * Puts names and instruction text to a difference.
 *
 * Capstone is loaded only if a word needs it.
 */
export async function diffDocument(
  diff: ObjectDiff,
  old: DiffFile,
  fresh: DiffFile,
  options: DocumentOptions = {},
): Promise<DiffDocument> {
  const most = options.mostFunctions ?? Number.POSITIVE_INFINITY;
  const counts: DisassemblyCounts = { own: 0, capstone: 0, raw: 0 };
  const shown = (f: FunctionDiff, i: number) => f.hunks !== undefined && i < most;
  const words = diff.functions.filter(shown).flatMap(f => f.hunks!.flatMap(h => h.words));
  const disassembler = words.length === 0 ? undefined : await loadDisassembler(words);
  const functions = diff.functions.map((f, i): DiffFunction => {
    const { hunks, ...head } = f;
    if (disassembler === undefined || !shown(f, i)) return head;
    return { ...head, hunks: hunks!.map(h => hunkOf(h, disassembler, counts)) };
  });
  const {
    identical,
    same,
    layout,
    summary,
    callSites,
    entryPoints,
    symbols,
    relocations,
    sections,
    modinfo,
    tables,
    header,
  } = diff;
  return {
    schema: 'tocsin.diff/1',
    old,
    new: fresh,
    identical,
    same,
    layout,
    summary,
    functions,
    callSites,
    entryPoints,
    symbols,
    relocations,
    sections,
    modinfo,
    tables,
    header,
    disassembly: counts,
  };
}

function hunkOf(hunk: Hunk, disassembler: Disassembler, counts: DisassemblyCounts): DiffHunk {
  return {
    oldOffset: hunk.oldOffset,
    newOffset: hunk.newOffset,
    lines: hunk.words.map(word => lineOf(word, disassembler, counts)),
  };
}

function lineOf(word: HunkWord, disassembler: Disassembler, counts: DisassemblyCounts): DiffLine {
  const { text, by } = textOf(word, disassembler);
  counts[by]++;
  return {
    op: word.op,
    offset: word.offset,
    ...(word.oldOffset === undefined ? {} : { oldOffset: word.oldOffset }),
    word: word.word.toString(16).padStart(8, '0'),
    text,
    ...(word.relocation === undefined ? {} : { relocation: word.relocation }),
    ...(word.target === undefined ? {} : { target: word.target }),
  };
}

function textOf(word: HunkWord, disassembler: Disassembler): { text: string; by: DisassembledBy } {
  // The TOC distance in front of a large-model function is data.
  if (word.offset < 0) return { text: `.long   0x${word.word.toString(16)}`, by: 'raw' };
  if (word.suffix) return { text: '(second word)', by: 'own' };
  return disassembler(word);
}
