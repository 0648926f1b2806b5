/** Patched samples as the twin loads them: proved as the maker leaves them, and not when somebody spoils them afterwards. */
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../../src/elf/read.ts';
import { functionsOf } from '../../../../src/kernel/functions.ts';
import { type PatchProof, PatchProver } from '../../../../src/verify/patched/prove-patched.ts';
import { knowledge } from '../../../support/kernel-knowledge.ts';
import { GENERATIONS, type Patched, patch, type Redirect, redirect, Spoiler, sample } from '../support/patched.ts';

const NOP = 0x60000000;
const MTLR_R0 = 0x7c0803a6;

function places({ plan }: Patched) {
  return plan.actions.filter(a => a.kind === 'redirect');
}

function proofOf(good: Patched, output = good.output): PatchProof {
  return new PatchProver(good.elf, undefined).prove(readElf(output), places(good));
}

function wrong(proof: PatchProof): string[] {
  return proof.functions.filter(f => f.verdict !== 'proved').map(f => `${f.function} ${f.role} ${f.verdict} ${f.code}`);
}

/** The output of `good` with one word of the new code changed. */
function withWord(good: Patched, offset: number, from: number, to: number): PatchProof {
  const spoiler = new Spoiler(good.output);
  expect(spoiler.word('.text.tocsin', offset)).toBe(from);
  spoiler.setWord('.text.tocsin', offset, to);
  return proofOf(good, spoiler.bytes);
}

/** The sample with one word of a function changed: the first that `is` takes. */
function brokenInput(file: string, name: string, is: number, to: number): Uint8Array {
  const spoiler = new Spoiler(sample(file));
  const f = functionsOf(spoiler.elf).find(g => g.name === name)!;
  for (let at = f.global; at < f.global + f.size; at += 4)
    if (spoiler.word(f.section.name, at) === is) {
      spoiler.setWord(f.section.name, at, to);
      return spoiler.bytes;
    }
  throw new Error(`${name} has no such word`);
}

describe.each(GENERATIONS)('redirects in the sample of %s', generation => {
  const file = `${generation}/tocsin_demo.ko`;
  const cases: readonly (readonly [from: string, to: string, rest: Partial<Redirect>])[] = [
    ['demo_in_range', 'demo_in_range_fixed', { strategy: 'direct' }],
    ['demo_parity', 'demo_in_range_fixed', { strategy: 'direct' }],
    ['demo_in_range', 'demo_in_range_fixed', { strategy: 'frame' }],
    ['demo_parity', 'demo_in_range_fixed', { strategy: 'frame' }],
    ['demo_external', 'somewhere_else', { strategy: 'frame' }],
    ['demo_parity', 'somewhere_else', { strategy: 'frame' }],
    ['demo_init', 'elsewhere', { strategy: 'frame' }],
  ];

  it.each(cases)('%s to %s: proved', (from, to, rest) => {
    for (const at of ['after-site', 'site'] as const)
      for (const toc of ['recomputed', 'saved'] as const) {
        const proof = proofOf(patch(file, { redirects: [redirect(from, to, { ...rest, at, toc })] }));
        expect(wrong(proof)).toEqual([]);
        expect(proof).toMatchObject({ verdict: 'proved', kernel: 'assumed' });
        expect(proof.judged).toBeGreaterThan(20);
        expect(proof.functions[0]).toMatchObject({ function: from, role: 'redirected' });
        const isHere = to.startsWith('demo');
        expect(proof.functions.some(f => f.function === to && f.role === 'replacement')).toBe(isHere);
        expect(proof.grounds.join()).toMatch(/no kernel was given/);
      }
  });

  it('a patch on top of a patch', () => {
    const first = patch(file, { redirects: [redirect('demo_parity', 'somewhere_else')] });
    const second = patch(first.output, { nops: ['demo_lookup'], redirects: [redirect('demo_in_range', 'elsewhere')] });
    const proof = proofOf(second);
    expect(wrong(proof)).toEqual([]);
    expect(proof.functions.filter(f => f.role === 'new').map(f => f.function)).toEqual([
      '__tocsin_frame_demo_in_range',
    ]);
  });
});

