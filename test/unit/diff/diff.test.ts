import { describe, expect, it } from 'vitest';
import { diffObjects } from '../../../src/diff/diff.ts';
import { readElf } from '../../../src/elf/read.ts';
import { InputError } from '../../../src/util/errors.ts';
import {
  callTo,
  edited,
  inFunction,
  NOP,
  nopped,
  redirected,
  relocation,
  sample,
  sampleBytes,
  section,
  shifted,
  symbol,
  withFirstFunctionLast,
  withFunction,
  withText,
} from './variants.ts';

const old = sample();
const changedNames = (d: ReturnType<typeof diffObjects>) =>
  d.functions.filter(f => f.status === 'changed').map(f => f.name);
const NOTHING = { added: 0, removed: 0, changed: 0 };

describe('the same meaning', () => {
  it('identical files', () => {
    const d = diffObjects(old, sample());
    expect(d).toMatchObject({
      identical: true,
      same: true,
      layout: { differs: false },
      summary: { functions: NOTHING },
    });
    expect(d.summary.functions.unchanged).toBeGreaterThan(20);
  });

  it('a section dropped and added again, so that every later number and offset is another', () => {
    const fresh = edited(old, editor => {
      for (const name of ['.comment', '__kcrctab_gpl']) {
        const s = section(old, name);
        editor.dropSection(s.index);
        editor.addSection({ ...headerOf(s), contents: old.contents(s) });
      }
      for (const name of ['demo_in_range', 'demo_lookup']) {
        const i = symbol(old, `__crc_${name}`);
        editor.addSymbol({
          name: `__crc_${name}`,
          binding: 0,
          type: 0,
          st_other: 0,
          st_shndx: old.sections.length + 1,
          st_value: old.symbols!.value(i),
          st_size: 0,
        });
      }
    });
    const d = diffObjects(old, fresh);
    expect(d.symbols).toEqual([]);
    expect(d).toMatchObject({ identical: false, same: true, layout: { differs: true } });
    expect(d.layout.notes).toContain('sections in another order');
  });

  it('all functions shifted', () => {
    const d = diffObjects(old, shifted(old));
    expect(d).toMatchObject({
      same: true,
      summary: { functions: NOTHING, relocations: 0, tables: 0, symbols: 0, callSites: 0 },
    });
    expect(d.summary.functions.moved).toBeGreaterThan(15);
    expect(d.layout.notes[0]).toMatch(/^\d+ functions moved$/);
  });

  it('the first function put behind the others', () => {
    const d = diffObjects(old, withFirstFunctionLast(old));
    expect(d.functions.filter(f => f.status !== 'moved')).toEqual([]);
    expect(d.same).toBe(true);
    expect(d.functions.find(f => f.name === 'demo_in_range')).toMatchObject({ status: 'moved', oldOffset: 8 });
  });

  it('bytes under a relocation', () => {
    const at = old.relocations(section(old, '.rela.text')).offset(callTo(old, 'demo_lookup', 'demo_in_range'));
    const fresh = edited(old, editor => editor.setWord(section(old, '.text').index, at, 0x48000401));
    expect(diffObjects(old, fresh)).toMatchObject({ identical: false, same: true });
  });
});

function headerOf(s: ReturnType<typeof section>) {
  const { name, sh_type, sh_flags, sh_link, sh_info, sh_addralign, sh_entsize } = s;
  return { name, sh_type, sh_flags, sh_link, sh_info, sh_addralign, sh_entsize };
}

