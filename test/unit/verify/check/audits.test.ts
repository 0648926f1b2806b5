import { describe, expect, it } from 'vitest';
import { encodePatchNote } from '../../../../src/kernel/patch-note.ts';
import type { PlannedAction } from '../../../../src/plan/plan.ts';
import { auditBranches } from '../../../../src/verify/check/audits/branches.ts';
import { auditEntryBits } from '../../../../src/verify/check/audits/entry-bits.ts';
import { auditLivepatch } from '../../../../src/verify/check/audits/livepatch.ts';
import { auditPatched } from '../../../../src/verify/check/audits/patched.ts';
import { auditVermagic, vermagicDifference } from '../../../../src/verify/check/audits/vermagic.ts';
import { knowledge } from '../../../support/kernel-knowledge.ts';
import { ObjectBuilder, R, SHF, SHN, SHT, STB } from '../../../support/object-builder.ts';
import { BLR, b, bl, NOP } from '../../../support/words.ts';
import { audited, codesOf, modinfo } from './support.ts';

const SHF_RELA_LIVEPATCH = 0x100000;

describe('sibling branches', () => {
  it('are found where they leave the object', () => {
    const builder = new ObjectBuilder();
    const text = builder.code('.text', [bl(0), NOP, b(0), b(0), BLR]);
    const f = builder.function('f', text, 0, 20);
    const away = builder.undefined('away');
    builder.relocate(text, 0, R.REL24, away);
    builder.relocate(text, 8, R.REL24, away);
    builder.relocate(text, 12, R.REL24, f);
    const found = audited(auditBranches, builder.build());
    expect(codesOf(found)).toEqual(['error TOC201']);
    expect(found[0]).toMatchObject({ section: '.text', offset: 8, function: 'f' });
    expect(found[0]!.message).toContain('away');
  });

  it('to livepatch symbols are found too, and places outside the section are left to the twin', () => {
    const builder = new ObjectBuilder();
    const text = builder.code('.text', [b(0), BLR]);
    const late = builder.symbol('.klp.sym.x.f,1', { section: SHN.LIVEPATCH, special: true, bind: STB.GLOBAL });
    builder.relocate(text, 0, R.REL24, late);
    builder.relocate(text, 4000, R.REL24, late);
    expect(codesOf(audited(auditBranches, builder.build()))).toEqual(['error TOC201']);
  });
});

describe('local-entry bits', () => {
  const withBits = (k: number) => {
    const builder = new ObjectBuilder();
    const text = builder.code('.text', [NOP, BLR]);
    builder.function('f', text, 4, 4, { k });
    builder.symbol('away', { bind: STB.GLOBAL, k: 7 });
    return builder.build();
  };

  it.each([
    [0, []],
    [1, ['warning TOC202']],
    [2, []],
    [6, []],
    [7, ['error TOC203']],
  ])('%i', (k, codes) => {
    const found = audited(auditEntryBits, withBits(k));
    expect(codesOf(found)).toEqual(codes);
    for (const f of found) expect(f).toMatchObject({ section: '.text', offset: 4, function: 'f' });
  });

  it('1 is what a kernel without a TOC has', () => {
    const kernel = knowledge({ options: { pcrel: true } });
    expect(audited(auditEntryBits, withBits(1), kernel)).toEqual([]);
    expect(codesOf(audited(auditEntryBits, withBits(7), kernel))).toEqual(['error TOC203']);
  });
});

describe('vermagic', () => {
  const built = (vermagic: string) => {
    const builder = new ObjectBuilder();
    builder.section('.modinfo', { bytes: modinfo({ name: 'demo', xvermagic: 'no', vermagic }) });
    return builder.build();
  };

  it('of another release is fragile though symbol versions let it pass', () => {
    const flags = knowledge().vermagic.split(' ').slice(1).join(' ');
    expect(audited(auditVermagic, built(`${knowledge().release} ${flags}`))).toEqual([]);
    const found = audited(auditVermagic, built(`6.1.0-49-powerpc64le ${flags}`));
    expect(codesOf(found)).toEqual(['warning MOD201']);
    expect(found[0]!.message).toContain('6.1.0-49-powerpc64le');
  });

  it.each([
    ['6.1.0-49 SMP', '6.1.0-50 SMP', 'the releases differ only in their end ("49", "50")'],
    ['6.1.0-50 SMP', '6.1.0-51 SMP', 'the releases differ only in their end ("50", "51")'],
    ['6.1.0-50 SMP', '6.12.1 SMP', 'the releases differ'],
    ['6.1.0 SMP', '6.1.0 SMP preempt', 'it lacks preempt'],
    ['6.1.0 SMP modversions', '6.1.0 SMP', 'it has modversions'],
  ])('%s against %s', (module, kernel, text) => {
    expect(vermagicDifference(module, kernel)).toBe(text);
  });
});

