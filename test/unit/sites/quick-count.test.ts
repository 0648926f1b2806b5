import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { countQuickly } from '../../../src/sites/quick-count.ts';
import { summarize } from '../../../src/sites/scan.ts';
import { aligned } from '../../../src/util/bytes.ts';
import { samples } from '../../support/samples.ts';

const modules = samples.filter(path => path.endsWith('.ko'));
const read = (path: string) => aligned(new Uint8Array(readFileSync(path)));

describe('the quick count', () => {
  it.each(modules)('answers for %s, as the summary does', path => {
    expect(countQuickly(read(path))).toEqual(summarize(readElf(read(path))));
  });

  it('leaves what it does not know to the summary', () => {
    for (const path of samples.filter(p => p.endsWith('.o'))) expect(countQuickly(read(path)), path).toBeUndefined();
    expect(countQuickly(new Uint8Array(0))).toBeUndefined();
    expect(countQuickly(new Uint8Array(64))).toBeUndefined();
  });

  it('is not misled by the file before', () => {
    const alone = modules.map(path => countQuickly(read(path)));
    expect([...modules].reverse().map(path => countQuickly(read(path)))).toEqual([...alone].reverse());
  });

  it('leaves every truncated module to the summary', () => {
    const whole = read(modules[0]!);
    for (let size = 0; size < whole.length; size += 97) expect(countQuickly(whole.slice(0, size))).toBeUndefined();
  });
});
