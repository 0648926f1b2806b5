/** Who may use which symbol: the kernel's words about unknown, GPL-only, proprietary and namespaced ones. */
import { describe, expect, it } from 'vitest';
import { livepatchName, livepatchObject } from '../../../src/loader/livepatch-names.ts';
import type { LoadedModule, ModuleExport } from '../../../src/loader/model.ts';
import type { KnowledgeSpec } from '../../support/kernel-knowledge.ts';
import { load, Mutant } from '../../support/loader.ts';

const GPL = 'license=GPL';
const PROPRIETARY = 'license=XXX';

function module(
  name: string,
  spec: Partial<ModuleExport> & { readonly name: string },
  gplCompatible = true,
): LoadedModule {
  const symbol: ModuleExport = {
    address: 0xc008_0000_0100_0000n,
    crc: undefined,
    gplOnly: false,
    namespace: '',
    ...spec,
  };
  return { name, gplCompatible, exports: new Map([[spec.name, symbol]]) };
}

function both(
  mutant: Mutant,
  spec: KnowledgeSpec,
  modules: readonly LoadedModule[] = [],
): { readonly answer: string; readonly log: readonly string[]; readonly uses: readonly string[] } {
  const generation = spec.generation ?? '6.1';
  const loaded = new Map(modules.map(m => [m.name, m]));
  const [checked, whole] = [true, false].map(checkOnly =>
    load(generation, mutant.bytes, spec, { modules: loaded, checkOnly }),
  );
  expect({ ...checked, outcome: 0 }).toEqual({ ...whole, outcome: 0 });
  return { answer: whole!.answer, log: whole!.log, uses: [...whole!.outcome.uses] };
}

const demo = () => new Mutant('6.1', 'demo');
const strcmp = { name: 'strcmp', crc: 0xe2d5255a };

describe('symbols', () => {
  it('come from the kernel first, then from the latest module', () => {
    const older = module('older', strcmp);
    const newer = module('newer', { ...strcmp, address: 0xc008_0000_0200_0000n });
    expect(both(demo(), {}, [older]).uses).toEqual([]);
    expect(both(demo(), { without: ['strcmp'] }, [older, newer])).toMatchObject({ answer: 'loads', uses: ['newer'] });
  });

  it('are all told when they are missing, and the last one decides', () => {
    expect(both(demo(), { without: ['strcmp', 'memset'] })).toMatchObject({
      answer: 'ENOENT',
      log: ['tocsin_demo: Unknown symbol memset (err -2)', 'tocsin_demo: Unknown symbol strcmp (err -2)'],
    });
    const spec = { without: ['memset'], exports: [{ name: 'strcmp', crc: 1 }] };
    expect(both(demo(), spec)).toMatchObject({
      answer: 'EINVAL',
      log: [
        'tocsin_demo: Unknown symbol memset (err -2)',
        'tocsin_demo: disagrees about version of symbol strcmp',
        'tocsin_demo: Unknown symbol strcmp (err -22)',
      ],
    });
  });

  it('for GPL modules only are unknown to others', () => {
    const closed = demo().replace(GPL, PROPRIETARY);
    const spec = { exports: [{ ...strcmp, gplOnly: true }] };
    expect(both(demo(), spec).answer).toBe('loads');
    expect(both(closed, spec)).toMatchObject({ answer: 'ENOENT' });
    expect(both(closed, spec).log.at(-1)).toBe('tocsin_demo: Unknown symbol strcmp (err -2)');
    // A module that offers it to everybody helps.
    expect(both(closed, spec, [module('helper', strcmp)])).toMatchObject({ answer: 'loads', uses: ['helper'] });
  });

  it('of proprietary modules taint, and do not go together with GPL-only ones', () => {
    const closed = module('closed', strcmp, false);
    expect(both(demo(), { without: ['strcmp'] }, [closed])).toMatchObject({
      answer: 'loads',
      log: ['tocsin_demo: module uses symbols strcmp from proprietary module closed, inheriting taint.'],
    });
    const memset = { name: 'memset', crc: 0xdcb764ad, gplOnly: true };
    expect(both(demo(), { without: ['strcmp'], exports: [memset] }, [closed])).toMatchObject({
      answer: 'ENOENT',
      log: [
        'tocsin_demo: module using GPL-only symbols uses symbols strcmp from proprietary module closed.',
        'tocsin_demo: Unknown symbol strcmp (err -2)',
      ],
    });
  });

  it('in a namespace need its import', () => {
    const spec = { exports: [{ ...strcmp, namespace: 'SECRET' }] };
    const complaint = 'tocsin_demo: module uses symbol (strcmp) from namespace SECRET, but does not import it.';
    expect(both(demo(), spec)).toMatchObject({
      answer: 'EINVAL',
      log: [complaint, 'tocsin_demo: Unknown symbol strcmp (err -22)'],
    });
    expect(both(demo(), { ...spec, options: { allowMissingNamespaces: true } })).toMatchObject({
      answer: 'loads',
      log: [complaint],
    });
  });

  it.each([
    ['module:tocsin_demo', 'loads'],
    ['module:tocsin-demo', 'loads'],
    ['module:other,tocsin_*', 'loads'],
    ['module:other,tocsin', 'EINVAL'],
    ['module:tocsin_demo2', 'EINVAL'],
    ['module:', 'EINVAL'],
    ['modules:tocsin_demo', 'EINVAL'],
  ])('in the namespace %s of 7.2 are for modules of that name', (namespace, answer) => {
    const mutant = new Mutant('7.2', 'demo');
    expect(both(mutant, { generation: '7.2', exports: [{ name: 'strcmp', namespace }] }).answer).toBe(answer);
  });

  it('that are common are not taken', () => {
    const mutant = demo();
    const symbol = mutant.elf.symbols.find(s => s.name === 'FRAME')!;
    mutant.view.setUint16(mutant.section('.symtab').offset + symbol.index * 24 + 6, 0xfff2, true);
    expect(both(mutant, {})).toMatchObject({
      answer: 'ENOEXEC',
      log: ['tocsin_demo: please compile with -fno-common'],
    });
  });

  it('of a section that does not exist are not taken', () => {
    const mutant = demo();
    const symbol = mutant.elf.symbols.find(s => s.name === 'FRAME')!;
    mutant.view.setUint16(mutant.section('.symtab').offset + symbol.index * 24 + 6, 0x4000, true);
    const max = mutant.elf.sections.length - 1;
    expect(both(mutant, {})).toMatchObject({
      answer: 'ENOEXEC',
      log: [`tocsin_demo: Symbol FRAME has an invalid section index 16384 (max ${max})`],
    });
  });
});

describe('names of livepatch sections and symbols', () => {
  it('are taken apart as sscanf does', () => {
    expect(livepatchObject('.klp.rela.vmlinux..text')).toBe('vmlinux');
    expect(livepatchObject('.klp.rela.')).toBeUndefined();
    expect(livepatchObject('.rela.text')).toBeUndefined();
    expect(livepatchName('.klp.sym.vmlinux.saved_command_line,0')).toEqual({
      object: 'vmlinux',
      symbol: 'saved_command_line',
      position: 0n,
    });
    expect(livepatchName('.klp.sym.ext4.f.part.0,2')).toEqual({ object: 'ext4', symbol: 'f.part.0', position: 2n });
    expect(livepatchName('.klp.sym.ext4.f')).toBeUndefined();
    expect(livepatchName('.klp.sym..f,1')).toBeUndefined();
    expect(livepatchName('.klp.sym.ext4.f,x')).toBeUndefined();
  });
});
