/** Variants of the sample module, each with one thing done to it through the editor. */
import { readFileSync } from 'node:fs';
import { SHT_RELA } from '../../../src/elf/constants.ts';
import { ElfEditor } from '../../../src/elf/editor.ts';
import { layOut } from '../../../src/elf/layout.ts';
import { type ElfFile, readElf } from '../../../src/elf/read.ts';
import type { Section } from '../../../src/elf/section.ts';

export const NOP = 0x60000000;
const R_PPC64_REL24 = 10;

export function sampleBytes(generation = '6.1'): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../../samples/${generation}/tocsin_demo.ko`, import.meta.url)));
}

export function sample(generation?: string): ElfFile {
  return readElf(sampleBytes(generation));
}

export function edited(elf: ElfFile, change: (editor: ElfEditor) => void): ElfFile {
  const editor = new ElfEditor(elf);
  change(editor);
  return readElf(layOut(editor).bytes);
}

export function section(elf: ElfFile, name: string): Section {
  const found = elf.sectionNamed(name);
  if (found === undefined) throw new Error(`no section ${name}`);
  return found;
}

export function symbol(elf: ElfFile, name: string): number {
  const found = elf.symbols!.find(name);
  if (found < 0) throw new Error(`no symbol ${name}`);
  return found;
}

/** Offset in its section of `delta` bytes into the function. */
export function inFunction(elf: ElfFile, name: string, delta: number): number {
  return elf.symbols!.value(symbol(elf, name)) + delta;
}

/** Entry number of the first relocation of `.rela<target>` that `accept` takes. */
export function relocation(
  elf: ElfFile,
  target: string,
  accept: (offset: number, type: number, symbol: number) => boolean,
): number {
  const list = elf.relocations(section(elf, `.rela${target}`));
  for (let i = 0; i < list.count; i++) if (accept(list.offset(i), list.type(i), list.symbol(i))) return i;
  throw new Error('no such relocation');
}

/** The call from one function to another: entry number in `.rela.text`. */
export function callTo(elf: ElfFile, from: string, to: string): number {
  const start = inFunction(elf, from, 0);
  const end = start + elf.symbols!.size(symbol(elf, from));
  const callee = symbol(elf, to);
  return relocation(elf, '.text', (o, type, s) => o >= start && o < end && type === R_PPC64_REL24 && s === callee);
}

/** The same object with `.text` put together anew; `to` says where each offset goes. */
function rearranged(elf: ElfFile, contents: Uint8Array, to: (offset: number) => number): ElfFile {
  const text = section(elf, '.text');
  const symbols = elf.symbols!;
  return edited(elf, editor => {
    editor.remove(text.index, 0, text.sh_size);
    editor.append(text.index, contents);
    for (let i = 1; i < symbols.count; i++)
      if (symbols.sectionOf(i) === text.index && symbols.type(i) !== 3)
        editor.setWord(symbols.section.index, i * 24 + 8, to(symbols.value(i)));
    for (const table of elf.sections) {
      if (table.sh_type !== SHT_RELA) continue;
      const list = elf.relocations(table);
      for (let i = 0; i < list.count; i++) {
        if (table.sh_info === text.index) editor.setWord(table.index, i * 24, to(list.offset(i)));
        const s = list.symbol(i);
        if (symbols.type(s) === 3 && symbols.sectionOf(s) === text.index)
          editor.setWord(table.index, i * 24 + 16, to(list.addend(i)));
      }
    }
  });
}

/** `demo_in_range`, first in `.text`, goes to the end of it. */
export function withFirstFunctionLast(elf: ElfFile): ElfFile {
  const old = elf.contents(section(elf, '.text'));
  const cut = 0x70;
  const rest = Math.ceil((old.length - cut) / 16) * 16;
  const contents = new Uint8Array(rest + cut);
  contents.set(old.subarray(cut));
  contents.set(old.subarray(0, cut), rest);
  return rearranged(elf, contents, o => (o < cut ? o + rest : o - cut));
}

/** 32 bytes of nops in front of everything. */
export function shifted(elf: ElfFile): ElfFile {
  const old = elf.contents(section(elf, '.text'));
  const contents = new Uint8Array(old.length + 32);
  new Uint32Array(contents.buffer, 0, 8).fill(NOP);
  contents.set(old, 32);
  return rearranged(elf, contents, o => o + 32);
}

/** The call site of `demo_alarm` becomes nops; its relocation and its record go. */
export function nopped(elf: ElfFile): ElfFile {
  const call = callTo(elf, 'demo_alarm', '_mcount');
  const text = section(elf, '.text');
  const rela = section(elf, '.rela.text');
  const table = section(elf, '__mcount_loc');
  const records = elf.relocations(section(elf, '.rela__mcount_loc'));
  const site = elf.relocations(rela).offset(call);
  return edited(elf, editor => {
    editor.setWord(text.index, site - 4, NOP);
    editor.setWord(text.index, site, NOP);
    editor.removeRelocation(rela.index, call);
    const record = Array.from({ length: records.count }, (_, i) => i).find(i => {
      const base =
        elf.symbols!.sectionOf(records.symbol(i)) === text.index ? elf.symbols!.value(records.symbol(i)) : -1;
      return base + records.addend(i) === site;
    })!;
    editor.remove(table.index, records.offset(record), 8);
    for (let i = 0; i < records.count; i++)
      if (records.offset(i) > records.offset(record))
        editor.setWord(records.section.index, i * 24, records.offset(i) - 8);
    editor.removeRelocation(records.section.index, record);
  });
}

/** `demo_parity` jumps, behind its site, to new code in a section of its own that goes on to `fix_parity`. */
export function redirected(elf: ElfFile): ElfFile {
  return edited(elf, editor => {
    const text = section(elf, '.text');
    const rela = section(elf, '.rela.text');
    const code = editor.addSection({
      name: '.text.tocsin',
      sh_type: 1,
      sh_flags: 6,
      sh_link: 0,
      sh_info: 0,
      sh_addralign: 16,
      sh_entsize: 0,
      contents: new Uint8Array(
        new Uint32Array([
          0x7c0802a6,
          0xf8010010,
          0xf821ffe1,
          0x48000001,
          NOP,
          0x38210020,
          0xe8010010,
          0x7c0803a6,
          0x4e800020,
        ]).buffer,
      ),
    });
    const target = editor.addSymbol({
      name: 'fix_parity',
      binding: 1,
      type: 0,
      st_other: 0,
      st_shndx: 0,
      st_value: 0,
      st_size: 0,
    });
    const stub = editor.addSymbol({
      name: 'tocsin_frame_demo_parity',
      binding: 0,
      type: 2,
      st_other: 0,
      st_shndx: code,
      st_value: 0,
      st_size: 36,
    });
    const table = new Uint8Array(24);
    const view = new DataView(table.buffer);
    view.setUint32(0, 12, true);
    view.setUint32(8, R_PPC64_REL24, true);
    view.setUint32(12, target, true);
    editor.addSection({
      name: '.rela.text.tocsin',
      sh_type: SHT_RELA,
      sh_flags: 0x40,
      sh_link: elf.symbols!.section.index,
      sh_info: code,
      sh_addralign: 8,
      sh_entsize: 24,
      contents: table,
    });
    editor.setWord(text.index, inFunction(elf, 'demo_parity', 8), 0x48000000);
    editor.appendRelocation(rela.index, inFunction(elf, 'demo_parity', 8), stub, R_PPC64_REL24, 0);
  });
}

/** A new function behind the others. */
export function withFunction(elf: ElfFile): ElfFile {
  const text = section(elf, '.text');
  return edited(elf, editor => {
    const at = editor.append(text.index, new Uint8Array(new Uint32Array([0x38600001, 0x4e800020]).buffer));
    editor.addSymbol({
      name: 'demo_new',
      binding: 1,
      type: 2,
      st_other: 0,
      st_shndx: text.index,
      st_value: at,
      st_size: 8,
    });
  });
}

/** `from` becomes `to` (of one length) in the contents of a section. */
export function withText(elf: ElfFile, name: string, from: string, to: string): ElfFile {
  const target = section(elf, name);
  return edited(elf, editor => {
    const contents = editor.writable(target.index);
    const at = Buffer.from(contents.buffer, contents.byteOffset, contents.length).indexOf(from);
    if (at < 0) throw new Error(`no ${from} in ${name}`);
    contents.set(Buffer.from(to), at);
  });
}
