// What an operator is, and what it is applied to.

import type { Editor } from './editor.ts';

/** Modules of source/, and the samples'. `helper` is loaded already when the mutants are tried. */
export type Base = 'victim' | 'small' | 'helper' | 'demo';

export interface Operator {
  /** Says what is broken; unique. */
  readonly name: string;
  /** `victim` unless told. */
  readonly base?: Base;
  /** Arguments that the module is loaded with. */
  readonly parameters?: string;
  /** Breaks it. Throws NotApplicable where this generation's module has nothing to break. */
  readonly apply: (module: Editor) => void;
}

export const SHT = { null: 0, progbits: 1, symtab: 2, strtab: 3, rela: 4, nobits: 8, rel: 9 } as const;
export const SHF = {
  write: 1,
  alloc: 2,
  exec: 4,
  merge: 16,
  strings: 32,
  compressed: 0x800,
  livepatch: 0x100000,
} as const;
export const SHN = { undef: 0, livepatch: 0xff20, abs: 0xfff1, common: 0xfff2, xindex: 0xffff } as const;
