import { describe, expect, it } from 'vitest';
import { bodyEntryCode, type HookShape, hookTemplates } from '../../../src/trampoline/hook.ts';
import type { Template } from '../../../src/trampoline/template.ts';

const moved = {
  asm: 'addis 9,2,moved@toc@ha',
  word: 0x3d220000,
  relocation: { type: 50, role: 'moved', addend: 0 },
} as const;
const shape: HookShape = {
  before: { external: true },
  tocOnEntry: true,
  toc: 'saved',
  ip: 12,
  resume: 12,
  moved,
  siteSavesLink: false,
};
const texts = (template: Template | undefined) => template?.map(row => row.asm);
const hex = (template: Template | undefined) => template?.map(row => row.word.toString(16).padStart(8, '0'));

describe('a hook before', () => {
  it('has these words', () => {
    const { hook, body } = hookTemplates({ ...shape, before: { external: false } });
    expect(body).toBeUndefined();
    expect(hex(hook)).toEqual(
      `7c0802a6 f8010010 f821ff51 f9c10060 f9e10068 fa010070 fa210078 fa410080 fa610088 fa810090 faa10098
       7c6e1b78 7c8f2378 7cb02b78 7cd13378 7cf23b78 7d134378 7d344b78 7d555378
       3c620000 38630000 7c040378 48000001
       7dc37378 7de47b78 7e058378 7e268b78 7e479378 7e689b78 7e89a378 7eaaab78
       e9c10060 e9e10068 ea010070 ea210078 ea410080 ea610088 ea810090 eaa10098
       382100b0 e8010010 7c0803a6 3d220000 48000000`
        .trim()
        .split(/\s+/),
    );
  });

  it('ends with the moved instruction and the way back, or the way back alone', () => {
    expect(texts(hookTemplates(shape).hook)!.slice(-3)).toEqual(['mtlr 0', 'addis 9,2,moved@toc@ha', 'b function+12']);
    expect(texts(hookTemplates({ ...shape, moved: undefined, resume: 0 }).hook)!.slice(-2)).toEqual([
      'mtlr 0',
      'b function',
    ]);
  });

  it('has a nop behind the call of another object, and computes r2 where that is asked', () => {
    const saved = texts(hookTemplates(shape).hook)!;
    expect(saved[saved.indexOf('bl before') + 1]).toBe('2: nop');
    expect(saved[saved.indexOf('bl before') + 2]).toBe('mr 3,14');
    const recomputed = texts(hookTemplates({ ...shape, toc: 'recomputed' }).hook)!;
    expect(recomputed.slice(recomputed.indexOf('bl before') + 1).slice(0, 4)).toEqual([
      '2: nop',
      'mflr 12',
      'addis 2,12,(.TOC.-2b)@ha',
      'addi 2,2,(.TOC.-2b)@l',
    ]);
  });

  it('keeps a r2 that may be anybody’s', () => {
    const found = texts(hookTemplates({ ...shape, tocOnEntry: false, toc: 'recomputed' }).hook)!;
    const order = ['std 2,160(1)', 'addis 2,12,(.TOC.-1b)@ha', 'bl before', 'ld 2,160(1)', 'mtlr 0'].map(t =>
      found.indexOf(t),
    );
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order[0]).toBeGreaterThan(0);
  });
});

describe('a hook after', () => {
  it('calls the function through a body of its own', () => {
    const { hook, body } = hookTemplates({ ...shape, before: undefined, after: { external: true } });
    expect(texts(body)).toEqual([
      '0: addis 2,12,(.TOC.-0b)@ha',
      'addi 2,2,(.TOC.-0b)@l',
      'mflr 0',
      'addis 9,2,moved@toc@ha',
      'b function+12',
    ]);
    expect(texts(hook)).toEqual([
      'mflr 0',
      'std 0,16(1)',
      'stdu 1,-128(1)',
      'bl body',
      'std 3,96(1)',
      'std 4,104(1)',
      'mr 5,3',
      'addis 3,2,function+12@toc@ha',
      'addi 3,3,function+12@toc@l',
      'ld 4,144(1)',
      'bl after',
      '2: nop',
      'ld 3,96(1)',
      'ld 4,104(1)',
      'addi 1,1,128',
      'ld 0,16(1)',
      'mtlr 0',
      'blr',
    ]);
  });

  it('calls a function that may have any r2 through a body with one entry', () => {
    const { body } = hookTemplates({ ...shape, before: undefined, after: { external: true }, tocOnEntry: false });
    expect(texts(body)).toEqual(['mflr 0', 'addis 9,2,moved@toc@ha', 'b function+12']);
    expect([bodyEntryCode(true), bodyEntryCode(false)]).toEqual([3, 0]);
  });

  it('keeps what the function left in r2', () => {
    const found = texts(
      hookTemplates({ ...shape, before: undefined, after: { external: false }, tocOnEntry: false }).hook,
    )!;
    const order = ['bl body', 'std 2,112(1)', 'addis 2,12,(.TOC.-1b)@ha', 'bl after', 'ld 2,112(1)'].map(t =>
      found.indexOf(t),
    );
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it('stores the return address where the call site of an old compiler has', () => {
    const { body } = hookTemplates({ ...shape, after: { external: true }, siteSavesLink: true });
    expect(texts(body)!.slice(2, 4)).toEqual(['mflr 0', 'std 0,16(1)']);
  });

  it('follows one before', () => {
    const found = texts(hookTemplates({ ...shape, after: { external: true } }).hook)!;
    expect(found.filter(t => t.startsWith('bl '))).toEqual(['bl before', 'bl body', 'bl after']);
    expect(found.filter(t => t === 'mflr 0')).toHaveLength(2);
  });
});
