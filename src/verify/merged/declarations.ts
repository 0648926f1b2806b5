/**
 * What an object says that it exports: rows of the kernel's tables, and entries of `.export_symbol`, of which modpost would make rows
 * (licence and namespace, NUL-ended, behind the label `__export_symbol_NAME`, then an aligned pointer to the symbol). And the checksum that an
 * export without one gets: the first four bytes of the SHA-256 of the definition and of what its relocations name.
 */
import { createHash } from 'node:crypto';
import { SHN_UNDEF, STB_LOCAL, STT_SECTION } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import type { SymbolIndex } from '../../util/indexes.ts';
import { exportTables, relocationsOf } from './export-rows.ts';

const SECTION = '.export_symbol';
const PREFIX = '__export_symbol_';

export interface Declared {
  readonly name: string;
  /** In the object. */
  readonly symbol: SymbolIndex;
  readonly gplOnly: boolean;
  readonly namespace: string;
  readonly crc: number | undefined;
  /** Why it cannot be understood. */
  readonly wrong?: string;
}

export function declarationsOf(elf: ElfFile): Declared[] {
  const rows = exportTables(elf).rows.map(({ name, gplOnly, namespace, crc, value, wrong: fault }): Declared => {
    const wrong = name === undefined || value === undefined || value.addend !== 0 ? 'a row without a symbol' : fault;
    return { name: name ?? '', symbol: value?.symbol ?? 0, gplOnly, namespace, crc, ...(wrong && { wrong }) };
  });
  return [...rows, ...entriesOf(elf)];
}

function entriesOf(elf: ElfFile): Declared[] {
  const section = elf.sectionNamed(SECTION);
  if (section?.hasContents !== true) return [];
  const symbols = elf.symbols!;
  const bytes = Buffer.from(elf.contents(section));
  return [...relocationsOf(elf, section)].map(([offset, { symbol, addend }]): Declared => {
    const name = symbols.name(symbol);
    const label = symbols.find(`${PREFIX}${name}`, i => symbols.sectionOf(i) === section.index);
    const start = label < 0 ? -1 : symbols.value(label);
    const licenseEnd = start < 0 ? -1 : bytes.indexOf(0, start);
    const namespaceEnd = licenseEnd < 0 ? -1 : bytes.indexOf(0, licenseEnd + 1);
    const license = bytes.toString('latin1', Math.max(start, 0), Math.max(licenseEnd, 0));
    // The pointer stands behind the strings, aligned.
    const isWhole = namespaceEnd >= 0 && Math.ceil((namespaceEnd + 1) / 8) * 8 === offset;
    const isTold = symbols.binding(symbol) !== STB_LOCAL && addend === 0 && (license === '' || license === 'GPL');
    const namespace = isWhole ? bytes.toString('latin1', licenseEnd + 1, namespaceEnd) : '';
    const wrong = isWhole && isTold ? undefined : `the entry for ${name} at ${offset}`;
    return { name, symbol, gplOnly: license === 'GPL', namespace, crc: undefined, ...(wrong && { wrong }) };
  });
}

/** `undefined` for what is not defined in the file. */
export function definitionChecksum(elf: ElfFile, symbol: SymbolIndex): number | undefined {
  const symbols = elf.symbols!;
  const section = elf.sections[symbols.sectionOf(symbol)];
  if (symbols.rawSection(symbol) === SHN_UNDEF || section === undefined) return undefined;
  const from = symbols.value(symbol);
  const size = symbols.size(symbol);
  const contents = section.hasContents ? Buffer.from(elf.contents(section)) : Buffer.alloc(section.sh_size);
  const lines: { readonly at: number; readonly type: number; readonly text: string }[] = [];
  for (const table of elf.relocationSectionsFor(section.index)) {
    const entries = elf.relocations(table);
    for (let i = 0; i < entries.count; i++) {
      const [at, type, to] = [entries.offset(i) - from, entries.type(i), entries.symbol(i)];
      if (at < 0 || at >= size) continue;
      const name =
        symbols.type(to) === STT_SECTION ? `@${elf.sections[symbols.sectionOf(to)]?.name}` : symbols.name(to);
      lines.push({ at, type, text: `${at} ${type} ${name} ${entries.addend(i)}\n` });
    }
  }
  lines.sort((a, b) => a.at - b.at || a.type - b.type);
  const digest = createHash('sha256')
    .update(contents.subarray(from, from + size))
    .update(lines.map(l => l.text).join(''))
    .digest();
  return digest.readUInt32LE(0);
}
