import { describe, expect, it } from 'vitest';
import { readGroups } from '../../../src/elf/groups.ts';
import { readNotes } from '../../../src/elf/notes.ts';
import { type ElfFile, readElf } from '../../../src/elf/read.ts';
import { functionsOf } from '../../../src/kernel/functions.ts';
import { InputError } from '../../../src/util/errors.ts';
import { codeOf, messageOf } from '../../support/errors.ts';
import { ET, join, note, ObjectBuilder, R, SHF, SHT } from '../../support/object-builder.ts';
import { RawElf, viewOf } from '../../support/raw-elf.ts';
import { BLR } from '../../support/words.ts';
import { small } from './objects.ts';

/** Reads everything that the reader can be asked for. */
function readAll(bytes: Uint8Array): ElfFile {
  const elf = readElf(bytes);
  const { symbols } = elf;
  for (const section of elf.sections) {
    section.name;
    if (section.sh_type === SHT.RELA) elf.relocations(section);
    if (section.sh_type === SHT.NOTE) readNotes(elf, section);
  }
  readGroups(elf);
  functionsOf(elf);
  for (let i = 0; i < (symbols?.count ?? 0); i++) symbols?.name(i);
  return elf;
}

/** The small object with something changed in its bytes, and what reading it says. */
function damaged(change: (view: DataView, raw: RawElf) => void): () => ElfFile {
  const bytes = small().builder.build();
  change(viewOf(bytes), new RawElf(bytes));
  return () => readAll(bytes);
}

const header = (raw: RawElf, name: string) => raw.named(name).header;

