/**
 * Addresses that the loader puts beside the instructions of its stubs, chosen so that each reads as a branch to the jump of a switch:
 * in a call stub and in the tracer's own, by the twin and the prover, and by the screen in WebAssembly.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openIndex } from '../../../../src/kernel/knowledge/store.ts';
import { loadModule } from '../../../../src/loader/load.ts';
import type { LoadedImage } from '../../../../src/loader/model.ts';
import { CODE, STUB } from '../../../../src/prove/subject.ts';
import { checkModule } from '../../../../src/verify/check/check.ts';
import { PlainModules } from '../../../../src/verify/check/plain-modules.ts';
import { moduleSubject } from '../../../../src/verify/proof/module-image.ts';
import { proveModule } from '../../../../src/verify/proof/proof.ts';
import { writeKernelIndex } from '../../../support/kernel-index.ts';
import { type Generation, type KnowledgeSpec, knowledge } from '../../../support/kernel-knowledge.ts';
import { GENERATIONS } from '../../../support/loader.ts';
import { R } from '../../../support/object-builder.ts';
import { smallModule } from '../../../support/small-module.ts';

const folder = mkdtempSync(join(tmpdir(), 'tocsin-stub-data-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Where `checkModule` and the screen put modules. */
const BASE = 0xc008_0000_0100_0000n;
const FAR = 0xc008_0000_0000_0000n;
const NOP = 0x60000000;
const BLR = 0x4e800020;
const MFLR_R0 = 0x7c0802a6;
const BCTR = 0x4e800420;

/**
 * Words from 0 on: `f`, which has a place for the tracer and a switch in it; from `G` on: `g`, which calls `far_away` by way of a
 * stub. `toc` is the distance of the TOC from the first word.
 */
function words(generation: Generation, toc: number): number[] {
  const halves = (from: number) => [
    0x3c4c0000 | (((toc - from + 0x8000) >> 16) & 0xffff),
    0x38420000 | ((toc - from) & 0xffff),
  ];
  const site = { '6.1': [MFLR_R0, 0x48000001], '6.12': [NOP, NOP], '7.2': [NOP] }[generation];
  const f = [
    ...halves(0),
    ...site,
    ...[0x28040001, 0x41810020], // cmplwi r4,1; bgt behind the jump
    0x3d220000 | (((4 * TABLE - toc + 0x8000) >> 16) & 0xffff), // addis r9,r2,table@ha
    0x39290000 | ((4 * TABLE - toc) & 0xffff), // addi r9,r9,table@l
    ...[0x78841788, 0x7d4922aa, 0x7d4a4a14, 0x7d4903a6, BCTR], // rldic r4,r4,2,30; lwax r10,r9,r4; add r10,r10,r9; mtctr r10
    ...[BLR, BLR],
  ];
  while (f.length < TABLE) f.push(NOP);
  const labels = f.lastIndexOf(BCTR) + 1;
  f.push(4 * (labels - TABLE), 4 * (labels + 1 - TABLE));
  const g = [MFLR_R0, 0xf8010010, 0xf821ffc1, 0x48000001, NOP, 0x38210040, 0xe8010010, 0x7c0803a6, BLR];
  return [...f, ...halves(4 * G), ...g];
}
/** Words: the table, and `g`. */
const TABLE = 20;
const G = TABLE + 2;

function module(generation: Generation, toc: number): Uint8Array {
  const code = words(generation, toc);
  return smallModule(generation, code, ({ builder, text, code: start }) => {
    builder.function('f', text, 0, 4 * TABLE, { k: 3 });
    builder.function('g', text, 4 * G, 4 * (code.length - G), { k: 3 });
    if (generation === '6.1') builder.relocate(text, 12, R.REL24, builder.undefined('_mcount'));
    builder.relocate(text, 4 * (G + 5), R.REL24, builder.undefined('far_away'));
    const records = generation === '6.1' ? '__mcount_loc' : '__patchable_function_entries';
    builder.records(records, start, [generation === '6.1' ? 12 : 8]);
  });
}

function spec(generation: Generation, farAway: bigint, operations: bigint): KnowledgeSpec {
  return {
    generation,
    options: { modversions: false, moduleSig: false },
    exports: [{ name: 'far_away', address: farAway }],
    symbols: { ftrace_nop_ops: [operations] },
  };
}

function imageOf(bytes: Uint8Array, of: KnowledgeSpec): LoadedImage {
  const { image, log } = loadModule({
    bytes,
    kernel: knowledge(of),
    modules: new Map(),
    placement: { kind: 'base', base: BASE },
    verifySignature: false,
  });
  if (image === undefined) throw new Error(log.map(line => line.text).join('\n'));
  return image;
}

