/** Where sections go, what symbols become, what names are bound to. */
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { verifyMerge } from '../../../src/verify/merged/verify-merge.ts';
import { ObjectBuilder, R, SHF, SHT, STB, STT } from '../../support/object-builder.ts';
import { NOP } from '../rewrite/support/module.ts';
import { asObject, DATA, fixObject, merge, moduleElf, namedAt, needs, TOC16_LO_DS } from './support/objects.ts';

const judged = (m: ReturnType<typeof merge>) => verifyMerge(m, m.bytes).findings;

describe('sections', () => {
  it('go behind those of the same name, aligned, code with nops between', () => {
    const merged = merge([fixObject()]);
    const text = merged.elf.sectionNamed('.text')!;
    expect(text.sh_size).toBe(32 + 12);
    expect([...merged.elf.sectionWords(text)].slice(5, 8)).toEqual([NOP, NOP, NOP]);
    expect(merged.plan.pieces).toMatchObject([{ object: 0, offset: 32, size: 12 }]);
    expect(judged(merged)).toEqual([]);
  });

  it("that need stricter alignment raise that of the module's", () => {
    const object = fixObject(o => {
      o.section('.data', { flags: DATA, align: 64, bytes: Uint8Array.of(9) });
      o.section('.bss', { type: SHT.NOBITS, flags: DATA, align: 32, size: 100 });
    });
    const merged = merge([object]);
    const data = merged.elf.sectionNamed('.data')!;
    const bss = merged.elf.sectionNamed('.bss')!;
    expect([data.sh_addralign, data.sh_size, data.sh_offset % 64]).toEqual([64, 65, 0]);
    expect([bss.sh_addralign, bss.sh_size, bss.sh_type]).toEqual([32, 132, SHT.NOBITS]);
    expect(judged(merged)).toEqual([]);
  });

  it("of a name that the module does not have become new ones, several objects' one", () => {
    const one = fixObject(o =>
      o.section('.rodata.str1.8', { flags: 0x32, align: 8, entsize: 1, bytes: Buffer.from('a\0') }),
    );
    const two = fixObject(
      o => o.section('.rodata.str1.8', { flags: 0x32, align: 8, entsize: 1, bytes: Buffer.from('bc\0') }),
      'more.o',
    );
    const merged = merge([one, two]);
    const strings = merged.elf.sectionNamed('.rodata.str1.8')!;
    expect(Buffer.from(merged.elf.contents(strings)).toString()).toBe('a\0\0\0\0\0\0\0bc\0');
    expect([strings.sh_flags, strings.sh_entsize]).toEqual([0x32, 1]);
    expect(judged(merged)).toEqual([]);
  });

  it("that cannot be one with the module's get another name", () => {
    const merged = merge([fixObject(o => o.section('.bss', { flags: DATA, align: 8, bytes: Uint8Array.of(1) }))]);
    expect(merged.elf.sectionNamed('.bss.tocsin')?.sh_size).toBe(1);
    expect(judged(merged)).toEqual([]);
  });

  it('of debug information, notes and empty ones stay out', () => {
    const object = fixObject(o => {
      o.section('.debug_info', { bytes: Uint8Array.of(1) });
      o.section('.comment', { bytes: Uint8Array.of(1) });
      o.section('.note.gnu.property', { type: SHT.NOTE, flags: SHF.ALLOC, bytes: new Uint8Array(16) });
      o.code('.stubs', []);
      o.code('.init.text', []);
      o.section('.discard.addressable', { flags: DATA, bytes: new Uint8Array(8) });
    });
    const merged = merge([object]);
    expect(merged.plan.leftOut.map(l => l.section)).toEqual([
      '.debug_info',
      '.comment',
      '.note.gnu.property',
      '.discard.addressable',
    ]);
    expect(merged.elf.sections.length).toBe(merged.module.sections.length);
    expect(judged(merged)).toEqual([]);
  });

  it('of a COMDAT group are taken once', () => {
    const inGroup = (name: string) =>
      fixObject(o => {
        const text = o.code('.text.shared', [NOP]);
        const shared = o.function('shared', text, 0, 4, { bind: STB.WEAK });
        o.group(shared, [text]);
        const data = o.section('.data', { flags: DATA, align: 8, bytes: new Uint8Array(8) });
        o.relocate(data, 0, R.ADDR64, shared);
      }, name);
    const merged = merge([inGroup('one.o'), inGroup('two.o')]);
    expect(merged.elf.sectionNamed('.text.shared')?.sh_size).toBe(4);
    expect([namedAt(merged.elf, '.data', 8), namedAt(merged.elf, '.data', 16)]).toEqual(['shared+0', 'shared+0']);
    expect(merged.plan.leftOut).toMatchObject([{ object: 1, why: 'the module has this group' }]);
    expect(judged(merged)).toEqual([]);
  });

  it("give the kernel's tables one row behind the other", () => {
    const table = (o: ObjectBuilder, text: number) => {
      const symbol = o.sectionSymbol(text);
      const rows = o.section('__ex_table', { flags: SHF.ALLOC, align: 4, bytes: new Uint8Array(8) });
      o.relocate(rows, 0, 26, symbol, 4);
      o.relocate(rows, 4, 26, symbol, 8);
    };
    const merged = merge([fixObject(table, 'one.o'), fixObject(table, 'two.o')]);
    expect(merged.elf.sectionNamed('__ex_table')?.sh_size).toBe(16);
    expect(namedAt(merged.elf, '__ex_table', 12)).toBe('.text+56');
    expect(judged(merged)).toEqual([]);
  });

  it("are renamed as the kernel's script for modules renames them", () => {
    const merged = merge([fixObject(o => o.section('.got', { flags: DATA, align: 8, bytes: new Uint8Array(8) }))]);
    expect(merged.elf.sectionNamed('.toc')?.sh_size).toBe(16);
  });
});