describe('what is read', () => {
  const bytes = small().builder.build();
  const elf = readAll(bytes);

  it('gives the header', () => {
    expect(elf.header).toMatchObject({ e_type: ET.REL, e_flags: 2, e_phnum: 0, shnum: 10, shstrndx: 9 });
    expect(elf.isRelocatable).toBe(true);
  });

  it('gives sections as they stand in the file', () => {
    const raw = new RawElf(bytes);
    expect(
      elf.sections.map(s => [s.name, s.sh_type, s.sh_offset, s.sh_size, s.sh_link, s.sh_info, s.sh_entsize]),
    ).toEqual(raw.sections.map(s => [s.name, s.type, s.offset, s.size, s.link, s.info, s.entsize]));
    expect(elf.sectionNamed('.bss')).toMatchObject({ hasContents: false, isCode: false, isAllocated: true });
    expect(elf.sectionNamed('.text')).toMatchObject({ hasContents: true, isCode: true });
    expect(elf.sectionNamed('.tex')).toBeUndefined();
    expect(elf.contents(elf.sectionNamed('.data')!)).toEqual(new Uint8Array(21).fill(7));
    expect([...elf.sectionWords(elf.sectionNamed('.text')!)].at(-1)).toBe(BLR);
    expect(elf.sectionWords(elf.sectionNamed('.data')!)).toHaveLength(5);
    expect(elf.contents(elf.sectionNamed('.bss')!)).toHaveLength(0);
  });

  it('gives symbols', () => {
    const symbols = elf.symbols!;
    const raw = new RawElf(bytes);
    for (const s of raw.symbols) {
      expect(symbols.type(s.index)).toBe(s.info & 15);
      expect(symbols.binding(s.index)).toBe(s.info >> 4);
      expect(symbols.st_other(s.index)).toBe(s.other);
      expect(symbols.sectionOf(s.index)).toBe(s.special ? 0 : s.section);
      expect(symbols.address(s.index)).toBe(s.value);
      expect(symbols.value(s.index)).toBe(Number(s.value));
      expect(symbols.size(s.index)).toBe(Number(s.size));
      if ((s.info & 15) !== 3) expect(symbols.name(s.index)).toBe(s.name);
    }
    expect(symbols.name(1)).toBe('.text');
    expect(symbols.find('elsewhere')).toBe(raw.symbols.find(s => s.name === 'elsewhere')!.index);
    expect(symbols.find('where')).toBe(-1);
    expect(symbols.find('elsewhere', () => false)).toBe(-1);
  });

  it('finds a symbol whose name is the end of a longer one', () => {
    const file = small().builder.build();
    const raw = new RawElf(file);
    const constant = raw.symbols.find(s => s.name === 'constant')!;
    const strings = Buffer.from(raw.named('.strtab').contents);
    viewOf(file).setUint32(raw.named('.symtab').offset + constant.index * 24, strings.indexOf('two\0'), true);
    expect(readAll(file).symbols!.find('two')).toBe(constant.index);
  });

  it('gives relocations', () => {
    const relocations = elf.relocations(elf.sectionNamed('.rela.data')!);
    expect(relocations.count).toBe(1);
    expect([relocations.offset(0), relocations.type(0), relocations.symbol(0), relocations.addend(0)]).toEqual([
      8, 38, 1, 8,
    ]);
    expect(elf.relocationSectionsFor(elf.sectionNamed('.text')!.index).map(s => s.name)).toEqual(['.rela.text']);
  });

  it('gives notes, their parts padded to 4 or 8', () => {
    expect(readNotes(elf, elf.sectionNamed('.note.test')!)).toMatchObject([
      { owner: 'test', type: 5, descriptor: Uint8Array.of(1, 2, 3) },
    ]);
    for (const align of [4, 8]) {
      const builder = new ObjectBuilder();
      const notes = join([note('GNU', 5, Uint8Array.of(1, 2, 3, 4, 5), align), note('A', 1, new Uint8Array(0), align)]);
      builder.section('.note', { type: SHT.NOTE, align, bytes: notes });
      const file = readElf(builder.build());
      const found = readNotes(file, file.sectionNamed('.note')!);
      expect(found.map(n => [n.owner, n.type, n.descriptor.length])).toEqual([
        ['GNU', 5, 5],
        ['A', 1, 0],
      ]);
    }
  });

  it('gives section groups', () => {
    const builder = new ObjectBuilder();
    const text = builder.code('.text.f', [BLR]);
    const signature = builder.function('f', text, 0, 4);
    builder.group(signature, [text]);
    builder.group(signature, [text], false);
    const file = readAll(builder.build());
    const index = file.symbols!.find('f');
    expect(readGroups(file)).toMatchObject([
      { comdat: true, signature: index, members: [text] },
      { comdat: false, signature: index, members: [text] },
    ]);
  });

  it('sees whether relocations are sorted, and gives their order where they are not', () => {
    const builder = new ObjectBuilder();
    const text = builder.code('.text', new Array(8).fill(BLR));
    const symbol = builder.undefined('x');
    for (const offset of [8, 4, 28, 4, 0]) builder.relocate(text, offset, R.REL24, symbol, offset);
    const file = readAll(builder.build());
    const relocations = file.relocations(file.sectionNamed('.rela.text')!);
    expect(relocations.sorted).toBe(false);
    expect([...relocations.order()!]).toEqual([4, 1, 3, 0, 2]);
    const sorted = elf.relocations(elf.sectionNamed('.rela.text')!);
    expect([sorted.sorted, sorted.order(), sorted.lowerBound(0), sorted.lowerBound(17)]).toEqual([
      true,
      undefined,
      0,
      1,
    ]);
  });

  it('reads negative and large addends', () => {
    const builder = new ObjectBuilder();
    const text = builder.code('.text', [BLR]);
    const symbol = builder.undefined('x');
    for (const addend of [-4n, -(2n ** 40n), 2n ** 52n]) builder.relocate(text, 0, R.REL64, symbol, addend);
    const file = readElf(builder.build());
    const relocations = file.relocations(file.sectionNamed('.rela.text')!);
    expect([0, 1, 2].map(i => relocations.addend(i))).toEqual([-4, -(2 ** 40), 2 ** 52]);
  });

  it('does not mind where in its buffer a file starts, nor that a Buffer holds it', () => {
    for (const shift of [1, 4, 8]) {
      const buffer = new Uint8Array(bytes.length + shift);
      buffer.set(bytes, shift);
      expect(readAll(buffer.subarray(shift)).sections).toHaveLength(10);
    }
    expect(readAll(Buffer.from(bytes)).sections).toHaveLength(10);
  });

  it('accepts a section header table in front of the sections, bytes of nobody between them and behind', () => {
    const builder = new ObjectBuilder({ tableFirst: true, trailing: Uint8Array.of(1, 2, 3) });
    builder.section('.a', { bytes: Uint8Array.of(1), gap: Uint8Array.of(9, 9, 9) });
    expect(readAll(builder.build()).sectionNamed('.a')).toMatchObject({ sh_size: 1 });
  });

  it('reads a linked image: values are addresses', () => {
    const builder = new ObjectBuilder({ type: ET.EXEC, segments: 1 });
    const text = builder.code('.text', [BLR, BLR], { address: 0xc000000000000000n });
    builder.function('f', text, 0xc000000000000004n, 4);
    const file = readAll(builder.build());
    expect(file.isRelocatable).toBe(false);
    const f = file.symbols!.find('f');
    expect(file.symbols!.address(f)).toBe(0xc000000000000004n);
    expect(file.symbols!.offsetInSection(f)).toBe(4);
    expect(file.sections[text]!.sh_addr).toBe(0xc000000000000000n);
  });
});

