/** The checks of the ELF file: each refusal with the kernel's own words, and which of several comes first. */
import { describe, expect, it } from 'vitest';
import type { Generation } from '../../support/kernel-knowledge.ts';
import { GENERATIONS, load, Mutant, SH } from '../../support/loader.ts';

const NOBITS = 8;

function refusal(generation: Generation, change: (mutant: Mutant) => void): string {
  const mutant = new Mutant(generation);
  change(mutant);
  const { answer, log } = load(generation, mutant.bytes);
  return `${answer}: ${log.join(' / ')}`;
}

describe.each(GENERATIONS)('%s', generation => {
  const of = (change: (mutant: Mutant) => void) => refusal(generation, change);

  it('takes the samples as they are, with the notices of a kernel that nothing was loaded into', () => {
    for (const name of ['demo', 'fix'] as const) {
      const { answer, log, outcome } = load(generation, new Mutant(generation, name).bytes, {}, { taints: [] });
      expect([answer, ...log]).toEqual([
        'loads',
        `tocsin_${name}: loading out-of-tree module taints kernel.`,
        `tocsin_${name}: module verification failed: signature and/or required key missing - tainting kernel`,
      ]);
      expect(outcome.remarks).toEqual([]);
      expect(outcome.dangerous).toBe(false);
    }
  });

  it('looks at the ELF header', () => {
    expect(of(m => (m.bytes = m.bytes.slice(0, 63)))).toBe('ENOEXEC: Invalid ELF header len 63');
    expect(of(m => (m.bytes[1] = 0))).toBe('ENOEXEC: Invalid ELF header magic: != \x7fELF');
    expect(of(m => m.view.setUint16(16, 65535, true))).toBe('ENOEXEC: Invalid ELF header type: 65535 != 1');
    expect(of(m => m.view.setUint16(18, 62, true))).toBe('ENOEXEC: Invalid architecture in ELF header: 62');
    expect(of(m => m.view.setUint16(58, 63, true))).toBe('ENOEXEC: Invalid ELF section header size');
  });

  it('wants ABI 2 from 6.2 on', () => {
    const text = of(m => m.view.setUint32(48, 1, true));
    if (generation === '6.1') expect(text).toBe('loads: ');
    else expect(text).toBe('ENOEXEC: Invalid module architecture in ELF header: 21');
  });

  it('does not read section headers beyond the file', () => {
    const overflow = 'ENOEXEC: Invalid ELF section header overflow';
    expect(of(m => m.view.setBigUint64(40, BigInt(m.bytes.length), true))).toBe(overflow);
    expect(of(m => m.view.setBigUint64(40, 0xffff_ffff_ffff_fff0n, true))).toBe(overflow);
    expect(of(m => m.view.setUint16(60, 0xffff, true))).toBe(overflow);
  });

  it('checks the index of the names', () => {
    const count = new Mutant(generation).elf.sections.length;
    expect(of(m => m.view.setUint16(62, 0, true))).toBe(
      `ENOEXEC: Invalid ELF section name index: 0 || e_shstrndx (0) >= e_shnum (${count})`,
    );
    expect(of(m => m.view.setUint16(62, 999, true))).toBe(
      `ENOEXEC: Invalid ELF section name index: 999 || e_shstrndx (999) >= e_shnum (${count})`,
    );
  });

  it('prints the type of section 0 with its sign', () => {
    expect(of(m => m.header(0, SH.type, 0xffff_ffff))).toBe(
      'ENOEXEC: ELF Spec violation: section 0 type(-1)!=SH_NULL or non-zero len or addr',
    );
    expect(of(m => m.header(0, SH.address, 0x1_0000_0000n))).toBe(
      'ENOEXEC: ELF Spec violation: section 0 type(0)!=SH_NULL or non-zero len or addr',
    );
  });

  it('keeps contents inside the file, wrapping sums included', () => {
    const index = new Mutant(generation).section('.rodata').index;
    const text = `ENOEXEC: Invalid ELF section in module (section ${index} type 1)`;
    expect(of(m => m.header('.rodata', SH.size, 0x10_0000n))).toBe(text);
    expect(of(m => m.header('.rodata', SH.size, 0xffff_ffff_ffff_ffffn))).toBe(text);
    expect(of(m => m.header('.rodata', SH.offset, 0xffff_ffff_ffff_ff00n))).toBe(text);
  });

  it('checks the names of allocated sections', () => {
    const index = new Mutant(generation).section('.rodata').index;
    expect(of(m => m.header('.rodata', SH.name, 0x7fff_ffff))).toBe(
      `ENOEXEC: Invalid ELF section name in module (section ${index} type 1)`,
    );
  });

  it('checks the table of section names', () => {
    expect(of(m => m.header('.shstrtab', SH.size, 0n))).toBe('ENOEXEC: empty section name table');
    expect(of(m => m.header('.shstrtab', SH.size, 5n))).toBe(
      "ENOEXEC: ELF Spec violation: section name table isn't null terminated",
    );
    const beyond = of(m => m.header('.shstrtab', SH.size, 0x10_0000n));
    const { index } = new Mutant(generation).section('.shstrtab');
    expect(beyond).toBe(
      generation === '7.2'
        ? `ENOEXEC: Invalid ELF section in module (section ${index} type 3)`
        : 'ENOEXEC: Invalid ELF section hdr(type 3)',
    );
  });

  it('checks where the symbol table has its strings', () => {
    const count = new Mutant(generation).elf.sections.length;
    expect(of(m => m.header('.symtab', SH.link, 0xffff_fffe))).toBe(
      `ENOEXEC: Invalid ELF sh_link!=SHN_UNDEF(-2) or (sh_link(-2) >= hdr->e_shnum(${count})`,
    );
  });

  it('wants exactly one symbol table, and names the module if it can', () => {
    expect(of(m => m.header('.symtab', SH.type, 1))).toBe('ENOEXEC: tocsin_fix: module has no symbols (stripped?)');
    const nameless = of(m => {
      m.header('.symtab', SH.type, 1);
      m.replace('name=tocsin_fix', 'nome=tocsin_fix');
    });
    expect(nameless).toBe('ENOEXEC: (missing .modinfo section or name field): module has no symbols (stripped?)');
  });

  it('wants one struct module of its own size, the earlier the version the less', () => {
    const changed = of(m => m.header('.gnu.linkonce.this_module', SH.size, 0x100n));
    const gone = of(m => m.replace('.gnu.linkonce.this_module', '.gnu.linkonce.that_module'));
    if (generation === '6.1') expect(gone).toBe('ENOEXEC: tocsin_fix: No module found in object');
    else {
      const word = generation === '6.12' ? 'Only' : 'Exactly';
      expect(gone).toBe(`ENOEXEC: module tocsin_fix: ${word} one .gnu.linkonce.this_module section must exist.`);
      expect(changed).toBe(
        "ENOEXEC: module tocsin_fix: .gnu.linkonce.this_module section size must match the kernel's built struct module size at run time",
      );
      expect(of(m => m.header('.gnu.linkonce.this_module', SH.flags, 1n))).toBe(
        'ENOEXEC: module tocsin_fix: .gnu.linkonce.this_module must occupy memory during process execution',
      );
    }
  });

  it('checks the names of symbols from 6.13 on', () => {
    const text = of(m => m.view.setUint32(m.section('.symtab').offset + 24 * 3, 0x0100_0000, true));
    if (generation === '7.2') expect(text).toBe('ENOEXEC: symbol name out of bounds in string table');
    const cut = of(m => m.header('.strtab', SH.size, 3n));
    if (generation === '7.2') expect(cut).toBe("ENOEXEC: symbol string table isn't NUL terminated");
    const other = of(m => m.header('.symtab', SH.link, m.section('.text').index));
    if (generation === '7.2') expect(other).toBe('ENOEXEC: Invalid ELF symbol string table type: 1');
  });

  it('refuses sections that are writable and executable, unallocated ones included', () => {
    const index = new Mutant(generation).section('.comment').index;
    expect(of(m => m.header('.comment', SH.flags, 5n))).toBe(
      `ENOEXEC: tocsin_fix: section .comment (index ${index}) has invalid WRITE|EXEC flags`,
    );
  });
});

