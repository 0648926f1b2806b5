/** `tocsin patch --epilogue` as a user calls it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { functionsOf } from '../../../src/kernel/functions.ts';
import { moduleExports } from '../../../src/kernel/module-exports.ts';
import { temporaryFolder, tocsin } from '../../support/cli.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const sample = (generation: string, name: string) => `${root}samples/${generation}/${name}.ko`;

const validPatch = new Ajv2020({ strict: false }).compile(
  JSON.parse(readFileSync(`${root}schemas/tocsin.patch-1.schema.json`, 'utf8')),
);

function patched(from: string, out: string, ...patterns: readonly string[]) {
  const asked = patterns.flatMap(p => ['--epilogue', p]);
  const done = tocsin(['patch', from, '-o', out, ...asked, '--format', 'json', '--force']);
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
    expect(tocsin(['revert', out, '-o', at('back.ko'), '--force']).code).toBe(0);
    expect(readFileSync(at('back.ko')).equals(readFileSync(from))).toBe(true);
  });

  it('gives one who is asked for again no second copy, and those of a second patch their places', () => {
    const [once, twice] = [at(`once-${generation}.ko`), at(`twice-${generation}.ko`)];
    const from = sample(generation, 'tocsin_demo');
    patched(from, once, 'demo_in_range');
    const again = tocsin(['patch', once, '-o', twice, '--epilogue', 'demo_in_range']);
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
  const done = tocsin(['patch', sample('6.1', 'tocsin_demo'), '--dry-run', ...asked]);
  expect([done.code, done.stderr.includes('[PAT016]')]).toEqual([1, true]);
});

it('refuses init code by name', () => {
  const done = tocsin(['patch', sample('6.1', 'tocsin_demo'), '--dry-run', '--epilogue', 'init_module']);
  expect([done.code, done.stderr.includes('[PAT165]')]).toEqual([1, true]);
});

it('is asked for in plans too', () => {
  const plan = at('plan.yaml');
  writeFileSync(plan, 'schema: tocsin.patch-plan/1\nepilogue:\n  - demo_in_range # for the other module\n');
  const from = sample('6.1', 'tocsin_demo');
  const done = tocsin(['patch', from, '-o', at('planned.ko'), '--plan', plan, '--format', 'json']);
  expect(done.code, done.stderr).toBe(0);
  expect(
    functionsOf(readElf(readFileSync(at('planned.ko')))).some(f => f.name === '__tocsin_epilogue_demo_in_range'),
  ).toBe(true);
});
