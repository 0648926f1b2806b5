/** The quick look may only say "nothing there" where the audits find nothing. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../../src/elf/read.ts';
import { aligned } from '../../../../src/util/bytes.ts';
import { InputError } from '../../../../src/util/errors.ts';
import { auditBranches } from '../../../../src/verify/check/audits/branches.ts';
import { auditEntryBits } from '../../../../src/verify/check/audits/entry-bits.ts';
import { auditLivepatch } from '../../../../src/verify/check/audits/livepatch.ts';
import { auditPatched } from '../../../../src/verify/check/audits/patched.ts';
import { auditVermagic } from '../../../../src/verify/check/audits/vermagic.ts';
import { Findings } from '../../../../src/verify/check/finding.ts';
import { screenAccepted } from '../../../../src/verify/check/screen.ts';
import { subjectOf } from '../../../../src/verify/check/subject.ts';
import { knowledge } from '../../../support/kernel-knowledge.ts';
import { ObjectBuilder, R, SHN, SHT, STB } from '../../../support/object-builder.ts';
import { root } from '../../../support/samples.ts';
import { BLR, b, bl } from '../../../support/words.ts';
import { modinfo } from './support.ts';

const kernel = knowledge();
const AUDITS = [auditBranches, auditEntryBits, auditLivepatch, auditPatched, auditVermagic];

/** What the audits find; `undefined` where the file cannot be read. */
function found(bytes: Uint8Array): { readonly findings: number; readonly functions: number } | undefined {
  try {
    const subject = subjectOf(readElf(bytes), kernel);
    const findings = new Findings();
    for (const audit of AUDITS) audit(subject, findings);
    return { findings: findings.all().length, functions: subject.functions };
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

const screen = (bytes: Uint8Array) => screenAccepted(bytes, kernel.release);

it('passes the samples, and counts their functions', () => {
  for (const name of ['tocsin_demo.ko', 'tocsin_fix.ko']) {
    const bytes = aligned(readFileSync(`${root}samples/6.1/${name}`));
    expect([name, screen(bytes)]).toEqual([name, found(bytes)!.functions]);
    expect(screenAccepted(bytes, '6.1.0-51-powerpc64le')).toBe(-1);
    expect(screenAccepted(bytes, '6.1.0-5')).toBe(-1);
  }
});

describe('leaves to the audits', () => {
  const build = (change: (builder: ObjectBuilder, text: number) => void, word = bl(0)) => {
    const builder = new ObjectBuilder();
    builder.section('.modinfo', { bytes: modinfo({ name: 'demo', vermagic: kernel.vermagic }) });
    const text = builder.code('.text', [word, BLR]);
    builder.function('f', text, 0, 8);
    change(builder, text);
    return builder.build();
  };

  it('nothing of a plain module', () => {
    const plain = build((builder, text) => builder.relocate(text, 0, R.REL24, builder.undefined('away')));
    expect(screen(plain)).toBe(1);
    expect(screen(build(() => {}))).toBe(1);
  });

  it.each<[string, (builder: ObjectBuilder, text: number) => void, number?]>([
    ['a sibling branch', (builder, text) => builder.relocate(text, 0, R.REL24, builder.undefined('away')), b(0)],
    ['entry bits 1', (builder, text) => builder.function('g', text, 0, 4, { k: 1 })],
    ['entry bits 7', (builder, text) => builder.function('g', text, 0, 4, { k: 7 })],
    ['a livepatch symbol', builder => builder.symbol('x', { section: SHN.LIVEPATCH, special: true, bind: STB.GLOBAL })],
    ['a livepatch section', builder => builder.section('.klp.rela.x.y', { type: SHT.RELA, entsize: 24 })],
    ["tocsin's note", builder => builder.section('.note.tocsin', { type: SHT.NOTE })],
    ['a relocation of nothing', (builder, text) => builder.relocate(text, 80, R.REL24, builder.undefined('away'))],
  ])('%s', (_title, change, word) => {
    expect(screen(build(change, word))).toBe(-1);
  });
});

it('never passes a damaged sample in which the audits find something', () => {
  const file = aligned(readFileSync(`${root}samples/6.1/tocsin_demo.ko`));
  let passed = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 40 }), changes => {
      const bytes = new Uint8Array(file);
      for (const [at, value] of changes) bytes[at] = value;
      const functions = screen(bytes);
      if (functions < 0) return;
      passed++;
      const slow = found(bytes);
      if (slow !== undefined) expect([slow.findings, slow.functions]).toEqual([0, functions]);
    }),
    { numRuns: 2000 },
  );
  expect(passed).toBeGreaterThan(100);
});
