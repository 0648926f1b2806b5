/** Arguments of a module: tocsin_fix has one parameter, `calls`, of type ulong; tocsin_demo has its own two. */
import { describe, expect, it } from 'vitest';
import { PARAMETER_TYPES } from '../../../src/loader/parameter-values.ts';
import { GENERATIONS, load, Mutant } from '../../support/loader.ts';

const check = (type: string, value: string | undefined, takesEnable = false) =>
  PARAMETER_TYPES.get(type)!.check(value, takesEnable) ?? 'taken';

describe('values', () => {
  it.each([
    ['param_ops_int', '2147483647', 'taken'],
    ['param_ops_int', '2147483648', 'ERANGE'],
    ['param_ops_int', '-0x80000000', 'taken'],
    ['param_ops_int', '+7\n', 'taken'],
    ['param_ops_int', '08', 'EINVAL'],
    ['param_ops_int', '0x', 'EINVAL'],
    ['param_ops_int', '', 'EINVAL'],
    ['param_ops_int', '- 1', 'EINVAL'],
    ['param_ops_uint', '-1', 'EINVAL'],
    ['param_ops_byte', '256', 'ERANGE'],
    ['param_ops_ullong', '0xffffffffffffffff', 'taken'],
    ['param_ops_ullong', '0x10000000000000000zz', 'ERANGE'],
    ['param_ops_long', '0x8000000000000000', 'ERANGE'],
    ['param_ops_bool', 'Yes', 'taken'],
    ['param_ops_bool', undefined, 'taken'],
    ['param_ops_bool', 'off', 'taken'],
    ['param_ops_bool', 'o', 'EINVAL'],
    ['param_ops_bool', 'enable', 'EINVAL'],
  ])('%s %s: %s', (type, value, answer) => {
    expect(check(type, value)).toBe(answer);
  });

  it('takes enable and disable in later versions', () => {
    expect(check('param_ops_bool', 'enable', true)).toBe('taken');
  });
});

describe.each(GENERATIONS)('%s', generation => {
  const give = (parameters: string) => load(generation, new Mutant(generation).bytes, {}, { parameters });

  it('sets a parameter, by either kind of dash and in quotes', () => {
    for (const parameters of ['calls=7', ' calls="0x10"  ', '"calls=7"', 'calls=1 calls=2', 'async_probe', 'dyndbg=+p'])
      expect(give(parameters)).toMatchObject({ answer: 'loads', log: [] });
  });

  it('refuses values, and reads on', () => {
    expect(give('calls=x')).toMatchObject({ answer: 'EINVAL', log: ["tocsin_fix: `x' invalid for parameter `calls'"] });
    expect(give('calls')).toMatchObject({ answer: 'EINVAL', log: ["tocsin_fix: `' invalid for parameter `calls'"] });
    expect(give('calls=0x10000000000000000 other=1')).toMatchObject({
      answer: 'ERANGE',
      log: [
        "tocsin_fix: `0x10000000000000000' invalid for parameter `calls'",
        "tocsin_fix: unknown parameter 'other' ignored",
      ],
    });
  });

  it('ignores what it does not know, and what follows two dashes', () => {
    expect(give('a.b=1 -- calls=x y')).toMatchObject({
      answer: 'loads',
      log: ["tocsin_fix: unknown parameter 'a' ignored", "tocsin_fix: parameters 'calls=x y' after `--' ignored"],
    });
  });

  it('tells what is wrong with a query for dynamic debugging, and loads', () => {
    expect(give('dyndbg=nonsense')).toMatchObject({
      answer: 'loads',
      log: ['dyndbg: bad flag-op n, at start of nonsense', 'dyndbg: flags parse failed'],
    });
    expect(give('dyndbg="func x +px; lines 3 +p; func +p"').log).toEqual([
      "dyndbg: unknown flag 'x'",
      'dyndbg: flags parse failed',
      'dyndbg: unknown keyword "lines"',
      'dyndbg: query parse failed',
      'dyndbg: expecting pairs of match-spec <value>',
      'dyndbg: query parse failed',
    ]);
    expect(give('dyndbg="func \'x y\' =_" tocsin_fix.dyndbg').log).toEqual([]);
  });

  it('leaves out the bytes that a parameter sets', () => {
    const { outcome } = load(generation, new Mutant(generation).bytes, {}, { parameters: 'calls=5', checkOnly: false });
    const excluded = outcome.image!.sections.flatMap(s => s.excluded.filter(e => e.reason.includes('parameter')));
    expect(excluded).toEqual([{ offset: expect.any(Number), length: 8, reason: 'parameter calls was given' }]);
  });
});

it('finds the same file name twice in sysfs', () => {
  const twice = (g: '6.1' | '6.12') => load(g, new Mutant(g).rename('__ksymtab_strings', '.rodata\0_strings0').bytes);
  const line = "sysfs: cannot create duplicate filename '/module/tocsin_fix/sections/.rodata'";
  expect(twice('6.1')).toMatchObject({ answer: 'loads', log: [line] });
  expect(twice('6.12')).toMatchObject({ answer: 'EEXIST', log: [line] });
});

it('takes no module for one of the names that sysfs has', () => {
  const named = (name: string) => {
    const mutant = new Mutant('6.12');
    const { offset } = mutant.section('.gnu.linkonce.this_module');
    mutant.bytes.fill(0, offset + 24, offset + 80);
    mutant.bytes.set(Buffer.from(name), offset + 24);
    return load('6.12', mutant.bytes);
  };
  expect(named('kernel')).toMatchObject({ answer: 'EINVAL', log: ['kernel: module is already loaded'] });
  const builtin = { builtin: ['fuse', 'kernel', 'tocsin_fix'] };
  expect(load('6.1', new Mutant('6.1').bytes, builtin)).toMatchObject({
    answer: 'EINVAL',
    log: ['tocsin_fix: module is already loaded'],
  });
  expect(load('6.1', new Mutant('6.1').bytes, { builtin: ['fuse'] }).answer).toBe('loads');
  const nameless = 'kobject: ((____ptrval____)): attempted to be registered with empty name!';
  expect(named('')).toMatchObject({ answer: 'EINVAL', log: [nameless] });
});

it('finds a parameter twice in sysfs', () => {
  const mutant = new Mutant('6.12', 'demo');
  const { size, offset } = mutant.section('__param');
  expect(size).toBe(80);
  // Both names become the same string.
  const table = mutant.section('.rela__param');
  const relocations = mutant.elf.relocations(table);
  const [first, second] = [0n, 40n].map(at => relocations.findIndex(r => r.offset === at));
  mutant.view.setBigInt64(table.offset + second! * 24 + 16, relocations[first!]!.addend, true);
  mutant.view.setUint32(table.offset + second! * 24 + 12, relocations[first!]!.symbol, true);
  const { answer, log } = load('6.12', mutant.bytes);
  expect(answer).toBe('EEXIST');
  expect(log[0]).toMatch(/^sysfs: cannot create duplicate filename '\/module\/tocsin_demo\/parameters\/\w+'$/);
  // Nothing is looked at of a parameter that has no file.
  for (const entry of [0, 40]) mutant.view.setUint16(offset + entry + 24, 0, true);
  expect(load('6.12', mutant.bytes).answer).toBe('loads');
});
