import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { functionAt, functionsOf } from '../../../src/kernel/functions.ts';
import { ADDIS_ADDI, BLR, LI_R3_1, LOAD_ADD } from '../../support/words.ts';
import { code, scan } from './support.ts';

describe('entry points', () => {
  it('every distance that st_other can say', () => {
    const c = code(new Array(40).fill(BLR));
    for (const k of [0, 1, 2, 3, 4, 5, 6]) c.builder.function(`k${k}`, c.text, 4 * k, 8, { k, bind: k % 3 });
    const entries = new Map(scan(c.builder).entryPoints.map(e => [e.function, e]));
    expect([...entries.values()].map(e => e.local - e.global)).toEqual([0, 0, 4, 8, 16, 32, 64]);
    expect(entries.get('k1')!.toc).toBe('pcrel');
    expect(entries.get('k0')).toMatchObject({ toc: 'none', binding: 'local' });
    expect(entries.get('k2')).toMatchObject({ toc: 'none', binding: 'weak' });
  });

  it('how the global entry finds the TOC', () => {
    const lis = [0x3c400000, 0x38420000];
    const c = code([...LOAD_ADD, ...ADDIS_ADDI, ...lis, LOAD_ADD[0], LI_R3_1, BLR]);
    for (const [i, name] of ['large', 'medium', 'absolute', 'odd'].entries())
      c.builder.function(name, c.text, i * 8, 8, { k: 3 });
    c.builder.function('misaligned', c.text, 2, 8, { k: 3 });
    expect(scan(c.builder).entryPoints.map(e => [e.function, e.toc])).toEqual([
      ['large', 'load-add'],
      ['misaligned', 'none'],
      ['medium', 'addis-addi'],
      ['absolute', 'addis-addi'],
      ['odd', 'none'],
    ]);
  });

  it('functions are FUNC and IFUNC symbols in code; nothing else', () => {
    const c = code([BLR, BLR, BLR]);
    c.builder.function('f', c.text, 0, 4);
    c.builder.function('ifunc', c.text, 4, 4, { type: 10 });
    c.builder.symbol('label', { section: c.text, value: 8, bind: 1 });
    const data = c.builder.section('.data', { flags: 2, bytes: new Uint8Array(8) });
    c.builder.function('in_data', data, 0, 4);
    c.builder.function('elsewhere', 0, 0, 0);
    expect(scan(c.builder).entryPoints.map(e => e.function)).toEqual(['f', 'ifunc']);
  });

  it('several names at one place are all listed; a global one names sites', () => {
    const c = code([BLR, BLR]);
    c.builder.function('static_name', c.text, 0, 8, { bind: 0 });
    c.builder.function('exported', c.text, 0, 8);
    const functions = functionsOf(readElf(c.builder.build()));
    expect(functions.map(f => f.name)).toEqual(['static_name', 'exported']);
    expect(functionAt(functions, 4)?.name).toBe('exported');
    expect(functionAt(functions, 8)).toBeUndefined();
  });

  it('a function may begin at the end of its section, where no word is', () => {
    const c = code([BLR]);
    c.builder.function('end', c.text, 4, 0, { k: 3 });
    expect(scan(c.builder).entryPoints).toMatchObject([{ function: 'end', global: 4, local: 12 }]);
  });
});
