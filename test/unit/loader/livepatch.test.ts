/** Livepatch modules: relocations for the kernel at once, for a module when it is there, and what is looked for then. */
import { describe, expect, it } from 'vitest';
import type { LoadedModule, LoadRequest } from '../../../src/loader/model.ts';
import { type ConversionOptions, makeLivepatch } from '../../support/klp.ts';
import {
  BL,
  BLR,
  CALL,
  type Names,
  NOP,
  type ObjectSpec,
  type PatchSpec,
  POINTER,
  patch,
  targetBytes,
  unconverted,
} from '../../support/livepatch-modules.ts';
import { load } from '../../support/loader.ts';
import { R } from '../../support/object-builder.ts';

const RESTORE_R2 = 0xe841_0018;

const HIDDEN = 0xc000_0000_0044_0000n;
const PATCH_BASE = 0xc008_0000_0200_0000n;
const TARGET_BASE = 0xc008_0000_0100_0000n;

interface Asked {
  readonly symbols?: Readonly<Record<string, readonly bigint[]>>;
  readonly livepatch?: boolean;
  readonly exports?: readonly string[];
}

function ask(
  bytes: Uint8Array,
  { symbols = { hidden: [HIDDEN] }, livepatch = true, exports = [] }: Asked = {},
  request: Partial<LoadRequest> = {},
) {
  const spec = {
    options: { livepatch, modversions: false },
    exports: [{ name: 'klp_enable_patch', gplOnly: true }, ...exports.map(name => ({ name }))],
    symbols,
  };
  const all = {
    placement: { kind: 'base', base: PATCH_BASE },
    taints: ['oot', 'unsigned notice', 'livepatch notice'],
    ...request,
  } as const;
  const whole = load('6.1', bytes, spec, { ...all, checkOnly: false });
  const checked = load('6.1', bytes, spec, { ...all, checkOnly: true });
  expect([checked.answer, checked.log]).toEqual([whole.answer, whole.log]);
  return whole;
}

type Asked6 = ReturnType<typeof ask>;

function words({ outcome }: Asked6, section = '.text'): number[] {
  return wordsOf(outcome.image!, section);
}

function wordsOf(image: NonNullable<Asked6['outcome']['image']>, section: string): number[] {
  const { bytes } = image.sections.find(s => s.name === section)!;
  return [...new Uint32Array(bytes.slice(0, bytes.length & ~3).buffer)];
}

/** Of the doubleword that points to `hidden_data`. */
function pointer(image: NonNullable<Asked6['outcome']['image']>): bigint {
  const { bytes } = image.sections.find(s => s.name === '.data.klp')!;
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(POINTER, true);
}

function loaded({ outcome }: Asked6): LoadedModule {
  const { name, exports, gplCompatible, image, livepatch } = outcome;
  return { name, exports, gplCompatible, ...(image && { image }), ...(livepatch && { livepatch }) };
}

function modules(...list: readonly Asked6[]): ReadonlyMap<string, LoadedModule> {
  return new Map(list.map(asked => [asked.outcome.name, loaded(asked)]));
}

const AT_TARGET = { placement: { kind: 'base', base: TARGET_BASE } } as const;

function target(request: Partial<LoadRequest> = {}, name = 'target') {
  return ask(targetBytes(name), {}, { ...AT_TARGET, ...request });
}

