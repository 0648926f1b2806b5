import { expect } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { QuickCounter } from '../../../src/sites/quick-count.ts';
import { type ScanResult, scanObject, summarize } from '../../../src/sites/scan.ts';
import { ObjectBuilder, R, type SymbolHandle } from '../../support/object-builder.ts';

const counter = QuickCounter.create()!;
/** How many files the quick count answered for. */
export const quick = { answers: 0 };

/** Scans in full; the summary, which counts on another way, and the quick count, where it answers, have to agree. */
export function scan(file: ObjectBuilder | Uint8Array): ScanResult {
  const bytes = file instanceof ObjectBuilder ? file.build() : file;
  const kept = bytes.slice();
  const full = scanObject(readElf(bytes), { calls: true });
  const summary = summarize(readElf(bytes));
  expect(summary).toEqual({
    kind: full.kind,
    profiling: full.profiling,
    counts: full.counts,
    strayRecords: full.strayRecords,
    droppedRecords: full.droppedRecords,
  });
  const counted = counter.countCopy(bytes);
  if (counted !== undefined) {
    expect(counted).toEqual(summary);
    quick.answers++;
  }
  const count = (edge: string) => full.calls!.filter(c => c.edge === edge).length;
  expect(full.counts).toEqual({
    functions: full.entryPoints.length,
    callSites: full.callSites.length,
    recordedSites: full.callSites.filter(s => s.recorded).length,
    entryPoints: full.entryPoints.length,
    localCalls: count('local'),
    externalCalls: count('external'),
    siblingCalls: count('sibling'),
    indirectCalls: count('indirect'),
  });
  expect(full.strayRecords).toBe(full.strays.length);
  expect(Buffer.compare(bytes, kept)).toBe(0);
  return full;
}

export interface Code {
  readonly builder: ObjectBuilder;
  readonly text: number;
  /** The section symbol of the code. */
  readonly section: SymbolHandle;
  readonly mcount: SymbolHandle;
}

/** An object with one section of code; `_mcount` is undefined. */
export function code(words: readonly number[]): Code {
  const builder = new ObjectBuilder();
  const text = builder.code('.text', words);
  return { builder, text, section: builder.sectionSymbol(text), mcount: builder.undefined('_mcount') };
}

/** REL24 against `symbol` at each word. */
export function branches({ builder, text }: Code, symbol: SymbolHandle, ...words: number[]): void {
  for (const word of words) builder.relocate(text, word * 4, R.REL24, symbol);
}
