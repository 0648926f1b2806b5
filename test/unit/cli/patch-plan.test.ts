/** `tocsin patch --plan`: YAML and JSON, one module and several, comments, complaints. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { moduleSignature } from '../../../src/kernel/signature.ts';
import { inThread, temporaryFolder } from '../../support/cli.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const demo = (generation: string) => `${root}samples/${generation}/tocsin_demo.ko`;
const valid = new Ajv2020({ strict: false }).compile(
  JSON.parse(readFileSync(`${root}schemas/tocsin.patch-1.schema.json`, 'utf8')),
);

function plan(name: string, text: string): string {
  writeFileSync(at(name), text);
  return at(name);
}

describe('a plan for the module of the command line', () => {
  const YAML = `
schema: tocsin.patch-plan/1
comment: the demonstration
nop:
  # it is called too often
  - demo_alarm
  - functions: demo_sum_ten
    comment: ten arguments
redirect:
  - function: demo_in_range # both take two
    to: demo_in_range_fixed
    strategy: direct
`;

  it('does what the same options do', () => {
    const file = plan('one.yaml', YAML);
    const byPlan = inThread(['patch', demo('6.1'), '-o', at('plan.ko'), '--plan', file, '--allow-unproved']);
    expect(byPlan.code, byPlan.stderr).toBe(0);
    const options = ['--nop', 'demo_alarm', '--nop', 'demo_sum_ten', '--redirect', 'demo_in_range=demo_in_range_fixed'];
    const how = ['--strategy', 'direct', '--allow-unproved'];
    expect(inThread(['patch', demo('6.1'), '-o', at('options.ko'), ...options, ...how]).code).toBe(0);
    expect(readFileSync(at('plan.ko')).equals(readFileSync(at('options.ko')))).toBe(true);
    expect(byPlan.stdout).toContain(
      `plan ${file}\n  the demonstration\n  nop demo_alarm: it is called too often\n  nop demo_sum_ten: ten arguments\n` +
        '  redirect demo_in_range=demo_in_range_fixed: both take two\n',
    );
  });

  it('may be JSON, and adds to the options', () => {
    const file = plan('one.json', JSON.stringify({ schema: 'tocsin.patch-plan/1', nop: ['demo_sum_ten'] }));
    const args = [
      'patch',
      demo('6.12'),
      '-o',
      at('json.ko'),
      '--plan',
      file,
      '--nop',
      'demo_alarm',
      '--format',
      'json',
    ];
    const done = inThread(args);
    expect(done.code, done.stderr).toBe(0);
    const document = JSON.parse(done.stdout);
    expect(valid(document), JSON.stringify(valid.errors)).toBe(true);
    expect(document.plan).toEqual({ file, comments: [], entries: [] });
    expect(document.actions.map((a: { function: string }) => a.function).sort()).toEqual([
      'demo_alarm',
      'demo_sum_ten',
    ]);
  });

  it('shows each word before and after in a dry run, and writes nothing', () => {
    const done = inThread([
      'patch',
      demo('7.2'),
      '--plan',
      plan('dry.yaml', 'schema: tocsin.patch-plan/1\nnop: [demo_sum_ten]'),
      '--dry-run',
    ]);
    expect(done.code, done.stderr).toBe(0);
    expect(done.stdout).toMatch(/nop +demo_sum_ten/);
    expect(done.stdout).toContain('nothing is written (--dry-run)');
  });
});

describe('a plan with modules', () => {
  it('patches each, with paths from its own folder, and signs them', () => {
    mkdirSync(at('plans/out'), { recursive: true });
    const file = plan(
      'plans/all.yaml',
      `
schema: tocsin.patch-plan/1
comment: all three
nop: [demo_alarm]
sign: { key: ${root}test/support/signing/key.pem, certificate: ${root}test/support/signing/certificate.pem }
modules:
  - file: ${demo('6.1')}
    output: out/6.1.ko
    report: out/6.1.json
  # packed modules work as well
  - file: ${demo('6.12')}
    output: out/6.12.ko
    nop:
      - demo_sum_ten # of the entry
`,
    );
    const done = inThread(['patch', '--plan', file, '--format', 'json']);
    expect(done.code, done.stderr).toBe(0);
    const documents = JSON.parse(done.stdout);
    for (const document of documents) expect(valid(document), JSON.stringify(valid.errors)).toBe(true);
    expect(documents.map((d: { actions: unknown[] }) => d.actions.length)).toEqual([1, 2]);
    expect(documents.map((d: { plan: { comments: string[] } }) => d.plan.comments)).toEqual([
      ['all three'],
      ['all three', 'packed modules work as well'],
    ]);
    for (const name of ['6.1', '6.12']) expect(moduleSignature(readFileSync(at(`plans/out/${name}.ko`)))).toBeDefined();
    expect(JSON.parse(readFileSync(at('plans/out/6.1.json'), 'utf8')).signature.hash).toBe('sha256');
  });

  it('goes on behind a module that cannot be patched, and the worst code wins', () => {
    const file = plan(
      'worst.yaml',
      `
schema: tocsin.patch-plan/1
modules:
  - { file: nobody.ko, output: a.ko, nop: ['*'] }
  - { file: '${demo('6.1')}', output: b.ko, nop: [no_such_function] }
  - { file: '${demo('6.1')}', output: c.ko, nop: [demo_sum_ten] }
`,
    );
    const done = inThread(['patch', '--plan', file]);
    expect(done.code).toBe(2);
    expect(done.stderr).toMatch(/nobody\.ko.*no_such_function/s);
    expect(['a.ko', 'b.ko', 'c.ko'].map(name => existsSync(at(name)))).toEqual([false, false, true]);
  });
});

describe('what is wrong with a plan is told with its place', () => {
  const head = 'schema: tocsin.patch-plan/1\n';
  it.each([
    ['nop: [a\nb: {', 'PLN001', /line \d+, column \d+/],
    ['nop: [demo_sum_ten]\n', 'PLN002', /line 1, column 1: the plan must have required property 'schema'/],
    [`${head}nops: [demo_sum_ten]\n`, 'PLN002', /line 2, column 1: the plan has no key "nops"/],
    [
      `${head}nop: [demo_sum_ten]\nredirect:\n  - function: a\n    to: b\n    strategy: magic\n`,
      'PLN002',
      /line 6, column 15: redirect\.0\.strategy .*\(auto\|direct\|epilogue\|frame\|shadow\|custom/,
    ],
    [`${head}redirect:\n  - function: a\n`, 'PLN002', /line 3, column 5: redirect\.0 must have required property 'to'/],
    [`${head}nop: *nowhere\n`, 'PLN001', /nowhere/],
    [
      `${head}a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n`,
      'PLN001',
      /alias/,
    ],
    [`${head}modules:\n  - { file: a.ko, output: b.ko }\n`, 'PLN003', /the plan names its modules/],
    ['- a\n- b\n', 'PLN002', /must be object/],
  ])('%j', (text, code, message) => {
    const done = inThread(['patch', demo('6.1'), '-o', at('wrong.ko'), '--plan', plan('wrong.yaml', text)]);
    expect(done.code).toBe(2);
    expect(done.stderr).toContain(code);
    expect(done.stderr).toMatch(message);
    expect(existsSync(at('wrong.ko'))).toBe(false);
  });

  it.each([
    [[], /PLN003/],
    [[demo('6.1')], /the plan names no modules/],
  ])('a plan without modules needs FILE and -o: %j', (files, message) => {
    const done = inThread(['patch', ...files, '--plan', plan('none.yaml', `${head}nop: [demo_sum_ten]\n`)]);
    expect(done.code).toBe(2);
    expect(done.stderr).toMatch(message);
  });

  it('two modules cannot go to one file', () => {
    const module = `{ file: '${demo('6.1')}', output: same.ko, nop: [demo_sum_ten] }`;
    const done = inThread(['patch', '--plan', plan('same.yaml', `${head}modules:\n  - ${module}\n  - ${module}\n`)]);
    expect(done.code).toBe(2);
    expect(done.stderr).toContain('PLN004');
    expect(existsSync(at('same.ko'))).toBe(false);
  });
});
