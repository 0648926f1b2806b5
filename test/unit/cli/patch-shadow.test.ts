/** `tocsin patch --strategy shadow` as a user calls it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { inThread, temporaryFolder } from '../../support/cli.ts';
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

function patch(
  from: string,
  out: string,
  generation: string,
  redirects: readonly string[],
  ...more: readonly string[]
) {
  const asked = redirects.flatMap(r => ['--redirect', r]);
  const how = ['--strategy', 'shadow', ...symvers(generation), '--format', 'json'];
  const done = inThread(['patch', from, '-o', out, ...asked, ...how, ...more, '--force']);
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
      expect(inThread(['revert', from, '-o', at('back.ko'), '--force']).code).toBe(0);
      expect(readFileSync(at('back.ko')).equals(readFileSync(to))).toBe(true);
    }
  });
});

it('is for some callers only where that is asked for', () => {
  for (const [where, names] of [
    ['global-entry', ['demo_in_range']],
    ['local-entry', ['demo_in_range', 'demo_parity']],
  ] as const) {
    const out = at(`${where}.ko`);
    const redirects = names.map(name => `${name}=${name.replace('demo', 'fix')}`);
    const document = patch(demo('6.12'), out, '6.12', redirects, '--at', where);
    expect(document.actions.map((a: { at: string }) => a.at)).toEqual(names.map(() => where));
    expect(inThread(['revert', out, '-o', at('back.ko'), '--force']).code).toBe(0);
    expect(readFileSync(at('back.ko')).equals(readFileSync(demo('6.12')))).toBe(true);
  }
});

describe('the second stack of tasks', () => {
  /** A kernel that is known by what lies beside it, with CONFIG_LIVEPATCH as `livepatch` says. */
  function kernel(livepatch: 'y' | 'n', ...structures: readonly string[]): string {
    const folder = `${root}samples/6.1/kernel/`;
    const config = at('config');
    writeFileSync(config, `${readFileSync(`${folder}config`, 'utf8')}\nCONFIG_LIVEPATCH=${livepatch}\n`);
    const map = at('System.map');
    const lines = readFileSync(`${folder}System.map`, 'utf8').split('\n');
    if (livepatch === 'y') lines.splice(3, 0, lines[2]!.replace(/\w+$/, 'klp_module_coming'));
    writeFileSync(map, lines.join('\n'));
    const out = at('kernel.index');
    const done = inThread([
      ...['kernel', '--system-map', map, '--config', config, '--symvers', `${folder}Module.symvers`],
      ...['--module', demo('6.1'), ...structures.flatMap(text => ['--structure', text]), '-o', out, '--force'],
    ]);
    expect(done.code, done.stderr).toBe(0);
    return out;
  }

  const OFFSETS = ['paca_struct.__current=2312', 'thread_info.livepatch_sp=16'] as const;
  const asked = ['--redirect', 'demo_sum_ten=fix_sum_ten', '--strategy', 'shadow', ...symvers('6.1')];
  const refused = (...more: readonly string[]) => {
    const done = inThread(['patch', demo('6.1'), '--dry-run', ...asked, '--shadow-stack', 'kernel', ...more]);
    return [done.code, done.stderr];
  };

  it('is used where the kernel has one, and the table where it has none', () => {
    const given = kernel('y', ...OFFSETS);
    const out = at('stack.ko');
    const on = patch(demo('6.1'), out, '6.1', ['demo_sum_ten=fix_sum_ten'], '--kernel', given);
    expect(on.actions[0].stack).toEqual({ threadInfo: 2312, sp: 16 });
    expect(on.merged.objects.map((o: { name: string }) => o.name)).toEqual(['shadow-stack.o']);
    expect(inThread(['revert', out, '-o', at('back.ko'), '--force']).code).toBe(0);
    expect(readFileSync(at('back.ko')).equals(readFileSync(demo('6.1')))).toBe(true);
    const table = [...['--kernel', given], ...['--shadow-stack', 'runtime']];
    const off = patch(demo('6.1'), at('table.ko'), '6.1', ['demo_sum_ten=fix_sum_ten'], ...table);
    expect(off.actions[0].stack).toBeUndefined();
    // Where nothing is known of the kernel, nothing is proved of a module that counts on it.
    const said = (file: string, known: string) => {
      const done = inThread([
        'check',
        file,
        `${root}samples/6.1/tocsin_fix.ko`,
        '--kernel',
        known,
        '--no-signatures',
        '--format',
        'json',
      ]);
      return JSON.parse(done.stdout)[0].toc.unknown;
    };
    expect(said(out, given)).toBe(0);
    expect(said(out, kernel('n'))).toBeGreaterThan(0);
  });

  it('is refused where it is not known', () => {
    const no = (what: string) => [1, expect.stringMatching(new RegExp(`${what}.*\\[PAT180\\]`))];
    expect(refused()).toEqual(no('no kernel is given'));
    expect(refused('--kernel', kernel('n', ...OFFSETS))).toEqual(no('has no CONFIG_LIVEPATCH'));
    expect(refused('--kernel', kernel('y'))).toEqual(no('is none that tocsin knows'));
  });
});
