import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { crossCheck } from '../../../src/cross-check/elf-tools.ts';
import { ElfEditor } from '../../../src/elf/editor.ts';
import { layOut } from '../../../src/elf/layout.ts';
import { readElf } from '../../../src/elf/read.ts';

function sample(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../../samples/${name}`, import.meta.url)));
}

const MODULES = ['6.1/tocsin_demo.ko', '6.12/tocsin_demo.ko', '7.2/tocsin_demo.ko', 'legacy/pg.o'];

describe('elf-tools as the second reader', () => {
  it.each(MODULES)('agrees on %s and leaves the bytes alone', async name => {
    const bytes = sample(name);
    const before = bytes.slice();
    const elf = readElf(bytes);
    const result = await crossCheck(bytes, elf);
    expect(result.differences).toEqual([]);
    expect(result.agreed).toBe(true);
    expect(result.sections).toBe(elf.sections.length);
    expect(result.bytes).toBe(elf.sections.reduce((n, s) => n + elf.contents(s).length, 0));
    expect(Buffer.compare(bytes, before)).toBe(0);
    expect(await crossCheck(bytes, elf, bytes)).toEqual(result);
    expect(Buffer.compare(bytes, before)).toBe(0);
  });

  it.each([
    ['a word of code', 'contents', 'contents', 0],
    ['sh_name', 'header', 'name', 0],
    ['sh_type', 'header', 'sh_type', 4],
    ['sh_offset', 'header', 'sh_offset', 24],
    ['sh_size', 'header', 'sh_size', 32],
    ['sh_link', 'header', 'sh_link', 40],
    ['sh_info', 'header', 'sh_info', 44],
    ['sh_addralign', 'header', 'sh_addralign', 48],
    ['sh_entsize', 'header', 'sh_entsize', 56],
  ] as const)('sees that %s is another than tocsin meant', async (_, kind, field, at) => {
    const meant = readElf(sample('6.1/tocsin_demo.ko'));
    const section = meant.sectionNamed('.text')!;
    const bytes = meant.bytes.slice();
    const place = kind === 'contents' ? section.sh_offset : meant.header.e_shoff + section.index * 64 + at;
    bytes[place]! ^= 4;
    const result = await crossCheck(bytes, meant);
    expect(result.agreed).toBe(false);
    expect(result.differences).toContainEqual(expect.objectContaining({ section: section.index, field }));
  });

  it('sees a section too many', async () => {
    const meant = readElf(sample('6.1/tocsin_demo.ko'));
    const editor = new ElfEditor(meant);
    const contents = new Uint8Array(4);
    const rest = { sh_flags: 0, sh_link: 0, sh_info: 0, sh_addralign: 1, sh_entsize: 0, contents };
    editor.addSection({ name: '.stray', sh_type: 1, ...rest });
    const { differences } = await crossCheck(layOut(editor).bytes, meant);
    expect(differences.map(d => d.field)).toContain('number of sections');
  });

  it('tells what the package says where it cannot read', async () => {
    const meant = readElf(sample('6.1/tocsin_demo.ko'));
    const bytes = meant.bytes.slice();
    // A 64-bit size that no double holds.
    bytes.set([1, 2, 3, 4, 5, 6, 7, 8], meant.header.e_shoff + 64 + 32);
    const result = await crossCheck(bytes, meant);
    expect(result.agreed).toBe(false);
    expect(result.differences[0]?.elfTools).toMatch(/^cannot read it: Cannot represent/);
  });

  it('is not asked about linked images', async () => {
    const bytes = sample('6.1/tocsin_demo.ko');
    bytes[16] = 3;
    const result = await crossCheck(bytes);
    expect(result).toMatchObject({ agreed: true, sections: 0 });
    expect(result.skipped).toMatch(/linked/);
  });
});
