/** Where sections go: the same image from each form of placement, parts on pages, and what the loader adds to the areas. */
import { describe, expect, it } from 'vitest';
import type { LoadedImage, MemoryKind, Placement } from '../../../src/loader/model.ts';
import type { Generation } from '../../support/kernel-knowledge.ts';
import { load, Mutant, SH } from '../../support/loader.ts';

const BASE = 0xc008_0000_0040_0000n;
const PAGES: Readonly<Record<Generation, bigint>> = { '6.1': 65536n, '6.12': 4096n, '7.2': 4096n };

function image(generation: Generation, placement: Placement, mutant = new Mutant(generation, 'demo')): LoadedImage {
  const { outcome } = load(generation, mutant.bytes, {}, { placement, checkOnly: false });
  expect(outcome.loads).toBe(true);
  return outcome.image!;
}

const named = (of: LoadedImage, name: string) => of.sections.find(s => s.name === name)!;

describe.each(['6.1', '6.12', '7.2'] as const)('the layout of %s', generation => {
  const whole = image(generation, { kind: 'base', base: BASE });
  const page = PAGES[generation];

  it('is the same from the addresses of the sections, and from those of the areas', () => {
    const addresses = new Map(whole.sections.map(s => [s.name, s.address]));
    expect(image(generation, { kind: 'sections', addresses })).toEqual(whole);
    // Each area begins on a page, and its first section where it begins.
    const bases = new Map<MemoryKind, bigint>();
    for (const { memory, address } of whole.sections) {
      if (memory === 'percpu') continue;
      const known = bases.get(memory);
      if (known === undefined || address < known) bases.set(memory, address);
    }
    for (const base of bases.values()) expect(base % page).toBe(0n);
    expect(image(generation, { kind: 'bases', bases })).toEqual(whole);
  });

  it('keeps code, read-only data and data on pages of their own', () => {
    const kindOf = ({ flags }: { readonly flags: number }) =>
      (flags & 4) !== 0 ? 'code' : (flags & 1) !== 0 ? 'data' : 'rodata';
    const owners = new Map<bigint, Set<string>>();
    for (const section of whole.sections) {
      // The symbol tables lie behind the init data.
      if (section.size === 0 || section.name === '.symtab' || section.name === '.strtab') continue;
      for (let at = section.address / page; at <= (section.address + BigInt(section.size) - 1n) / page; at++)
        owners.set(at, (owners.get(at) ?? new Set()).add(kindOf(section)));
    }
    expect(owners.size).toBeGreaterThan(2);
    for (const [at, kinds] of owners) expect([...kinds], `page ${at}`).toHaveLength(1);
  });

  it('aligns each section, lets none overlap, and leaves out what is not kept', () => {
    const mutant = new Mutant(generation, 'demo');
    const sorted = [...whole.sections].sort((a, b) => (a.address < b.address ? -1 : 1));
    let end = 0n;
    for (const { name, index, address, size } of sorted) {
      expect(address % BigInt(mutant.elf.sections[index]!.align || 1), name).toBe(0n);
      if (size > 0) expect(address, name).toBeGreaterThanOrEqual(end);
      if (size > 0) end = address + BigInt(size);
    }
    for (const name of ['.modinfo', '.comment', '.rela.text']) expect(named(whole, name)).toBeUndefined();
  });

  it('makes .stubs as large as the calls may need', () => {
    const { elf } = new Mutant(generation, 'demo');
    let pairs = 0;
    for (const section of elf.sections.filter(s => s.type === 4)) {
      const calls = elf.relocations(section).filter(r => r.type === 10);
      pairs += new Set(calls.map(r => `${r.symbol} ${r.addend}`)).size;
    }
    const records = generation === '7.2' ? elf.named('__patchable_function_entries').size / 8 : 0;
    const more = generation === '7.2' ? Math.ceil((records * 24) / 40) + 2 : 3;
    expect(named(whole, '.stubs').size).toBe((pairs + more) * 40);
  });

  it('keeps the symbols of kept sections, each with its name and letter', () => {
    const { symtab, strtab, types } = whole.kallsyms!;
    const view = new DataView(symtab.buffer, symtab.byteOffset, symtab.length);
    const kept = Array.from({ length: symtab.length / 24 }, (_, i) => {
      const start = view.getUint32(i * 24, true);
      const name = Buffer.from(strtab.subarray(start, strtab.indexOf(0, start))).toString('latin1');
      return { name, letter: String.fromCharCode(types[i]!), value: view.getBigUint64(i * 24 + 8, true) };
    });
    expect(kept[0]).toEqual({ name: '', letter: 'U', value: 0n });
    const demo = kept.find(k => k.name === 'demo_in_range')!;
    expect(demo).toMatchObject({ letter: 't', value: whole.symbols.find(s => s.name === 'demo_in_range')!.address });
    // Only kernels with CONFIG_KALLSYMS_ALL keep data.
    expect(kept.some(k => 'bdr'.includes(k.letter))).toBe(generation !== '6.1');
    expect(strtab.at(-1)).toBe(0);
  });

  it('refuses a section that is both written and executed', () => {
    const mutant = new Mutant(generation, 'demo');
    mutant.header('.text', SH.flags, 7n);
    const { answer, log } = load(generation, mutant.bytes);
    expect(answer).toBe('ENOEXEC');
    expect(log).toEqual([
      `tocsin_demo: section .text (index ${mutant.section('.text').index}) has invalid WRITE|EXEC flags`,
    ]);
    expect(load(generation, mutant.bytes, { options: { strictModuleRwx: false } }).answer).toBe('loads');
  });
});
