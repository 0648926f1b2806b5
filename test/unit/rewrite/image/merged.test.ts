import { describe, expect, it } from 'vitest';
import { placeOf } from '../../../../src/cli/patch/attempt.ts';
import type { ElfFile } from '../../../../src/elf/read.ts';
import { relocatedWords } from '../../../../src/kernel/image.ts';
import { dynamicRelocations } from '../../../../src/kernel/image-layout.ts';
import { linkObjects } from '../../../../src/merge/image.ts';
import { makeImagePlan } from '../../../../src/rewrite/image/plan.ts';
import { revert } from '../../../../src/rewrite/revert.ts';
import { verifyImage } from '../../../../src/verify/image/verify-image.ts';
import { PatchProver } from '../../../../src/verify/patched/prove-patched.ts';
import { codeOf } from '../../../support/errors.ts';
import { AT, BASE, branch, FILE_START } from '../../../support/linked-image.ts';
import { BLR, FUNCTIONS, hook, image, NOP, object, PLACES, patched, redirect } from './support.ts';

function addressOf(elf: ElfFile, name: string): bigint {
  const symbols = elf.symbols!;
  const index = symbols.find(name);
  expect(index).toBeGreaterThan(0);
  return symbols.address(index);
}

function wordAt(elf: ElfFile, address: bigint): number {
  return new DataView(elf.bytes.buffer, elf.bytes.byteOffset).getUint32(FILE_START + Number(address - BASE), true);
}

const target = (elf: ElfFile, at: bigint) => at + BigInt(((wordAt(elf, at) & 0x03fffffc) << 6) >> 6);

function verdicts(input: ElfFile, output: ElfFile, place: number, leadsTo?: string[]) {
  const { functions } = new PatchProver(input, undefined).prove(output, [
    { section: '.text', offset: place, ...(leadsTo && { leadsTo }) },
  ]);
  return Object.fromEntries(functions.map(f => [f.function, f.verdict]));
}

