/** `tocsin patch --strategy custom:FILE.o` as a user calls it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { readPatchNote } from '../../../src/kernel/patch-note.ts';
import { inThread, temporaryFolder } from '../../support/cli.ts';
import { ObjectBuilder, R, SHF, STT } from '../../support/object-builder.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const demo = (generation: string) => `${root}samples/${generation}/tocsin_demo.ko`;
const custom = (name: string) => `custom:${root}samples/custom/${name}.o`;
const symvers = (generation: string) => [
  ...['--symvers', `${root}samples/${generation}/kernel/Module.symvers`],
  ...['--symvers', `${root}samples/${generation}/Module.symvers`],
];

const validPatch = new Ajv2020({ strict: false }).compile(
  JSON.parse(readFileSync(`${root}schemas/tocsin.patch-1.schema.json`, 'utf8')),
);

const ASKED = {
  count: ['--redirect', 'demo_in_range=demo_in_range', '--strategy', custom('count')],
  'count, variadic': ['--redirect', 'demo_sum_variadic=demo_sum_variadic', '--strategy', custom('count')],
  frame: ['--redirect', 'demo_in_range=fix_in_range', '--strategy', custom('frame')],
  'frame, any r2': ['--redirect', 'demo_parity=fix_parity', '--strategy', custom('frame')],
  'frame, own module': ['--redirect', 'demo_in_range=demo_in_range_fixed', '--strategy', custom('frame')],
};

describe.each(['6.1', '6.12', '7.2'])('the %s sample', generation => {
  it.each(Object.keys(ASKED) as (keyof typeof ASKED)[])('with %s is proved, written, and comes back', name => {
    for (const where of name === 'count' ? ['after-site', 'site'] : ['after-site']) {
      const out = at(`${name}-${generation}-${where}.ko`);
      const asked = [...ASKED[name], '--at', where, ...symvers(generation), '--format', 'json'];
      const done = inThread(['patch', demo(generation), '-o', out, ...asked]);
      expect(done.code, done.stderr).toBe(0);
      const document = JSON.parse(done.stdout);
      expect(validPatch(document), JSON.stringify(validPatch.errors)).toBe(true);
      expect(document.proof.verdict).toBe('proved');
      const [action] = document.actions;
      expect(action).toMatchObject({ strategy: 'custom', at: where, toc: 'own' });
      expect(action.custom).toMatchObject({ entry: `__tocsin_custom_${action.function}` });
      expect(document.verification.checks.map((c: { name: string }) => c.name)).toContain('merge: placeholders');
      expect(readPatchNote(readElf(new Uint8Array(readFileSync(out))))?.record.merged).toHaveLength(1);
      const back = at('back.ko');
      expect(inThread(['revert', out, '-o', back]).code).toBe(0);
      expect(readFileSync(back).equals(readFileSync(demo(generation)))).toBe(true);
    }
  });
});

it('takes a path from a plan file, as seen from there', () => {
  const plan = at('custom.yaml');
  const entry = { function: 'demo_in_range', to: 'fix_in_range', strategy: 'custom:frame.o' };
  writeFileSync(at('frame.o'), readFileSync(`${root}samples/custom/frame.o`));
  writeFileSync(plan, JSON.stringify({ schema: 'tocsin.patch-plan/1', redirect: [entry] }));
  const out = at('planned.ko');
  const done = inThread(['patch', demo('6.12'), '-o', out, '--plan', plan, ...symvers('6.12')]);
  expect(done.code, done.stderr).toBe(0);
  expect(done.stdout).toContain('custom, after-site');
});

it('two redirects have a copy each', () => {
  const both = [...ASKED.frame, '--redirect', 'demo_parity=fix_parity'];
  const done = inThread(['patch', demo('7.2'), '--dry-run', ...both, ...symvers('7.2'), '--format', 'json']);
  expect(done.code, done.stderr).toBe(0);
  const document = JSON.parse(done.stdout);
  expect(document.merged.objects).toHaveLength(2);
  expect(document.proof.verdict).toBe('proved');
});

it('goes with objects that are merged for other reasons', () => {
  const asked = [...ASKED.count, '--epilogue', 'demo_parity', ...symvers('6.12'), '--format', 'json'];
  const done = inThread(['patch', demo('6.12'), '-o', at('with-epilogue.ko'), ...asked]);
  expect(done.code, done.stderr).toBe(0);
  expect(JSON.parse(done.stdout)).toMatchObject({ written: true, proof: { verdict: 'proved' } });
});

const BLR = 0x4e800020;

/**
 * A trampoline that calls F's original by its address, made in r12 by two or three words of `how`, from r12 = the address of its
 * word 5 and r2 = the home's TOC.
 */
