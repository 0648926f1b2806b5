/** The sweep over a table and the look at each entry have to agree, on good objects and on damaged ones. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SHT_RELA } from '../../../src/elf/constants.ts';
import { type ElfFile, readElf } from '../../../src/elf/read.ts';
import { InputError } from '../../../src/util/errors.ts';
import { RelocationEntries, type Tally } from '../../../src/verify/relocation-entries.ts';
import { RelocationFindings } from '../../../src/verify/relocation-findings.ts';
import { RelocationSweep } from '../../../src/verify/relocation-sweep.ts';
import { Report } from '../../../src/verify/verification.ts';
import { sample } from './support/patched.ts';

const FILES = ['6.1/tocsin_demo.ko', '6.12/tocsin_demo.ko', '7.2/tocsin_demo.ko', 'legacy/pg.o'];

const tally = (): Tally => ({ byType: new Uint32Array(256), undecided: 0, calls: 0, tracer: 0 });

/** Holds both readings of every table together; says how many tables the sweep let through. */
function compare(elf: ElfFile): number {
  const symbols = elf.symbols!;
  const tracer = Uint8Array.from({ length: symbols.count }, (_, i) => (symbols.name(i) === '_mcount' ? 1 : 0));
  let clean = 0;
  for (const section of elf.sections) {
    if (section.sh_type !== SHT_RELA) continue;
    const entries = elf.relocations(section);
    const target = elf.sections[section.sh_info]!;
    const report = new Report();
    const findings = new RelocationFindings(report, elf);
    const [swept, looked] = [tally(), tally()];
    new RelocationEntries(elf, symbols, tracer, looked, findings).table(entries, target);
    if (new RelocationSweep(elf, symbols, tracer, swept).isClean(entries, target)) {
      clean++;
      expect([...report.findings, ...findings.externals]).toEqual([]);
      expect(swept).toEqual(looked);
    } else expect(swept).toEqual(tally());
  }
  return clean;
}

describe('the sweep over relocations', () => {
  it.each(FILES)('lets most tables of %s through', name => {
    const elf = readElf(sample(name));
    const tables = elf.sections.filter(s => s.sh_type === SHT_RELA).length;
    expect(compare(elf)).toBeGreaterThan(tables / 2);
  });

  it.each(FILES)('lets nothing through that is wrong in a damaged %s', name => {
    const good = readElf(sample(name));
    const places = good.sections
      .filter(s => s.sh_type === SHT_RELA || s.isCode || s === good.symbols?.section)
      .flatMap(s => (s.sh_size < 4 ? [] : [[s.sh_offset, s.sh_size] as const]));
    const damage = fc.record({ place: fc.nat(places.length - 1), at: fc.nat(), bit: fc.nat(7) });
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), list => {
        const bytes = good.bytes.slice();
        for (const { place, at, bit } of list) {
          const [start, size] = places[place]!;
          bytes[start + (at % size)]! ^= 1 << bit;
        }
        try {
          compare(readElf(bytes));
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
        }
      }),
      { numRuns: 400 },
    );
  });
});