describe('an object in a kernel image', () => {
  const made = patched({ redirects: [redirect('first', 'fix')] });
  const { input, output, plan, bytes, objects } = made;

  it('is judged to be there, and the image comes back', () => {
    expect(verifyImage(input, bytes, plan, objects).findings).toEqual([]);
    expect(revert(bytes).original).toEqual(input.bytes);
  });

  it('lies in the gaps that the kernel maps for it', () => {
    const range = plan.parts.map(p => [p.kind, Number(p.address - BASE)] as const);
    for (const [kind, at] of range) {
      if (kind === 'code') expect(at).toBeLessThan(AT.etext);
      if (kind === 'constants') expect(at > AT.got && at < AT.initText).toBe(true);
      if (kind === 'data') expect(at > AT.data && at < AT.edata).toBe(true);
    }
    expect(range.map(([kind]) => kind)).toEqual(['code', 'constants', 'data']);
  });

  it('reaches the static function and its own data', () => {
    const fix = addressOf(output, 'fix');
    expect(wordAt(output, fix + 12n)).toBe(NOP);
    expect(target(output, fix + 28n)).toBe(BASE + BigInt(PLACES.get('helper')!));
    const pointer = addressOf(output, 'pointer');
    expect(relocatedWords(output, pointer, pointer + 8n)[0]).toBe(addressOf(output, 'count'));
    const toc = BASE + BigInt(AT.got + 0x8000);
    const high = (wordAt(output, fix + 36n) << 16) >> 16;
    const low = ((wordAt(output, fix + 40n) & 0xfffc) << 16) >> 16;
    const slot = toc + BigInt(high * 0x10000 + low);
    expect(relocatedWords(output, slot, slot + 8n)[0]).toBe(pointer + 8n);
    const { size, section } = dynamicRelocations(output)!;
    expect(size.value).toBe(BigInt(section.sh_size));
    expect(section.sh_size - input.sectionNamed('.rela.dyn')!.sh_size).toBe(48);
  });

  it('replaces a function at its local entry, proved', () => {
    const place = PLACES.get('first')! + 16;
    expect(target(output, BASE + BigInt(place))).toBe(addressOf(output, 'fix') + 8n);
    expect(verdicts(input, output, place)).toMatchObject({ first: 'proved', fix: 'proved', helper: 'proved' });
  });

  it('is entered by its address where r2 may be anything', () => {
    const other = patched({ redirects: [redirect('leaf', 'fix')] });
    expect(verifyImage(other.input, other.bytes, other.plan, other.objects).findings).toEqual([]);
    const place = PLACES.get('leaf')! + 8;
    expect(target(other.output, BASE + BigInt(place))).toBe(addressOf(other.output, '__tocsin_direct_leaf'));
    expect(verdicts(other.input, other.output, place)).toMatchObject({
      leaf: 'proved',
      __tocsin_direct_leaf: 'proved',
    });
  });

  it.each(['first', 'leaf'])('has a hook for %s, proved', name => {
    const other = patched({ hooks: [hook(name, 'fix')] });
    expect(verifyImage(other.input, other.bytes, other.plan, other.objects).findings).toEqual([]);
    expect(revert(other.bytes).original).toEqual(other.input.bytes);
    const [action] = other.plan.actions;
    expect(verdicts(other.input, other.output, action!.offset, ['fix'])).toMatchObject({
      [name]: 'proved',
      fix: 'proved',
    });
  });

  it.each(['first', 'leaf'])('has a hook behind %s, proved', name => {
    for (const hooks of [[hook(name, 'fix', 'after')], [hook(name, 'count'), hook(name, 'fix', 'after')]]) {
      const other = patched({ hooks });
      expect(verifyImage(other.input, other.bytes, other.plan, other.objects).findings).toEqual([]);
      expect(revert(other.bytes).original).toEqual(other.input.bytes);
      const [action] = other.plan.actions;
      expect(verdicts(other.input, other.output, action!.offset, ['fix', 'count'])).toMatchObject({
        [name]: 'proved',
        [`__tocsin_body_${name}`]: 'proved',
        fix: 'proved',
      });
    }
  });

  it('leaves alone whom a hooked function called before, though others are redirected', () => {
    // mtctr r3; bctr: nobody knows where it goes.
    const odd = FUNCTIONS.map(f => (f.name === 'helper' ? { ...f, words: [0x7c6903a6, 0x4e800420] } : f));
    const request = { redirects: [redirect('first', 'count')], hooks: [hook('caller', 'count', 'after')] };
    const other = patched(request, image({ functions: odd }), object({ needs: 'second' }));
    const places = other.plan.actions.flatMap(placeOf);
    const proof = new PatchProver(other.input, undefined).prove(other.output, places);
    expect(proof.functions.map(f => [f.function, f.verdict])).toContainEqual(['__tocsin_body_caller', 'proved']);
    expect([proof.verdict, proof.functions.some(f => f.function === 'helper')]).toEqual(['proved', false]);
    const fresh = patched({ redirects: [redirect('first', 'fix')] }, image({ functions: odd }));
    expect(
      new PatchProver(fresh.input, undefined).prove(fresh.output, fresh.plan.actions.flatMap(placeOf)).verdict,
    ).toBe('unknown');
  });

  it.each(['helper', '+0x18'])('is called in the place of %s, proved', call => {
    const other = patched({ retargets: [{ from: 'caller', call, to: 'fix' }] });
    expect(verifyImage(other.input, other.bytes, other.plan, other.objects).findings).toEqual([]);
    expect(revert(other.bytes).original).toEqual(other.input.bytes);
    const at = PLACES.get('caller')! + 24;
    expect(other.plan.words.filter(w => input.sections[w.section]!.isCode).map(w => w.offset)).toEqual([at]);
    expect(target(other.output, BASE + BigInt(at))).toBe(addressOf(other.output, 'fix') + 8n);
    expect(verdicts(other.input, other.output, at, ['fix'])).toMatchObject({ caller: 'proved', fix: 'proved' });
  });

  it.each([
    ['leaf', '_mcount', 'PAT069'],
    ['caller', '_mcount', 'PAT069'],
    ['caller', '+0xc', 'PAT069'],
    ['caller', 'first', 'PAT065'],
    ['caller', 'nobody', 'PAT065'],
    ['nobody', 'helper', 'PAT002'],
  ])('is not called by %s in the place of %s', (from, call, code) => {
    expect(codeOf(() => patched({ retargets: [{ from, call, to: 'fix' }] }))).toBe(code);
  });

  it('is not called by a function that may have any r2', () => {
    const functions = [
      { name: 'helper', words: [BLR, NOP, NOP, NOP] },
      { name: 'bare', words: [branch(32, 16)] },
    ];
    const bare = image({ functions });
    expect(codeOf(() => patched({ retargets: [{ from: 'bare', call: 'helper', to: 'fix' }] }, bare))).toBe('PAT067');
    const other = patched({ retargets: [{ from: 'bare', call: 'helper', to: 'count' }] }, bare);
    expect(verifyImage(other.input, other.bytes, other.plan, other.objects).findings).toEqual([]);
  });

  it('is called in the place of what a thunk of the linker leads to', () => {
    const functions = [
      { name: 'helper', words: [BLR, NOP, NOP, NOP] },
      { name: '00000001.long_branch.helper', words: [branch(32, 16), NOP, NOP, NOP] },
      { name: 'bare', words: [branch(48, 32)] },
    ];
    const other = patched({ retargets: [{ from: 'bare', call: 'helper', to: 'count' }] }, image({ functions }));
    expect(verifyImage(other.input, other.bytes, other.plan, other.objects).findings).toEqual([]);
    expect(target(other.output, BASE + 48n)).toBe(addressOf(other.output, 'count'));
  });

  it('goes together with call sites that go', () => {
    const other = patched({ nops: ['second'], redirects: [redirect('first', 'count')], hooks: [hook('leaf', 'fix')] });
    expect(verifyImage(other.input, other.bytes, other.plan, other.objects).findings).toEqual([]);
    expect(revert(other.bytes).original).toEqual(other.input.bytes);
  });

  it('may be asked for alone', () => {
    const other = patched({});
    expect(other.plan.words.every(w => !input.sections[w.section]!.isCode)).toBe(true);
    expect(verifyImage(other.input, other.bytes, other.plan, other.objects).findings).toEqual([]);
  });

  it.each<[string, Parameters<typeof object>[0], string]>([
    ['entries of a table of the kernel', { section: '__jump_table' }, 'PAT124'],
    ['feature fixups', { section: '__ftr_fixup' }, 'PAT124'],
    ['alternatives of feature fixups', { section: '__ftr_alt_97' }, 'PAT124'],
    ['barriers that a setting switches', { section: '__barrier_nospec_fixup' }, 'PAT124'],
    ['exports, as the compiler left them', { section: '.export_symbol' }, 'PAT124'],
    ['a name that nobody has', { needs: 'nothing' }, 'PAT113'],
    ['a function that is freed', { needs: '_sinittext' }, 'PAT118'],
    ['an address in its code', { relocation: 1 }, 'PAT125'],
  ])('is refused with %s', (_, options, code) => {
    expect(codeOf(() => linkObjects(image(), [object(options)]))).toBe(code);
  });

  it.each(['__ftr_fixup', '__ftr_alt_97', '__uaccess_flush_fixup'])('is told why it may not have %s', section => {
    expect(() => linkObjects(image(), [object({ section })])).toThrow(/without room for a row/);
  });

  it('is refused where there is no room', () => {
    const full = image({ symbols: { somebody: AT.data + 0x100 } });
    expect(codeOf(() => linkObjects(full, [object()]))).toBe('PAT123');
  });

  it('is refused where its name is taken', () => {
    const functions = [{ name: 'count', words: [BLR] }];
    expect(codeOf(() => linkObjects(image({ functions }), [object({ needs: 'count' })]))).toBe('PAT110');
  });

  it.each([
    ['frame', 'no r2 that a frame would have to keep'],
    ['epilogue', 'no other module is entered'],
    ['shadow', 'nothing has to wait beside the stack for a return'],
  ] as const)('does not go with %s, for a reason of its own', (strategy, why) => {
    const request = { redirects: [{ ...redirect('first', 'fix'), strategy }] };
    expect(codeOf(() => patched(request))).toBe('PAT195');
    expect(() => patched(request)).toThrow(why);
  });

  it('is no place for other changes', () => {
    expect(codeOf(() => patched({ hooks: [hook('fix', 'count')] }))).toMatch(/^PAT/);
    expect(codeOf(() => patched({ redirects: [redirect('first', 'nobody')] }))).toBe('PAT002');
  });
});

describe('words that others know', () => {
  it('are not taken for a branch', () => {
    const at = PLACES.get('first')! + 16;
    const input = image({ pointers: [at] });
    expect(codeOf(() => makeImagePlan(input, { nops: [], redirects: [redirect('first', 'helper')] }))).toBe('PAT008');
  });
});