function byAddress(how: readonly Named[], data?: readonly [type: number, addend: number]) {
  const file = at('address.o');
  const builder = new ObjectBuilder();
  const front: Named[] = [
    ...[0x7c0802a6, 0xf8010010, 0xf821ff91, 0x429f0005, 0x7d8802a6].map((word): Named => [word]),
    [0x3c4c0000, 'toc', 4, R.REL16_HA],
    [0x38420000, 'toc', 8, R.REL16_LO],
  ];
  const back = [0x7d8903a6, 0xf8410018, 0x4e800421, 0xe8410018, 0x38210070, 0xe8010010, 0x7c0803a6, BLR];
  const named = [...front, ...how, ...back.map((word): Named => [word])];
  while (named.length < 20) named.push([NOP]);
  const words = [...named.map(([word]) => word), ...(data === undefined ? [] : [0, 0])];
  const text = builder.code('.text', words, { align: 16 });
  builder.symbol('__tocsin_trampoline', { section: text, value: 0, size: 80, bind: 1, type: STT.FUNC });
  named.forEach(([, placeholder, addend = 0, type = R.REL24], i) => {
    if (placeholder !== undefined)
      builder.relocate(text, i * 4, type, builder.undefined(`__tocsin_${placeholder}`), addend);
  });
  if (data !== undefined) builder.relocate(text, 80, data[0], builder.undefined('__tocsin_original'), data[1]);
  writeFileSync(file, builder.build());
  return ['--redirect', ITSELF, '--strategy', `custom:${file}`];
}

/** Word 20 of the trampoline less the place that r12 has in front of the address. */
const NEAR = 80 - 16;
const LD_R12_NEAR = 0xe98c0000 | NEAR;
const ADD_R12_R11 = 0x7d8c5a14;

describe('an address of the function itself', () => {
  it.each<[string, readonly Named[], (readonly [type: number, addend: number])?]>([
    [
      'by its distance from the code',
      [
        [0x3d8c0000, 'original', 12, R.REL16_HA],
        [0x398c0000, 'original', 16, R.REL16_LO],
      ],
    ],
    [
      'by its distance from the TOC',
      [
        [0x3d820000, 'original', 0, R.TOC16_HA],
        [0x398c0000, 'original', 0, R.TOC16_LO],
      ],
    ],
    ['.quad', [[LD_R12_NEAR]], [R.ADDR64, 0]],
    ['.quad of a distance from another place', [[0xe96c0000 | NEAR], [ADD_R12_R11]], [R.REL64, NEAR]],
    ['.long of a distance from another place', [[0xe96c0002 | NEAR], [ADD_R12_R11]], [R.REL32, NEAR]],
  ])('%s', (_, how, data) => {
    for (const generation of ['6.1', '7.2'])
      for (const where of ['after-site', 'site']) {
        const given = [...byAddress(how, data), '--at', where, ...symvers(generation), '--format', 'json'];
        const done = inThread(['patch', demo(generation), '--dry-run', ...given]);
        expect(done.code, done.stderr).toBe(0);
        expect(JSON.parse(done.stdout).proof.verdict).toBe('proved');
      }
  });

  it('that lies beside it is not proved', () => {
    const beside: Named[] = [
      [0x3d8c0000, 'original', 16, R.REL16_HA],
      [0x398c0000, 'original', 20, R.REL16_LO],
    ];
    const done = inThread(['patch', demo('6.12'), '--dry-run', ...byAddress(beside), ...symvers('6.12')]);
    expect(done.code, done.stdout).toBe(1);
  });
});

