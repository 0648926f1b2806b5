/** Without the image the tables are only screened: every answer has to be that of the whole image. */
import { describe, expect, it } from 'vitest';
import { GENERATIONS, load, Mutant } from '../../support/loader.ts';

/** Sections whose words the changes go to. */
const TABLES =
  /^(?:\.rela)?(?:__mcount_loc|__patchable_function_entries|__ex_table|__bug_table|__jump_table|__ftr_fixup|__lwsync_fixup|\.text|\.init\.text)$/;

/** Park and Miller's generator: the same numbers on every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed + 1;
  return below => {
    state = (state * 48271) % 0x7fff_ffff;
    return state % below;
  };
}

describe.each(GENERATIONS)('%s', generation => {
  it.each(['demo', 'fix'] as const)('gives one answer on changed tables of %s', name => {
    const original = new Mutant(generation, name);
    const tables = original.elf.sections.filter(s => TABLES.test(s.name) && s.size >= 4);
    expect(tables.length).toBeGreaterThan(2);
    const seen = new Set<string>();
    for (let seed = 0; seed < 150; seed++) {
      const random = numbers(seed);
      const mutant = new Mutant(generation, name);
      const table = tables[random(tables.length)]!;
      const at = table.offset + 4 * random(table.size >> 2);
      const before = mutant.view.getUint32(at, true);
      const changes = [before ^ (1 << random(32)), (before + 8) >>> 0, 0x60000000, 0, before - 4];
      mutant.view.setUint32(at, changes[random(changes.length)]! >>> 0, true);
      const whole = load(generation, mutant.bytes, {}, { checkOnly: false }).outcome;
      const checked = load(generation, mutant.bytes).outcome;
      const said = ({ loads, errno, log, remarks, dangerous }: typeof whole) => ({
        loads,
        errno,
        log,
        remarks,
        dangerous,
      });
      expect({ seed, ...said(checked) }).toEqual({ seed, ...said(whole) });
      for (const { code } of whole.remarks) seen.add(code);
    }
    // The changes reach what is screened.
    expect([...seen].some(code => code.startsWith('FTR'))).toBe(true);
  });
});