describe('extended numbering', () => {
  const builder = new ObjectBuilder();
  for (let i = 1; i < 0xff05; i++) builder.section('.x');
  const text = builder.code('.text.far', [BLR]);
  builder.function('far', text, 0, 4);
  const symbol = builder.sectionSymbol(text);
  builder.records('__mcount_loc', symbol, [0]);
  const bytes = builder.build();

  it('reads more sections than e_shnum can say, and symbols in them', () => {
    const elf = readAll(bytes);
    expect(elf.header.shnum).toBe(text + 7);
    expect(elf.header.shstrndx).toBe(text + 6);
    const far = elf.symbols!.find('far');
    expect(elf.symbols!.rawSection(far)).toBe(0xffff);
    expect(elf.symbols!.sectionOf(far)).toBe(text);
    expect(functionsOf(elf).map(f => [f.name, f.section.index])).toEqual([['far', text]]);
  });

  it('refuses an extended index behind the last section, and a missing table', () => {
    const wrong = bytes.slice();
    const raw = new RawElf(wrong);
    const far = raw.symbols.find(s => s.name === 'far')!;
    viewOf(wrong).setUint32(raw.named('.symtab_shndx').offset + far.index * 4, text + 7, true);
    expect(codeOf(() => readAll(wrong))).toBe('ELF017');
    const without = bytes.slice();
    viewOf(without).setUint32(raw.named('.symtab_shndx').header + 4, SHT.PROGBITS, true);
    expect(codeOf(() => readAll(without))).toBe('ELF017');
  });

  it('takes no time over sections in the wrong order', () => {
    const many = new ObjectBuilder();
    for (let i = 0; i < 60_000; i++) many.section('.x', { bytes: Uint8Array.of(i) });
    const file = many.build();
    const raw = new RawElf(file);
    const view = viewOf(file);
    for (let i = 1; i <= 60_000; i++) view.setBigUint64(raw.shoff + i * 64 + 24, BigInt(64 + 60_000 - i), true);
    const start = performance.now();
    readElf(file);
    expect(performance.now() - start).toBeLessThan(1500);
  });
});