describe('livepatch relocations for the kernel', () => {
  it('reach symbols that are not exported', () => {
    const asked = ask(patch(), { symbols: { hidden: [HIDDEN] } });
    expect(asked.answer).toBe('loads');
    const { image } = asked.outcome;
    const stub = image!.stubs.find(s => s.name === '.klp.sym.vmlinux.hidden,1')!;
    expect(stub).toMatchObject({ kind: 'call', target: HIDDEN });
    const text = image!.sections.find(s => s.name === '.text')!;
    const distance = Number(stub.address - text.address) - CALL;
    expect(words(asked).slice(5, 7)).toEqual([(BL | (distance & 0x3ff_fffc)) >>> 0, RESTORE_R2]);
    expect(pointer(image!)).toBe(HIDDEN + 16n);
    // All symbols of a livepatch module are kept.
    expect(image!.kallsyms!.types.length).toBe(image!.symbols.length + 1);
  });

  it('count symbols of one name from one', () => {
    const asked = ask(patch({}, { code: 'vmlinux.hidden,2' }), { symbols: { hidden: [1n, HIDDEN, 3n] } });
    expect(asked.outcome.image!.stubs.map(s => s.target)).toContain(HIDDEN);
  });

  it('follow a kernel that was moved', () => {
    const asked = ask(patch(), {}, { runningToc: 0xc000_0000_01e7_3100n + 0x1_0000n });
    expect(pointer(asked.outcome.image!)).toBe(HIDDEN + 0x1_0000n + 16n);
  });

  it.each([
    [{}, 'hidden,2', "symbol 'hidden' not found in symbol table"],
    [{ hidden: [HIDDEN] }, 'hidden,2', "symbol position 2 for symbol 'hidden' in object 'vmlinux' not found"],
    [{ hidden: [HIDDEN, 2n] }, 'hidden,0', "unresolvable ambiguity for symbol 'hidden' in object '(null)'"],
    [{ hidden: [0n] }, 'hidden,1', "symbol 'hidden' not found in symbol table"],
  ])('are refused where %o does not have %s', (symbols, name, text) => {
    const names = { code: `vmlinux.${name}`, data: `vmlinux.${name}` };
    expect(ask(patch({}, names), { symbols })).toMatchObject({ answer: 'EINVAL', log: [`livepatch: ${text}`] });
  });

  it.each([
    ['vmlinux.hidden', {}],
    ['vmlinux.hidden,', {}],
    ['vmlinux.hidden,-1', {}],
    ['vmlinux.,1', {}],
    ['vmlinux,1', { object: 'vmlinux' }],
    [`${'x'.repeat(56)}.hidden,1`, { object: 'vmlinux' }],
    [`vmlinux.${'x'.repeat(512)},1`, {}],
  ])('are refused for the name %s', (name, more) => {
    expect(ask(patch({}, { code: name }, {}, more))).toMatchObject({
      answer: 'EINVAL',
      log: [`livepatch: symbol .klp.sym.${name} has an incorrectly formatted name`],
    });
  });

  it('take what follows the position, and blanks before it', () => {
    expect(ask(patch({}, { code: 'vmlinux.hidden, 1x' })).answer).toBe('loads');
  });

  it('name their object in the section', () => {
    expect(ask(patch({}, {}, { rename: () => '.klp.rela..text' }))).toMatchObject({
      answer: 'EINVAL',
      log: ['livepatch: section .klp.rela..text has an incorrectly formatted name'],
    });
  });

  it('name no ordinary symbols', () => {
    const wrong = patch({}, {}, { change: r => (r.type === R.REL24 ? { ...r, symbol: 1 } : r) });
    expect(ask(wrong)).toMatchObject({
      answer: 'EINVAL',
      log: ['livepatch: symbol  is not marked as a livepatch symbol'],
    });
    const undefinedOne = patch({}, {}, {}, { shndx: 0 });
    expect(ask(undefinedOne)).toMatchObject({
      answer: 'ENOENT',
      // An undefined symbol loses its leading dot.
      log: ['fix: Unknown symbol klp.sym.vmlinux.hidden,1 (err -2)'],
    });
  });

  it('are dangerous where nothing says that they wait', () => {
    const { answer, outcome } = ask(patch({}, {}, { flags: 0x42 }));
    expect(answer).toBe('loads');
    expect(outcome.dangerous).toBe(true);
    expect(outcome.remarks.map(r => [r.code, r.section, r.offset])).toEqual([
      ['REL114', '.data.klp', POINTER],
      ['REL114', '.text', CALL],
    ]);
    expect(ask(patch()).outcome.dangerous).toBe(false);
  });

  it('are relocations like others', () => {
    const unknown = patch({}, {}, { change: r => (r.type === R.REL24 ? { ...r, type: 200 } : r) });
    expect(ask(unknown)).toMatchObject({ answer: 'ENOEXEC', log: ['module_64: fix: Unknown ADD relocation: 200'] });
    const noNop = patch({}, {}, { words: [{ section: '.text', offset: CALL + 4, word: BLR }] });
    const { log, answer } = ask(noNop);
    expect(answer).toBe('ENOEXEC');
    // While the module is being made, kallsyms does not know its functions.
    expect(log).toEqual([
      expect.stringMatching(/^module_64: fix: Expected nop after call, got 4e800020 at 0xc00800000[0-9a-f]+$/),
    ]);
  });

  it('are left out by a kernel without livepatching', () => {
    expect(ask(patch(), { livepatch: false })).toMatchObject({
      answer: 'ENOEXEC',
      log: ['fix: module is marked as livepatch module, but livepatch support is disabled'],
    });
  });
});

