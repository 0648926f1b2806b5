/** `tocsin patch --strategy shadow` as a user calls it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder, tocsin } from '../../support/cli.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const demo = (generation: string) => `${root}samples/${generation}/tocsin_demo.ko`;
const symvers = (generation: string) => [
  ...['--symvers', `${root}samples/${generation}/kernel/Module.symvers`],
  ...['--symvers', `${root}samples/${generation}/Module.symvers`],
];

const validPatch = new Ajv2020({ strict: false }).compile(
  JSON.parse(readFileSync(`${root}schemas/tocsin.patch-1.schema.json`, 'utf8')),
);

function patch(from: string, out: string, generation: string, redirects: readonly string[]) {
  const asked = redirects.flatMap(r => ['--redirect', r]);
  const how = ['--strategy', 'shadow', ...symvers(generation), '--format', 'json'];
  const done = tocsin(['patch', from, '-o', out, ...asked, ...how]);
  expect(done.code, done.stderr).toBe(0);
  const document = JSON.parse(done.stdout);
  expect(validPatch(document), JSON.stringify(validPatch.errors)).toBe(true);
  expect(document.proof.verdict).toBe('proved');
  return document;
}

describe.each(['6.1', '6.12', '7.2'])('the %s sample', generation => {
  it('gets the table once, also where it is patched twice, and comes back', () => {
    const [once, twice] = [at(`once-${generation}.ko`), at(`twice-${generation}.ko`)];
    const stacked = ['demo_sum_ten=fix_sum_ten', 'demo_sum_variadic=fix_sum_variadic'];
    const first = patch(demo(generation), once, generation, stacked);
    expect(first.merged.objects.map((o: { name: string }) => o.name)).toEqual(['shadow.o']);
    const second = patch(once, twice, generation, ['demo_parity=fix_parity']);
    expect(second.merged).toBeUndefined();
    for (const [from, to] of [
      [twice, once],
      [once, demo(generation)],
    ] as const) {
      expect(tocsin(['revert', from, '-o', at('back.ko'), '--force']).code).toBe(0);
      expect(readFileSync(at('back.ko')).equals(readFileSync(to))).toBe(true);
    }
  });
});

it('is not for some callers only', () => {
  for (const where of ['global-entry', 'local-entry']) {
    const how = ['--strategy', 'shadow', '--at', where, ...symvers('6.12')];
    const done = tocsin(['patch', demo('6.12'), '--dry-run', '--redirect', 'demo_in_range=fix_in_range', ...how]);
    expect([done.code, done.stderr.includes('[PAT076]')]).toEqual([1, true]);
  }
});
