/** `tocsin patch --hook`, `--hook-exit` and `--retarget` as a user calls them, and what a pattern leaves out. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import type { Judge } from '../../../src/cli/patch/attempt.ts';
import { attemptHooks, readHooks } from '../../../src/cli/patch/hooks.ts';
import { readElf } from '../../../src/elf/read.ts';
import type { HookRequest } from '../../../src/rewrite/hooks.ts';
import { PatchProver } from '../../../src/verify/patched/prove-patched.ts';
import { inThread, temporaryFolder } from '../../support/cli.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const GENERATIONS = ['6.1', '6.12', '7.2'] as const;
const demo = (generation: string) => `${root}samples/${generation}/tocsin_demo.ko`;
const symvers = (generation: string) => ['--symvers', `${root}samples/${generation}/Module.symvers`];
const validPatch = new Ajv2020({ strict: false }).compile(
  JSON.parse(readFileSync(`${root}schemas/tocsin.patch-1.schema.json`, 'utf8')),
);

describe.each(GENERATIONS)('hooks of the %s sample', generation => {
  const patch = (...args: readonly string[]) => inThread(['patch', demo(generation), ...args, ...symvers(generation)]);

  it.each([
    ['--hook', 'demo_*=fix_in_range', 'before'],
    ['--hook-exit', 'demo_lookup=fix_in_range', 'after'],
    ['--hook', 'demo_lookup*=demo_alarm', 'before'],
  ])('%s %s: proved, verified, written, reverted', (option, asked, when) => {
    const out = at(`${when}-${asked.length}-${generation}.ko`);
    const done = patch('-o', out, option, asked, '--format', 'json');
    expect(done.code, done.stderr).toBe(0);
    const doc = JSON.parse(done.stdout);
    expect(validPatch(doc), JSON.stringify(validPatch.errors)).toBe(true);
    expect(doc).toMatchObject({ written: true, proof: { verdict: 'proved' }, verification: { ok: true } });
    expect(doc.actions.length).toBeGreaterThan(0);
    for (const action of doc.actions) expect(action).toMatchObject({ kind: 'hook', [when]: asked.split('=')[1] });
    const original = at('original.ko');
    expect(inThread(['revert', out, '-o', original]).code).toBe(0);
    expect(readFileSync(original).equals(readFileSync(demo(generation)))).toBe(true);
  });

  it('changed calls', () => {
    const out = at(`retarget-${generation}.ko`);
    const asked = ['--retarget', 'demo_lookup:demo_in_range=demo_in_range_fixed'];
    const done = patch('-o', out, ...asked, '--retarget', 'demo_external:int_sqrt=fix_parity', '--format', 'json');
    expect(done.code, done.stderr).toBe(0);
    const doc = JSON.parse(done.stdout);
    expect(validPatch(doc), JSON.stringify(validPatch.errors)).toBe(true);
    expect(doc.actions).toMatchObject([
      { kind: 'retarget', function: 'demo_lookup', call: 'demo_in_range', to: 'demo_in_range_fixed', toc: 'kept' },
      { kind: 'retarget', function: 'demo_external', call: 'int_sqrt', to: 'fix_parity', toc: 'restored' },
    ]);
    const text = patch('--dry-run', ...asked);
    expect(text.stdout).toMatch(/1 call changed/);
    expect(text.stdout).toMatch(
      /retarget {2}demo_lookup {2}call at \.text\+0x\w+: demo_in_range -> demo_in_range_fixed, r2 kept/,
    );
  });

  it('a dry run shows the words and the code', () => {
    const done = patch('--dry-run', '--hook', 'demo_in_range=fix_in_range');
    expect(done.stdout).toMatch(/0 redirects, 1 hook\n/);
    expect(done.stdout).toMatch(
      /hook {6}demo_in_range {2}fix_in_range before, after-site at \.text\+0x\w+, r2 recomputed/,
    );
    expect(done.stdout).toContain('R_PPC64_REL24 demo_in_range+');
  });

  it('are refused, and nothing is written', () => {
    const out = at('refused.ko');
    for (const [args, code] of [
      [['--hook-exit', 'demo_sum_ten=fix_in_range'], 'PAT011'],
      [['--hook', 'demo_lookup=demo_lookup_all'], 'PAT061'],
      [['--retarget', 'demo_sibling:demo_in_range=fix_in_range'], 'PAT068'],
    ] as const) {
      const done = patch('-o', out, ...args);
      expect([done.code, done.stderr.includes(code), existsSync(out)]).toEqual([1, true, false]);
    }
  });
});

describe('what is asked', () => {
  const read = (more: object) =>
    readHooks({
      hooks: [],
      exitHooks: [],
      retargets: [],
      at: undefined,
      toc: 'saved',
      allowUnproved: false,
      ...more,
    });

  it('is read', () => {
    expect(read({ hooks: ['a*=h'], exitHooks: ['b@.text+0x8=i'], retargets: ['f:+0x10=g', 'f:a=b'] })).toEqual({
      hooks: [
        { functions: 'a*', hook: 'h', when: 'before', at: undefined, toc: 'saved', isForced: false },
        { functions: 'b@.text+0x8', hook: 'i', when: 'after', at: undefined, toc: 'saved', isForced: false },
      ],
      retargets: [
        { from: 'f', call: '+0x10', to: 'g' },
        { from: 'f', call: 'a', to: 'b' },
      ],
    });
  });

  it.each([
    { hooks: ['a'] },
    { hooks: ['a=b=c'] },
    { exitHooks: ['=b'] },
    { retargets: ['a=b'] },
    { retargets: ['a:b'] },
    { retargets: ['a:b=c=d'] },
  ])('and not misread: %j', more => {
    expect(() => read(more)).toThrow(/CLI001/);
  });
});

describe('a plan', () => {
  it('does what the same options do', () => {
    const file = at('hooks.yaml');
    writeFileSync(
      file,
      `schema: tocsin.patch-plan/1
hook:
  - functions: demo_lookup* # who looks?
    before: fix_in_range
    after: fix_parity
    toc: saved
retarget:
  - { function: demo_sibling, call: demo_in_range, to: demo_in_range_fixed, comment: the right one }
`,
    );
    const from = ['patch', demo('7.2'), ...symvers('7.2')];
    const byPlan = inThread([...from, '-o', at('plan.ko'), '--plan', file]);
    expect(byPlan.code, byPlan.stderr).toBe(0);
    const hooks = ['--hook', 'demo_lookup*=fix_in_range', '--hook-exit', 'demo_lookup*=fix_parity', '--toc', 'saved'];
    const calls = ['--retarget', 'demo_sibling:demo_in_range=demo_in_range_fixed'];
    expect(inThread([...from, '-o', at('options.ko'), ...hooks, ...calls]).code).toBe(0);
    expect(readFileSync(at('plan.ko')).equals(readFileSync(at('options.ko')))).toBe(true);
    expect(byPlan.stdout).toContain('hook demo_lookup*=fix_in_range: who looks?');
    expect(byPlan.stdout).toContain('retarget demo_sibling:demo_in_range=demo_in_range_fixed: the right one');
  });

  it('needs somebody to call', () => {
    const file = at('bad.yaml');
    writeFileSync(file, 'schema: tocsin.patch-plan/1\nhook:\n  - functions: demo_lookup\n');
    const done = inThread(['patch', demo('7.2'), '-o', at('bad.ko'), '--plan', file]);
    expect([done.code, done.stderr.includes('PLN002')]).toEqual([2, true]);
  });
});

describe('a pattern', () => {
  const elf = readElf(new Uint8Array(readFileSync(demo('6.12'))));
  const hook = (functions: string): HookRequest => ({
    functions,
    hook: 'elsewhere',
    when: 'before',
    at: undefined,
    toc: 'recomputed',
  });
  const attempted = (judge: Judge, ...hooks: readonly HookRequest[]) =>
    attemptHooks(
      { elf, request: { nops: [], redirects: [], hooks, allowUnversioned: true }, options: { toolVersion: 'test' } },
      judge,
    );

  /** Does not believe in functions that are hooked and called so. */
  function doubts(...names: readonly string[]): Judge {
    const real = new PatchProver(elf, undefined);
    return {
      prove: (after, places) => {
        const proof = real.prove(after, places);
        const bad = (name: string) => names.includes(name);
        const functions = proof.functions.map(f =>
          bad(f.function) && f.role === 'redirected'
            ? ({ ...f, verdict: 'unknown', code: 'PRV002', message: 'no' } as const)
            : f,
        );
        return { ...proof, functions, verdict: functions.some(f => f.verdict !== 'proved') ? 'unknown' : 'proved' };
      },
    };
  }

  it('leaves out what is not proved, and says so', () => {
    const found = attempted(doubts('demo_lookup', 'demo_alarm'), hook('demo_*'));
    expect(found.proof.verdict).toBe('proved');
    const names = found.plan.actions.map(a => a.function);
    expect([names.includes('demo_lookup'), names.includes('demo_alarm'), names.includes('demo_parity')]).toEqual([
      false,
      false,
      true,
    ]);
    expect(found.plan.warnings.join()).toMatch(/not proved with a hook: .*demo_lookup \[PRV002\]/);
  });

  it('does not leave out what is named as well', () => {
    const found = attempted(doubts('demo_lookup'), hook('demo_l*'), hook('demo_lookup'));
    expect(found.proof.verdict).toBe('unknown');
  });

  it('has to leave something', () => {
    expect(attempted(doubts('demo_alarm'), hook('demo_al*')).proof.verdict).toBe('unknown');
  });
});
