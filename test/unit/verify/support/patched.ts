/** Good outputs to spoil: samples patched by the real maker, and small tools to change a byte or a field in them. */
import { readFileSync } from 'node:fs';
import { ElfEditor } from '../../../../src/elf/editor.ts';
import { layOut } from '../../../../src/elf/layout.ts';
import { type ElfFile, readElf } from '../../../../src/elf/read.ts';
import type { PatchPlan } from '../../../../src/plan/plan.ts';
import { applyPlan } from '../../../../src/rewrite/apply.ts';
import type { HookRequest } from '../../../../src/rewrite/hooks.ts';
import { makePlan, type PatchRequest } from '../../../../src/rewrite/plan.ts';
import type { Verification } from '../../../../src/verify/verification.ts';
import { verifyObject, verifyPatched } from '../../../../src/verify/verify.ts';

export const GENERATIONS = ['6.1', '6.12', '7.2'] as const;

/** What some other module exports. */
export const EXPORTS = new Map(
  ['somewhere_else', 'elsewhere'].map(name => [
    name,
    { name, crc: 0x12345678, exporter: 'other', gplOnly: false, namespace: '' },
  ]),
);

export function sample(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../../../samples/${name}`, import.meta.url)));
}

export type Redirect = PatchRequest['redirects'][number];

export function redirect(from: string, to: string, rest: Partial<Redirect> = {}): Redirect {
  return { from, to, strategy: 'auto', at: 'after-site', toc: 'recomputed', ...rest };
}

export function hook(functions: string, name: string, rest: Partial<HookRequest> = {}): HookRequest {
  return { functions, hook: name, when: 'before', at: undefined, toc: 'recomputed', ...rest };
}

export interface Patched {
  readonly elf: ElfFile;
  readonly bytes: Uint8Array;
  readonly plan: PatchPlan;
  readonly output: Uint8Array;
}

/** Carries out a plan, good or bad. */
export function carryOut(elf: ElfFile, plan: PatchPlan): Patched {
  return { elf, bytes: elf.bytes, plan, output: applyPlan(elf, plan, { toolVersion: 'test' }).bytes };
}

export function patch(file: string | Uint8Array, request: Partial<PatchRequest>): Patched {
  const elf = readElf(typeof file === 'string' ? sample(file) : file);
  return carryOut(elf, makePlan(elf, { nops: [], redirects: [], exports: EXPORTS, ...request }));
}

export function judge({ elf, bytes, plan, output }: Patched): Verification {
  return verifyPatched({ elf, bytes }, output, plan);
}

/** The codes of all findings, each once, in order. */
export function codes(verification: Verification): string[] {
  return [...new Set(verification.findings.map(f => f.code))].sort();
}

/** A file that can be written to, by section, symbol and relocation. */
export class Spoiler {
  readonly elf: ElfFile;
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes.slice();
    this.elf = readElf(this.bytes);
    this.#view = new DataView(this.bytes.buffer);
  }

  section(name: string) {
    const section = this.elf.sectionNamed(name);
    if (section === undefined) throw new Error(`no section ${name}`);
    return section;
  }

  word(section: string, offset: number): number {
    return this.#view.getUint32(this.section(section).sh_offset + offset, true);
  }

  setWord(section: string, offset: number, word: number): void {
    this.#view.setUint32(this.section(section).sh_offset + offset, word, true);
  }

  /** @param field byte offset in the section header */
  setHeader(section: string, field: number, value: number): void {
    this.#view.setUint32(this.elf.header.e_shoff + this.section(section).index * 64 + field, value, true);
  }

  symbol(name: string): number {
    const symbol = this.elf.symbols!.find(name);
    if (symbol < 0) throw new Error(`no symbol ${name}`);
    return symbol;
  }

  /** @param field byte offset in the symbol */
  setSymbolByte(name: string, field: number, value: number): void {
    this.#view.setUint8(this.elf.symbols!.section.sh_offset + this.symbol(name) * 24 + field, value);
  }

  /** Number of the first relocation of `section` that `accept` takes. */
  relocation(
    section: string,
    accept: (r: { type: number; offset: number; symbol: string; word: number }) => boolean,
  ): number {
    const target = this.section(section);
    const table = this.elf.relocations(this.section(`.rela${section}`));
    for (let i = 0; i < table.count; i++) {
      const offset = table.offset(i);
      const word = target.sh_size >= offset + 4 ? this.word(section, offset & ~3) : 0;
      if (accept({ type: table.type(i), offset, symbol: this.elf.symbols!.name(table.symbol(i)), word })) return i;
    }
    throw new Error(`no such relocation in ${section}`);
  }

  offsetOf(section: string, entry: number): number {
    return this.elf.relocations(this.section(`.rela${section}`)).offset(entry);
  }

  /** @param field byte offset in the entry: 0 r_offset, 8 type, 12 symbol, 16 r_addend */
  setRelocation(section: string, entry: number, field: number, value: number): void {
    this.#view.setInt32(this.section(`.rela${section}`).sh_offset + entry * 24 + field, value, true);
  }
}

/** What the judge says about a good output that `spoil` has changed. */
export function spoiled(good: Patched, spoil: (s: Spoiler) => void): Verification {
  const spoiler = new Spoiler(good.output);
  spoil(spoiler);
  return judge({ ...good, output: spoiler.bytes });
}

/** The same for changes that need a new layout. */
export function edited(good: Patched, edit: (editor: ElfEditor) => void): Verification {
  const editor = new ElfEditor(readElf(good.output.slice()));
  edit(editor);
  return judge({ ...good, output: layOut(editor).bytes });
}

/** What is said about a sample by itself, after a change. */
export function object(file: string, spoil: (s: Spoiler) => void): Verification {
  const spoiler = new Spoiler(sample(file));
  spoil(spoiler);
  return verifyObject(readElf(spoiler.bytes.slice()));
}
