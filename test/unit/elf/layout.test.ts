import * as fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ElfEditor, type NewSection, type NewSymbol } from '../../../src/elf/editor.ts';
import { layOut } from '../../../src/elf/layout.ts';
import { noteSize, putNote, readNotes } from '../../../src/elf/notes.ts';
import type { Correspondence } from '../../../src/elf/ranges.ts';
import { readElf } from '../../../src/elf/read.ts';
import { codeOf } from '../../support/errors.ts';
import { ET, ObjectBuilder, R, SHF, SHT } from '../../support/object-builder.ts';
import { RawElf } from '../../support/raw-elf.ts';
import { samples } from '../../support/samples.ts';
import { BLR, NOP } from '../../support/words.ts';
import { small } from './objects.ts';

interface Rewritten {
  readonly bytes: Uint8Array;
  readonly correspondences: readonly Correspondence[];
  readonly before: RawElf;
  readonly after: RawElf;
}

function rewrite(bytes: Uint8Array, change: (editor: ElfEditor) => void = () => {}): Rewritten {
  const kept = bytes.slice();
  const editor = new ElfEditor(readElf(bytes));
  change(editor);
  const out = layOut(editor);
  expect(Buffer.compare(bytes, kept), 'the input was touched').toBe(0);
  readElf(out.bytes);
  return { ...out, before: new RawElf(bytes), after: new RawElf(out.bytes) };
}

const plain = (contents: Uint8Array, more: Partial<NewSection> = {}): NewSection => ({
  name: '.added',
  sh_type: SHT.PROGBITS,
  sh_flags: SHF.ALLOC,
  sh_link: 0,
  sh_info: 0,
  sh_addralign: 16,
  sh_entsize: 0,
  contents,
  ...more,
});

const symbol = (name: string, binding: number, more: Partial<NewSymbol> = {}): NewSymbol => ({
  name,
  binding,
  type: 2,
  st_other: 0,
  st_shndx: 1,
  st_value: 4,
  st_size: 8,
  ...more,
});

const LOCAL = 0;
const GLOBAL = 1;

function gapped(options: ConstructorParameters<typeof ObjectBuilder>[0] = {}): ObjectBuilder {
  const builder = new ObjectBuilder(options);
  builder.code('.text', [BLR], { gap: Uint8Array.of(1, 2, 3) });
  builder.section('.bss', { type: SHT.NOBITS, size: 77, align: 8 });
  builder.section('.odd', { bytes: new Uint8Array(13).fill(1), gap: new Uint8Array(40) });
  builder.section('.empty', { align: 8 });
  builder.section('.late', { bytes: Uint8Array.of(5), align: 64, gap: Uint8Array.of(0, 0, 0, 9) });
  return builder;
}

describe('a rewrite that changes nothing', () => {
  const inputs: [string, Uint8Array][] = [
    ['a small object', small().builder.build()],
    ['a table in front', small({ tableFirst: true }).builder.build()],
    ['odd gaps and bytes behind', gapped({ trailing: Uint8Array.of(0, 0, 7, 0) }).build()],
    ['gaps and a table in front', gapped({ tableFirst: true, trailing: new Uint8Array(3) }).build()],
    [
      'a linked image with segments',
      small({ type: ET.EXEC, segments: 3, trailing: new Uint8Array(9) }).builder.build(),
    ],
    ['a signed module', small().builder.sign(new Uint8Array(50).fill(3)).build()],
    ['zeros behind the table', small({ trailing: new Uint8Array(7) }).builder.build()],
    ['sections alone', new ObjectBuilder().build()],
    ...samples.map((path): [string, Uint8Array] => [path, fs.readFileSync(path)]),
  ];

  it.each(inputs)('gives the same bytes for %s', (_what, bytes) => {
    const out = rewrite(bytes);
    expect(Buffer.compare(out.bytes, bytes)).toBe(0);
    for (const { from, to } of out.correspondences) expect(to).toBe(from);
    expect(restored(out, bytes.length)).toBe(0);
  });

  it('gives the same bytes for more than 0xff00 sections', () => {
    const bytes = many(0xff05).build();
    expect(Buffer.compare(rewrite(bytes).bytes, bytes)).toBe(0);
  });

  it('keeps extended numbering where the input has it without need', () => {
    const bytes = small().builder.build();
    const view = new DataView(bytes.buffer);
    const raw = new RawElf(bytes);
    view.setBigUint64(raw.shoff + 32, BigInt(view.getUint16(60, true)), true);
    view.setUint32(raw.shoff + 40, view.getUint16(62, true), true);
    view.setUint16(60, 0, true);
    view.setUint16(62, 0xffff, true);
    expect(Buffer.compare(rewrite(bytes).bytes, bytes)).toBe(0);
  });

  it('gives the same bytes where a file says that it has no sections at all', () => {
    const bytes = new ObjectBuilder().build();
    new DataView(bytes.buffer).setUint16(60, 0, true);
    expect(readElf(bytes).sections).toHaveLength(0);
    expect(Buffer.compare(layOut(new ElfEditor(readElf(bytes))).bytes, bytes)).toBe(0);
  });
});