describe('symbols', () => {
  it('keep the indices of the module: local ones become hidden global ones', () => {
    const object = fixObject((o, text) =>
      o.symbol('helper', { section: text, value: 4, size: 8, type: STT.FUNC, k: 0 }),
    );
    const { elf, module } = merge([object]);
    const before = module.symbols!;
    const after = elf.symbols!;
    expect(after.words.subarray(0, before.words.length)).toEqual(before.words);
    const helper = after.find('helper');
    expect(helper).toBeGreaterThanOrEqual(before.count);
    expect([after.binding(helper), after.st_other(helper) & 3, after.value(helper)]).toEqual([STB.GLOBAL, 2, 36]);
  });

  it('of a name that is taken get another one', () => {
    const merged = merge([fixObject((o, text) => o.symbol('once', { section: text, size: 4, type: STT.FUNC }))]);
    expect(merged.plan.renamed).toEqual([{ object: 0, from: 'once', to: 'once.tocsin.1' }]);
    expect(judged(merged)).toEqual([]);
  });

  it('of a name that is global elsewhere in the objects get another one', () => {
    const one = fixObject((o, text) => o.symbol('more', { section: text, size: 4, type: STT.FUNC }));
    const merged = merge([one, fixObject(() => {}, 'more.o')]);
    expect(merged.plan.renamed).toEqual([{ object: 0, from: 'more', to: 'more.tocsin.1' }]);
    expect(judged(merged)).toEqual([]);
  });

  it('in sections without a byte keep their place', () => {
    const object = fixObject((o, text) => {
      const bss = o.section('.bss', { type: SHT.NOBITS, flags: DATA, align: 16, size: 0 });
      o.relocate(text, 4, R.ADDR64, o.sectionSymbol(bss));
    });
    const merged = merge([object]);
    expect(namedAt(merged.elf, '.text', 36)).toBe('.Ltocsin.bss+32');
    expect(merged.elf.sectionNamed('.bss')?.sh_size).toBe(32);
    expect(judged(merged)).toEqual([]);
  });

  it('that are weak give way', () => {
    const object = fixObject((o, text) => {
      const first = o.function('first', text, 0, 4, { bind: STB.WEAK });
      o.relocate(text, 4, R.REL24, first);
    });
    const merged = merge([object]);
    expect(namedAt(merged.elf, '.text', 36)).toBe('first+0');
    expect(merged.elf.symbols!.find('first')).toBeLessThan(merged.module.symbols!.count);
    expect(judged(merged)).toEqual([]);
  });

  it('of sections without a section symbol in the module get an anchor', () => {
    const object = fixObject((o, text) => {
      const bss = o.section('.bss', { type: SHT.NOBITS, flags: DATA, align: 8, size: 8 });
      const toc = o.section('.toc', { flags: DATA, align: 8, bytes: new Uint8Array(8) });
      o.relocate(toc, 0, R.ADDR64, o.sectionSymbol(bss), 4);
      o.relocate(text, 0, TOC16_LO_DS, o.sectionSymbol(toc));
    });
    const merged = merge([object]);
    expect(namedAt(merged.elf, '.toc', 8)).toBe('.Ltocsin.bss+28');
    expect(namedAt(merged.elf, '.text', 32)).toBe('.toc+8');
    expect(judged(merged)).toEqual([]);
  });

  it('warn where a fix has a copy of static data', () => {
    const object = fixObject(o => {
      const data = o.section('.data', { flags: DATA, align: 8, bytes: new Uint8Array(8) });
      o.symbol('once', { section: data, size: 8, type: STT.OBJECT });
    });
    expect(merge([object]).plan.warnings).toEqual([expect.stringContaining('a static once of its own')]);
  });
});