describe('patched words under tables that the kernel rewrites by', () => {
  /** A patch of the word at 8, and a feature section from `from` to `to`. */
  const build = (
    table: string,
    from: number,
    to: number,
    more: object = {},
    others: readonly unknown[] = [],
    name = '.text',
  ) => {
    const builder = new ObjectBuilder();
    const text = builder.code(name, [NOP, NOP, NOP, 0x4e800420, BLR]);
    const section = builder.sectionSymbol(text);
    builder.function('f', text, 0, 20);
    const entry = builder.section(table, { flags: SHF.ALLOC, align: 8, bytes: new Uint8Array(48) });
    builder.relocate(entry, 16, R.REL64, section, from + 16);
    builder.relocate(entry, 24, R.REL64, section, to + 24);
    builder.section('.note.tocsin', {
      type: SHT.NOTE,
      align: 4,
      bytes: encodePatchNote(
        {
          schema: 'tocsin.patch-record/1',
          tool: '0',
          layer: 1,
          original: { size: 1, sha256: '0'.repeat(64) },
          signatureDropped: false,
          codeAdded: 0,
          actions: [
            {
              kind: 'nop',
              function: 'f',
              aliases: [],
              section: '.text',
              offset: 8,
              form: 'patchable',
              recordRemoved: true,
              ...more,
            },
            ...(others as PlannedAction[]),
          ],
        },
        new Uint8Array(4),
      ),
    });
    return builder.build();
  };

  it('are those that changed: the branches of local callers, all words of a long branch', () => {
    const branches = [{ function: 'g', section: '.text', offset: 16, links: true }];
    expect(audited(auditPatched, build('__ftr_fixup', 8, 12, { branches }))).toEqual([]);
    expect(audited(auditPatched, build('__ftr_fixup', 12, 20, { branches }))).toMatchObject([{ offset: 16 }]);
    expect(codesOf(audited(auditPatched, build('__ftr_fixup', 12, 16, { branch: 'long' })))).toContain('error FTR201');
    expect(audited(auditPatched, build('__ftr_fixup', 16, 20, { branch: 'long' }))).toEqual([]);
  });

  it('are none of a function that was copied', () => {
    expect(audited(auditPatched, build('__ftr_fixup', 4, 12, { kind: 'epilogue' }))).toEqual([]);
    // The copy itself has entries of its own; the code behind it has none.
    const copied = (symbol: string) =>
      codesOf(audited(auditPatched, build('__ftr_fixup', 4, 12, { kind: 'epilogue', symbol }, [], '.text.tocsin')));
    expect(copied('f')).toEqual([]);
    expect(copied('g')).toContain('error FTR201');
  });

  it('are found in notes that hold nonsense besides', () => {
    const found = audited(
      auditPatched,
      build('__ftr_fixup', 4, 12, {}, [null, 1, {}, { section: '.text', branches: [7] }]),
    );
    expect(codesOf(found)).toEqual(['error FTR201']);
  });

  it('are found, and neighbours are not', () => {
    const found = audited(auditPatched, build('__ftr_fixup', 4, 12));
    expect(codesOf(found)).toEqual(['error FTR201']);
    expect(found[0]).toMatchObject({ section: '.text', offset: 8, function: 'f' });
    expect(audited(auditPatched, build('__ftr_fixup', 0, 8))).toEqual([]);
    expect(audited(auditPatched, build('__ftr_fixup', 12, 16))).toEqual([]);
    expect(audited(auditPatched, build('__ex_table', 8, 12))).toEqual([]);
  });

  it('need a note that can be read', () => {
    const builder = new ObjectBuilder();
    builder.section('.note.tocsin', { type: SHT.NOTE, align: 4, bytes: new Uint8Array(0) });
    expect(codesOf(audited(auditPatched, builder.build()))).toEqual(['warning MOD203']);
  });
});

