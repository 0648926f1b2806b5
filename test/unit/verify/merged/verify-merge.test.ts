/** The judge of a merge finds what the maker may do wrong: each way, once. */
import { describe, expect, it } from 'vitest';
import { ElfEditor, encodeRelocation } from '../../../../src/elf/editor.ts';
import { layOut } from '../../../../src/elf/layout.ts';
import { type ElfFile, readElf } from '../../../../src/elf/read.ts';
import type { MergePlan } from '../../../../src/plan/merge.ts';
import { verifyMerge } from '../../../../src/verify/merged/verify-merge.ts';
import { R, SHF, STT } from '../../../support/object-builder.ts';
import { DATA, fixObject, merge, needs } from '../../merge/support/objects.ts';
import { mutantsOf } from '../support/mutants.ts';

const object = fixObject((o, text) => {
  const data = o.section('.data', { flags: DATA, align: 8, bytes: Uint8Array.of(9, 8, 7, 6, 5, 4, 3, 2) });
  const rows = o.section('__ex_table', { flags: SHF.ALLOC, align: 4, bytes: new Uint8Array(8) });
  const helper = o.symbol('helper', { section: text, value: 4, size: 8, type: STT.FUNC, k: 2 });
  o.relocate(text, 0, R.REL24, helper);
  needs('twice@two.c')(o, text);
  o.relocate(text, 8, R.TOC16_HA, o.sectionSymbol(data), 4);
  o.relocate(rows, 0, 26, o.sectionSymbol(text), 4);
  o.relocate(rows, 4, 26, o.sectionSymbol(text), 8);
});
const good = merge([object]);

function codes(bytes: Uint8Array, plan: MergePlan = good.plan): string[] {
  const { findings } = verifyMerge({ ...good, plan }, bytes);
  return [...new Set(findings.map(f => f.code))];
}

/** Where a section's bytes are in the file. */
const offsetOf = (name: string, elf: ElfFile = good.elf) => elf.sectionNamed(name)!.sh_offset;

/** The file with the word at an offset replaced. */
function changed(offset: number, change: (word: number) => number): Uint8Array {
  const bytes = good.bytes.slice();
  const view = new DataView(bytes.buffer);
  view.setUint32(offset, change(view.getUint32(offset, true)), true);
  return bytes;
}

/** File offset of the relocation of `section` at `at`. */
function relocationAt(section: string, at: number): number {
  const [table] = good.elf.relocationSectionsFor(good.elf.sectionNamed(section)!.index);
  const relocations = good.elf.relocations(table!);
  for (let i = 0; i < relocations.count; i++) if (relocations.offset(i) === at) return table!.sh_offset + i * 24;
  throw new Error('no such relocation');
}

const symbolAt = (name: string) => good.elf.symbols!.section.sh_offset + good.elf.symbols!.find(name) * 24;

it('lets a good one through', () => {
  const result = verifyMerge(good, good.bytes);
  expect(result.findings).toEqual([]);
  expect(result.ok).toBe(true);
  expect(result.checks.map(c => c.name)).toEqual([
    'merge: objects',
    'merge: exports',
    'merge: re-read',
    'merge: module',
    'merge: sections',
    'merge: information',
    'merge: symbols',
    'merge: relocations',
    'merge: file',
  ]);
});

