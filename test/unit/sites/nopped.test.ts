/** What is told of call sites that a patch took out. */
import { describe, expect, it } from 'vitest';
import { ElfEditor } from '../../../src/elf/editor.ts';
import { layOut } from '../../../src/elf/layout.ts';
import { readElf } from '../../../src/elf/read.ts';
import { scanTable } from '../../../src/report/scan/table.ts';
import { applyImagePlan } from '../../../src/rewrite/image/apply.ts';
import { makeImagePlan } from '../../../src/rewrite/image/plan.ts';
import { revert } from '../../../src/rewrite/revert.ts';
import {
  AT,
  BASE,
  branch,
  FILE_START,
  type ImageFunction,
  type ImageOptions,
  linkedImage,
} from '../../support/linked-image.ts';
import { BLR, MFLR_R0, NOP } from '../../support/words.ts';
import { quick, scan } from './support.ts';

/** 16 bytes each, the first one at 16. */
const calling = (name: string, at: number): ImageFunction => ({
  name,
  words: [MFLR_R0, branch(at + 4, 0, true), BLR],
  site: 1,
});
const CALLS = [calling('one', 16), calling('two', 32), calling('three', 48)];
const nops = (count: number) =>
  ['one', 'two', 'three'].map((name): ImageFunction => ({ name, words: [...Array(count).fill(NOP), BLR], site: 0 }));

function patch(bytes: Uint8Array, ...patterns: string[]): Uint8Array {
  const input = readElf(bytes);
  return applyImagePlan(input, makeImagePlan(input, { nops: patterns, redirects: [] }), { toolVersion: 'test' }).bytes;
}

describe.each<[string, ImageOptions, number]>([
  ['calls of _mcount', { functions: CALLS }, 4],
  ['calls of _mcount that no relocation records', { functions: CALLS, isFixed: true }, 4],
  ['one nop', { functions: nops(1) }, 0],
  ['two nops', { functions: nops(2) }, 0],
])('in an image with %s', (_, options, at) => {
  const input = linkedImage(options);

  it('are neither sites nor strays', () => {
    const output = patch(input, 't*');
    const { callSites, strays, counts, droppedRecords, nopped } = scan(output);
    expect(callSites.map(s => [s.function, s.recorded])).toEqual([['one', true]]);
    expect([strays, counts.recordedSites, droppedRecords]).toEqual([[], 1, 2]);
    const place = (offset: number) => ({
      section: '.text',
      offset,
      address: `0x${(BASE + BigInt(offset)).toString(16)}`,
    });
    expect(nopped).toEqual([
      { function: 'two', ...place(32 + at) },
      { function: 'three', ...place(48 + at) },
    ]);
    expect(scan(revert(output).original)).toEqual(scan(input));
  });

  it('may be all', () => {
    const { counts, droppedRecords, strays, nopped } = scan(patch(input, '*'));
    expect([counts.callSites, droppedRecords, strays.length, nopped.length]).toEqual([0, 3, 0, 3]);
  });

  it('may be of several patches: the note tells of the last one', () => {
    const twice = patch(patch(input, 'one'), 'two');
    const { droppedRecords, nopped, callSites } = scan(twice);
    expect([droppedRecords, nopped.map(n => n.function)]).toEqual([2, ['two']]);
    expect(callSites.map(s => s.function)).toEqual(['three']);
  });

  it('are not believed to be out where a word says otherwise', () => {
    const output = patch(input, 'two');
    const editor = new ElfEditor(readElf(output));
    editor.setWord(1, 32 + at, BLR);
    expect(scan(layOut(editor).bytes).nopped).toEqual([]);
  });

  it('are told in the table', () => {
    const text = scanTable('vmlinux', scan(patch(input, 'two')));
    expect(text).toMatch(/^two +\.text .* nopped/m);
    expect(text).toContain('1 call sites were taken out by tocsin');
    expect(text).toContain("1 records of the tracer's table are out");
    expect(text).not.toContain('record without a site');
    expect(text).not.toMatch(/entries begin with nops/);
  });
});

it.each<[string, Readonly<Record<number, number>>, [sites: number, dropped: number, strays: number]]>([
  ['none', {}, [3, 0, 0]],
  ['one', { 0: 0 }, [2, 1, 0]],
  ['one behind the exit code', { 0: AT.exitText + 0x10 }, [2, 0, 1]],
  ['one in a gap', { 0: AT.etext + 0x2000 }, [2, 0, 1]],
  ['one in the exit code, and one at its end', { 0: AT.exitText, 8: AT.exitText + 12 }, [1, 2, 0]],
])('with records that name exit code: %s', (_, names, counts) => {
  const words: Record<number, number> = {};
  for (const [offset, at] of Object.entries(names)) {
    words[AT.mcount + Number(offset)] = at;
    words[AT.mcount + Number(offset) + 4] = at === 0 ? 0 : 0xc0000000;
  }
  const found = scan(withWords(linkedImage({ functions: nops(2), isFixed: true }), words));
  expect([found.counts.recordedSites, found.droppedRecords, found.strayRecords]).toEqual(counts);
});

it('of an image that does not tell where its exit code begins are none', () => {
  const found = scan(linkedImage({ functions: nops(2), without: ['__exittext_begin'] }));
  expect([found.counts.recordedSites, found.droppedRecords]).toEqual([3, 0]);
});

it('are counted quickly where the file is laid out as usual', () => {
  const before = quick.answers;
  const bytes = withWords(linkedImage({ functions: nops(2), isFixed: true }), { [AT.mcount]: AT.exitText + 4 });
  expect(scan(bytes).droppedRecords).toBe(1);
  expect(quick.answers - before).toBe(1);
});

/** The image with words of its memory changed in the file. */
function withWords(bytes: Uint8Array, words: Readonly<Record<number, number>>): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (const [at, word] of Object.entries(words)) view.setUint32(FILE_START + Number(at), word >>> 0, true);
  return bytes;
}
