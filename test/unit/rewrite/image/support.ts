/** A small kernel image with a static function, and objects to merge into it. */
import { createHash } from 'node:crypto';
import { type ElfFile, readElf } from '../../../../src/elf/read.ts';
import { linkObjects } from '../../../../src/merge/image.ts';
import { applyImagePlan } from '../../../../src/rewrite/image/apply.ts';
import { type ImageRequest, makeImagePlan } from '../../../../src/rewrite/image/plan.ts';
import {
  AT,
  branch,
  type ImageFunction,
  type ImageOptions,
  linkedImage,
  placesOf,
} from '../../../support/linked-image.ts';
import { ObjectBuilder, R, SHF, STT } from '../../../support/object-builder.ts';

export const [NOP, BLR, MFLR] = [0x60000000, 0x4e800020, 0x7c0802a6];

/** addis r2,r12,HA; addi r2,r2,LO for a function at `at`. */
function globalEntry(at: number): number[] {
  const distance = AT.got + 0x8000 - at;
  return [(0x3c4c0000 | (((distance + 0x8000) >> 16) & 0xffff)) >>> 0, (0x38420000 | (distance & 0xffff)) >>> 0];
}

/** Six words that set r2 up, have a call site, and do something behind it. */
function twoEntries(name: string, at: number): ImageFunction {
  return { name, words: [...globalEntry(at), MFLR, branch(at + 12, 0, true), 0x38630001, BLR], k: 3, site: 3 };
}

/** With TOC and site, it calls `helper` at `helperAt`. */
function caller(at: number, helperAt: number): ImageFunction {
  return {
    name: 'caller',
    words: [
      ...globalEntry(at),
      MFLR,
      branch(at + 12, 0, true),
      0xf8010010,
      0xf821ffe1,
      branch(at + 24, helperAt, true),
      0x38210020,
      0xe8010010,
      0x7c0803a6,
      BLR,
    ],
    k: 3,
    site: 3,
  };
}

/** 16: leaf, no TOC; 32, 64: with TOC; 96: no site; 112: calls what lies at 96. */
export const FUNCTIONS: readonly ImageFunction[] = [
  { name: 'leaf', words: [MFLR, branch(20, 0, true), 0x38630001, BLR], site: 1 },
  twoEntries('first', 32),
  twoEntries('second', 64),
  { name: 'helper', words: [0x38600007, BLR] },
  caller(112, 96),
];

export function image(options: Partial<ImageOptions> = {}): ElfFile {
  return readElf(linkedImage({ functions: FUNCTIONS, ...options }));
}

export const PLACES = placesOf(FUNCTIONS);

/** What the object may have besides. */
export interface ObjectOptions {
  readonly section?: string;
  readonly needs?: string;
  readonly relocation?: number;
}

/**
 * `fix` (k = 3, with its own call of `_mcount`, a call of `helper`, a load by `.toc`), `count` (k = 0), `pointer` in the data, and room in
 * the bss.
 */
export function object(options: ObjectOptions = {}): { name: string; elf: ElfFile; sha256: string } {
  const b = new ObjectBuilder();
  const text = b.code(
    '.text',
    [
      // fix
      0x3c4c0000,
      0x38420000,
      MFLR,
      0x48000001,
      MFLR,
      0xf8010010,
      0xf821ffe1,
      0x48000001,
      NOP,
      0x3d220000,
      0xe9290000,
      0x38210020,
      0xe8010010,
      0x7c0803a6,
      BLR,
      NOP,
      // count
      0x38630005,
      BLR,
    ],
    { align: 16 },
  );
  const data = b.section('.data', { flags: SHF.ALLOC | SHF.WRITE, bytes: new Uint8Array(16).fill(7, 8), align: 8 });
  const toc = b.section('.toc', { flags: SHF.ALLOC | SHF.WRITE, bytes: new Uint8Array(8), align: 8 });
  b.section('.bss', { type: 8, flags: SHF.ALLOC | SHF.WRITE, size: 24, align: 8 });
  const more = options.section;
  if (more !== undefined) b.section(more, { flags: SHF.ALLOC, bytes: new Uint8Array(8), align: 4 });
  b.function('fix', text, 0, 60, { k: 3 });
  const count = b.function('count', text, 64, 8);
  const pointer = b.symbol('pointer', { section: data, value: 0, size: 8, type: STT.OBJECT, bind: 1 });
  const tocSymbol = b.undefined('.TOC.');
  const mcount = b.undefined('_mcount');
  const helper = b.undefined(options.needs ?? 'helper');
  const tocEntry = b.symbol('entry', { section: toc, value: 0 });
  b.relocate(text, 0, R.REL16_HA, tocSymbol, 0);
  b.relocate(text, 4, R.REL16_LO, tocSymbol, 4);
  b.relocate(text, 12, R.REL24, mcount, 0);
  b.relocate(text, 28, R.REL24, helper, 0);
  b.relocate(text, 36, R.TOC16_HA, tocEntry, 0);
  b.relocate(text, 40, options.relocation ?? 64, tocEntry, 0);
  b.relocate(data, 0, R.ADDR64, count, 0);
  b.relocate(toc, 0, R.ADDR64, pointer, 8);
  return given('fix.o', b.build());
}

/** An object as the command line reads it. */
export function given(name: string, bytes: Uint8Array): { name: string; elf: ElfFile; sha256: string } {
  return { name, elf: readElf(bytes), sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** The plan for a request with the object in it, and its result. */
export function patched(request: Partial<ImageRequest>, input = image(), merged = object()) {
  const additions = linkObjects(input, [merged]);
  const plan = makeImagePlan(input, { nops: [], redirects: [], additions, ...request });
  const { bytes } = applyImagePlan(input, plan, { toolVersion: 'test' });
  return { input, plan, bytes, output: readElf(bytes), objects: [merged.elf], additions };
}

export const redirect = (from: string, to: string) =>
  ({ from, to, strategy: 'auto', at: 'after-site', toc: 'recomputed' }) as const;
export const hook = (functions: string, name: string, when: 'before' | 'after' = 'before') =>
  ({ functions, hook: name, when, at: undefined, toc: 'recomputed' }) as const;