describe('livepatch sections and symbols', () => {
  interface Case {
    readonly table?: string;
    readonly flags?: number;
    readonly symbol?: string;
    /** Instead of a livepatch symbol. */
    readonly ordinary?: boolean;
    readonly marked?: boolean;
    readonly target?: string;
    /** One more relocation against the symbol, the ordinary way. */
    readonly also?: boolean;
  }

  const build = (c: Case) => {
    const builder = new ObjectBuilder();
    const marked = c.marked === false ? {} : { livepatch: 'Y' };
    builder.section('.modinfo', { bytes: modinfo({ name: 'fix', ...marked }) });
    const text = builder.code('.text.f', [bl(0), NOP, BLR]);
    const other = builder.code(c.target ?? '.text.g', [BLR]);
    const spec =
      c.ordinary === true ? { bind: STB.GLOBAL } : { section: SHN.LIVEPATCH, special: true, bind: STB.GLOBAL };
    const symbol = builder.symbol(c.symbol ?? '.klp.sym.ext4.f,1', spec);
    if (c.also === true) builder.relocate(text, 0, R.REL24, symbol);
    // The builder numbers symbols when it builds: section symbols first, so this global one is the first and only.
    const rela = new Uint8Array(24);
    const view = new DataView(rela.buffer);
    view.setUint32(8, R.REL24, true);
    view.setUint32(12, 1, true);
    const symtab = other + 1 + (c.also === true ? 1 : 0) + 1;
    builder.section(c.table ?? `.klp.rela.ext4.${c.target ?? '.text.g'}`, {
      type: SHT.RELA,
      flags: c.flags ?? SHF.ALLOC | SHF_RELA_LIVEPATCH,
      bytes: rela,
      align: 8,
      entsize: 24,
      link: symtab,
      info: other,
    });
    return builder.build();
  };
  const kernel = knowledge({ symbols: { twice: [1n, 2n], once: [3n] } });
  const codes = (c: Case) => codesOf(audited(auditLivepatch, build(c), kernel));

  it('that are right give nothing', () => {
    expect(codes({})).toEqual([]);
    expect(codes({ table: '.klp.rela.vmlinux..text.g', symbol: '.klp.sym.vmlinux.once,1' })).toEqual([]);
    expect(codes({ table: '.klp.rela.vmlinux..text.g', symbol: '.klp.sym.vmlinux.twice,2' })).toEqual([]);
  });

  it.each<[string, Case, string[]]>([
    ['not flagged', { flags: SHF.ALLOC }, ['error KLP201', 'error KLP212']],
    ['not marked as a livepatch', { marked: false }, ['error KLP202']],
    ['symbol without a position', { symbol: '.klp.sym.ext4.f' }, ['error KLP203']],
    ['the TOC itself', { symbol: '.TOC.' }, ['error KLP204']],
    ['the TOC of another object', { symbol: '.klp.sym.ext4..TOC.,1' }, ['error KLP204']],
    ['a symbol of its own', { symbol: '.klp.sym.fix.f,1' }, ['error KLP205']],
    ['a section of its own', { table: '.klp.rela.fix..text.g', symbol: '.klp.sym.ext4.f,1' }, ['error KLP205']],
    [
      'an exported symbol',
      { table: '.klp.rela.vmlinux..text.g', symbol: '.klp.sym.vmlinux._printk,1' },
      ['warning KLP206'],
    ],
    [
      'a symbol that is nowhere',
      { table: '.klp.rela.vmlinux..text.g', symbol: '.klp.sym.vmlinux.no,1' },
      ['error KLP207'],
    ],
    [
      'a position too high',
      { table: '.klp.rela.vmlinux..text.g', symbol: '.klp.sym.vmlinux.once,2' },
      ['error KLP207'],
    ],
    ['an ambiguous one', { table: '.klp.rela.vmlinux..text.g', symbol: '.klp.sym.vmlinux.twice,0' }, ['error KLP207']],
    ['a section name without a section', { table: '.klp.rela.ext4' }, ['error KLP208']],
    ['another section than it says', { table: '.klp.rela.ext4..text.h' }, ['warning KLP209']],
    ['an ordinary symbol', { symbol: 'f', ordinary: true }, ['error KLP210']],
    ['vmlinux from a module', { symbol: '.klp.sym.vmlinux.once,1' }, ['error KLP211']],
    ['an ordinary relocation', { also: true }, ['error KLP212']],
  ])('%s', (_title, c, expected) => {
    expect(codes(c)).toEqual(expected);
  });
});