describe('finds', () => {
  it('another object than the plan has', () => {
    const objects = [{ ...good.plan.objects[0]!, sha256: '0'.repeat(64) }];
    expect(codes(good.bytes, { ...good.plan, objects })).toEqual(['VER080']);
  });

  it('changed bytes of the object', () => {
    expect(codes(changed(offsetOf('.text') + 36, w => w ^ 1))).toEqual(['VER081']);
  });

  it('something in the padding', () => {
    expect(codes(changed(offsetOf('.text') + 24, () => 0x4e800020))).toEqual(['VER081']);
  });

  it('changed bytes of the module', () => {
    expect(codes(changed(offsetOf('.text'), w => w ^ 1))).toEqual(['VER084']);
    expect(codes(changed(relocationAt('.text', 12) + 16, w => w + 4))).toEqual(['VER084']);
    expect(codes(changed(symbolAt('first') + 8, w => w + 4))).toEqual(['VER084']);
  });

  it('changed headers of the module', () => {
    const header = good.elf.header.e_shoff + good.elf.sectionNamed('.data')!.index * 64;
    expect(codes(changed(header + 8, w => w | SHF.EXEC))).toContain('VER084');
    expect(codes(changed(48, w => w + 1))).not.toEqual([]);
  });

  it.each([
    ['to another place', 16, (w: number) => w + 4],
    ['to another symbol', 12, (w: number) => w + 1],
    ['of another type', 8, () => R.ADDR64],
    ['at another offset', 0, (w: number) => w - 4],
  ] as const)('a relocation %s', (_, field, change) => {
    for (const at of [32, 36, 40])
      expect(codes(changed(relocationAt('.text', at) + field, change))).toContain('VER083');
  });

  it('a local symbol of the wrong file', () => {
    const other = good.elf.symbols!.find('twice');
    expect(codes(changed(relocationAt('.text', 36) + 12, () => other))).toEqual(['VER083']);
  });

  it('an added symbol that is not as in the object', () => {
    const helper = symbolAt('helper');
    expect(codes(changed(helper + 8, w => w + 4))).toEqual(expect.arrayContaining(['VER082', 'VER083']));
    expect(codes(changed(helper + 4, w => w & ~0xff00))).toEqual(expect.arrayContaining(['VER082', 'VER083']));
    expect(codes(changed(symbolAt('fix') + 16, w => w + 4))).toEqual(['VER082']);
  });

  it('a section that the plan leaves out', () => {
    const pieces = good.plan.pieces.filter(p => p.object !== 0 || p.size !== 8);
    expect(codes(good.bytes, { ...good.plan, pieces })).toContain('VER085');
  });

  it('a section that is placed wrong', () => {
    const pieces = good.plan.pieces.map(p => (p.size === 12 ? { ...p, offset: p.offset - 4 } : p));
    expect(codes(good.bytes, { ...good.plan, pieces })).toContain('VER081');
    const elsewhere = good.plan.pieces.map(p => (p.size === 12 ? { ...p, target: 999 } : p));
    expect(codes(good.bytes, { ...good.plan, pieces: elsewhere })).toContain('VER080');
  });

  it('a new section with a header of its own', () => {
    const header = good.elf.header.e_shoff + good.elf.sectionNamed('__ex_table')!.index * 64;
    // SHF_RO_AFTER_INIT of the kernel, a high half, sh_addr, sh_info, sh_entsize
    for (const [field, bit] of [
      [8, 0x20_0000],
      [12, 1],
      [16, 8],
      [44, 1],
      [56, 1],
    ] as const)
      expect(codes(changed(header + field, w => w | bit))).toContain('VER281');
    const table = good.elf.header.e_shoff + good.elf.sectionNamed('.rela__ex_table')!.index * 64;
    for (const field of [8, 16]) expect(codes(changed(table + field, w => w ^ 2))).toContain('VER281');
  });

  it('relocations of a section that no object has', () => {
    const editor = new ElfEditor(readElf(good.bytes.slice()));
    const [table] = good.elf.relocationSectionsFor(good.elf.sectionNamed('.toc')!.index);
    editor.append(table!.index, encodeRelocation(0, good.elf.symbols!.find('twice'), R.ADDR64, 0));
    expect(codes(layOut(editor).bytes)).toContain('VER084');
  });

  it('an import that may stay without a definition, or that has one of its own', () => {
    const outside = fixObject(needs('outside'));
    const made = merge([outside]);
    const at = made.elf.symbols!.section.sh_offset + made.elf.symbols!.find('outside') * 24;
    for (const [field, bits] of [
      [4, 0x30],
      [5, 0x20],
      [8, 4],
    ] as const) {
      const bytes = made.bytes.slice();
      bytes[at + field] = bytes[at + field]! ^ bits;
      expect(verifyMerge(made, bytes).findings.map(f => f.code)).toContain('VER082');
    }
  });

  it('names that nothing has, and bytes between the parts', () => {
    const names = good.elf.sections[good.elf.header.shstrndx]!;
    const editor = new ElfEditor(readElf(good.bytes.slice()));
    editor.append(names.index, Buffer.from('hidden\0'));
    expect(codes(layOut(editor).bytes)).toEqual(['VER282']);
    const found = [...mutantsOf(good.bytes, () => false)].filter(m => m.field === 'between');
    expect(found.length).toBeGreaterThan(0);
    for (const { bytes } of found) expect(codes(bytes())).toEqual(['VER282']);
  });

  it('a file that cannot be read again', () => {
    expect(codes(good.bytes.slice(0, 100))).toEqual(['VER001']);
  });
});

it('finds every change of a byte of the merged parts', () => {
  const { plan, elf } = good;
  let missed = 0;
  for (const { target, offset, size } of plan.pieces)
    for (let at = 0; at < size; at++) {
      const bytes = good.bytes.slice();
      const place = elf.sections[target]!.sh_offset + offset + at;
      bytes[place] = bytes[place]! ^ 0x10;
      if (codes(bytes).length === 0) missed++;
    }
  expect(missed).toBe(0);
  expect(readElf(good.bytes).sections.length).toBeGreaterThan(good.module.sections.length);
});
