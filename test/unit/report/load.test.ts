import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAP_FILE, sectionFiles } from '../../../src/report/load/files.ts';

const named = (...names: string[]) => sectionFiles(names.map((name, index) => ({ name, index })));

describe('files of sections', () => {
  it('are called like them', () => {
    expect(named('.text', '.data..percpu', '__ksymtab', '.rodata.str1.8')).toEqual([
      '.text',
      '.data..percpu',
      '__ksymtab',
      '.rodata.str1.8',
    ]);
  });

  it('differ and stay in their folder', () => {
    expect(named('.text', '.text', '..', '.', '', 'map.json', 'a/b', '../c', 'd%2fe', 'f~1', '\xe9\n')).toEqual([
      '.text',
      '.text~1',
      '..~2',
      '.~3',
      '~4',
      'map.json~5',
      'a%2fb',
      '..%2fc',
      'd%252fe',
      'f%7e1',
      '%e9%0a',
    ]);
    const long = 'x'.repeat(300);
    expect(named(long, long).map(n => n.length)).toEqual([202, 202]);
  });

  it('do so whatever the names are', () => {
    const name = fc.oneof(
      fc.string({ unit: fc.integer({ min: 1, max: 255 }).map(c => String.fromCharCode(c)), maxLength: 260 }),
      fc.constantFrom('.text', '..', '', '/', '~1', '%7e', 'map.json'),
    );
    fc.assert(
      fc.property(fc.array(name, { maxLength: 30 }), names => {
        const files = named(...names);
        expect(new Set(files).size).toBe(names.length);
        for (const file of files) {
          expect(file).toMatch(/^[A-Za-z0-9_.,+@=$%~-]{1,255}$/);
          expect(['.', '..', MAP_FILE]).not.toContain(file);
        }
      }),
    );
  });
});