describe('undefined symbols', () => {
  const bound = (name: string, exported?: (name: string) => boolean | undefined) => {
    const merged = merge([fixObject(needs(name))], moduleElf(), { isExported: exported });
    expect(judged(merged)).toEqual([]);
    return { ...merged.plan.bindings[0]!, at: namedAt(merged.elf, '.text', 36), imports: merged.plan.imports };
  };

  it("are the module's global ones", () => {
    expect(bound('first')).toMatchObject({ to: 'module', place: '.text+0x0', at: 'first+0' });
  });

  it('are its local ones, told apart by file or place', () => {
    expect(bound('once')).toMatchObject({ to: 'local', place: '.bss+0x8', at: 'once+0' });
    expect(bound('twice@two.c')).toMatchObject({ to: 'local', place: '.data+0x4', at: 'twice+0' });
    expect(bound('twice@.data+0x0')).toMatchObject({ to: 'local', place: '.data+0x0' });
  });

  it('are imports that it has, or new ones', () => {
    expect(bound('imported')).toMatchObject({ to: 'import', imports: [] });
    expect(bound('kfree', () => true)).toMatchObject({ to: 'new import', imports: ['kfree'], at: 'kfree+0' });
    expect(bound('kfree')).toMatchObject({ to: 'new import' });
  });

  it('are those of another object', () => {
    const merged = merge([fixObject(needs('more')), fixObject(() => {}, 'more.o')]);
    expect(merged.plan.bindings).toMatchObject([{ to: 'object', name: 'more' }]);
    expect(judged(merged)).toEqual([]);
  });

  it('are the TOC, which is no import', () => {
    const merged = merge([fixObject(needs('.TOC.'))]);
    expect([merged.plan.imports, namedAt(merged.elf, '.text', 36)]).toEqual([[], '.TOC.+0']);
    expect(judged(merged)).toEqual([]);
  });

  it('are needed where one object of several needs them', () => {
    const weak = fixObject((o, text) => o.relocate(text, 4, R.REL24, o.symbol('perhaps', { bind: STB.WEAK })));
    const merged = merge([weak, fixObject(needs('perhaps'), 'other.o')]);
    expect(merged.elf.symbols!.binding(merged.elf.symbols!.find('perhaps'))).toBe(STB.GLOBAL);
    expect(merged.plan.imports).toEqual(['perhaps']);
    expect(judged(merged)).toEqual([]);
  });

  it('may stay nothing where they are weak', () => {
    const weak = fixObject((o, text) => o.relocate(text, 4, R.REL24, o.symbol('perhaps', { bind: STB.WEAK })));
    const merged = merge([weak], moduleElf(), { isExported: () => false });
    expect(merged.plan.bindings).toMatchObject([{ to: 'nothing' }]);
    const i = merged.elf.symbols!.find('perhaps');
    expect([merged.elf.symbols!.binding(i), merged.plan.imports]).toEqual([STB.WEAK, []]);
  });
});

it('keeps relocations without a symbol', () => {
  const merged = merge([fixObject((o, text) => o.relocate(text, 0, R.ENTRY))]);
  const table = merged.elf.relocationSectionsFor(merged.elf.sectionNamed('.text')!.index)[0]!;
  const entries = merged.elf.relocations(table);
  expect([entries.count, entries.offset(1), entries.symbol(1), entries.type(1)]).toEqual([2, 32, 0, R.ENTRY]);
});

it('takes objects without anything to load', () => {
  const empty = asObject(new ObjectBuilder().build());
  const merged = merge([empty]);
  expect(readElf(merged.bytes).sections.length).toBe(merged.module.sections.length);
});
