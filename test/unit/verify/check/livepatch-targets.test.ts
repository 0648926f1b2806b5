/** `check` of livepatches: what klp_enable_patch() refuses, and what they do to modules that are given beside them. */
import { describe, expect, it } from 'vitest';
import { checkModule } from '../../../../src/verify/check/check.ts';
import { type KnowledgeSpec, knowledge } from '../../../support/kernel-knowledge.ts';
import { makeLivepatch } from '../../../support/klp.ts';
import {
  BLR,
  type ObjectSpec,
  type PatchSpec,
  patch,
  targetBytes,
  unconverted,
} from '../../../support/livepatch-modules.ts';
import { smallModule } from '../../../support/small-module.ts';

const HIDDEN = 0xc000_0000_0044_0000n;

function found(bytes: Uint8Array, given: Readonly<Record<string, Uint8Array>> = {}, spec: KnowledgeSpec = {}) {
  const kernel = knowledge({
    options: { livepatch: true, kallsymsAll: true, modversions: false, moduleSig: false },
    exports: [{ name: 'klp_enable_patch', gplOnly: true }],
    symbols: { hidden: [HIDDEN], old_function: [HIDDEN + 64n] },
    ...spec,
  });
  const { loads, errno, kernelMessage, findings } = checkModule({
    bytes,
    kernel,
    proof: false,
    exporterOf: () => undefined,
    moduleNamed: name => given[name],
  });
  return { loads, errno, kernelMessage, findings: findings.map(f => `${f.level} ${f.code}: ${f.message}`) };
}

const inKernel: readonly ObjectSpec[] = [{ functions: [['old_function']] }];
const inTarget = (functions: ObjectSpec['functions']): PatchSpec => ({
  objects: [{ name: 'target', functions: functions! }],
});
const target = { target: targetBytes() };

describe('functions of the kernel', () => {
  it('are there', () => {
    expect(found(patch({ objects: inKernel }))).toMatchObject({ loads: true, findings: [] });
  });

  it('that are not there make its init function fail, in the words of the kernel', () => {
    const symbols = { hidden: [HIDDEN] };
    expect(found(patch({ objects: inKernel }), {}, { symbols })).toEqual({
      loads: false,
      errno: 'EINVAL',
      kernelMessage: "livepatch: symbol 'old_function' not found in symbol table",
      findings: ["error KLP304: livepatch: symbol 'old_function' not found in symbol table"],
    });
    expect(found(patch({ objects: [{ functions: [['hidden', 2]] }] })).findings).toEqual([
      "error KLP304: livepatch: symbol position 2 for symbol 'hidden' in object 'vmlinux' not found",
    ]);
  });

  it('are not replaced by a module that is not marked', () => {
    const unmarked = patch({ objects: inKernel, unmarked: true }, {}, { flags: 0x42 });
    expect(found(unmarked).loads).toBe(false);
  });
});

describe('functions of a module', () => {
  it('are not looked at where it is not given', () => {
    const { loads, findings } = found(patch(inTarget([['one']])));
    expect(loads).toBe(true);
    expect(findings).toEqual([expect.stringMatching(/^note KLP215: it patches target, which is not given/)]);
  });

  it('are found in one that is given', () => {
    expect(found(patch(inTarget([['one'], ['two', 2]])), target)).toMatchObject({ loads: true, findings: [] });
  });

  it('that it does not have are told, though the livepatch itself loads', () => {
    const told = (functions: ObjectSpec['functions']) => found(patch(inTarget(functions)), target);
    const once = 'error KLP216: once target is loaded the livepatch fails: livepatch: ';
    expect(told([['three']])).toMatchObject({
      loads: true,
      findings: [`${once}symbol 'three' not found in symbol table`],
    });
    expect(told([['two']]).findings).toEqual([`${once}unresolvable ambiguity for symbol 'two' in object 'target'`]);
    expect(told([['two', 3]]).findings).toEqual([
      `${once}symbol position 3 for symbol 'two' in object 'target' not found`,
    ]);
  });
});

describe('relocations that wait for a module', () => {
  const names = (symbol: string) => ({ code: `target.${symbol}`, data: `target.${symbol}` });
  const klp = (symbol: string, given = target) => found(patch(inTarget([['one']]), names(symbol)), given);

  it('reach its symbols', () => {
    expect(klp('two,2')).toMatchObject({ loads: true, findings: [] });
  });

  it('name symbols, and positions among those of one name, that it has', () => {
    expect(klp('three,1').findings).toContainEqual('error KLP207: .klp.sym.target.three,1: target has no symbol three');
    expect(klp('two,0').findings).toContainEqual(
      'error KLP207: .klp.sym.target.two,0: target has 2 symbols two, and it does not say which',
    );
    expect(klp('two,3').findings).toContainEqual(
      'error KLP207: .klp.sym.target.two,3: target has 2 symbols two, and it asks for number 3',
    );
    expect(klp('three,1').findings.some(text => text.startsWith('error KLP216'))).toBe(true);
  });

  it('wait for a name that modules have', () => {
    const dashed = found(patch({}, { code: 'snd-hda.one,1', data: 'snd-hda.one,1' }));
    expect(dashed.findings).toContainEqual(expect.stringMatching(/^error KLP214: .*no module is called snd-hda/));
  });

  it('are missing where it imports what the module has', () => {
    // `hidden_data` alone is converted, and `hidden` is a function of the target.
    const bytes = makeLivepatch(unconverted(inTarget([['one']])), [
      { from: 'hidden_data', to: '.klp.sym.target.hidden,1' },
    ]);
    const owner = smallModule(
      '6.1',
      [BLR],
      ({ builder, text }) => builder.function('hidden', text, 0, 4, { bind: 0 }),
      'target',
    );
    const { findings } = found(bytes, { target: owner }, { symbols: {} });
    expect(findings).toEqual([
      'error KLP213: fix: Unknown symbol hidden (err -2) (target has it but does not export it: its livepatch relocation is missing)',
    ]);
    expect(found(bytes, {}, { symbols: {} }).findings).toEqual(['error SYM301: fix: Unknown symbol hidden (err -2)']);
  });
});
