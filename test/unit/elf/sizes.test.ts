/** Sections that are aligned more strictly or get larger without contents in the file. */
import { describe, expect, it } from 'vitest';
import { ElfEditor } from '../../../src/elf/editor.ts';
import { layOut } from '../../../src/elf/layout.ts';
import { readElf } from '../../../src/elf/read.ts';
import { ObjectBuilder, SHF, SHT } from '../../support/object-builder.ts';

const DATA = SHF.ALLOC | SHF.WRITE;

function object() {
  const builder = new ObjectBuilder();
  const data = builder.section('.data', {
    flags: DATA,
    align: 4,
    bytes: Uint8Array.of(1, 2, 3, 4),
    gap: new Uint8Array(4),
  });
  const bss = builder.section('.bss', { type: SHT.NOBITS, flags: DATA, align: 8, size: 16 });
  const last = builder.section('.last', { flags: DATA, align: 1, bytes: Uint8Array.of(5, 6) });
  return { elf: readElf(builder.build()), data, bss, last };
}

describe('raiseAlignment', () => {
  it('moves what does not lie right, and what is behind it', () => {
    const { elf, data, last } = object();
    const editor = new ElfEditor(elf);
    editor.raiseAlignment(data, 256);
    const after = readElf(layOut(editor).bytes);
    const section = after.sections[data]!;
    expect(elf.sections[data]!.sh_offset % 256).not.toBe(0);
    expect([section.sh_addralign, section.sh_offset % 256]).toEqual([256, 0]);
    expect([...after.contents(section)]).toEqual([1, 2, 3, 4]);
    expect([...after.contents(after.sections[last]!)]).toEqual([5, 6]);
  });

  it('never lowers', () => {
    const { elf, data } = object();
    const editor = new ElfEditor(elf);
    editor.raiseAlignment(data, 1);
    expect(Buffer.compare(layOut(editor).bytes, elf.bytes)).toBe(0);
  });
});

describe('resize', () => {
  it('changes the size of a section without contents, and nothing else', () => {
    const { elf, bss } = object();
    const editor = new ElfEditor(elf);
    editor.resize(bss, 4000);
    const { bytes } = layOut(editor);
    expect(readElf(bytes).sections[bss]!.sh_size).toBe(4000);
    const back = new ElfEditor(readElf(bytes));
    back.resize(bss, 16);
    expect(Buffer.compare(layOut(back).bytes, elf.bytes)).toBe(0);
  });

  it('is for such sections only', () => {
    const { elf, data } = object();
    expect(() => new ElfEditor(elf).resize(data, 8)).toThrow(RangeError);
  });
});

it('adds sections without contents', () => {
  const { elf } = object();
  const editor = new ElfEditor(elf);
  const header = { name: '.bss.more', sh_type: SHT.NOBITS, sh_flags: DATA, sh_link: 0, sh_info: 0 };
  const index = editor.addSection({ ...header, sh_addralign: 8, sh_entsize: 0, contents: new Uint8Array(0), size: 64 });
  const { bytes } = layOut(editor);
  const section = readElf(bytes).sections[index]!;
  expect([section.name, section.sh_size, section.hasContents]).toEqual(['.bss.more', 64, false]);
});