/** Bytes of the input that the exact ranges do not give back, headers and padding included. */
function restored(out: Rewritten, size: number): number {
  const found = new Uint8Array(size);
  let end = 0;
  for (const { from, to, length, exact } of out.correspondences) {
    expect(from).toBeGreaterThanOrEqual(end);
    end = from + length;
    expect(to + length).toBeLessThanOrEqual(out.bytes.length);
    if (exact)
      expect(Buffer.compare(out.bytes.subarray(to, to + length), out.before.bytes.subarray(from, end))).toBe(0);
    found.fill(1, from, end);
  }
  let missing = 0;
  for (let i = 0; i < size; i++) if (found[i] === 0 && out.before.bytes[i] !== 0) missing++;
  return missing;
}

function many(count: number): ObjectBuilder {
  const builder = new ObjectBuilder();
  for (let i = 1; i < count; i++) builder.section('.x');
  const text = builder.code('.text.far', [BLR, BLR]);
  const far = builder.function('far', text, 0, 4);
  builder.symbol('near', { section: 1 });
  builder.relocate(text, 0, R.REL24, far);
  return builder;
}

describe('words', () => {
  it('changes one word and nothing else', () => {
    const bytes = small().builder.build();
    const { bytes: out } = rewrite(bytes, e => e.setWord(1, 4, 0xdeadbeef));
    const at = new RawElf(bytes).named('.text').offset + 4;
    const expected = bytes.slice();
    new DataView(expected.buffer).setUint32(at, 0xdeadbeef, true);
    expect(out).toEqual(expected);
  });

  it('leaves the changed section out of the exact copies, and no other', () => {
    const out = rewrite(small().builder.build(), e => e.setWord(1, 4, NOP));
    const text = out.before.named('.text');
    const inexact = out.correspondences.filter(c => !c.exact);
    expect(inexact.map(c => c.from).sort((a, b) => a - b)).toEqual([0, text.offset, out.before.shoff]);
  });

  it('wants a word of the section', () => {
    const editor = new ElfEditor(readElf(small().builder.build()));
    for (const offset of [-4, 2, 28, 26, 1000]) expect(() => editor.setWord(1, offset, 0)).toThrow(RangeError);
    expect(() => editor.setWord(99, 0, 0)).toThrow(RangeError);
    expect(() => editor.setWord(2, 0, 0)).toThrow(RangeError);
  });

  it('may be combined with removals and additions in the same section', () => {
    const { after } = rewrite(small().builder.build(), e => {
      e.remove(1, 4, 8);
      e.setWord(1, 0, 1);
      e.setWord(1, 24, 2);
      e.append(1, Uint8Array.of(9, 8, 7, 6));
    });
    const words = new Uint32Array(after.named('.text').contents.slice().buffer);
    expect([...words].map(w => w.toString(16))).toEqual(['1', '38420000', '48000001', '60000000', '2', '6070809']);
  });
});

