/** What is merged in for shadow redirects: every lie about the counters and their parameters is found. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { applyMerge } from '../../../src/merge/apply.ts';
import { planMerge } from '../../../src/merge/plan.ts';
import { InputError, RefusalError } from '../../../src/util/errors.ts';
import { root } from '../../support/samples.ts';
import { mutantsOf } from './support/mutants.ts';
import { codes, judge, patch, redirect, sample } from './support/patched.ts';

const module = readElf(sample('6.12/tocsin_demo.ko'));

function merged(name: string, bytes: Uint8Array): Uint8Array {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const objects = [{ name, elf: readElf(bytes), sha256 }];
  return applyMerge(module, objects, planMerge(module, objects)).bytes;
}

/** Codes of the judge; `undefined` where no such object is merged. */
function judged(name: string, bytes: Uint8Array, stack: object): readonly string[] | undefined {
  try {
    const whole = merged(name, bytes);
    const request = redirect('demo_in_range', 'elsewhere', { strategy: 'shadow', ...stack });
    return codes(judge(patch(whole, { redirects: [request] })));
  } catch (error) {
    if (error instanceof InputError || error instanceof RefusalError) return undefined;
    throw error;
  }
}

/** Bytes of a row of `__param` that the loader does not fill: permissions, level, flags, and what lies behind them. */
const isOwn = (what: string) => {
  const at = Number.parseInt(what, 10) % 40;
  return at >= 24 && at < 32;
};

describe.each([
  ['shadow.o', {}, 8],
  ['shadow-stack.o', { stack: { threadInfo: 2304, sp: 24 } }, 8],
])('%s', (name, stack, counters) => {
  const bytes = new Uint8Array(readFileSync(`${root}runtime/${name}`));
  const elf = readElf(bytes);

  it('is taken as it is', () => {
    expect(judged(name, bytes, stack)).toEqual([]);
    expect(elf.symbols!.value(elf.symbols!.find(`__tocsin_${name.slice(0, -2).replace('-', '_')}_state`))).toBe(
      counters,
    );
  });

  it('is not taken with other values, parameters or names', () => {
    const mutants = [...mutantsOf(bytes, section => /^(\.data|\.rodata|(\.rela)?__param)$/.test(section))].filter(
      ({ field, what }) =>
        (field === 'contents .data' && Number.parseInt(what, 10) >= counters) ||
        field === 'contents .rodata' ||
        (field === 'contents __param' && isOwn(what)) ||
        field.startsWith('relocation'),
    );
    const some = mutants.filter(({ field }, n) => n % (field.startsWith('contents') ? 4 : 16) === 0);
    const found = some.map(({ field, what, bytes }) => ({ field, what, codes: judged(name, bytes(), stack) }));
    expect(found.filter(m => m.codes !== undefined && m.codes.length === 0)).toEqual([]);
    const fields = new Set(found.filter(m => m.codes?.includes('VER287')).map(m => m.field));
    for (const field of [
      'contents .data',
      'contents .rodata',
      'contents __param',
      'relocation addend',
      'relocation symbol',
    ])
      expect(fields).toContain(field);
  });
});

it('is not mistaken for what a module has at the end of its own data, without a size', () => {
  const { symbols } = module;
  const known = readElf(merged('shadow.o', new Uint8Array(readFileSync(`${root}runtime/shadow.o`))));
  for (const [name, symbol] of [
    ['.data', '__tocsin_shadow_state'],
    ['.bss', '__tocsin_shadow_table'],
  ] as const) {
    const before = module.sectionNamed(name)?.sh_size ?? 0;
    expect(known.symbols!.value(known.symbols!.find(symbol))).toBeGreaterThan(before);
  }
  expect(symbols!.find('__tocsin_shadow_table')).toBe(-1);
});
