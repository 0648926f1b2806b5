import { describe, expect, it } from 'vitest';
import { readElf } from '../../../../src/elf/read.ts';
import { loadSegments } from '../../../../src/kernel/image-layout.ts';
import type { ImagePlan } from '../../../../src/plan/image.ts';
import { revert } from '../../../../src/rewrite/revert.ts';
import { PatchProver } from '../../../../src/verify/patched/prove-patched.ts';
import { codeOf } from '../../../support/errors.ts';
import { AT, BASE, FILE_START, placesOf } from '../../../support/linked-image.ts';
import { BLR, NOP } from './support.ts';

import {
  BUGS,
  EXCEPTIONS,
  FUNCTIONS,
  image,
  LEAF,
  MORE,
  made,
  OLD,
  object,
  patchedTables,
  SEARCHERS,
  searcher,
  TOC,
} from './support-tables.ts';

/** The address that two words at a place, bytes from BASE, make. */
function addressAt(bytes: Uint8Array, high: number, low: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + FILE_START);
  const half = (at: number) => (view.getUint32(at, true) << 16) >> 16;
  return TOC + half(high) * 0x10000 + half(low);
}

describe('rows for tables of a kernel image', () => {
  const { input, plan, check, bytes } = patchedTables();

  it('are judged to be where the kernel looks, and go again', () => {
    expect(check(plan)).toEqual([]);
    expect(revert(bytes).original).toEqual(input.bytes);
  });

  it('lie behind the last bug, and in a sorted table in another place', () => {
    const [bugs, exceptions] = ['bugs', 'exceptions'].map(kind => plan.tables.find(t => t.kind === kind)!);
    expect([bugs!.start, bugs!.stop]).toEqual([BASE + BigInt(BUGS), BASE + BigInt(BUGS + 36)]);
    expect(plan.parts[bugs!.part]!.address).toBe(BASE + BigInt(BUGS + 24));
    const { address, bytes: table } = plan.parts[exceptions!.part]!;
    const view = new DataView(table.buffer, table.byteOffset);
    const named = [0, 8, 16].map(at => address + BigInt(at + view.getInt32(at, true)) - BASE);
    const old = BigInt(placesOf(FUNCTIONS).get('old')!);
    expect(named.slice(0, 2)).toEqual([old, old + 8n]);
    expect(BASE + named[2]!).toBe(plan.symbols.find(s => s.name === 'fix')!.address);
  });

  it('are found by those who search', () => {
    const places = placesOf(FUNCTIONS);
    for (const { kind, start, stop } of plan.tables) {
      const at = places.get(kind === 'bugs' ? 'find_bug' : 'search_kernel_exception_table')!;
      expect([BASE + BigInt(addressAt(bytes, at, at + 4)), BASE + BigInt(addressAt(bytes, at + 8, at + 12))]).toEqual([
        stop,
        start,
      ]);
    }
  });

  it('lie behind the file where it ends with the last bug', () => {
    const bugs = AT.pageData + 0x40 - 24;
    const functions = [LEAF, OLD, SEARCHERS[0]!, searcher('find_bug', bugs, bugs + 24)];
    const other = patchedTables(image({ bugs, functions, symbols: { _edata: AT.edata + 0x100 } }));
    expect(other.check(other.plan)).toEqual([]);
    expect(revert(other.bytes).original).toEqual(other.input.bytes);
    const [was, is] = [other.input, readElf(other.bytes)].map(elf => loadSegments(elf)[0]!);
    expect(is!.p_filesz - was!.p_filesz).toBe(12);
    const part = other.plan.parts.find(p => p.isInserted === true)!;
    expect([part.address, part.fileOffset]).toEqual([BASE + BigInt(bugs + 24), FILE_START + bugs + 24]);
    const elsewhere = { ...part, address: part.address + 16n, fileOffset: part.fileOffset + 16 };
    const parts = other.plan.parts.map(p => (p === part ? elsewhere : p));
    expect(() => other.check({ ...other.plan, parts })).toThrow(RangeError);
    const tight = image({ bugs, functions, symbols: { _edata: AT.edata + 8 } });
    expect(codeOf(() => patchedTables(tight))).toBe('PAT190');
  });

  it.each([
    ['behind the bugs', {}],
    [
      'behind the file',
      {
        bugs: AT.pageData + 0x40 - 24,
        functions: [LEAF, OLD, SEARCHERS[0]!, searcher('find_bug', AT.pageData + 0x40 - 24, AT.pageData + 0x40)],
        symbols: { _edata: AT.edata + 0x100 },
      },
    ],
  ])('come a second and a third time, %s, and go one after the other', (_, options) => {
    const functions = [...((options as Parameters<typeof image>[0])?.functions ?? FUNCTIONS), ...MORE];
    const input0 = image({ ...options, functions });
    const places = placesOf(functions);
    const one = patchedTables(input0, object({ data: false }));
    const two = patchedTables(readElf(one.bytes), object({ name: 'more', data: false }), ['leaf2', 'more']);
    const three = patchedTables(readElf(two.bytes), object({ name: 'most' }), ['leaf3', 'most']);
    expect([one.check(one.plan), two.check(two.plan), three.check(three.plan)]).toEqual([[], [], []]);
    const [first, last] = [one, three].map(({ plan }) => new Map(plan.tables.map(t => [t.kind, t])));
    expect(last!.get('bugs')!.start).toBe(first!.get('bugs')!.start);
    expect(last!.get('bugs')!.stop - first!.get('bugs')!.stop).toBe(24n);
    const { start, stop } = last!.get('exceptions')!;
    expect(stop - start).toBe(5n * 8n);
    const at = places.get('search_kernel_exception_table')!;
    expect(BASE + BigInt(addressAt(three.bytes, at + 8, at + 12))).toBe(start);
    const names = readElf(three.bytes).sections.flatMap(s => (s.name.startsWith('__ex_table') ? [s.name] : []));
    expect(names).toEqual(['__ex_table.tocsin', '__ex_table.tocsin.2', '__ex_table.tocsin.3']);
    let bytes: Uint8Array = three.bytes;
    for (const was of [two.bytes, one.bytes, input0.bytes]) {
      bytes = revert(bytes).original;
      expect(Buffer.compare(bytes, was)).toBe(0);
    }
    expect(codeOf(() => revert(bytes))).toBe('RVT001');
    // The note of an earlier patch does not fit the file of a later one.
    const [early, late] = [readElf(one.bytes), readElf(two.bytes)].map(elf => elf.sectionNamed('.note.tocsin')!);
    const mixed = two.bytes.slice();
    mixed.set(
      one.bytes.subarray(early!.sh_offset, early!.sh_offset + Math.min(early!.sh_size, late!.sh_size)),
      late!.sh_offset,
    );
    expect(codeOf(() => revert(mixed))).toBe('RVT002');
  });

  it('are refused where the data of an earlier patch have taken the room behind them', () => {
    const functions = [...FUNCTIONS, ...MORE];
    const first = patchedTables(image({ functions }), object(), ['leaf2', 'fix']);
    expect(first.check(first.plan)).toEqual([]);
    expect(codeOf(() => patchedTables(readElf(first.bytes), object({ name: 'more' })))).toBe('PAT190');
  });

  it('of an earlier patch are not forgotten by the judge', () => {
    const first = patchedTables(image({ functions: [...FUNCTIONS, ...MORE] }), object({ data: false }), [
      'leaf2',
      'fix',
    ]);
    const input = readElf(first.bytes);
    const second = patchedTables(input, object({ name: 'more' }), ['leaf', 'more']);
    const table = second.plan.tables.find(t => t.kind === 'exceptions')!;
    // The rows of the kernel's build and the new one, without those of the first patch.
    const part = second.plan.parts[table.part]!;
    const stale = { ...part, bytes: part.bytes.slice(0, 24) };
    const parts = second.plan.parts.map(p => (p === part ? stale : p));
    const tables = second.plan.tables.map(t => (t === table ? { ...t, stop: t.start + 24n } : t));
    expect(second.check({ ...second.plan, parts, tables })).toContain('VER168');
  });

  it('are ways that the prover follows', () => {
    const proof = new PatchProver(input, undefined).prove(readElf(bytes), [
      { section: '.text', offset: placesOf(FUNCTIONS).get('leaf')! + 8, to: 'fix' },
    ]);
    expect([proof.verdict, proof.functions.map(f => f.function)]).toEqual(['proved', ['leaf', 'fix']]);
  });

  it.each<[string, Parameters<typeof image>[0], Parameters<typeof object>[0], string]>([
    ['jump labels', {}, { jumps: true }, 'PAT124'],
    ['a barrier that is none', {}, { barrier: NOP }, 'PAT193'],
    ['bugs where something lies behind them', { symbols: { somebody: AT.data + 0x44 } }, {}, 'PAT190'],
    ['bugs of another size', { words: { [BUGS + 12]: 0 } }, {}, 'PAT190'],
    ['exceptions that are not sorted', { words: { [EXCEPTIONS + 8]: -EXCEPTIONS - 8 } }, {}, 'PAT190'],
    ['exceptions that the kernel sorts', { symbols: { main_extable_sort_needed: BUGS + 12 } }, {}, 'PAT190'],
    ['nobody who searches', { functions: [LEAF, OLD] }, {}, 'PAT191'],
    [
      'one end that is known alone',
      { functions: [LEAF, OLD, SEARCHERS[0]!, { name: 'find_bug', words: [...made(4, BUGS + 24), BLR] }] },
      {},
      'PAT191',
    ],
    [
      'another who searches',
      { functions: [...FUNCTIONS, searcher('stranger', EXCEPTIONS, EXCEPTIONS + 16)] },
      {},
      'PAT191',
    ],
    ['an end that is stored', { pointers: [BUGS + 24] }, {}, 'PAT191'],
  ])('are refused with %s', (_, options, parts, code) => {
    expect(codeOf(() => patchedTables(image(options), object(parts)))).toBe(code);
  });

  it('are refused where half of an end has another use', () => {
    const words = [...made(4, EXCEPTIONS + 16, 9), 0x7d2a4b78, ...made(9, EXCEPTIONS), BLR];
    const input = image({ functions: [LEAF, OLD, { name: 'search_exception_tables', words }, SEARCHERS[1]!] });
    expect(codeOf(() => patchedTables(input))).toBe('PAT192');
  });

  const part = (kind: string) => plan.tables.find(t => t.kind === kind)!.part;
  const withTable = (kind: string, change: object): ImagePlan => ({
    ...plan,
    tables: plan.tables.map(t => (t.kind === kind ? { ...t, ...change } : t)),
  });
  const withBytes = (kind: string, at: number, value: number): ImagePlan => ({
    ...plan,
    parts: plan.parts.map((p, i) => {
      if (i !== part(kind)) return p;
      const changed = p.bytes.slice();
      new DataView(changed.buffer).setInt32(at, value, true);
      return { ...p, bytes: changed };
    }),
  });
  const ends = plan.words.filter(w => plan.actions.every(a => a.offset !== w.offset) && w.section === 1);

  it.each<[string, ImagePlan, string]>([
    ['a row that is lost', withTable('bugs', { rows: 0 }), 'VER169'],
    ['a table that does not grow', { ...plan, tables: [] }, 'VER169'],
    ['an end that is another', withTable('bugs', { stop: BASE + BigInt(BUGS + 24) }), 'VER168'],
    ['a start that is another', withTable('exceptions', { start: BASE }), 'VER168'],
    ['a row that names old code', withBytes('bugs', 0, -BUGS), 'VER168'],
    ['a row that is not sorted', withBytes('exceptions', 0, 64), 'VER168'],
    ['an end that is not told', { ...plan, words: plan.words.filter(w => w !== ends[0]) }, 'VER170'],
    [
      'an end that is told wrong',
      { ...plan, words: plan.words.map(w => (w === ends.at(-1) ? { ...w, after: w.after + 8 } : w)) },
      'VER170',
    ],
  ])('are judged wrong with %s', (_, of, code) => {
    expect(check(of)).toContain(code);
  });
});