describe('removing and appending', () => {
  it('takes ranges out and moves what follows as far as its alignment allows', () => {
    const bytes = small().builder.build();
    const out = rewrite(bytes, e => {
      e.remove(1, 0, 8);
      e.remove(1, 8, 4);
      e.remove(1, 24, 4);
    });
    expect(out.after.named('.text')).toMatchObject({ size: 12, offset: 64 });
    expect(out.after.named('.data')).toMatchObject({ offset: 80, size: 21 });
    expect(out.after.named('.data').contents).toEqual(out.before.named('.data').contents);
    expect(out.after.named('.bss').offset).toBeLessThanOrEqual(80);
    expect(out.after.named('.bss').size).toBe(0x1000);
    const ranges = out.correspondences.filter(c => c.from >= 64 && c.from < 92);
    expect(ranges).toMatchObject([{ from: 64 + 12, to: 64, length: 12, exact: true }]);
  });

  it('can empty a section', () => {
    const { after } = rewrite(small().builder.build(), e => e.remove(3, 0, 21));
    expect(after.named('.data')).toMatchObject({ size: 0 });
    expect(after.sections).toHaveLength(10);
  });

  it('removes relocations', () => {
    const { after } = rewrite(small().builder.build(), e => e.removeRelocation(5, 0));
    expect(after.relocations(after.named('.rela.text'))).toEqual([]);
    expect(after.relocations(after.named('.rela.data'))).toHaveLength(1);
  });

  it('says where appended bytes begin', () => {
    const editor = new ElfEditor(readElf(small().builder.build()));
    editor.remove(3, 0, 4);
    expect(editor.append(3, new Uint8Array(5))).toBe(17);
    expect(editor.append(3, new Uint8Array(5))).toBe(22);
    expect(() => editor.remove(3, 8, 4)).toThrow(RangeError);
    expect(new RawElf(layOut(editor).bytes).named('.data').size).toBe(27);
  });

  it('wants ranges inside the section, in ascending order, apart', () => {
    const editor = new ElfEditor(readElf(small().builder.build()));
    editor.remove(1, 8, 8);
    expect(() => editor.remove(1, 12, 4)).toThrow(RangeError);
    expect(() => editor.remove(1, 0, 4)).toThrow(RangeError);
    expect(() => editor.remove(1, 24, 8)).toThrow(RangeError);
    editor.remove(1, 16, 4);
    expect(editor.edits.get(1)?.removed).toEqual([8, 20]);
  });

  it('appends relocations with negative addends', () => {
    const { after } = rewrite(small().builder.build(), e => e.appendRelocation(5, 12, 2, R.REL24, -8));
    expect(after.relocations(after.named('.rela.text'))[1]).toEqual({
      offset: 12n,
      type: R.REL24,
      symbol: 2,
      addend: -8n,
    });
  });

  it('can give contents to an empty section and keeps it in its place', () => {
    const { after, before } = rewrite(gapped().build(), e => e.append(4, Uint8Array.of(1, 2, 3)));
    expect(after.named('.empty').contents).toEqual(Uint8Array.of(1, 2, 3));
    expect(after.named('.empty').offset).toBe(before.named('.empty').offset);
    expect(after.named('.late').contents).toEqual(before.named('.late').contents);
    expect(after.named('.late').offset % 64).toBe(0);
  });

  it('keeps bytes of nobody when things move', () => {
    const { bytes } = rewrite(gapped({ trailing: Uint8Array.of(4, 5, 6) }).build(), e =>
      e.append(1, new Uint8Array(400)),
    );
    expect(Buffer.from(bytes).includes(Buffer.of(0, 0, 0, 9))).toBe(true);
    expect(bytes.subarray(-3)).toEqual(Uint8Array.of(4, 5, 6));
  });

  it('leaves a signature out if asked to', () => {
    const unsigned = small().builder.build();
    const signed = small().builder.sign(new Uint8Array(70)).build();
    const { bytes } = rewrite(signed, e => {
      e.end = unsigned.length;
    });
    expect(Buffer.compare(bytes, unsigned)).toBe(0);
  });
});