describe('what earlier versions read unchecked', () => {
  it('is a danger where 6.1 takes too small a struct module', () => {
    const mutant = new Mutant('6.1').header('.gnu.linkonce.this_module', SH.size, 0x100n);
    const { outcome } = load('6.1', mutant.bytes);
    expect(outcome.dangerous).toBe(true);
    expect(outcome.remarks.map(r => r.code)).toContain('MOD002');
  });

  it('is a danger where a name lies outside the file', () => {
    const mutant = new Mutant('6.12').header('.comment', SH.name, 0x0fff_ffff);
    const { outcome } = load('6.12', mutant.bytes);
    expect([outcome.dangerous, outcome.remarks[0]?.code]).toEqual([true, 'MOD001']);
    const inside = new Mutant('6.12');
    inside.header('.comment', SH.name, inside.section('.shstrtab').size + 4);
    const other = load('6.12', inside.bytes).outcome;
    expect([other.dangerous, other.remarks[0]?.code, other.remarks[0]?.level]).toEqual([false, 'MOD001', 'warning']);
  });

  it('is a danger where .modinfo points outside', () => {
    const mutant = new Mutant('6.1').header('.modinfo', SH.type, NOBITS).header('.modinfo', SH.offset, 0x1000_0000n);
    const { outcome } = load('6.1', mutant.bytes);
    expect(outcome.dangerous).toBe(true);
    expect(outcome.remarks.map(r => r.code)).toContain('MOD003');
  });

  it('is a danger where the name has no end', () => {
    const mutant = new Mutant('7.2');
    const { offset } = mutant.section('.gnu.linkonce.this_module');
    mutant.bytes.fill(0x61, offset + 24, offset + 80);
    const { outcome } = load('7.2', mutant.bytes);
    expect([outcome.dangerous, outcome.remarks[0]?.code]).toEqual([true, 'MOD004']);
  });

  it('is a danger where 6.1 looks for its struct module outside the file', () => {
    const mutant = new Mutant('6.1').header('.gnu.linkonce.this_module', SH.type, NOBITS);
    const section = mutant.section('.gnu.linkonce.this_module').index;
    const { outcome } = load('6.1', mutant.header(section, SH.offset, 0xffff_ffff_0000_0000n).bytes);
    expect([outcome.dangerous, outcome.remarks[0]?.code]).toEqual([true, 'MOD002']);
  });

  it('is a danger where the struct module is filled already', () => {
    for (const generation of GENERATIONS) {
      const mutant = new Mutant(generation);
      const { offset, size } = mutant.section('.gnu.linkonce.this_module');
      mutant.bytes[offset + size - 1] = 1;
      const { outcome } = load(generation, mutant.bytes);
      expect([outcome.dangerous, outcome.remarks[0]?.code]).toEqual([true, 'MOD010']);
    }
  });
});

it.each([3n, 7n, 16n, 40n])(
  'relocations that lie over the ELF header, from byte %s on, and are sorted there, move no table',
  offset => {
    const mutant = new Mutant('6.1', 'demo');
    mutant.header('.rela__mcount_loc', SH.offset, offset);
    const { answer, outcome } = load('6.1', mutant.bytes, {}, { checkOnly: false });
    expect([answer, outcome.image]).toEqual(['ENOEXEC', undefined]);
  },
);