/** An object of a few words with symbols; the first word may name one. */
function object(
  words: readonly number[],
  symbols: readonly string[],
  entry = '__tocsin_trampoline',
  section = '.text',
) {
  const file = at('made.o');
  const builder = new ObjectBuilder();
  const text =
    section === '.text' ? builder.code(section, words) : builder.section(section, { flags: SHF.ALLOC, words });
  if (entry !== '') builder.function(entry, text, 0, words.length * 4);
  for (const name of symbols) builder.undefined(name);
  writeFileSync(file, builder.build());
  return ['--strategy', `custom:${file}`];
}

/** A word of a trampoline, and the placeholder that it names, with an offset. */
type Named = readonly [word: number, placeholder?: string, addend?: number, type?: number];

/** A trampoline of such words; a function, or a piece of F. */
function naming(words: readonly Named[], type: number = STT.FUNC) {
  const file = at('named.o');
  const builder = new ObjectBuilder();
  const code = words.map(([word]) => word);
  const text = builder.code('.text', code, { align: 16 });
  builder.symbol('__tocsin_trampoline', { section: text, value: 0, size: code.length * 4, bind: 1, type });
  words.forEach(([, placeholder, addend = 0], i) => {
    if (placeholder !== undefined)
      builder.relocate(text, i * 4, R.REL24, builder.undefined(`__tocsin_${placeholder}`), addend);
  });
  writeFileSync(file, builder.build());
  return ['--strategy', `custom:${file}`];
}

const [B, BL, NOP] = [0x48000000, 0x48000001, 0x60000000];
const ITSELF = 'demo_in_range=demo_in_range';
const CONTINUE: Named = [B, 'continue'];

function refused(how: readonly string[], redirect = 'demo_in_range=fix_in_range') {
  const out = at('refused.ko');
  const done = inThread(['patch', demo('6.12'), '-o', out, '--redirect', redirect, ...how, ...symvers('6.12')]);
  return { code: done.code, said: /\[([A-Z]{3}\d+)\]/.exec(done.stderr)?.[1] };
}

