/** Relocations of livepatch modules: applied for the kernel at once, for a module when it is there. */
import { describe, expect, it } from 'vitest';
import type { LoadedModule, LoadRequest } from '../../../src/loader/model.ts';
import { load, Mutant, SH } from '../../support/loader.ts';

const RELA_LIVEPATCH = 0x0010_0000n;
const HIDDEN = 0xc000_0000_0044_0000n;

/** tocsin_demo as a livepatch: its first call of strcmp goes to `symbol`, by a section named `section`. */
function patch(section: string, symbol: string): Mutant {
  const mutant = new Mutant('6.1', 'demo').replace('description=', 'livepatch=Y\0');
  const { elf } = mutant;
  const append = (contents: Uint8Array): number => {
    const at = Math.ceil(mutant.bytes.length / 8) * 8;
    const longer = new Uint8Array(at + contents.length);
    longer.set(mutant.bytes);
    longer.set(contents, at);
    mutant.bytes = longer;
    return at;
  };
  /** Puts a string table with one more string at the end; gives the offset of that string. */
  const addString = (table: string, text: string): number => {
    const { offset, size } = elf.named(table);
    const longer = Buffer.concat([mutant.bytes.slice(offset, offset + size), Buffer.from(`${text}\0`)]);
    mutant.header(table, SH.offset, BigInt(append(longer))).header(table, SH.size, BigInt(longer.length));
    return size;
  };
  const strcmp = elf.symbols.find(s => s.name === 'strcmp')!;
  const table = elf.named('.rela.text');
  const relocations = elf.relocations(table);
  const call = relocations.findIndex(r => r.type === 10 && r.symbol === strcmp.index);
  const entry = mutant.bytes.slice(table.offset + call * 24, table.offset + call * 24 + 24);
  for (const [i, { type, symbol }] of relocations.entries())
    if (type === 10 && symbol === strcmp.index) mutant.view.setUint32(table.offset + i * 24 + 8, 109, true);
  const at = elf.named('.symtab').offset + strcmp.index * 24;
  mutant.view.setUint16(at + 6, 0xff20, true);
  // Adding a string makes other bytes: `view` has to be taken afterwards.
  const symbolName = addString('.strtab', symbol);
  mutant.view.setUint32(at, symbolName, true);
  const name = addString('.shstrtab', section);
  const { index } = elf.named('.comment');
  mutant
    .header(index, SH.name, name)
    .header(index, SH.type, 4)
    .header(index, SH.flags, RELA_LIVEPATCH)
    .header(index, SH.offset, BigInt(append(entry)))
    .header(index, SH.size, 24n)
    .header(index, SH.link, elf.named('.symtab').index)
    .header(index, SH.info, elf.named('.text').index)
    .header(index, SH.alignment, 8n);
  return mutant;
}

const OPTIONS = { options: { livepatch: true } } as const;

function both(
  mutant: Mutant,
  symbols: Readonly<Record<string, readonly bigint[]>> = {},
  request: Partial<LoadRequest> = {},
) {
  const [checked, whole] = [true, false].map(checkOnly =>
    load(
      '6.1',
      mutant.bytes,
      { ...OPTIONS, symbols },
      { taints: ['oot', 'unsigned notice', 'livepatch notice'], ...request, checkOnly },
    ),
  );
  expect({ ...checked, outcome: 0 }).toEqual({ ...whole, outcome: 0 });
  return whole!;
}

