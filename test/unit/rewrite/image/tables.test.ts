import { describe, expect, it } from 'vitest';
import { type ElfFile, readElf } from '../../../../src/elf/read.ts';
import { loadSegments } from '../../../../src/kernel/image-layout.ts';
import { linkObjects } from '../../../../src/merge/image.ts';
import type { ImagePlan } from '../../../../src/plan/image.ts';
import { applyImagePlan } from '../../../../src/rewrite/image/apply.ts';
import { makeImagePlan } from '../../../../src/rewrite/image/plan.ts';
import { revert } from '../../../../src/rewrite/revert.ts';
import { verifyImage } from '../../../../src/verify/image/verify-image.ts';
import { PatchProver } from '../../../../src/verify/patched/prove-patched.ts';
import { codeOf } from '../../../support/errors.ts';
import {
  AT,
  BASE,
  branch,
  FILE_START,
  type ImageFunction,
  linkedImage,
  placesOf,
} from '../../../support/linked-image.ts';
import { ObjectBuilder, SHF } from '../../../support/object-builder.ts';
import { BLR, MFLR, NOP, redirect } from './support.ts';

const [REL32, REL64] = [26, 44];
const ISYNC = 0x4c00012c;
const TOC = AT.got + 0x8000;
/** Where the tables of the image lie, bytes from BASE: two rows each. */
const EXCEPTIONS = AT.rodata + 0x40;
const BUGS = AT.data + 0x40 - 24;

/** addis rTo,r2,HA; addi rTo,rTo,LO */
function made(to: number, at: number, through = to): number[] {
  const distance = at - TOC;
  const high = ((distance + 0x8000) >> 16) & 0xffff;
  return [
    (0x3c020000 | (through << 21) | high) >>> 0,
    (0x38000000 | (to << 21) | (through << 16) | (distance & 0xffff)) >>> 0,
  ];
}

const LEAF: ImageFunction = { name: 'leaf', words: [MFLR, 0x4bffffed, 0x38630001, BLR], site: 1 };
const searcher = (name: string, start: number, stop: number): ImageFunction => ({
  name,
  words: [...made(4, stop, 9), ...made(9, start), 0x7c892050, BLR],
  k: 3,
});
const SEARCHERS = [
  searcher('search_kernel_exception_table', EXCEPTIONS, EXCEPTIONS + 16),
  searcher('find_bug', BUGS, BUGS + 24),
];
const OLD: ImageFunction = { name: 'old', words: [NOP, NOP, NOP, BLR] };
const FUNCTIONS = [LEAF, OLD, ...SEARCHERS];

/** Behind these, with call sites. */
const MORE = ['leaf2', 'leaf3'].map(
  (name, i): ImageFunction => ({ ...LEAF, name, words: [MFLR, branch(112 + 16 * i + 4, 0, true), 0x38630001, BLR] }),
);

interface Options {
  readonly functions?: readonly ImageFunction[];
  readonly words?: Readonly<Record<number, number>>;
  readonly symbols?: Readonly<Record<string, number>>;
  readonly pointers?: readonly number[];
  /** Where the bug table lies, if not in front of a gap of the file. */
  readonly bugs?: number;
}

/** Rows name words of `leaf`. */
function image({ functions = FUNCTIONS, words, symbols, pointers = [], bugs: bugsAt = BUGS }: Options = {}): ElfFile {
  const old = placesOf(functions).get('old')!;
  const rows = {
    [EXCEPTIONS]: old,
    [EXCEPTIONS + 4]: old + 12,
    [EXCEPTIONS + 8]: old + 8,
    [EXCEPTIONS + 12]: old + 12,
  };
  const bugs = { [bugsAt]: old, [bugsAt + 12]: old + 8 };
  const distances = Object.entries({ ...rows, ...bugs }).map(([at, to]) => [at, to - Number(at)]);
  const ends = {
    __start___ex_table: EXCEPTIONS,
    __stop___ex_table: EXCEPTIONS + 16,
    __start___bug_table: bugsAt,
    __stop___bug_table: bugsAt + 24,
    ...symbols,
  };
  return readElf(
    linkedImage({ functions, words: { ...Object.fromEntries(distances), ...words }, symbols: ends, pointers }),
  );
}

