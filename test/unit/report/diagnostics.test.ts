/** `explain` and docs/diagnostics.md cannot drift apart: the document is what is read. These tests hold it readable. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { IO_DIAGNOSTICS } from '../../../src/io/diagnostics.ts';
import { diagnosticList, diagnosticText, nearCodes, parseDiagnostics } from '../../../src/report/diagnostics.ts';
import { root } from '../../support/samples.ts';

const text = readFileSync(`${root}docs/diagnostics.md`, 'utf8');
const all = parseDiagnostics(text);

describe('docs/diagnostics.md', () => {
  it('is read row by row, each with a cause and a remedy', () => {
    const rows = text.split('\n').filter(line => /^\| [A-Z]{2,4}\d{3} \|/.test(line));
    expect(all.size).toBe(rows.length);
    expect(all.size).toBeGreaterThan(150);
    for (const d of all.values()) {
      expect([d.code, d.cause === '', d.remedy === '', d.family === '']).toEqual([d.code, false, false, false]);
      expect(rows.some(row => row.includes(d.remedy.replaceAll('|', '\\|')))).toBe(true);
    }
  });

  it('says of files what the messages about them say', () => {
    for (const [code, { remedy }] of Object.entries(IO_DIAGNOSTICS)) expect(all.get(code)?.remedy).toBe(remedy);
  });
});

describe('a row', () => {
  const made = parseDiagnostics(
    '# A\n\nExit code 2.\nAlways.\n\n| code | cause | remedy |\n|---|---|---|\n| AB001 | x \\| y | z |\n## B\n| CD002 | c | d |\n| not | a row |\n',
  );

  it('comes with what its section says', () => {
    expect([...made.values()]).toEqual([
      { code: 'AB001', family: 'A', about: 'Exit code 2. Always.', cause: 'x | y', remedy: 'z' },
      { code: 'CD002', family: 'B', about: '', cause: 'c', remedy: 'd' },
    ]);
    expect(diagnosticText(made.get('AB001')!)).toBe(
      'AB001  (A)\n\ncause:   x | y\nremedy:  z\n\nExit code 2. Always.\n',
    );
    expect(diagnosticList(made)).toBe('A\n  AB001  x | y\n\nB\n  CD002  c\n');
  });
});

describe('near codes', () => {
  const codes = ['REL301', 'REL302', 'SYM301', 'ELF001'];
  it.each([
    ['REL300', ['REL301', 'REL302']],
    ['rel', ['REL301', 'REL302']],
    ['SYM31', ['SYM301']],
    ['', []],
    ['NOTHING', []],
  ])('%s', (typed, near) => {
    expect(nearCodes(typed, codes)).toEqual(near);
  });
});