describe('klp_enable_patch', () => {
  const objects: readonly ObjectSpec[] = [{ functions: [['hidden']] }, { name: 'target', functions: [['one']] }];
  const names = { data: 'target.two,2' };
  const enable = (bytes: Uint8Array, asked: Asked = {}, request: Partial<LoadRequest> = {}) =>
    ask(bytes, asked, { enableLivepatch: true, ...request });

  it('reads what is patched from the call', () => {
    const asked = enable(patch({ objects, states: [[7, 3]], replace: true }));
    expect(asked).toMatchObject({ answer: 'loads', log: ["livepatch: enabling patch 'fix'"] });
    const replacement = asked.outcome.image!.sections.find(s => s.name === '.text')!.address + BigInt(CALL);
    expect(asked.outcome.livepatch!.patch).toEqual({
      objects: [
        { name: undefined, functions: [{ name: 'hidden', position: 0n, replacement }] },
        { name: 'target', functions: [{ name: 'one', position: 0n, replacement }] },
      ],
      states: [{ id: 7n, version: 3 }],
      replace: true,
    });
    expect(asked.outcome.unknown).toEqual([]);
  });

  it('says so where it cannot', () => {
    const asked = enable(patch({ objects, hidesArgument: true }, names), {}, { modules: modules(target()) });
    expect(asked.outcome.unknown).toEqual(['which functions the livepatch replaces could not be read from its code']);
    // The sections still tell for which modules there is something to do.
    expect(pointer(asked.outcome.image!)).toBe(TARGET_BASE + 8n + 16n);
  });

  it('wants the module to be marked', () => {
    const asked = enable(unconverted({ objects, unmarked: true }), { exports: ['hidden', 'hidden_data'] });
    expect(asked).toMatchObject({
      answer: 'EINVAL',
      log: ['livepatch: module fix is not marked as a livepatch module'],
    });
  });

  it('is not asked for by every module', () => {
    const asked = ask(patch({ objects }, names), {}, { modules: modules(target()) });
    expect(asked.outcome.livepatch).toBeUndefined();
    expect(pointer(asked.outcome.image!)).toBe(0n);
  });

  it('applies what waits for a loaded module', () => {
    const bytes = patch({ objects }, names);
    expect(pointer(enable(bytes).outcome.image!)).toBe(0n);
    const after = enable(bytes, {}, { modules: modules(target()) });
    expect(pointer(after.outcome.image!)).toBe(TARGET_BASE + 8n + 16n);
  });

  it.each<[string, readonly ObjectSpec[], Names, string]>([
    ['a function of the kernel', [{ functions: [['none']] }], {}, "symbol 'none' not found in symbol table"],
    [
      'a function of a module',
      [{ name: 'target', functions: [['none']] }],
      {},
      "symbol 'none' not found in symbol table",
    ],
    [
      'one of two functions',
      [{ name: 'target', functions: [['two']] }],
      {},
      "unresolvable ambiguity for symbol 'two' in object 'target'",
    ],
    [
      'a third function',
      [{ name: 'target', functions: [['two', 3]] }],
      {},
      "symbol position 3 for symbol 'two' in object 'target' not found",
    ],
    ['a symbol of a relocation', objects, { data: 'target.three,0' }, "symbol 'three' not found in symbol table"],
  ])('fails for %s that is not there', (_, list, given, text) => {
    const asked = enable(patch({ objects: list }, given), {}, { modules: modules(target()) });
    expect(asked).toMatchObject({ answer: 'EINVAL', log: [`livepatch: ${text}`] });
  });

  it('keeps relocations for modules from the kernel', () => {
    const wrong = makeLivepatch(unconverted({ objects }), [
      { from: 'hidden', to: '.klp.sym.vmlinux.hidden,1', object: 'target' },
      { from: 'hidden_data', to: '.klp.sym.vmlinux.hidden,1' },
    ]);
    expect(enable(wrong, {}, { modules: modules(target()) })).toMatchObject({
      answer: 'EINVAL',
      log: ["livepatch: invalid access to vmlinux symbol 'hidden' from module-specific livepatch relocation section"],
    });
    expect(enable(wrong).answer).toBe('loads');
  });

  it('names the function where a nop is missing', () => {
    // As no symbol follows, the function reaches to the end of the code, which is a whole page.
    const bytes = patch(
      { objects },
      { code: 'target.one,1' },
      { words: [{ section: '.text', offset: CALL + 4, word: BLR }] },
    );
    const { answer, log } = enable(bytes, {}, { modules: modules(target()) });
    expect(answer).toBe('ENOEXEC');
    expect(log).toEqual(['module_64: fix: Expected nop after call, got 4e800020 at enabler+0x18/0x10000 [fix]']);
  });

  it('takes older states only from patches that know them', () => {
    const old = enable(patch({ objects, states: [[1, 2]], name: 'old' }));
    const after = (spec: PatchSpec) => enable(patch({ objects, ...spec }), {}, { modules: modules(old) });
    expect(after({}).answer).toBe('loads');
    expect(after({ states: [[1, 2]], replace: true }).answer).toBe('loads');
    for (const spec of [{ states: [[1, 1]] as const }, { replace: true }])
      expect(after(spec)).toMatchObject({
        answer: 'EINVAL',
        log: ['livepatch: Livepatch patch (fix) is not compatible with the already installed livepatches.'],
      });
  });

  it('is dangerous where it writes to read-only memory', () => {
    const bytes = patch(
      { objects },
      { code: 'target.one,1' },
      { change: r => (r.type === R.REL24 ? { ...r, type: R.ADDR64 } : r) },
    );
    const { outcome } = enable(bytes, {}, { modules: modules(target()) });
    expect(outcome.dangerous).toBe(true);
    expect(outcome.remarks.map(r => r.code)).toContain('REL109');
    expect(enable(bytes).outcome.dangerous).toBe(false);
  });

  it('is dangerous where the relocations are gone', () => {
    const { outcome } = enable(patch({ objects }, names, { flags: 0x10_0040 }), {}, { modules: modules(target()) });
    expect(outcome.dangerous).toBe(true);
    expect(outcome.remarks.map(r => r.code)).toContain('REL112');
  });
});