describe('trampolines that somebody spoiled', () => {
  const frame = (from: string, toc: 'recomputed' | 'saved' = 'saved') =>
    patch('6.1/tocsin_demo.ko', { redirects: [redirect(from, 'somewhere_else', { toc })] });
  const known = frame('demo_external');
  const leaf = frame('demo_parity');
  const direct = patch('6.1/tocsin_demo.ko', { redirects: [redirect('demo_parity', 'demo_in_range')] });

  it.each([
    ['another frame taken away', known, 0x14, 0x38210060, 0x38210050, ['TOC010', 'TOC011']],
    ['LR not restored', known, 0x1c, MTLR_R0, NOP, ['TOC011']],
    ['no frame', known, 0x8, 0xf821ffa1, NOP, ['TOC005']],
    ['half of the TOC set-up missing', leaf, 0x18, 0x38420000, 0x38000000, ['TOC007']],
    ['a non-volatile register written', known, 0x1c, MTLR_R0, 0x39c00000, ['TOC011', 'TOC012']],
    ['LR lost on the way to the address', direct, 0xc, MTLR_R0, NOP, ['TOC011', 'TOC017']],
    ['an address that is not the entry', direct, 0x14, 0x398c0000, 0x38000000, ['PRV002', 'PRV004', 'TOC004']],
  ] as const)('%s: not proved', (_, good, offset, from, to, codes) => {
    const proof = withWord(good, offset, from, to);
    expect(proof.verdict).not.toBe('proved');
    const found = proof.functions.find(f => f.verdict !== 'proved')!;
    expect(found.role).toBe('new');
    expect(codes).toContain(found.code);
    expect(found.path!.length).toBeGreaterThan(0);
    expect(found.path!.at(-1)!.section).not.toBe('');
  });

  it('a call without the nop behind it: the loader would not take it', () => {
    const proof = withWord(known, 0x10, NOP, 0x7c631b78);
    expect(proof).toMatchObject({ verdict: 'unknown', obstacle: { code: 'PRV104', isRefusal: false } });
    expect(proof.obstacle!.message).toMatch(/Expected nop after call/);
  });
});

describe('inputs that are broken already', () => {
  const file = '6.1/tocsin_demo.ko';
  const broken = brokenInput(file, 'demo_lookup', MTLR_R0, NOP);

  it('elsewhere: not blamed', () => {
    const proof = proofOf(patch(broken, { redirects: [redirect('demo_in_range', 'demo_in_range_fixed')] }));
    expect(proof.verdict).toBe('proved');
    expect(proof.proved).toBeLessThan(proof.judged);
    expect(proof.functions.map(f => f.function)).not.toContain('demo_lookup');
  });

  it('in the replacement: blamed', () => {
    const proof = proofOf(patch(broken, { redirects: [redirect('demo_in_range', 'demo_lookup')] }));
    expect(wrong(proof)).toEqual(['demo_lookup replacement refuted TOC011']);
  });

  it('and worse than before: blamed', () => {
    const good = patch(file, { redirects: [redirect('demo_in_range', 'demo_in_range_fixed')] });
    const spoiler = new Spoiler(good.output);
    const f = functionsOf(spoiler.elf).find(g => g.name === 'demo_lookup')!;
    for (let at = f.global; at < f.global + f.size; at += 4)
      if (spoiler.word('.text', at) === MTLR_R0) spoiler.setWord('.text', at, NOP);
    expect(wrong(proofOf(good, spoiler.bytes))).toEqual(['demo_lookup other refuted TOC011']);
  });
});

describe('plain objects', () => {
  it('are loaded as modules by themselves', () => {
    const elf = readElf(sample('legacy/mprofile-lr.o'));
    const [f, g] = functionsOf(elf).filter(h => h.k >= 2);
    for (const to of [g!.name, 'elsewhere']) {
      const proof = proofOf(patch('legacy/mprofile-lr.o', { redirects: [redirect(f!.name, to)] }));
      expect(wrong(proof)).toEqual([]);
      expect(proof).toMatchObject({ verdict: 'proved', kernel: 'assumed' });
      expect(proof.grounds.join()).toMatch(/as a module by itself/);
    }
  });
});

describe('a given kernel', () => {
  const good = patch('6.1/tocsin_demo.ko', { redirects: [redirect('demo_external', 'somewhere_else')] });
  const somewhere = {
    name: 'other',
    gplCompatible: true,
    exports: new Map([
      [
        'somewhere_else',
        { name: 'somewhere_else', address: 0xc008_0000_4000_0000n, crc: 0x12345678, gplOnly: false, namespace: '' },
      ],
    ]),
  };
  const given = (generation: '6.1' | '6.12', isThere = true) => ({
    kernel: knowledge({ generation, options: { moduleSigForce: true } }),
    exporterOf: (name: string) => (isThere && name === 'somewhere_else' ? somewhere : undefined),
  });

  it('takes the module, and its release is named', () => {
    const kernel = given('6.1');
    const proof = new PatchProver(good.elf, kernel).prove(readElf(good.output), places(good));
    expect(proof).toMatchObject({ verdict: 'proved', kernel: kernel.kernel.release });
    expect(proof.grounds).toEqual(['the kernel wants a signature, which was not judged']);
  });

  it('refuses what it does not have, in its own words', () => {
    const proof = new PatchProver(good.elf, given('6.1', false)).prove(readElf(good.output), places(good));
    expect(proof.obstacle).toEqual({
      code: 'SYM301',
      message: 'tocsin_demo: Unknown symbol somewhere_else (err -2)',
      isRefusal: true,
    });
  });

  it('says where the input is refused as well', () => {
    const proof = new PatchProver(good.elf, given('6.12')).prove(readElf(good.output), places(good));
    expect(proof.obstacle).toMatchObject({ code: 'ELF304', isRefusal: true });
    expect(proof.obstacle!.message).toMatch(/the input is refused as well/);
  });
});
