import { type ElfFile, readElf } from '../../../../src/elf/read.ts';
import { linkObjects } from '../../../../src/merge/image.ts';
import type { ImagePlan } from '../../../../src/plan/image.ts';
import { applyImagePlan } from '../../../../src/rewrite/image/apply.ts';
import { makeImagePlan } from '../../../../src/rewrite/image/plan.ts';
import { verifyImage } from '../../../../src/verify/image/verify-image.ts';
import { AT, branch, type ImageFunction, linkedImage, placesOf } from '../../../support/linked-image.ts';
import { ObjectBuilder, SHF } from '../../../support/object-builder.ts';
import { BLR, given, MFLR, NOP, redirect } from './support.ts';

const [REL32, REL64] = [26, 44];
export const ISYNC = 0x4c00012c;
export const TOC = AT.got + 0x8000;
/** Where the tables of the image lie, bytes from BASE: two rows each. */
export const EXCEPTIONS = AT.rodata + 0x40;
export const BUGS = AT.data + 0x40 - 24;

/** addis rTo,r2,HA; addi rTo,rTo,LO */
export function made(to: number, at: number, through = to): number[] {
  const distance = at - TOC;
  const high = ((distance + 0x8000) >> 16) & 0xffff;
  return [
    (0x3c020000 | (through << 21) | high) >>> 0,
    (0x38000000 | (to << 21) | (through << 16) | (distance & 0xffff)) >>> 0,
  ];
}

export const LEAF: ImageFunction = { name: 'leaf', words: [MFLR, 0x4bffffed, 0x38630001, BLR], site: 1 };
export const searcher = (name: string, start: number, stop: number): ImageFunction => ({
  name,
  words: [...made(4, stop, 9), ...made(9, start), 0x7c892050, BLR],
  k: 3,
});
export const SEARCHERS = [
  searcher('search_kernel_exception_table', EXCEPTIONS, EXCEPTIONS + 16),
  searcher('find_bug', BUGS, BUGS + 24),
];
export const OLD: ImageFunction = { name: 'old', words: [NOP, NOP, NOP, BLR] };
export const FUNCTIONS = [LEAF, OLD, ...SEARCHERS];

/** Behind these, with call sites. */
export const MORE = ['leaf2', 'leaf3'].map(
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
export function image({
  functions = FUNCTIONS,
  words,
  symbols,
  pointers = [],
  bugs: bugsAt = BUGS,
}: Options = {}): ElfFile {
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
export function object({ barrier = ISYNC, jumps = false, name = 'fix', data = true } = {}) {
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
  return given(`${name}.o`, b.build());
}

export function patchedTables(input = image(), merged = object(), [from, to] = ['leaf', 'fix']) {
  const additions = linkObjects(input, [merged]);
  const plan = makeImagePlan(input, { nops: [], redirects: [redirect(from!, to!)], additions });
  const check = (of: ImagePlan) => {
    const output = applyImagePlan(input, of, { toolVersion: 'test' }).bytes;
    return [...new Set(verifyImage(input, output, of, [merged.elf]).findings.map(f => f.code))];
  };
  return {
    input,
    plan,
    check,
    objects: [merged.elf],
    bytes: applyImagePlan(input, plan, { toolVersion: 'test' }).bytes,
  };
}