describe('a module that livepatches wait for', () => {
  const objects: readonly ObjectSpec[] = [{ name: 'target', functions: [['one'], ['two', 1]] }];
  const names = { code: 'target.two,2', data: 'target.one,0' };
  const enabled = (spec: PatchSpec = {}, given: Names = names, options: ConversionOptions = {}) =>
    ask(patch({ objects, ...spec }, given, options), {}, { enableLivepatch: true });

  it('completes them', () => {
    const before = enabled();
    const asked = target({ modules: modules(before) });
    expect(asked).toMatchObject({
      answer: 'loads',
      log: ["livepatch: applying patch 'fix' to loading module 'target'"],
    });
    const changed = asked.outcome.changedLivepatches!.get('fix')!;
    expect(pointer(changed.image)).toBe(TARGET_BASE + 16n);
    const stub = changed.image.stubs.find(s => s.name === '.klp.sym.target.two,2')!;
    expect(stub.target).toBe(TARGET_BASE + 8n);
    expect(wordsOf(changed.image, '.text')[6]).toBe(RESTORE_R2);
    // The same bytes as when the module is there before.
    const late = ask(patch({ objects }, names), {}, { enableLivepatch: true, modules: modules(target()) });
    expect(wordsOf(changed.image, '.text')).toEqual(words(late));
    expect(wordsOf(changed.image, '.stubs')).toEqual(words(late, '.stubs'));
    // What was before is as it was.
    expect(pointer(before.outcome.image!)).toBe(0n);
    expect(words(before)[6]).toBe(NOP);
  });

  it('leaves others alone', () => {
    const asked = target({ modules: modules(enabled()) }, 'other');
    expect(asked).toMatchObject({ answer: 'loads', log: [] });
    expect(asked.outcome.changedLivepatches).toBeUndefined();
  });

  it('is refused where one of them fails', () => {
    const first = enabled({ name: 'first' });
    const second = enabled({ name: 'second', objects: [{ name: 'target', functions: [['none']] }] });
    expect(target({ modules: modules(first, second) })).toMatchObject({
      answer: 'EINVAL',
      log: [
        "livepatch: applying patch 'first' to loading module 'target'",
        "livepatch: symbol 'none' not found in symbol table",
        "livepatch: failed to initialize patch 'second' for module 'target' (-22)",
        "livepatch: patch 'second' failed for module 'target', refusing to load module 'target'",
        "livepatch: reverting patch 'first' on unloading module 'target'",
      ],
    });
  });

  it('does not see replaced ones', () => {
    const first = enabled({ name: 'first' });
    const second = enabled({ name: 'second', replace: true });
    expect(target({ modules: modules(first, second) }).log).toEqual([
      "livepatch: applying patch 'second' to loading module 'target'",
    ]);
  });

  it('is dangerous where they write to read-only memory', () => {
    const wrong = enabled({}, names, { change: r => (r.type === R.REL24 ? { ...r, type: R.ADDR64 } : r) });
    expect(wrong.outcome.dangerous).toBe(false);
    expect(target({ modules: modules(wrong) }).outcome.dangerous).toBe(true);
  });

  it('may not be called like the kernel', () => {
    expect(target({}, 'vmlinux')).toMatchObject({
      answer: 'EINVAL',
      log: ['livepatch: vmlinux.ko: invalid module name'],
    });
  });
});
