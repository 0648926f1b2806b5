/** A small module for tests, with everything that a plan may trip over. Code is given in words of the instruction set. */
import { type ElfFile, readElf } from '../../../../src/elf/read.ts';
import type { PatchRequest } from '../../../../src/rewrite/plan.ts';
import type { RedirectRequest } from '../../../../src/rewrite/redirects.ts';
import { RefusalError } from '../../../../src/util/errors.ts';
import { ObjectBuilder, R, STB, type SymbolHandle } from '../../../support/object-builder.ts';

export const MFLR = 0x7c0802a6;
export const BL = 0x48000001;
export const B = 0x48000000;
export const NOP = 0x60000000;
export const BLR = 0x4e800020;
export const LI = 0x38600000;
export const ADDIS_R2 = 0x3c4c0000;
export const ADDI_R2 = 0x38420000;

export type Form = 'mprofile-kernel' | 'patchable' | 'patchable-out-of-line';

const SEQUENCES: Readonly<Record<Form, readonly number[]>> = {
  'mprofile-kernel': [MFLR, BL],
  patchable: [NOP, NOP],
  'patchable-out-of-line': [NOP],
};

export interface FunctionSpec {
  readonly name: string;
  /** 3 is what two words of entry code stand for; 2 is accepted for tests that do not look. */
  readonly k?: 0 | 1 | 2 | 3;
  /** Words behind the site. */
  readonly body?: readonly number[];
  readonly site?: boolean;
  readonly bind?: number;
  readonly size?: number;
}

export interface Placed {
  readonly symbol: SymbolHandle;
  readonly global: number;
  readonly local: number;
  /** The word behind the site. */
  readonly after: number;
  readonly end: number;
}

/** Lays functions out one behind another in one section, with call sites, records and relocations. */
export class ModuleBuilder {
  readonly object = new ObjectBuilder();
  readonly places = new Map<string, Placed>();
  readonly text: number;
  readonly textSymbol: SymbolHandle;
  readonly records: number;

  constructor(form: Form, specs: readonly FunctionSpec[], sectionName = '.text') {
    const words: number[] = [];
    const sites: number[] = [];
    const pending: { spec: FunctionSpec; global: number; local: number; after: number }[] = [];
    for (const spec of specs) {
      const global = words.length * 4;
      if ((spec.k ?? 2) >= 2) words.push(ADDIS_R2, ADDI_R2);
      const local = words.length * 4;
      if (spec.site !== false) {
        words.push(...SEQUENCES[form]);
        sites.push(form === 'mprofile-kernel' ? local + 4 : local);
      }
      const after = words.length * 4;
      words.push(...(spec.body ?? [LI, BLR]));
      pending.push({ spec, global, local, after });
    }
    this.text = this.object.code(sectionName, words, { align: 16 });
    this.textSymbol = this.object.sectionSymbol(this.text);
    const table = form === 'mprofile-kernel' ? '__mcount_loc' : '__patchable_function_entries';
    this.records = this.object.records(table, this.textSymbol, sites);
    pending.forEach(({ spec, global, local, after }, i) => {
      const end = pending[i + 1]?.global ?? words.length * 4;
      const k = spec.k ?? 2;
      const symbol = this.object.function(spec.name, this.text, global, spec.size ?? end - global, {
        k,
        bind: spec.bind ?? STB.GLOBAL,
      });
      this.places.set(spec.name, { symbol, global, local, after, end });
    });
    if (form === 'mprofile-kernel') {
      const mcount = this.object.undefined('_mcount');
      for (const site of sites) this.object.relocate(this.text, site, R.REL24, mcount);
    }
  }

  at(name: string): Placed {
    return this.places.get(name)!;
  }

  /** A table section with one word-sized relocation. */
  table(
    name: string,
    size: number,
    relocations: readonly (readonly [offset: number, type: number, target: number])[],
  ): number {
    const section = this.object.section(name, { flags: 2, align: 8, bytes: new Uint8Array(size) });
    for (const [offset, type, target] of relocations)
      this.object.relocate(section, offset, type, this.textSymbol, target);
    return section;
  }

  elf(): ElfFile {
    return readElf(this.object.build());
  }
}

export function redirect(from: string, to: string, more: Partial<RedirectRequest> = {}): PatchRequest {
  return { nops: [], redirects: [{ from, to, strategy: 'auto', at: 'after-site', toc: 'recomputed', ...more }] };
}

/** The code of the refusal that `run` ends with. */
export function refusalOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof RefusalError) return error.code;
    throw error;
  }
  return 'none';
}
