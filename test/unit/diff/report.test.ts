/**
 * Text and JSON held against files in `goldens/`. `UPDATE_GOLDENS=1 npx vitest run test/unit/diff` writes them anew; read
 * the difference before you commit it.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { diffObjects } from '../../../src/diff/diff.ts';
import type { ElfFile } from '../../../src/elf/read.ts';
import { diffDocument } from '../../../src/report/diff/document.ts';
import { diffJson } from '../../../src/report/diff/json.ts';
import { diffText } from '../../../src/report/diff/text.ts';
import { edited, inFunction, NOP, nopped, redirected, sample, section, shifted, withText } from './variants.ts';

const old = sample();

const cases: Readonly<Record<string, () => ElfFile>> = {
  identical: () => sample(),
  shifted: () => shifted(old),
  word: () => edited(old, e => e.setWord(section(old, '.text').index, inFunction(old, 'demo_in_range', 0x14), NOP)),
  nopped: () => nopped(old),
  redirected: () => redirected(old),
  string: () => withText(old, '.rodata.str1.8', 'unloaded', 'UNLOADED'),
  modinfo: () => withText(old, '.modinfo', 'license=GPL', 'license=BSD'),
  'other-build': () => sample('6.12'),
};

/** Shapes that only few objects have: prefixed instructions, words that nobody knows. */
const strangeWords = () =>
  edited(old, e => {
    const at = inFunction(old, 'demo_parity', 0x10);
    [0x06100000, 0x39200001, 0x00000001, 0x7c0001c5].forEach(
      (word, i) => void e.setWord(section(old, '.text').index, at + i * 4, word),
    );
  });

function document(fresh: ElfFile) {
  const file = (name: string, elf: ElfFile) => ({ file: name, size: elf.bytes.length });
  return diffDocument(diffObjects(old, fresh), file('old.ko', old), file('new.ko', fresh));
}

function matchesGolden(name: string, text: string): void {
  const url = new URL(`goldens/${name}`, import.meta.url);
  if (process.env.UPDATE_GOLDENS === '1' || !existsSync(url)) writeFileSync(url, text);
  expect(text).toBe(readFileSync(url, 'utf8'));
}

const schema = JSON.parse(readFileSync(new URL('../../../schemas/tocsin.diff-1.schema.json', import.meta.url), 'utf8'));
const validate = new Ajv({ allErrors: true }).compile(schema);

describe('text', () => {
  it.each(Object.keys(cases))('%s', async name => {
    matchesGolden(`${name}.txt`, diffText(await document(cases[name]!())));
  });

  it('words that the table does not know', async () => {
    const d = await document(strangeWords());
    matchesGolden('strange-words.txt', diffText(d));
    expect(d.disassembly.raw).toBeGreaterThan(0);
  });

  it('colours whole lines, and says how much it leaves out', async () => {
    const d = await document(cases['other-build']!());
    const coloured = diffText(d, { style: (style, text) => `<${style}>${text}</>` });
    expect(coloured).toContain('<removed>--- old.ko</>');
    expect(coloured).toMatch(/<added>\+ \+0x8 +60000000 {2}nop<\/>/);
    const short = diffText(d);
    expect(short).toContain('(use --verbose)');
    expect(diffText(d, { verbose: true })).not.toContain('(use --verbose)');
  });
});

describe('JSON', () => {
  it.each([...Object.keys(cases), 'strange-words'])('%s', async name => {
    const json = [...diffJson(await document((cases[name] ?? strangeWords)()))].join('');
    const parsed = JSON.parse(json);
    validate(parsed);
    expect(validate.errors ?? []).toEqual([]);
    if (name !== 'other-build') matchesGolden(`${name}.json`, `${JSON.stringify(parsed, null, 1)}\n`);
  });

  it('the schema refuses what is not in it', async () => {
    const d = await document(cases.word!());
    expect(validate({ ...d, surprise: 1 })).toBe(false);
    expect(validate({ ...d, schema: 'tocsin.diff/2' })).toBe(false);
  });

  it('leaves the code of functions out that nobody will see', async () => {
    const diff = diffObjects(old, sample('6.12'));
    const file = { file: 'a', size: 0 };
    const d = await diffDocument(diff, file, file, { mostFunctions: 2 });
    expect(d.functions.filter(f => f.hunks !== undefined)).toHaveLength(2);
  });
});