describe('refuses', () => {
  it('an object that is no trampoline', () => {
    expect(refused(object([BLR], [], ''))).toEqual({ code: 1, said: 'PAT080' });
    expect(refused(object([BLR], [], '__tocsin_target'))).toEqual({ code: 1, said: 'PAT080' });
    expect(refused(object([BLR], [], '__tocsin_trampoline', '.rodata'))).toEqual({ code: 1, said: 'PAT080' });
  });

  it('a placeholder that there is not', () => {
    expect(refused(object([BLR], ['__tocsin_home']))).toEqual({ code: 1, said: 'PAT081' });
  });

  it('a function that is gone after loading', () => {
    const init = 'init_module=demo_in_range';
    expect(refused(object([BLR], []), init).code).toBe(1);
  });

  it('PAT271: a replacement that the code does not name', () => {
    expect(refused(object([BLR], []))).toEqual({ code: 1, said: 'PAT271' });
    expect(refused(naming([CONTINUE], STT.NOTYPE))).toEqual({ code: 1, said: 'PAT271' });
    // A symbol that nothing refers to.
    expect(refused(object([BLR], ['__tocsin_target']))).toEqual({ code: 1, said: 'PAT271' });
    expect(refused(['--strategy', custom('count')])).toEqual({ code: 1, said: 'PAT271' });
  });

  it.each<[string, readonly Named[]]>([
    ['a call of the rest of F', [[BL, 'continue'], [BLR]]],
    ['a way into the rest of F', [[B, 'continue', 4]]],
    ['a way into F', [[B, 'original', 8]]],
    ['a branch to the TOC', [[B, 'toc']]],
    ['a call of the TOC', [[BL, 'toc'], [BLR]]],
  ])('PAT270: %s', (_, words) => {
    expect(refused(naming(words), ITSELF)).toEqual({ code: 1, said: 'PAT270' });
  });

  it('PAT270: a word that names a placeholder twice', () => {
    const file = at('twice.o');
    const builder = new ObjectBuilder();
    const text = builder.code('.text', [B], { align: 16 });
    builder.symbol('__tocsin_trampoline', { section: text, value: 0, size: 4, bind: 1, type: STT.NOTYPE });
    const rest = builder.undefined('__tocsin_continue');
    for (let i = 0; i < 2; i++) builder.relocate(text, 0, R.REL24, rest);
    writeFileSync(file, builder.build());
    expect(refused(['--strategy', `custom:${file}`], ITSELF)).toEqual({ code: 1, said: 'PAT270' });
  });

  it('PAT270: an address beside G', () => {
    expect(refused(naming([[B, 'target', 8]]))).toEqual({ code: 1, said: 'PAT270' });
  });

  it.each<[string, string, readonly Named[]]>([
    ['li r2,0: the TOC is lost where F goes on', 'TOC001', [[0x38400000], CONTINUE]],
    ["li r2,0: the caller's TOC is lost", 'TOC002', [[0x38400000], [BLR]]],
    ['stdu r1,-64(r1)', 'TOC010', [[0xf821ffc1], CONTINUE]],
    ['addi r1,r1,-32', 'TOC010', [[0x3821ffe0], [BLR]]],
    ['mtlr r3: F returns elsewhere', 'TOC011', [[0x7c6803a6], CONTINUE]],
    ['bl __tocsin_original without a frame', 'TOC011', [[BL, 'original'], [BLR]]],
    ['li r14,0', 'TOC012', [[0x39c00000], CONTINUE]],
    ['cmpwi cr2,r3,0', 'TOC013', [[0x2d030000], CONTINUE]],
  ])('%s: %s', (_, said, words) => {
    const type = words.includes(CONTINUE) ? STT.NOTYPE : STT.FUNC;
    expect(refused(naming(words, type), ITSELF)).toEqual({ code: 1, said });
  });

  it.each<[string, string, readonly Named[]]>([
    ['a sibling call of another object', 'TOC006', [[B, 'target']]],
    ['a call of it without a frame', 'TOC005', [[BL, 'target'], [NOP], [BLR]]],
    [
      'a call of it without a nop',
      'PRV104',
      [
        ...[0x7c0802a6, 0xf8010010, 0xf821ff91].map(word => [word] as const),
        [BL, 'target'],
        ...[0x38210070, 0xe8010010, 0x7c0803a6, BLR].map(word => [word] as const),
      ],
    ],
  ])('%s: %s', (_, said, words) => {
    expect(refused(naming(words))).toEqual({ code: 1, said });
  });

  it('a frame where there are arguments on the stack', () => {
    const how = ['--strategy', custom('frame')];
    expect(refused(how, 'demo_sum_ten=fix_sum_ten')).toEqual({ code: 1, said: 'PAT011' });
    expect(refused(how, 'demo_sum_variadic=fix_sum_variadic')).toEqual({ code: 1, said: 'PAT011' });
  });

  it('F in place of itself where the code calls it', () => {
    expect(refused(['--strategy', custom('frame')], 'demo_in_range=demo_in_range')).toEqual({
      code: 1,
      said: 'PAT014',
    });
  });

  it('an unknown strategy', () => {
    expect(refused(['--strategy', 'custom:']).code).toBe(2);
    expect(refused(['--strategy', 'clever']).code).toBe(2);
  });
});
