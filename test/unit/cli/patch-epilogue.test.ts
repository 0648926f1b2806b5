/** `tocsin patch --epilogue` as a user calls it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { functionsOf } from '../../../src/kernel/functions.ts';
import { moduleExports } from '../../../src/kernel/module-exports.ts';
import { inThread, temporaryFolder } from '../../support/cli.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const sample = (generation: string, name: string) => `${root}samples/${generation}/${name}.ko`;

const validPatch = new Ajv2020({ strict: false }).compile(
  JSON.parse(readFileSync(`${root}schemas/tocsin.patch-1.schema.json`, 'utf8')),
);

function patched(from: string, out: string, ...patterns: readonly string[]) {
  const asked = patterns.flatMap(p => ['--epilogue', p]);
  const done = inThread(['patch', from, '-o', out, ...asked, '--format', 'json', '--force']);
  expect(done.code, done.stderr).toBe(0);
  const document = JSON.parse(done.stdout);
  expect(validPatch(document), JSON.stringify(validPatch.errors)).toBe(true);
  expect(document.proof.verdict).toBe('proved');
  expect(document.verification.ok).toBe(true);
  return document;
}

describe.each(['6.1', '6.12', '7.2'])('a %s module', generation => {
  it('exports copies, each proved and in the order that the kernel bisects, and comes back', () => {
    const out = at(`all-${generation}.ko`);
    const from = sample(generation, 'tocsin_fix');
    const { actions } = patched(from, out, '*');
    expect(actions.length).toBeGreaterThan(3);
    const exported = moduleExports(readFileSync(out))!;
    for (const a of actions) {
      const i = exported.names.indexOf(a.symbol);
      expect(i, a.symbol).toBeGreaterThanOrEqual(0);
      expect(exported.crcs?.[i] ?? a.crc).toBe(a.crc);
    }
    const gplOf = (kind: number) => exported.names.filter((_, i) => exported.gplOnly[i] === kind);
    const tables = generation === '7.2' ? [exported.names] : [gplOf(0), gplOf(1)];
    for (const names of tables) expect(names).toEqual([...names].sort());
    const before = moduleExports(readFileSync(from));
    expect(exported.names.filter(n => !n.startsWith('__tocsin_'))).toEqual(before?.names ?? []);
    expect(inThread(['revert', out, '-o', at('back.ko'), '--force']).code).toBe(0);
    expect(readFileSync(at('back.ko')).equals(readFileSync(from))).toBe(true);
  });

  it('gives one who is asked for again no second copy, and those of a second patch their places', () => {
    const [once, twice] = [at(`once-${generation}.ko`), at(`twice-${generation}.ko`)];
    const from = sample(generation, 'tocsin_demo');
    patched(from, once, 'demo_in_range');
    const again = inThread(['patch', once, '-o', twice, '--epilogue', 'demo_in_range']);
    expect([again.code, again.stderr.includes('[PAT168]')]).toEqual([1, true]);
    patched(once, twice, 'demo_alarm');
    expect(moduleExports(readFileSync(twice))!.names.filter(n => n.startsWith('__tocsin_'))).toEqual([
      '__tocsin_epilogue_demo_alarm',
      '__tocsin_epilogue_demo_in_range',
    ]);
  });
});

it('leaves functions alone that are changed as well', () => {
  const asked = ['--epilogue', 'demo_in_range', '--hook', 'demo_in_range=demo_parity'];
  const done = inThread(['patch', sample('6.1', 'tocsin_demo'), '--dry-run', ...asked]);
  expect([done.code, done.stderr.includes('[PAT016]')]).toEqual([1, true]);
});

it('refuses init code by name', () => {
  const done = inThread(['patch', sample('6.1', 'tocsin_demo'), '--dry-run', '--epilogue', 'init_module']);
  expect([done.code, done.stderr.includes('[PAT165]')]).toEqual([1, true]);
});

it('is asked for in plans too', () => {
  const plan = at('plan.yaml');
  writeFileSync(plan, 'schema: tocsin.patch-plan/1\nepilogue:\n  - demo_in_range # for the other module\n');
  const from = sample('6.1', 'tocsin_demo');
  const done = inThread(['patch', from, '-o', at('planned.ko'), '--plan', plan, '--format', 'json']);
  expect(done.code, done.stderr).toBe(0);
  expect(
    functionsOf(readElf(readFileSync(at('planned.ko')))).some(f => f.name === '__tocsin_epilogue_demo_in_range'),
  ).toBe(true);
});

describe.each(['6.1', '6.12', '7.2'])('redirects of a %s module to copies', generation => {
  const home = sample(generation, 'tocsin_demo');
  const fix = at(`copies-${generation}.ko`);
  const redirected = (out: string, ...rest: readonly string[]) =>
    inThread(['patch', home, '-o', out, '--redirect', 'demo_sum_ten=fix_sum_ten', ...rest, '--force']);
  const revert = (out: string) => {
    expect(inThread(['revert', out, '-o', at('back.ko'), '--force']).code).toBe(0);
    expect(readFileSync(at('back.ko')).equals(readFileSync(home))).toBe(true);
  };

  it('are proved with the module that exports them, named in report and note, and come back', () => {
    patched(sample(generation, 'tocsin_fix'), fix, 'fix_*');
    const out = at(`home-${generation}.ko`);
    const done = redirected(out, '--strategy', 'epilogue', '--modules', fix, '--format', 'json');
    expect([done.code, done.stderr]).toEqual([0, '']);
    const document = JSON.parse(done.stdout);
    expect(validPatch(document), JSON.stringify(validPatch.errors)).toBe(true);
    expect(document.proof.verdict).toBe('proved');
    const exported = moduleExports(readFileSync(fix))!;
    const symbol = '__tocsin_epilogue_fix_sum_ten';
    const crc = exported.crcs?.[exported.names.indexOf(symbol)];
    expect(document.actions[0]).toMatchObject({
      strategy: 'epilogue',
      to: 'fix_sum_ten',
      toc: 'recomputed',
      copy: { symbol, module: 'tocsin_fix', ...(crc !== undefined && { crc }) },
    });
    const text = readFileSync(out).toString('latin1');
    expect(text).toMatch(/tocsin=[^\0]*: redirect epilogue 1, original [0-9a-f]{16}\0/);
    expect(text).toContain(`"copy":{"symbol":"${symbol}"`);
    revert(out);
  });

  it('are what auto takes, in front of frame, and refused without the module', () => {
    const out = at(`auto-${generation}.ko`);
    const auto = redirected(out, '--modules', fix);
    expect([auto.code, auto.stderr]).toEqual([0, '']);
    expect(auto.stdout).toContain('demo_sum_ten -> fix_sum_ten  epilogue, after-site');
    const dry = redirected(out, '--modules', fix, '--dry-run');
    expect(dry.stdout).toContain('R_PPC64_ADDR64 __tocsin_epilogue_fix_sum_ten');
    const none = redirected(out, '--strategy', 'epilogue');
    expect([none.code, none.stderr.includes('[PAT078]')]).toEqual([1, true]);
    const plain = redirected(out, '--strategy', 'epilogue', '--modules', sample(generation, 'tocsin_fix'));
    expect([plain.code, plain.stderr.includes('[PAT078]')]).toEqual([1, true]);
  });

  it('pass over a copy that is not proved, and say so', () => {
    const bytes = readFileSync(fix);
    const elf = readElf(bytes);
    const copy = functionsOf(elf).find(f => f.name === '__tocsin_epilogue_fix_in_range')!;
    for (let p = copy.global; p < copy.global + copy.size; p += 4) {
      const place = copy.section.sh_offset + p;
      // What stores r2.
      if (bytes.readUInt32LE(place) === 0xf841fff8) bytes.writeUInt32LE(0x60000000, place);
    }
    const bad = at(`bad-${generation}.ko`);
    writeFileSync(bad, bytes);
    const asked = ['patch', home, '-o', at('never.ko'), '--redirect', 'demo_in_range=fix_in_range', '--modules', bad];
    const named = inThread([...asked, '--strategy', 'epilogue']);
    expect([named.code, named.stderr.includes('[PRV014]')]).toEqual([1, true]);
    const auto = inThread([...asked, '--force']);
    expect([auto.code, auto.stderr]).toEqual([0, '']);
    expect(auto.stdout).toContain('demo_in_range -> fix_in_range  frame, after-site');
    expect(auto.stdout).toMatch(/epilogue was not taken: .*\[PRV014\]/);
  });
});

describe('modules that are given', () => {
  const home = sample('6.1', 'tocsin_demo');
  const refused = (...modules: readonly string[]) => {
    const given = modules.flatMap(m => ['--modules', m]);
    const done = inThread(['patch', home, '--dry-run', '--redirect', 'demo_in_range=fix_in_range', ...given]);
    return [done.code, /\[(\w+)\]\n/.exec(done.stderr)?.[1]];
  };

  it('export something, and each copy once', () => {
    expect(refused(sample('6.1', 'tocsin_demo').replace('.ko', '.none'))).toEqual([2, 'IO001']);
    writeFileSync(at('text.ko'), 'no module');
    expect(refused(at('text.ko'))[0]).toBe(2);
    const fix = at('twice.ko');
    patched(sample('6.1', 'tocsin_fix'), fix, 'fix_parity');
    expect(refused(fix, fix)).toEqual([1, 'PAT171']);
    expect(refused(`${root}samples/6.1/demo_object.o`)).toEqual([1, 'PAT172']);
  });

  it('import nothing from the module that is patched', () => {
    const fix = sample('6.1', 'tocsin_fix');
    const [first, second] = [at('imports.ko'), at('imports-copies.ko')];
    const done = inThread([
      ...['patch', home, '-o', first, '--redirect', 'demo_parity=fix_parity', '--strategy', 'frame'],
      ...['--modules', fix, '--force', '--quiet'],
    ]);
    expect([done.code, done.stderr.includes('new import')]).toEqual([0, true]);
    patched(first, second, 'demo_in_range');
    const asked = ['--redirect', 'fix_in_range=demo_in_range', '--modules', second];
    const circle = inThread(['patch', fix, '--dry-run', ...asked]);
    expect([circle.code, circle.stderr.includes('[PAT170]')]).toEqual([1, true]);
  });

  it('serve plain imports as a list of versions does', () => {
    const done = inThread([
      ...['patch', home, '-o', at('frame.ko'), '--redirect', 'demo_in_range=fix_in_range', '--strategy', 'frame'],
      ...['--modules', sample('6.1', 'tocsin_fix'), '--force'],
    ]);
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(done.stdout).toContain('version added for fix_in_range');
  });
});
