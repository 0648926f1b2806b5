/** The files that are damaged: the samples, and what they have nothing of. */
import * as fs from 'node:fs';
import { readElf } from '../../src/elf/read.ts';
import { applyPlan } from '../../src/rewrite/apply.ts';
import { makePlan, type PatchRequest } from '../../src/rewrite/plan.ts';
import { ET, join, note, ObjectBuilder, R, SHF, SHT } from '../support/object-builder.ts';
import { ADDIS_ADDI, BLR, b, bl, LI_R3_1, MFLR_R0, NOP } from '../support/words.ts';
import { type Subject, subject } from './mutate.ts';

/** What is asked of `patch` for damaged files of one subject. */
export interface FuzzSubject extends Subject {
  readonly requests: readonly PatchRequest[];
}

type Redirect = PatchRequest['redirects'][number];

const redirect = (from: string, to: string, more: Partial<Redirect> = {}): PatchRequest => ({
  nops: [],
  redirects: [{ from, to, strategy: 'auto', at: 'after-site', toc: 'recomputed', ...more }],
  allowUnversioned: true,
});

const everything: PatchRequest = { nops: ['*'], redirects: [] };

const forDemo: readonly PatchRequest[] = [
  everything,
  redirect('demo_in_range', 'demo_in_range_fixed'),
  redirect('demo_in_range', 'fix_in_range', { strategy: 'frame' }),
  redirect('demo_alarm', 'fix_alarm', { strategy: 'frame', at: 'site', toc: 'saved' }),
  { ...redirect('demo_in_range', 'demo_in_range_fixed', { at: 'site' }), nops: ['demo_l*', 'canary_*'] },
];

const forFix: readonly PatchRequest[] = [
  everything,
  redirect('fix_in_range', 'fix_parity'),
  redirect('fix_parity', 'demo_parity'),
];

/** @param root the package's folder, with a slash at its end */
export function fuzzSubjects(root: string): FuzzSubject[] {
  const read = (path: string) => new Uint8Array(fs.readFileSync(`${root}samples/${path}`));
  const subjects: FuzzSubject[] = [];
  for (const generation of ['6.1', '6.12', '7.2']) {
    const demo = read(`${generation}/tocsin_demo.ko`);
    subjects.push({ ...subject(`${generation}/tocsin_demo.ko`, demo), requests: forDemo });
    subjects.push({ ...subject(`${generation}/tocsin_fix.ko`, read(`${generation}/tocsin_fix.ko`)), requests: forFix });
    subjects.push({ ...subject(`${generation}/patched`, patched(demo)), requests: forDemo });
  }
  for (const name of ['pg.o', 'mprofile-lr.o', 'pcrel.o'])
    subjects.push({ ...subject(`legacy/${name}`, read(`legacy/${name}`)), requests: [everything] });
  subjects.push({ ...subject('signed', signed(read('6.1/tocsin_fix.ko'))), requests: forFix });
  subjects.push({ ...subject('groups', groups()), requests: [everything, redirect('f', 'g')] });
  subjects.push({ ...subject('image', image()), requests: [everything] });
  return subjects;
}

function patched(bytes: Uint8Array): Uint8Array {
  const elf = readElf(bytes);
  const request = { ...redirect('demo_in_range', 'demo_in_range_fixed'), nops: ['demo_lookup*'] };
  return applyPlan(elf, makePlan(elf, request), { toolVersion: '0.0.0' }).bytes;
}

function signed(bytes: Uint8Array): Uint8Array {
  const plain = new ObjectBuilder().build();
  return join([bytes, new ObjectBuilder().sign(new Uint8Array(80).fill(5)).build().subarray(plain.length)]);
}

/** Groups, notes, several relocation sections of one target, records by several tables. */
function groups(): Uint8Array {
  const builder = new ObjectBuilder();
  const text = builder.code('.text', [
    ...ADDIS_ADDI,
    MFLR_R0,
    bl(0),
    bl(0),
    NOP,
    LI_R3_1,
    BLR,
    MFLR_R0,
    bl(0),
    b(0),
    BLR,
  ]);
  const section = builder.sectionSymbol(text);
  const mcount = builder.undefined('_mcount');
  const f = builder.function('f', text, 0, 32, { k: 3 });
  const g = builder.function('g', text, 32, 16);
  builder.relocate(text, 12, R.REL24, mcount);
  builder.relocate(text, 36, R.REL24, mcount, 0, 'b');
  builder.relocate(text, 16, R.REL24, builder.undefined('printk'), 0, 'b');
  builder.relocate(text, 40, R.REL24, f);
  builder.records('__mcount_loc', section, [12]);
  builder.records('__mcount_loc', section, [36]);
  const data = builder.section('.data', { flags: SHF.ALLOC | SHF.WRITE, align: 8, bytes: new Uint8Array(16) });
  builder.relocate(data, 8, R.ADDR64, g);
  builder.section('.bss', { type: SHT.NOBITS, flags: SHF.ALLOC | SHF.WRITE, size: 64, align: 16 });
  builder.section('.note', {
    type: SHT.NOTE,
    align: 4,
    bytes: join([note('A', 1, Uint8Array.of(1)), note('BC', 2, new Uint8Array(9))]),
  });
  builder.group(f, [text, data]);
  return builder.build();
}

function image(): Uint8Array {
  const start = 0xc000000000000000n;
  const table = start + 0x10000n;
  const builder = new ObjectBuilder({ type: ET.DYN, segments: 1 });
  const words = [
    MFLR_R0,
    bl(9),
    bl(4),
    b(3),
    BLR,
    NOP,
    MFLR_R0,
    bl(4),
    BLR,
    BLR,
    b(1),
    BLR,
    0x3d820000,
    0xe98c8008,
    0x7d8903a6,
    0x4e800420,
  ];
  const text = builder.code('.text', words, { address: start });
  const data = builder.section('.init.data', { flags: SHF.ALLOC, align: 8, bytes: new Uint8Array(24), address: table });
  for (const [i, value] of [4n, 28n].entries())
    builder.relocate(0, table + BigInt(i * 8), R.RELATIVE, undefined, BigInt.asIntN(64, start + value));
  builder.relocate(0, table + 16n, R.RELATIVE, undefined, BigInt.asIntN(64, start + 44n));
  builder.symbol('__start_mcount_loc', { section: data, value: table, bind: 1 });
  builder.symbol('__stop_mcount_loc', { section: data, value: table + 16n, bind: 1 });
  builder.symbol('.TOC.', { section: data, value: table + 0x8008n });
  builder.function('f', text, start, 24);
  builder.function('g', text, start + 24n, 12);
  builder.function('_mcount', text, start + 44n, 4);
  builder.symbol('00000001.long_branch._mcount', { section: text, value: start + 40n });
  builder.symbol('00000002.plt_branch._mcount', { section: text, value: start + 48n });
  return builder.build();
}