/** `fix` loads from where r3 points, and returns another value where that fails; a trap and a barrier lie behind it. */
function object({ barrier = ISYNC, jumps = false, name = 'fix', data = true } = {}) {
  const b = new ObjectBuilder();
  const text = b.code('.text', [0x88630000, BLR, 0x3860fff2, BLR, 0x0fe00000, barrier, BLR, NOP], { align: 16 });
  const table = (name: string, bytes: number, align = 4) =>
    b.section(name, {
      flags: SHF.ALLOC | (name === '__bug_table' ? SHF.WRITE : 0),
      bytes: new Uint8Array(bytes),
      align,
    });
  const [exceptions, bugs, barriers] = [table('__ex_table', 8), table('__bug_table', 12), table('__lwsync_fixup', 8)];
  if (jumps) table('__jump_table', 16);
  if (data) b.section('.data', { flags: SHF.ALLOC | SHF.WRITE, bytes: new Uint8Array(8).fill(1), align: 8 });
  b.function(name, text, 0, 16);
  const start = b.symbol('.Lstart', { section: text, value: 0 });
  b.relocate(exceptions, 0, REL32, start, 0);
  b.relocate(exceptions, 4, REL32, start, 8);
  b.relocate(bugs, 0, REL32, start, 16);
  b.relocate(bugs, 4, REL32, start, 0);
  b.relocate(barriers, 0, REL64, start, 20);
  return { name: `${name}.o`, elf: readElf(b.build()), sha256: '0'.repeat(64) };
}

function patched(input = image(), merged = object(), [from, to] = ['leaf', 'fix']) {
  const additions = linkObjects(input, [merged]);
  const plan = makeImagePlan(input, { nops: [], redirects: [redirect(from!, to!)], additions });
  const check = (of: ImagePlan) => {
    const output = applyImagePlan(input, of, { toolVersion: 'test' }).bytes;
    return [...new Set(verifyImage(input, output, of, [merged.elf]).findings.map(f => f.code))];
  };
  return { input, plan, check, bytes: applyImagePlan(input, plan, { toolVersion: 'test' }).bytes };
}

/** The address that two words at a place, bytes from BASE, make. */
function addressAt(bytes: Uint8Array, high: number, low: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + FILE_START);
  const half = (at: number) => (view.getUint32(at, true) << 16) >> 16;
  return TOC + half(high) * 0x10000 + half(low);
}

describe('rows for tables of a kernel image', () => {
  const { input, plan, check, bytes } = patched();

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
    const other = patched(image({ bugs, functions, symbols: { _edata: AT.edata + 0x100 } }));
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
    expect(codeOf(() => patched(tight))).toBe('PAT190');
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
    const one = patched(input0, object({ data: false }));
    const two = patched(readElf(one.bytes), object({ name: 'more', data: false }), ['leaf2', 'more']);
    const three = patched(readElf(two.bytes), object({ name: 'most' }), ['leaf3', 'most']);
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
    const first = patched(image({ functions }), object(), ['leaf2', 'fix']);
    expect(first.check(first.plan)).toEqual([]);
    expect(codeOf(() => patched(readElf(first.bytes), object({ name: 'more' })))).toBe('PAT190');
  });

  it('of an earlier patch are not forgotten by the judge', () => {
    const first = patched(image({ functions: [...FUNCTIONS, ...MORE] }), object({ data: false }), ['leaf2', 'fix']);
    const input = readElf(first.bytes);
    const second = patched(input, object({ name: 'more' }), ['leaf', 'more']);
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
    expect(codeOf(() => patched(image(options), object(parts)))).toBe(code);
  });

  it('are refused where half of an end has another use', () => {
    const words = [...made(4, EXCEPTIONS + 16, 9), 0x7d2a4b78, ...made(9, EXCEPTIONS), BLR];
    const input = image({ functions: [LEAF, OLD, { name: 'search_exception_tables', words }, SEARCHERS[1]!] });
    expect(codeOf(() => patched(input))).toBe('PAT192');
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