describe('code', () => {
  it('one word', () => {
    const fresh = edited(old, e => e.setWord(section(old, '.text').index, inFunction(old, 'demo_in_range', 0x14), NOP));
    const d = diffObjects(old, fresh);
    expect(changedNames(d)).toEqual(['demo_in_range']);
    expect(d.functions[0]).toMatchObject({ removedWords: 1, addedWords: 1 });
    const words = d.functions[0]!.hunks![0]!.words.filter(w => w.op !== ' ');
    expect(words).toMatchObject([
      { op: '-', offset: 0x14, word: 0x2c230000 },
      { op: '+', offset: 0x14, word: NOP },
    ]);
    expect(d.summary).toMatchObject({ symbols: 0, relocations: 0, sections: 0, tables: 0, callSites: 0 });
  });

  it('one word in a shifted object: only that function is told as changed', () => {
    const base = shifted(old);
    const fresh = edited(base, e =>
      e.setWord(section(base, '.text').index, inFunction(base, 'demo_in_range', 0x14), NOP),
    );
    const d = diffObjects(old, fresh);
    expect(changedNames(d)).toEqual(['demo_in_range']);
    expect(d.functions[0]!.hunks).toHaveLength(1);
  });

  it('a call to another function', () => {
    const entry = callTo(old, 'demo_lookup', 'demo_in_range');
    const fresh = edited(old, e =>
      e.setWord(section(old, '.rela.text').index, entry * 24 + 12, symbol(old, 'demo_in_range_fixed')),
    );
    const d = diffObjects(old, fresh);
    expect(changedNames(d)).toEqual(['demo_lookup']);
    expect(d.functions[0]!.hunks![0]!.words.filter(w => w.op !== ' ').map(w => `${w.op}${w.target}`)).toEqual([
      '-demo_in_range',
      '+demo_in_range_fixed',
    ]);
  });

  it('another addend: another entry of .toc', () => {
    const start = inFunction(old, 'demo_in_range', 0);
    const entry = relocation(old, '.text', (offset, type) => offset > start && type === 64);
    const list = old.relocations(section(old, '.rela.text'));
    const fresh = edited(old, e =>
      e.setWord(section(old, '.rela.text').index, entry * 24 + 16, list.addend(entry) + 8),
    );
    const d = diffObjects(old, fresh);
    expect(changedNames(d)).toEqual(['demo_in_range']);
    const relocations = d.functions[0]!.hunks![0]!.words.filter(w => w.op !== ' ').map(w => w.relocation);
    expect(relocations[0]).toBe('R_PPC64_TOC16_LO_DS .toc[demo_checks]');
    expect(relocations[1]).toMatch(/^R_PPC64_TOC16_LO_DS \.toc\[demo_/);
  });

  it('an inserted word does not make the branches over it differ', () => {
    const text = old.contents(section(old, '.text'));
    const start = inFunction(old, 'demo_swap_halves', 0);
    // demo_swap_halves is rotldi; blr. Behind it there is room: grow it in place instead of moving everything.
    const words = new Uint32Array(new Uint8Array(text).buffer);
    expect(words[start / 4 + 1]).toBe(0x4e800020);
    const fresh = edited(old, e => {
      e.setWord(section(old, '.text').index, start + 4, NOP);
      e.setWord(section(old, '.text').index, start + 8, 0x4e800020);
      e.setWord(old.symbols!.section.index, symbol(old, 'demo_swap_halves') * 24 + 16, 12);
    });
    const d = diffObjects(old, fresh);
    expect(changedNames(d)).toEqual(['demo_swap_halves']);
    expect(d.functions[0]).toMatchObject({ oldSize: 8, newSize: 12, removedWords: 0, addedWords: 1 });
    // The size goes with the function and is not told twice.
    expect(d.symbols).toEqual([]);
  });

  it('added and removed', () => {
    const fresh = withFunction(old);
    expect(diffObjects(old, fresh).functions).toMatchObject([{ name: 'demo_new', status: 'added', newSize: 8 }]);
    const back = diffObjects(fresh, old);
    expect(back.functions).toMatchObject([{ name: 'demo_new', status: 'removed', oldSize: 8 }]);
    expect(back.symbols).toMatchObject([{ name: 'demo_new', status: 'removed', kind: 'global FUNC in .text' }]);
  });
});

describe('patches', () => {
  it('a site without its call and without its record', () => {
    const d = diffObjects(old, nopped(old));
    expect(changedNames(d)).toEqual(['demo_alarm']);
    expect(d.callSites).toMatchObject([
      { function: 'demo_alarm', change: 'lost', oldForm: 'mprofile-kernel', oldRecorded: true, newWord: NOP },
    ]);
    expect(d.tables).toMatchObject([
      { table: '__mcount_loc', old: 17, new: 16, functions: [{ function: 'demo_alarm', old: 1, new: 0 }] },
    ]);
    expect(d.sections).toEqual([]);
  });

  it('a redirect through new code', () => {
    const d = diffObjects(old, redirected(old));
    expect(d.functions.map(f => `${f.status} ${f.name}`)).toEqual([
      'changed demo_parity',
      'added tocsin_frame_demo_parity',
    ]);
    expect(d.sections).toMatchObject([{ name: '.text.tocsin', status: 'added', newSize: 36 }]);
    expect(d.symbols.map(s => `${s.status} ${s.name} ${s.kind}`).sort()).toEqual([
      'added fix_parity global NOTYPE undefined',
      'added tocsin_frame_demo_parity local FUNC in .text.tocsin',
    ]);
    expect(d.callSites).toEqual([]);
  });
});

describe('everything else', () => {
  it('a string, and the function that uses it', () => {
    const d = diffObjects(old, withText(old, '.rodata.str1.8', 'unloaded', 'UNLOADED'));
    // The entry of .toc that leads to it now leads to another string.
    expect(d.sections.map(x => x.name)).toEqual(['.rodata.str1.8', '.toc']);
    expect(d.sections[0]!.contents).toMatchObject([{ status: 'removed' }, { status: 'added' }]);
    expect(changedNames(d)).toHaveLength(1);
    expect(d.functions[0]!.section).toBe('.exit.text');
    expect(JSON.stringify(d.functions[0]!.hunks)).toContain('UNLOADED');
  });

  it('modinfo', () => {
    const d = diffObjects(old, withText(old, '.modinfo', 'license=GPL', 'license=BSD'));
    expect(d.modinfo).toEqual([{ key: 'license', old: ['GPL'], new: ['BSD'] }]);
    expect(d.summary).toMatchObject({ sections: 0, symbols: 0, functions: NOTHING });
    expect(d.same).toBe(false);
  });

  it('a relocation of data', () => {
    const table = section(old, '.rela.rodata');
    const entry = relocation(old, '.rodata', (_o, _t, s) => s === symbol(old, 'demo_in_range'));
    const fresh = edited(old, e => e.setWord(table.index, entry * 24 + 12, symbol(old, 'demo_parity')));
    expect(diffObjects(old, fresh).relocations).toEqual([
      {
        section: '.rodata',
        place: 'demo_operations',
        old: 'R_PPC64_ADDR64 demo_in_range',
        new: 'R_PPC64_ADDR64 demo_parity',
      },
    ]);
  });

  it('a data word', () => {
    const data = section(old, '.data');
    const fresh = edited(old, e => e.setWord(data.index, old.symbols!.value(symbol(old, 'demo_slots')), 17));
    expect(diffObjects(old, fresh).sections).toMatchObject([
      {
        name: '.data',
        contents: [
          {
            place: 'demo_slots',
            status: 'changed',
            offset: 0,
            bytes: 1,
            old: '10 00 00 00 00 00 00 00',
            new: '11 00 00 00 00 00 00 00',
          },
        ],
      },
    ]);
  });

  it('a binding, a local entry, a section flag', () => {
    const info = (name: string) => symbol(old, name) * 24 + 4;
    const symtab = old.symbols!.section.index;
    const word = (name: string) => old.symbols!.words[symbol(old, name) * 6 + 1]!;
    const weak = edited(old, e => e.setWord(symtab, info('demo_external'), (word('demo_external') & ~0xf0) | 0x20));
    expect(diffObjects(old, weak).symbols).toMatchObject([
      { name: 'demo_external', changes: [{ field: 'binding', old: 'global', new: 'weak' }] },
    ]);
    const k = edited(old, e => e.setWord(symtab, info('demo_sibling'), word('demo_sibling') & ~0xe000));
    expect(diffObjects(old, k).entryPoints).toMatchObject([
      {
        function: 'demo_sibling',
        old: { k: 3, distance: 8, toc: 'load-add' },
        new: { k: 0, distance: 0, toc: 'none' },
      },
    ]);
    const bytes = sampleBytes();
    const flags = old.header.e_shoff + section(old, '.rodata').index * 64 + 8;
    bytes[flags]! |= 1;
    expect(diffObjects(old, readElf(bytes)).sections).toMatchObject([
      { name: '.rodata', changes: [{ field: 'flags', old: 'A', new: 'WA' }] },
    ]);
  });

  it('a signature', () => {
    const bytes = Buffer.concat([sampleBytes(), Buffer.from('xyz~Module signature appended~\n')]);
    expect(diffObjects(old, readElf(new Uint8Array(bytes))).header).toEqual([
      { field: 'behind the file', old: 'nothing', new: 'a signature of 31 bytes' },
    ]);
  });
});

describe('another build', () => {
  it.each(['6.12', '7.2'])('6.1 against %s', generation => {
    const d = diffObjects(old, sample(generation));
    expect(d.functions.filter(f => f.status === 'added' || f.status === 'removed').map(f => f.name)).toEqual([]);
    expect(d.callSites.every(s => s.change === 'form' && s.oldForm === 'mprofile-kernel')).toBe(true);
    expect(d.modinfo.map(m => m.key)).toContain('vermagic');
  });
});

describe('strange objects', () => {
  it('without symbols and relocations', () => {
    const bare = edited(old, e => {
      for (const s of old.sections) if ([2, 4].includes(s.sh_type)) e.dropSection(s.index);
    });
    expect(bare.symbols).toBeUndefined();
    const d = diffObjects(old, bare);
    expect(d.same).toBe(false);
    const fresh = edited(bare, e => e.setWord(section(bare, '.text').index, 0x40, NOP));
    const inside = diffObjects(bare, fresh);
    expect(changedNames(inside)).toEqual(['(start of .text)']);
    expect(inside.functions[0]).toMatchObject({ removedWords: 1, addedWords: 1 });
  });

  it.each([0, 0xffffff])('functions of size %d', size => {
    const symbols = old.symbols!;
    const strange = edited(old, e => {
      for (let i = 1; i < symbols.count; i++)
        if (symbols.type(i) === 2) e.setWord(symbols.section.index, i * 24 + 16, size);
    });
    const fresh = edited(strange, e =>
      e.setWord(section(old, '.text').index, inFunction(old, 'demo_in_range', 0x14), NOP),
    );
    const d = diffObjects(strange, fresh);
    expect(changedNames(d)).toEqual(['demo_in_range']);
    expect(diffObjects(old, strange).same).toBe(false);
  });

  it('code that has nothing in common is not aligned for ever', () => {
    const bare = edited(old, e => {
      for (const s of old.sections) if ([2, 4].includes(s.sh_type)) e.dropSection(s.index);
    });
    const text = section(bare, '.text');
    const noise = (from: number) => {
      const words = new Uint32Array(10_000);
      let state = from;
      for (let i = 0; i < words.length; i++) {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        words[i] = state;
      }
      return edited(bare, e => {
        e.remove(text.index, 0, text.sh_size);
        e.append(text.index, new Uint8Array(words.buffer).subarray(0, from % 2 === 0 ? 39_000 : 40_000));
      });
    };
    const d = diffObjects(noise(1), noise(2));
    expect(d.functions).toMatchObject([{ status: 'changed', unaligned: true, oldSize: 40_000, newSize: 39_000 }]);
    expect(d.functions[0]!.hunks).toHaveLength(1);
  });

  it('ends with a result or a complaint, whatever bit is flipped', () => {
    let seed = 20;
    const random = (n: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return Math.floor((seed / 0x1_0000_0000) * n);
    };
    const whole = sampleBytes();
    for (let round = 0; round < 400; round++) {
      const bytes = whole.slice();
      const from = round % 2 === 0 ? 0x2f80 : 0;
      for (let n = 0; n < 3; n++) {
        const at = from + random(bytes.length - from);
        bytes[at]! ^= 1 << random(8);
      }
      try {
        diffObjects(old, readElf(bytes));
        diffObjects(readElf(bytes), old);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
      }
    }
  });
});
