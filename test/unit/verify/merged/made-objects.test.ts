/** Objects that tocsin itself makes and merges: what the judge says where they are not as they should be. */
import { expect, it } from 'vitest';
import { readElf } from '../../../../src/elf/read.ts';
import { moduleExports } from '../../../../src/kernel/module-exports.ts';
import { readPatchNote } from '../../../../src/kernel/patch-note.ts';
import { judgeNote } from '../../../../src/verify/noted.ts';
import { mutantsOf } from '../support/mutants.ts';
import { Spoiler } from '../support/patched.ts';
import { refusals, subjectOf, withObject } from '../support/subjects.ts';

const exported = subjectOf('exports', '6.12');

it('lets what was made through', () => {
  expect(refusals(exported, {})).toEqual([]);
});

it('finds each row of an export table that the kernel would read otherwise', () => {
  const n = exported.merge!.objects.findIndex(o => o.exportsOf !== undefined);
  const { bytes } = exported.merge!.objects[n]!.elf;
  const lies = [...mutantsOf(bytes, name => name.startsWith('.rela__ksymtab'))]
    .filter(m => /^relocation (offset|type|addend|dropped|twice)/.test(m.field))
    .filter((_, i) => i % 3 === 0);
  expect(lies.length).toBeGreaterThan(40);
  for (const { bytes: lie, field, what } of lies) {
    const told = outcomeOf(n, lie());
    if (told === undefined) continue;
    // A null pointer in place of the empty string: no namespace either.
    expect(`${field} ${what}`).toMatch(/^relocation dropped/);
    expect(told).toEqual(moduleExports(exported.output));
  }
});

it('answers where the symbol of a copy says 2^59 bytes', () => {
  const good = subjectOf('epilogue', '6.12');
  const spoiler = new Spoiler(good.output);
  spoiler.setSymbolByte('__tocsin_epilogue_demo_in_range', 23, 8);
  expect(refusals(good, { output: spoiler.bytes })).toContain('VER266');
  const elf = readElf(spoiler.bytes);
  expect(judgeNote(elf, readPatchNote(elf)!).map(fault => fault.message)).toContainEqual(
    expect.stringContaining('[VER266]'),
  );
});

/** What the module would export; `undefined` where nobody believes it. */
function outcomeOf(n: number, lie: Uint8Array) {
  try {
    const made = withObject(exported, n, lie);
    return refusals(exported, made).length === 0 ? moduleExports(made.output!) : undefined;
  } catch {
    return undefined;
  }
}