describe('new sections', () => {
  it('come behind all others, aligned, with a name of their own', () => {
    const contents = Uint8Array.of(1, 2, 3, 4, 5);
    let index = 0;
    const out = rewrite(small().builder.build(), e => {
      index = e.addSection(plain(contents, { sh_link: 3, sh_entsize: 4 }));
      e.addSection(plain(new Uint8Array(8), { name: '.second', sh_addralign: 64 }));
    });
    expect(index).toBe(10);
    expect(out.after.sections[10]).toMatchObject({
      name: '.added',
      contents,
      align: 16,
      link: 3,
      entsize: 4,
      flags: 2n,
      address: 0n,
    });
    expect(out.after.sections[10]!.offset % 16).toBe(0);
    expect(out.after.sections[11]!.offset % 64).toBe(0);
    for (const s of out.before.sections) {
      if (s.name === '.shstrtab') continue;
      expect(out.after.sections[s.index]!.contents).toEqual(s.contents);
    }
    expect(restored(out, out.before.bytes.length)).toBe(0);
  });

  it('may be relocated, and refer to each other by the numbers that they were given', () => {
    const { after } = rewrite(small().builder.build(), e => {
      const code = e.addSection(plain(new Uint8Array(8), { name: '.text.new', sh_flags: SHF.ALLOC | SHF.EXEC }));
      const target = e.addSymbol(symbol('fresh', GLOBAL, { st_shndx: code }));
      const rela = e.addSection(
        plain(new Uint8Array(0), {
          name: '.rela.text.new',
          sh_type: SHT.RELA,
          sh_link: 7,
          sh_info: code,
          sh_entsize: 24,
        }),
      );
      expect(rela).toBe(code + 1);
      e.appendRelocation(5, 0, target, R.REL24, 0);
    });
    const fresh = after.symbols.find(s => s.name === 'fresh')!;
    expect(after.sections[fresh.section]!.name).toBe('.text.new');
    expect(after.named('.rela.text.new')).toMatchObject({ info: fresh.section, link: 7 });
    expect(after.relocations(after.named('.rela.text')).at(-1)!.symbol).toBe(fresh.index);
  });

  it('may get their contents when all else has its place', () => {
    const bytes = small().builder.build();
    const editor = new ElfEditor(readElf(bytes));
    editor.append(1, new Uint8Array(4));
    editor.addSection(plain(new Uint8Array(0)));
    let told: readonly Correspondence[] = [];
    const out = layOut(editor, ranges => {
      told = ranges.map(({ from, to, length, exact }) => ({ from, to, length, exact }));
      return Uint8Array.of(42);
    });
    expect(new RawElf(out.bytes).named('.added').contents).toEqual(Uint8Array.of(42));
    for (const range of told)
      expect(out.correspondences.map(c => ({ ...c, bytes: undefined }))).toContainEqual({ ...range, bytes: undefined });
  });

  it('make the numbering extended when they become too many', () => {
    const builder = new ObjectBuilder();
    for (let i = 1; i < 0xfefe - 2; i++) builder.section('.x');
    const bytes = builder.build();
    expect(new RawElf(bytes).sections).toHaveLength(0xfeff + 1 - 1);
    const { after, bytes: out } = rewrite(bytes, e => {
      e.addSection(plain(Uint8Array.of(1)));
      e.addSection(plain(Uint8Array.of(2)));
    });
    const view = new DataView(out.buffer);
    expect(view.getUint16(60, true)).toBe(0);
    expect(after.sections).toHaveLength(0xff01);
    expect(after.sections.at(-1)!.contents).toEqual(Uint8Array.of(2));
    expect(after.named('.shstrtab').index).toBe(0xfefe);
  });
});

