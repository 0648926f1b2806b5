/** What is wrong with a plan's text is told with line and column, and what is in its comments is kept. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type PlanFile, readPlan } from '../../../src/cli/patch/plan-file.ts';
import { parsePlan } from '../../../src/cli/patch/plan-text.ts';
import { InputError } from '../../../src/util/errors.ts';

const HEAD = 'schema: tocsin.patch-plan/1\n';
const folder = mkdtempSync(join(tmpdir(), 'tocsin-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function complaintOf(text: string | Uint8Array) {
  try {
    parsePlan('p.yaml', typeof text === 'string' ? Buffer.from(text) : text);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.complaint;
  }
  throw new Error('the plan was let through');
}

async function read(text: string): Promise<PlanFile> {
  const file = join(folder, 'plan.yaml');
  writeFileSync(file, text);
  return readPlan(file);
}

describe('a complaint names the place', () => {
  it.each([
    ['an unknown key', `${HEAD}nop: [a]\nnops: [b]\n`, 'PLN002', 'line 3, column 1: the plan has no key "nops"'],
    [
      'one further inside',
      `${HEAD}modules:\n  - file: a\n    output: b\n    shadow-stack: auto\n`,
      'PLN002',
      'line 5, column 5: modules.0 has no key "shadow-stack"',
    ],
    [
      'one in an entry',
      `${HEAD}hook:\n  - { functions: 'a*', before: b, strategy: frame }\n`,
      'PLN002',
      'line 3, column 35: hook.0 has no key "strategy"',
    ],
    [
      'one by an alias',
      `${HEAD}redirect: &r [{ function: a, to: b, x: 1 }]\nmodules: [{ file: a, output: b, redirect: *r }]\n`,
      'PLN002',
      'line 2, column 37: ',
    ],
    [
      'a key of JavaScript',
      `${HEAD}__proto__: { nop: [a] }\n`,
      'PLN002',
      'line 2, column 1: the plan has no key "__proto__"',
    ],
    [
      'a key twice',
      `${HEAD}nop: [a]\nnop: [b]\n`,
      'PLN001',
      'line 3, column 1: neither YAML nor JSON: a key that stands',
    ],
    [
      'a key twice in JSON',
      '{\n  "schema": "tocsin.patch-plan/1",\n  "nop": ["a"],\n  "nop": ["b"]\n}\n',
      'PLN001',
      'line 4, column 3: neither YAML nor JSON: a key that stands',
    ],
    ['a wrong type', `${HEAD}nop: demo_*\n`, 'PLN002', 'line 2, column 6: nop must be array'],
    ['a list without items', `${HEAD}nop:\nredirect: []\n`, 'PLN002', 'nop must be array'],
    ['a number for a name', `${HEAD}nop:\n  - a\n  - 12\n`, 'PLN002', 'line 4, column 5: nop.1 must be string'],
    [
      'a text for yes or no',
      `${HEAD}allowUnproved: 'yes'\n`,
      'PLN002',
      'line 2, column 16: allowUnproved must be boolean',
    ],
    [
      'a choice that is none',
      `${HEAD}toc: kept\n`,
      'PLN002',
      'line 2, column 6: toc must be equal to one of the allowed values: recomputed, saved',
    ],
    [
      'an entry place for a hook',
      `${HEAD}hook: [{ functions: a, before: b, at: local-entry }]\n`,
      'PLN002',
      'line 2, column 39: hook.0.at',
    ],
    [
      'another schema',
      'schema: tocsin.patch-plan/2\n',
      'PLN002',
      'line 1, column 9: schema must be equal to constant: tocsin.patch-plan/1',
    ],
    ['a key that is no text', `${HEAD}? [a, b]\n: c\n`, 'PLN001', 'line 2, column 3: a key that is no text'],
    ['a number as key', `${HEAD}1: c\n`, 'PLN001', 'line 2, column 1: a key that is no text'],
    [
      'an unknown tag',
      `${HEAD}nop: [!function a]\n`,
      'PLN001',
      'line 2, column 7: neither YAML nor JSON: Unresolved tag: !function',
    ],
    [
      'two documents',
      `${HEAD}---\n${HEAD}`,
      'PLN001',
      'line 2, column 1: neither YAML nor JSON: more than one document',
    ],
    ['an alias of nothing', `${HEAD}nop: [a, *b]\n`, 'PLN001', 'line 2, column 10: Unresolved alias'],
    ['an alias of what it is in', `${HEAD}nop: &n [a, *n]\n`, 'PLN002', 'nop.1 must be string'],
    [
      'aliases that expand without end',
      `${HEAD}a: &a [x,x]\n${[...'bcdefgh'].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`)}]\n`).join('')}`,
      'PLN001',
      'line 9, column 32: Excessive alias count',
    ],
    ['brackets without end', `${HEAD}nop: ${'['.repeat(5000)}${']'.repeat(5000)}\n`, 'PLN001', 'nested too deeply'],
    ['a tab for a blank', `${HEAD}modules:\n\t- file: a\n`, 'PLN001', 'line 3, column 1'],
    ['nothing but comments', '# to do\n', 'PLN002', 'line 1, column 1: the plan must be object'],
    ['a text', 'patch it\n', 'PLN002', 'line 1, column 1: the plan must be object'],
  ])('%s', (_what, text, code, message) => {
    const complaint = complaintOf(text);
    expect(complaint).toMatchObject({ code, message: expect.stringContaining(message), file: 'p.yaml' });
    expect(complaint.message).toMatch(/^line \d+, column \d+: /);
    expect(complaint.message.length).toBeLessThan(300);
  });

  it('of bytes that are not UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from(`${HEAD}nop: [ü, `), Buffer.from([0xff, 0xfe]), Buffer.from(']\n')]);
    expect(complaintOf(bytes)).toMatchObject({
      code: 'PLN001',
      message: expect.stringContaining('line 2, column 10: '),
    });
    expect(complaintOf(Buffer.from(`\ufeff${HEAD}`, 'utf16le')).code).toBe('PLN001');
  });

  it('or the size', () => {
    const plan = Buffer.from(`${HEAD}nop:\n${'  - function_of_a_module\n'.repeat(200_000)}`);
    expect(complaintOf(plan)).toMatchObject({ code: 'CLI020', found: `${plan.length}` });
  });
});

describe('a plan is the same', () => {
  const text = `${HEAD}# why\nnop:\n  - a # seen often\n`;

  it.each([
    ['with a byte order mark', `\ufeff${text}`],
    ['with the line ends of other systems', text.replaceAll('\n', '\r\n')],
    ['with both', `\ufeff${text.replaceAll('\n', '\r\n')}`],
  ])('%s', async (_what, other) => {
    expect(await read(other)).toEqual(await read(text));
  });

  it('as JSON, with a byte order mark and tabs', async () => {
    const json = { schema: 'tocsin.patch-plan/1', comment: 'why', nop: [{ functions: 'a', comment: 'seen often' }] };
    expect(await read(`\ufeff${JSON.stringify(json, null, '\t')}`)).toEqual(await read(text));
  });

  it('with aliases', async () => {
    const shared = `${HEAD}modules:\n  - { file: a, output: b, nop: &n [x, y] }\n  - { file: c, output: d, nop: *n }\n`;
    const { modules } = await read(shared);
    expect(modules!.map(m => m.nop.map(n => n.functions))).toEqual([
      ['x', 'y'],
      ['x', 'y'],
    ]);
  });
});

it('no comment is lost', async () => {
  const plan = await read(`# c01 of the file

# c02 of the first key
${HEAD.trim()} # c03
# c04
kernel: k6.1 # c05
with:
  # c06
  - fix.o # c07
symvers: [ a, # c08
  b ]
loaded:
  - first.ko # c09
  # c10
redirect:
  # c11
  - function: f # c12
    # c13
    to: g
    # c14
    comment: said
  # c15
  - { function: h, to: i } # c16
  # c17
# c18
hook: [] # c19
modules:
  # c20
  - file: a.ko
    output: b.ko # c21
    # c23
    nop:
      # c22
      - x
  # c24
  - file: c.ko
    output: d.ko
    epilogue:
      - functions: 'y*' # c25
# c26
`);
  const all = JSON.stringify(plan);
  for (let n = 1; n <= 26; n++) expect(all).toContain(`c${String(n).padStart(2, '0')}`);
  expect(plan.with[0]!.comment).toBe('c06 c07');
  expect(plan.loaded[0]!.comment).toBe('c09');
  expect(plan.redirect[0]!.comment).toBe('said c11 c12 c13 c14');
  expect(plan.modules![0]!.nop[0]!.comment).toBe('c22');
  expect(plan.modules![0]!.comment).toMatch(/c20.*c21/);
  expect(plan.modules![1]!.comment).toMatch(/c24/);
  expect(plan.modules![1]!.epilogue[0]!.comment).toBe('c25');
  expect(plan.comment).toMatch(/^c01 of the file.*c02.*c03.*c04.*c05.*c19/);
});
