/**
 * A plan that takes every call site out, as numbers in memory instead of objects: `rewrite/wasm` makes it and `verify/wasm` reads it.
 * A site is twelve words of 32 bits:
 *
 *     section; offset in it (bytes); the word that is there; form (number in NOP_FORMS)
 *     the relocation of a call: table, entry
 *     the record of the tracer: table, offset there; its relocation: table, entry
 *     its function's names, as places in the list of names: the first, and one past the last
 *
 * Table 0 means that there is none. The list of names holds numbers of symbols: the one that the function is called by, then its
 * aliases. Numbers are those of the input. All records of the file go, else there is no such plan.
 */
import type { SiteForm } from './plan.ts';

export const NOP_FORMS: readonly SiteForm[] = [
  'mprofile-kernel',
  'mprofile-kernel-lr',
  'patchable',
  'patchable-out-of-line',
];

/** Words of a site. */
export const NOP_WORDS = 12;

/** Addresses are those of the memory that the programs share. */
export interface NopTable {
  readonly at: number;
  readonly count: number;
  readonly namesAt: number;
  readonly names: number;
  /** Whether the file ends before an appended signature. */
  readonly dropsSignature: boolean;
}