describe('new symbols', () => {
  it('go to the end if global; no number changes', () => {
    const { before, after } = rewrite(small().builder.build(), e => {
      expect(e.addSymbol(symbol('fresh', GLOBAL, { st_other: 3 << 5 }))).toBe(7);
    });
    expect(after.symbols.slice(0, 7)).toEqual(before.symbols);
    expect(after.symbols[7]).toMatchObject({ name: 'fresh', info: 0x12, other: 0x60, section: 1, value: 4n, size: 8n });
    expect(after.named('.symtab').info).toBe(before.named('.symtab').info);
  });

  it('go in front of the first global if local; relocations, groups and sh_info follow', () => {
    const { builder, text, global } = small();
    builder.group(global, [text]);
    const { before, after } = rewrite(builder.build(), e => {
      const first = e.addSymbol(symbol('first', LOCAL));
      const second = e.addSymbol(symbol('second', GLOBAL));
      e.appendRelocation(6, 0, first, R.REL24, 0);
      e.appendRelocation(6, 4, second, R.REL24, 0);
      expect([first, second]).toEqual([7, 8]);
    });
    expect(before.symbols.map(s => s.name)).toEqual([
      '',
      '',
      'local_one',
      'global_two',
      'elsewhere',
      'weak_data',
      'constant',
    ]);
    expect(after.symbols.map(s => s.name)).toEqual([
      '',
      '',
      'local_one',
      'first',
      'global_two',
      'elsewhere',
      'weak_data',
      'constant',
      'second',
    ]);
    expect(after.named('.symtab').info).toBe(4);
    expect(after.named('.group').info).toBe(4);
    expect(after.relocations(after.named('.rela.text')).map(r => r.symbol)).toEqual([5, 3, 8]);
    expect(after.relocations(after.named('.rela.data')).map(r => r.symbol)).toEqual([1]);
  });

  it('keep special values', () => {
    const { after } = rewrite(small().builder.build(), e => {
      e.addSymbol(symbol('absolute', GLOBAL, { st_shndx: 0xfff1, st_value: 77 }));
      e.addSymbol(symbol('undefined', GLOBAL, { st_shndx: 0 }));
      e.addSymbol(symbol('livepatch', LOCAL, { st_shndx: 0xff20 }));
    });
    expect(after.symbols.find(s => s.name === 'absolute')).toMatchObject({
      section: 0xfff1,
      special: true,
      value: 77n,
    });
    expect(after.symbols.find(s => s.name === 'undefined')).toMatchObject({ section: 0 });
    expect(after.symbols.find(s => s.name === 'livepatch')).toMatchObject({ section: 0xff20, special: true });
    expect(after.symbols.find(s => s.name === 'constant')).toMatchObject({ section: 0xfff1, special: true });
  });

  it('use the extended table for sections with high numbers', () => {
    const bytes = many(0xff05).build();
    const far = new RawElf(bytes).named('.text.far').index;
    for (const binding of [LOCAL, GLOBAL]) {
      const { before, after } = rewrite(bytes, e => void e.addSymbol(symbol('fresh', binding, { st_shndx: far })));
      for (const s of before.symbols)
        expect({ ...after.symbols.find(t => t.name === s.name), index: s.index }).toEqual(s);
      expect(after.symbols.find(s => s.name === 'fresh')).toMatchObject({ section: far, special: false });
      expect(after.named('.symtab_shndx').size).toBe(after.symbols.length * 4);
    }
  });

  it('are refused for such a section where there is no extended table', () => {
    const builder = new ObjectBuilder();
    for (let i = 1; i < 0xff05; i++) builder.section('.x');
    const editor = new ElfEditor(readElf(builder.build()));
    editor.addSymbol(symbol('fresh', GLOBAL, { st_shndx: 0xff02 }));
    expect(codeOf(() => layOut(editor))).toBe('ELF026');
  });
});

describe('dropped sections', () => {
  const object = () => {
    const builder = new ObjectBuilder();
    const junk = builder.section('.junk', { bytes: Uint8Array.of(1, 2, 3) });
    const text = builder.code('.text', [BLR, BLR]);
    const member = builder.section('.member', { bytes: Uint8Array.of(4) });
    builder.symbol('of_junk', { section: junk });
    builder.sectionSymbol(junk);
    const local = builder.symbol('local', { section: text });
    const global = builder.function('global', text, 0, 4);
    builder.symbol('global_junk', { section: junk, bind: 1 });
    builder.symbol('last', { section: text, bind: 1 });
    builder.relocate(text, 0, R.REL24, global);
    builder.relocate(text, 4, R.REL24, local);
    builder.group(global, [text, member]);
    return { bytes: builder.build(), junk, text, member };
  };

  it('go with their symbols; every number that stood behind them follows', () => {
    const { bytes, junk } = object();
    const { before, after } = rewrite(bytes, e => e.dropSection(junk));
    expect(after.sections.map(s => s.name)).toEqual(before.sections.map(s => s.name).filter(n => n !== '.junk'));
    expect(after.symbols.map(s => s.name)).toEqual(['', 'local', 'global', 'last']);
    expect(after.symbols.map(s => s.section)).toEqual([0, 1, 1, 1]);
    expect(after.relocations(after.named('.rela.text')).map(r => r.symbol)).toEqual([2, 1]);
    expect(after.named('.symtab')).toMatchObject({ info: 2, link: after.named('.strtab').index });
    expect(after.named('.rela.text')).toMatchObject({ info: 1, link: after.named('.symtab').index });
    const group = after.named('.group');
    expect([...new Uint32Array(group.contents.slice().buffer)]).toEqual([1, 1, 2]);
    expect(group.info).toBe(2);
  });

  it('leave their groups', () => {
    const { bytes, member } = object();
    const { after } = rewrite(bytes, e => e.dropSection(member));
    expect([...new Uint32Array(after.named('.group').contents.slice().buffer)]).toEqual([1, 2]);
  });

  it('are kept where something still needs them', () => {
    const { bytes, text } = object();
    const elf = readElf(bytes);
    const drop = (...indices: number[]) => {
      const editor = new ElfEditor(elf);
      for (const index of indices) editor.dropSection(index);
      return codeOf(() => layOut(editor));
    };
    expect(drop(text)).toBe('ELF028');
    expect(drop(elf.sectionNamed('.symtab')!.index)).toBe('ELF028');
    expect(drop(elf.sectionNamed('.strtab')!.index)).toBe('ELF028');
    expect(drop(elf.header.shstrndx)).toBe('ELF028');
    expect(drop(elf.sectionNamed('.rela.text')!.index)).toBe('nothing was thrown');
    expect(() => new ElfEditor(elf).dropSection(99)).toThrow(RangeError);
  });

  it('a group of odd size is no reason to crash', () => {
    const { bytes, junk } = object();
    const raw = new RawElf(bytes);
    new DataView(bytes.buffer).setBigUint64(raw.named('.group').header + 32, 10n, true);
    const { after } = rewrite(bytes, e => e.dropSection(junk));
    expect(after.named('.group').contents.length).toBeGreaterThanOrEqual(8);
  });
});