describe('what is refused', () => {
  it('an empty file and a file that is not ELF', () => {
    expect(codeOf(() => readElf(new Uint8Array(0)))).toBe('ELF001');
    expect(messageOf(() => readElf(new Uint8Array(0)))).toContain('an empty file');
    expect(codeOf(() => readElf(Buffer.from('#!/bin/sh\n')))).toBe('ELF001');
    expect(codeOf(() => readElf(Uint8Array.of(0x7f)))).toBe('ELF001');
  });

  it.each([
    ['a 32-bit file', 4, 1, 'ELF002', '32-bit'],
    ['an unknown class', 4, 7, 'ELF002', 'unknown class'],
    ['a big-endian file', 5, 2, 'ELF003', 'big-endian'],
    ['an unknown byte order', 5, 0, 'ELF003', 'unknown byte order'],
    ['an unknown version', 6, 2, 'ELF007', 'version'],
    ['an unknown version in the header', 20, 0, 'ELF007', 'version'],
    ['another machine', 18, 62, 'ELF004', 'another machine'],
    ['the 32-bit PowerPC', 18, 20, 'ELF004', 'e_machine 20'],
    ['ELFv1', 48, 1, 'ELF005', 'ELFv1'],
    ['an ABI that nobody knows', 48, 3, 'ELF005', 'unknown ABI'],
    ['a core file', 16, 4, 'ELF008', 'neither an object nor an image'],
    ['a header of another size', 52, 52, 'ELF009', 'unknown size'],
    ['section headers of another size', 58, 40, 'ELF009', 'unknown size'],
    ['a section header table on an odd address', 40, 1, 'ELF010', 'not aligned'],
  ])('%s', (_what, offset, value, code, text) => {
    const read = damaged(view => view.setUint8(offset, value));
    expect(codeOf(read)).toBe(code);
    expect(messageOf(read)).toContain(text);
  });

  it('accepts files that do not say their ABI version', () => {
    expect(codeOf(damaged(view => view.setUint32(48, 0, true)))).toBe('nothing was thrown');
  });

  it('segments of another size', () => {
    const bytes = small({ type: ET.EXEC, segments: 2 }).builder.build();
    viewOf(bytes).setUint16(54, 32, true);
    expect(codeOf(() => readElf(bytes))).toBe('ELF009');
  });

  it.each([0n, 8n, 56n, 1n << 40n, (1n << 64n) - 64n])('a section header table at %d', at => {
    expect(codeOf(damaged(view => view.setBigUint64(40, at, true)))).toBe('ELF010');
  });

  it('a program header table outside the file', () => {
    const bytes = small({ type: ET.EXEC, segments: 2 }).builder.build();
    viewOf(bytes).setBigUint64(32, 1n << 50n, true);
    expect(codeOf(() => readElf(bytes))).toBe('ELF010');
  });

  it('more sections than the file has room for', () => {
    expect(codeOf(damaged(view => view.setUint16(60, 0xfeff, true)))).toBe('ELF010');
    const extended = damaged((view, raw) => {
      view.setUint16(60, 0, true);
      view.setBigUint64(raw.shoff + 32, 1n << 60n, true);
    });
    expect(codeOf(extended)).toBe('ELF010');
  });

  it('a file cut anywhere', () => {
    for (const file of [small().builder.build(), small({ tableFirst: true }).builder.build()]) {
      for (let size = 0; size < file.length; size++) {
        const code = codeOf(() => readAll(file.slice(0, size)));
        expect([size, code]).toEqual([size, expect.stringMatching(/^ELF0(01|06|10|11)$/)]);
      }
    }
  });

  it.each(['.text', '.rela.text', '.symtab', '.strtab', '.shstrtab'])('%s outside the file', name => {
    const sizes = [1n << 20n, (1n << 63n) + 8n, (1n << 64n) - 1n];
    for (const size of sizes)
      expect(codeOf(damaged((view, raw) => view.setBigUint64(header(raw, name) + 32, size, true)))).toBe('ELF011');
    expect(codeOf(damaged((view, raw) => view.setBigUint64(header(raw, name) + 24, (1n << 64n) - 8n, true)))).toBe(
      'ELF011',
    );
  });

  it('section 0 with anything in it', () => {
    const read = damaged((view, raw) => {
      view.setUint32(raw.shoff + 4, SHT.PROGBITS, true);
      view.setBigUint64(raw.shoff + 8, BigInt(SHF.ALLOC | SHF.EXEC), true);
    });
    expect(codeOf(read)).toBe('ELF032');
  });

  it('parts that overlap: sections, the header, the section header table', () => {
    const overlap = (at: (raw: RawElf) => number) =>
      damaged((view, raw) => view.setBigUint64(header(raw, '.data') + 24, BigInt(at(raw)), true));
    expect(messageOf(overlap(raw => raw.named('.text').offset + 4))).toContain(
      'section 1 and section 3 claim the same bytes',
    );
    expect(messageOf(overlap(() => 48))).toContain('the ELF header and section 3');
    expect(messageOf(overlap(raw => raw.shoff + 64))).toContain('the section header table');
    expect(codeOf(overlap(raw => raw.named('.text').offset))).toBe('ELF012');
  });

  it('a program header table that overlaps a section', () => {
    const bytes = small({ type: ET.EXEC, segments: 2 }).builder.build();
    viewOf(bytes).setBigUint64(32, 128n, true);
    expect(messageOf(() => readElf(bytes))).toContain('the program header table');
  });

  it('a section name outside the names, and names that nothing ends', () => {
    expect(codeOf(damaged((view, raw) => view.setUint32(header(raw, '.data'), 0xffff, true)))).toBe('ELF013');
    const unended = damaged((view, raw) => {
      const names = raw.named('.shstrtab');
      for (let i = 0; i < names.size; i++)
        if (view.getUint8(names.offset + i) === 0) view.setUint8(names.offset + i, 0x41);
    });
    expect(codeOf(unended)).toBe('ELF013');
  });

  it('section names that are no string table', () => {
    expect(codeOf(damaged(view => view.setUint16(62, 3, true)))).toBe('ELF014');
    expect(codeOf(damaged(view => view.setUint16(62, 0xfe00, true)))).toBe('ELF014');
    expect(codeOf(damaged(view => view.setUint16(62, 0, true)))).toBe('ELF014');
  });

  it('bad links of symbols and relocations', () => {
    const link = (name: string, field: number, value: number) =>
      codeOf(damaged((view, raw) => view.setUint32(header(raw, name) + field, value, true)));
    expect(link('.symtab', 40, 1)).toBe('ELF014');
    expect(link('.symtab', 40, 99)).toBe('ELF014');
    expect(link('.symtab', 44, 100)).toBe('ELF014');
    expect(link('.rela.text', 40, 1)).toBe('ELF014');
    expect(link('.rela.text', 40, 0)).toBe('ELF014');
    expect(link('.rela.text', 40, 0xffffffff)).toBe('ELF014');
    expect(link('.rela.text', 44, 0)).toBe('ELF014');
    expect(link('.rela.text', 44, 77)).toBe('ELF014');
  });

  it('relocations of an object against symbols of another table', () => {
    // The only symbol table becomes a dynamic one: nothing that reads symbols would know its names.
    expect(codeOf(damaged((view, raw) => view.setUint32(header(raw, '.symtab') + 4, SHT.DYNSYM, true)))).toBe('ELF014');
  });

  it('tables that are not made of whole entries', () => {
    for (const name of ['.symtab', '.rela.text']) {
      expect(codeOf(damaged((view, raw) => view.setBigUint64(header(raw, name) + 56, 16n, true)))).toBe('ELF015');
      expect(codeOf(damaged((view, raw) => view.setBigUint64(header(raw, name) + 32, 23n, true)))).toBe('ELF015');
    }
  });

  it('a symbol name outside the strings', () => {
    const read = damaged((view, raw) => view.setUint32(raw.named('.symtab').offset + 2 * 24, 0x7fffffff, true));
    expect(codeOf(read)).toBe('ELF016');
  });

  it('a symbol in a section that does not exist', () => {
    const read = damaged((view, raw) => view.setUint16(raw.named('.symtab').offset + 2 * 24 + 6, 10, true));
    expect(codeOf(read)).toBe('ELF017');
    expect(messageOf(read)).toContain('.symtab+0x30');
  });

  it('a relocation against a symbol that does not exist', () => {
    const read = damaged((view, raw) => view.setUint32(raw.named('.rela.text').offset + 12, 99, true));
    expect(codeOf(read)).toBe('ELF018');
  });

  it('a relocation outside its section', () => {
    for (const offset of [28n, 1n << 32n, (1n << 64n) - 4n]) {
      const read = damaged((view, raw) => view.setBigUint64(raw.named('.rela.text').offset, offset, true));
      expect(codeOf(read)).toBe('ELF019');
    }
  });

  it('a note that runs over the end', () => {
    for (const field of [0, 4])
      for (const size of [64, 0xffffffff]) {
        const read = damaged((view, raw) => view.setUint32(raw.named('.note.test').offset + field, size, true));
        expect(codeOf(read)).toBe('ELF020');
      }
  });

  it('a group of sections that do not exist, or without flags or signature', () => {
    const group = (change: (view: DataView, raw: RawElf) => void) => {
      const builder = new ObjectBuilder();
      const text = builder.code('.text.f', [BLR]);
      builder.group(builder.function('f', text, 0, 4), [text]);
      const bytes = builder.build();
      change(viewOf(bytes), new RawElf(bytes));
      return codeOf(() => readAll(bytes));
    };
    expect(group((view, raw) => view.setUint32(raw.named('.group').offset + 4, 0, true))).toBe('ELF021');
    expect(group((view, raw) => view.setUint32(raw.named('.group').offset + 4, 99, true))).toBe('ELF021');
    expect(group((view, raw) => view.setUint32(raw.named('.group').header + 44, 99, true))).toBe('ELF021');
    expect(group((view, raw) => view.setBigUint64(raw.named('.group').header + 32, 0n, true))).toBe('ELF021');
  });

  it('the reserved local-entry encoding', () => {
    const read = damaged((view, raw) => {
      const { index } = raw.symbols.find(s => s.name === 'global_two')!;
      view.setUint8(raw.named('.symtab').offset + index * 24 + 5, 7 << 5);
    });
    expect(codeOf(read)).toBe('ELF022');
    expect(messageOf(read)).toContain('global_two');
  });

  it('relocations without addends', () => {
    expect(codeOf(damaged((view, raw) => view.setUint32(header(raw, '.data') + 4, SHT.REL, true)))).toBe('ELF023');
  });

  it('packed relocations, which nobody would apply', () => {
    for (const [type, name] of [
      [0x4000_0014, 'SHT_CREL'],
      [19, 'SHT_RELR'],
    ] as const) {
      const read = damaged((view, raw) => view.setUint32(header(raw, '.data') + 4, type, true));
      expect(codeOf(read)).toBe('ELF090');
      expect(messageOf(read)).toContain(name);
    }
  });

  it('LLVM bitcode, plain and wrapped', () => {
    expect(codeOf(() => readElf(Uint8Array.of(0x42, 0x43, 0xc0, 0xde, 0x35, 0x14, 0, 0)))).toBe('ELF091');
    expect(codeOf(() => readElf(Uint8Array.of(0xde, 0xc0, 0x17, 0x0b, 0, 0, 0, 0)))).toBe('ELF091');
  });

  it('tables of words that do not start on a word boundary', () => {
    const moved = (name: string, distance: number) => {
      const file = small({ trailing: new Uint8Array(256) }).builder.build();
      const raw = new RawElf(file);
      viewOf(file).setBigUint64(raw.named(name).header + 24, BigInt(file.length - 256 + distance), true);
      return readElf(file);
    };
    for (const [name, step] of [
      ['.symtab', 4],
      ['.rela.text', 4],
    ] as const) {
      expect(codeOf(() => readAll(moved(name, step).bytes))).toBe('ELF024');
      expect(codeOf(() => readAll(moved(name, 1).bytes))).toBe('ELF024');
    }
    const elf = moved('.text', 2);
    expect(codeOf(() => elf.sectionWords(elf.sectionNamed('.text')!))).toBe('ELF024');
  });

  it('an alignment that is not a power of two', () => {
    for (const alignment of [3n, 12n, 1n << 32n, (1n << 64n) - 1n])
      expect(codeOf(damaged((view, raw) => view.setBigUint64(header(raw, '.bss') + 48, alignment, true)))).toBe(
        'ELF025',
      );
    for (const alignment of [0n, 1n, 1n << 31n])
      expect(codeOf(damaged((view, raw) => view.setBigUint64(header(raw, '.bss') + 48, alignment, true)))).toBe(
        'nothing was thrown',
      );
  });

  it('a function outside its section', () => {
    const value = (n: bigint) =>
      damaged((view, raw) => {
        const { index } = raw.symbols.find(s => s.name === 'global_two')!;
        view.setBigUint64(raw.named('.symtab').offset + index * 24 + 8, n, true);
      });
    expect(codeOf(value(29n))).toBe('ELF029');
    expect(codeOf(value((1n << 64n) - 4n))).toBe('ELF029');
    expect(codeOf(value(28n))).toBe('nothing was thrown');
  });

  it('nothing that is not an InputError', () => {
    expect(() => readElf(Buffer.from('x'))).toThrow(InputError);
  });
});