describe('livepatch relocations for the kernel', () => {
  const good = () => patch('.klp.rela.vmlinux..text', '.klp.sym.vmlinux.hidden,2');

  it('reach symbols that are not exported', () => {
    const { answer, outcome } = both(good(), { hidden: [1n, HIDDEN, 3n] });
    expect(answer).toBe('loads');
    const stub = outcome.image!.stubs.find(s => s.name === '.klp.sym.vmlinux.hidden,2')!;
    expect(stub).toMatchObject({ kind: 'call', target: HIDDEN });
    // All symbols of a livepatch module are kept.
    expect(outcome.image!.kallsyms!.types.length).toBe(outcome.image!.symbols.length + 1);
  });

  it.each([
    [{}, "symbol 'hidden' not found in symbol table"],
    [{ hidden: [HIDDEN] }, "symbol position 2 for symbol 'hidden' in object 'vmlinux' not found"],
  ])('are refused where %o does not have them', (symbols, text) => {
    expect(both(good(), symbols)).toMatchObject({ answer: 'EINVAL', log: [`livepatch: ${text}`] });
  });

  it('without a position need one symbol of that name', () => {
    const mutant = () => patch('.klp.rela.vmlinux..text', '.klp.sym.vmlinux.hidden,0');
    expect(both(mutant(), { hidden: [HIDDEN] }).answer).toBe('loads');
    expect(both(mutant(), { hidden: [HIDDEN, 2n] })).toMatchObject({
      answer: 'EINVAL',
      log: ["livepatch: unresolvable ambiguity for symbol 'hidden' in object '(null)'"],
    });
  });

  it('are taken apart as the kernel does', () => {
    expect(both(patch('.klp.rela..text', '.klp.sym.vmlinux.hidden,1'))).toMatchObject({
      answer: 'EINVAL',
      log: ['livepatch: section .klp.rela..text has an incorrectly formatted name'],
    });
    expect(both(patch('.klp.rela.vmlinux..text', '.klp.sym.vmlinux.hidden'))).toMatchObject({
      answer: 'EINVAL',
      log: ['livepatch: symbol .klp.sym.vmlinux.hidden has an incorrectly formatted name'],
    });
  });

  it('are left out by a kernel without livepatching', () => {
    const mutant = good().replace('livepatch=Y\0', 'description=');
    const { answer, outcome } = load('6.1', mutant.bytes, {}, { checkOnly: false });
    expect(answer).toBe('loads');
    expect(outcome.image!.stubs.some(s => s.name.includes('hidden'))).toBe(false);
  });
});

describe('livepatch relocations for a module', () => {
  const mutant = () => patch('.klp.rela.tocsin_fix..text', '.klp.sym.tocsin_fix.fix_parity,1');

  function target(): ReadonlyMap<string, LoadedModule> {
    const { outcome } = load(
      '6.1',
      new Mutant('6.1', 'fix').bytes,
      {},
      {
        checkOnly: false,
        placement: { kind: 'base', base: 0xc008_0000_0100_0000n },
      },
    );
    const { name, exports, gplCompatible, image } = outcome;
    return new Map([[name, { name, exports, gplCompatible, ...(image && { image }) }]]);
  }

  it('wait until it is loaded', () => {
    const stubs = (request: Partial<LoadRequest>) =>
      both(mutant(), {}, request).outcome.image!.stubs.filter(s => s.name.startsWith('.klp'));
    expect(stubs({ enableLivepatch: true })).toEqual([]);
    expect(stubs({ modules: target() })).toEqual([]);
    const modules = target();
    const address = modules.get('tocsin_fix')!.image!.symbols.find(s => s.name === 'fix_parity')!.address;
    expect(stubs({ modules, enableLivepatch: true })).toMatchObject([{ kind: 'call', target: address }]);
  });

  it('are refused then', () => {
    const wrong = patch('.klp.rela.tocsin_fix..text', '.klp.sym.tocsin_fix.fix_nothing,1');
    expect(both(wrong, {}, { modules: target(), enableLivepatch: true })).toMatchObject({
      answer: 'EINVAL',
      log: ["livepatch: symbol 'fix_nothing' not found in symbol table"],
    });
    const kernels = patch('.klp.rela.tocsin_fix..text', '.klp.sym.vmlinux.hidden,1');
    expect(both(kernels, { hidden: [HIDDEN] }, { modules: target(), enableLivepatch: true })).toMatchObject({
      answer: 'EINVAL',
      log: ["livepatch: invalid access to vmlinux symbol 'hidden' from module-specific livepatch relocation section"],
    });
  });

  it('are dangerous where they write to read-only memory', () => {
    const data = mutant();
    const { index, offset } = data.elf.named('.comment');
    expect(index).toBeGreaterThan(0);
    expect(offset).toBeGreaterThan(0);
    const at = Number(data.view.getBigUint64(data.elf.named('.comment').header + SH.offset, true));
    data.view.setUint32(at + 8, 38, true);
    const { outcome } = both(data, {}, { modules: target(), enableLivepatch: true });
    expect(outcome.dangerous).toBe(true);
    expect(outcome.remarks.map(r => r.code)).toContain('REL109');
  });
});