describe('damaged inputs', () => {
  it('a section that would have to be moved to a place far away is refused', () => {
    const bytes = small().builder.build();
    new DataView(bytes.buffer).setBigUint64(new RawElf(bytes).named('.data').header + 48, 0x80000000n, true);
    expect(Buffer.compare(rewrite(bytes).bytes, bytes)).toBe(0);
    const editor = new ElfEditor(readElf(bytes));
    editor.append(1, new Uint8Array(4));
    expect(codeOf(() => layOut(editor))).toBe('ELF025');
  });

  it('relocations that are not whole are refused when symbols get other numbers', () => {
    const bytes = small().builder.build();
    new DataView(bytes.buffer).setBigUint64(new RawElf(bytes).named('.rela.data').header + 32, 3n, true);
    const editor = new ElfEditor(readElf(bytes));
    editor.addSymbol(symbol('fresh', LOCAL));
    expect(codeOf(() => layOut(editor))).toBe('ELF015');
  });
});

describe('a linked image', () => {
  const bytes = small({ type: ET.EXEC, segments: 1 }).builder.build();

  it('may have words changed', () => {
    expect(rewrite(bytes, e => e.setWord(1, 0, 0)).bytes).toHaveLength(bytes.length);
  });

  it('may have things added behind what is mapped', () => {
    const { after } = rewrite(bytes, e => void e.addSection(plain(Uint8Array.of(1), { sh_flags: 0 })));
    expect(after.named('.text').offset).toBe(new RawElf(bytes).named('.text').offset);
  });

  it('must not have mapped sections moved', () => {
    const editor = new ElfEditor(readElf(bytes));
    editor.append(1, new Uint8Array(100));
    expect(codeOf(() => layOut(editor))).toBe('ELF027');
  });
});

describe('putNote', () => {
  it('is what readNotes reads', () => {
    const bytes = new ObjectBuilder().build();
    const out = rewrite(bytes, e => {
      const [some, none] = [Uint8Array.of(1, 2, 3), new Uint8Array(0)];
      const first = noteSize('tocsin', some);
      const notes = new Uint8Array(first + noteSize('x', none));
      putNote(notes, 0, 'tocsin', 1, some);
      putNote(notes, first, 'x', 9, none);
      e.addSection(plain(notes, { name: '.note', sh_type: SHT.NOTE, sh_addralign: 4 }));
    });
    const elf = readElf(out.bytes);
    expect(readNotes(elf, elf.sectionNamed('.note')!).map(n => [n.owner, n.type, [...n.descriptor]])).toEqual([
      ['tocsin', 1, [1, 2, 3]],
      ['x', 9, []],
    ]);
  });
});