/** The module with addresses that are branches to the jump of the switch, where `stub` and `pointer` say so. */
function crafted(generation: Generation, stub: boolean, pointer: boolean) {
  const first = imageOf(module(generation, 0), spec(generation, FAR, FAR));
  const text = first.sections.find(s => s.name === '.text')!.address;
  const bytes = module(generation, Number(first.toc - text));
  const jump = text + BigInt(4 * words(generation, 0).indexOf(BCTR));
  const branch = (from: bigint) => (FAR & ~0xffff_ffffn) | (0x4800_0000n | ((jump - from) & 0x3ff_fffcn));
  const slot = first.stubs.find(s => s.name === 'far_away')!.address;
  const own = first.stubs.find(s => s.kind === 'out-of-line');
  const of = spec(generation, stub ? branch(slot + 32n) : FAR, pointer && own ? branch(own.address - 8n) : FAR);
  return { bytes, of, image: imageOf(bytes, of) };
}

/** What the screen in WebAssembly says, and the marks that it gives its prover. */
function screened(bytes: Uint8Array, of: KnowledgeSpec) {
  const path = join(folder, 'kernel');
  writeKernelIndex(path, of);
  const modules = PlainModules.create(openIndex(readFileSync(path)), { allowUnproved: true })!;
  modules.grow(bytes.length);
  modules.buffer.set(bytes);
  const number = modules.screen(bytes.length);
  const marks = modules.subject()?.subject.marks.slice();
  return { result: modules.settle()[number], marks };
}

describe.each(GENERATIONS)('a switch of %s', generation => {
  const kinds =
    generation === '7.2'
      ? ([
          [true, false],
          [false, true],
          [true, true],
        ] as const)
      : ([[true, false]] as const);

  it.each(kinds)('is proved though addresses read as branches to it (call stub %s, pointer %s)', (stub, pointer) => {
    const { bytes, of, image } = crafted(generation, stub, pointer);
    const proof = proveModule(image);
    expect([proof.verdict('f'), proof.verdict('g')]).toEqual(['proved', 'proved']);
    const result = checkModule({
      bytes,
      kernel: knowledge(of),
      exporterOf: () => undefined,
      proof: true,
      signatures: false,
    });
    expect(result.toc).toMatchObject({ functions: 2, proved: 2 });
    expect(screened(bytes, of).result).toEqual(result);
    // Nothing in the words themselves tells: as instructions they would count.
    expect(proveModule({ ...image, stubs: image.stubs.map(({ data, ...s }) => s) }).verdict('f')).toBe('unknown');
  });

  it('is not where a stub was changed so that control runs into its data', () => {
    const { image } = crafted(generation, true, false);
    const stubs = image.sections.find(s => s.name === '.stubs')!;
    const { address } = image.stubs.find(s => s.name === 'far_away')!;
    const bytes = stubs.bytes.slice();
    new DataView(bytes.buffer).setUint32(Number(address - stubs.address) + 20, NOP, true);
    const sections = image.sections.map(s => (s === stubs ? { ...s, bytes } : s));
    expect(proveModule({ ...image, sections }).verdict('f')).toBe('unknown');
  });

  it('has the same words of its stubs for data in both provers', () => {
    const { bytes, of, image } = crafted(generation, true, true);
    const { subject, origin } = moduleSubject(image);
    const start = Number(image.sections.find(s => s.name === '.stubs')!.address - origin) / 4;
    const isData = (marks: Uint8Array) => Array.from(marks, mark => (mark & (CODE | STUB)) === STUB);
    expect(isData(screened(bytes, of).marks!)).toEqual(isData(subject.marks));
    // Each call stub has six instructions and each of the tracer's five, of ten words; in front of its own stubs is a pointer.
    const wanted = image.stubs.flatMap(({ address, kind }) => {
      const at = Number(address - origin) / 4;
      if (kind === 'out-of-line') return [at - 2, at - 1];
      return Array.from({ length: kind === 'call' ? 4 : 5 }, (_, i) => at + (kind === 'call' ? 6 : 5) + i);
    });
    expect(isData(subject.marks).flatMap((is, at) => (is ? [at] : []))).toEqual(wanted.sort((a, b) => a - b));
    expect(wanted[0]).toBeGreaterThan(start);
    expect(new Set(image.stubs.map(s => s.kind)).size).toBe(generation === '7.2' ? 3 : 2);
  });
});
