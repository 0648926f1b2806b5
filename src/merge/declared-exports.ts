/**
 * What an object exports, as its compiler left it. The macros of 6.1 make rows of the kernel's table in sections of their own
 * (`___ksymtab_gpl+NAME`), with names in `__ksymtab_strings`; the checksums are in a file that modpost makes for the whole module.
 * Those of 6.12 and 7.2 leave everything to modpost: a label `__export_symbol_NAME` in `.export_symbol`, the licence, the
 * namespace, and an ADDR64 that names the symbol (include/linux/export.h).
 */
import { SHN_ABS, SHN_UNDEF, STB_LOCAL } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { hex } from '../util/bytes.ts';
import type { SymbolIndex } from '../util/indexes.ts';
import { moduleName } from './classify.ts';
import type { MergeObject } from './objects.ts';
import { mergeRefusal } from './refusals.ts';

const R_PPC64_ADDR64 = 38;
/** Bytes of `struct kernel_symbol`: value, name, namespace. */
export const ROW = 24;
const CRC_SIZE = 4;
const LABEL = '__export_symbol_';

export interface DeclaredExport {
  readonly symbol: string;
  /** In the object. */
  readonly target: SymbolIndex;
  readonly gplOnly: boolean;
  readonly namespace: string;
  /** The table that the object has a row in for it; none for an entry of `.export_symbol`. */
  readonly table?: '__ksymtab' | '__ksymtab_gpl';
  /** Beside that row. */
  readonly crc?: number;
}

interface Named {
  readonly offset: number;
  readonly type: number;
  readonly symbol: SymbolIndex;
  readonly addend: number;
}

/** In the order in which a merge joins them. @throws RefusalError PAT230 */
export function declaredExports(object: MergeObject): DeclaredExport[] {
  return [...rowsOf(object), ...entriesOf(object)];
}

/** The sections of an object that become part of a table, in order. */
function partsOf(elf: ElfFile, table: string): Section[] {
  return elf.sections.filter(s => s.isAllocated && s.hasContents && moduleName(s.name) === table);
}

/** All bytes of a table. */
export function columnOf(elf: ElfFile, table: string): Buffer {
  return Buffer.concat(partsOf(elf, table).map(part => elf.contents(part)));
}

function refuse({ name: object }: MergeObject, what: string): Error {
  return mergeRefusal('PAT230', { object, what });
}

function rowsOf(object: MergeObject): DeclaredExport[] {
  const { elf } = object;
  const found: DeclaredExport[] = [];
  for (const table of ['__ksymtab', '__ksymtab_gpl'] as const) {
    const rows = partsOf(elf, table).flatMap(part => rowsIn(object, part));
    const crcs = columnOf(elf, table.replace('sym', 'crc'));
    if (crcs.length > 0 && crcs.length !== rows.length * CRC_SIZE)
      throw refuse(object, `${table} has ${rows.length} rows and ${crcs.length} bytes of checksums beside them`);
    const flags = table === '__ksymtab' ? columnOf(elf, '__kflagstab') : Buffer.alloc(0);
    rows.forEach((row, i) => {
      const gplOnly = table === '__ksymtab_gpl' || ((flags[i] ?? 0) & 1) !== 0;
      const crc = crcs.length > 0 ? crcs.readUInt32LE(i * CRC_SIZE) : undefined;
      found.push({ ...row, gplOnly, table, ...(crc !== undefined && { crc }) });
    });
  }
  return found;
}

function rowsIn(object: MergeObject, part: Section) {
  const { elf } = object;
  const fields = new Map(relocationsOn(elf, part).map(r => [r.offset, r]));
  return Array.from({ length: Math.floor(part.sh_size / ROW) }, (_, i) => {
    const at = i * ROW;
    const value = fields.get(at);
    const symbol = textAt(elf, fields.get(at + 8));
    if (value === undefined || value.addend !== 0 || !symbol)
      throw refuse(object, `${part.name}+${hex(at)} names no symbol`);
    checkTarget(object, value, symbol);
    return { symbol, target: value.symbol, namespace: textAt(elf, fields.get(at + 16)) ?? '' };
  });
}

function entriesOf(object: MergeObject): DeclaredExport[] {
  const { elf } = object;
  const section = elf.sectionNamed('.export_symbol');
  if (section?.hasContents !== true) return [];
  const labels = labelsIn(elf, section);
  const bytes = Buffer.from(elf.contents(section));
  return relocationsOn(elf, section).map(entry => {
    const place = `.export_symbol+${hex(entry.offset)}`;
    const label = labels.findLast(l => l.value <= entry.offset);
    if (label === undefined || entry.type !== R_PPC64_ADDR64 || entry.addend !== 0)
      throw refuse(object, `${place} is not of an export`);
    const symbol = label.name;
    if (elf.symbols!.name(entry.symbol) !== symbol)
      throw refuse(object, `${place} names another symbol than ${symbol}`);
    checkTarget(object, entry, symbol);
    const [license, namespace, end] = bytes.toString('latin1', label.value, entry.offset).split('\0');
    if (namespace === undefined || end === undefined || (license !== '' && license !== 'GPL'))
      throw refuse(object, `${symbol} has the licence ${JSON.stringify(license)}`);
    return { symbol, target: entry.symbol, gplOnly: license === 'GPL', namespace };
  });
}

function labelsIn(elf: ElfFile, section: Section): { readonly name: string; readonly value: number }[] {
  const symbols = elf.symbols!;
  const labels: { name: string; value: number }[] = [];
  for (let i = 1; i < symbols.count; i++) {
    const name = symbols.name(i);
    if (symbols.sectionOf(i) === section.index && name.startsWith(LABEL))
      labels.push({ name: name.slice(LABEL.length), value: symbols.value(i) });
  }
  return labels.sort((a, b) => a.value - b.value);
}

function checkTarget(object: MergeObject, { symbol }: Named, name: string): void {
  const symbols = object.elf.symbols!;
  if (symbols.binding(symbol) === STB_LOCAL) throw refuse(object, `${name} is static`);
  if (symbols.rawSection(symbol) === SHN_ABS) throw refuse(object, `${name} has no section`);
}

/** The string that a field of a row names. */
function textAt(elf: ElfFile, field: Named | undefined): string | undefined {
  const symbols = elf.symbols!;
  if (field === undefined || symbols.rawSection(field.symbol) === SHN_UNDEF) return undefined;
  const section = elf.sections[symbols.sectionOf(field.symbol)];
  if (section?.name !== '__ksymtab_strings' || !section.hasContents) return undefined;
  const bytes = Buffer.from(elf.contents(section));
  const start = symbols.value(field.symbol) + field.addend;
  const end = start < 0 ? -1 : bytes.indexOf(0, start);
  return end < 0 ? undefined : bytes.toString('latin1', start, end);
}

/** Ascending. */
export function relocationsOn(elf: ElfFile, section: Section): Named[] {
  const found: Named[] = [];
  for (const table of elf.relocationSectionsFor(section.index)) {
    const relocations = elf.relocations(table);
    for (let i = 0; i < relocations.count; i++)
      found.push({
        offset: relocations.offset(i),
        type: relocations.type(i),
        symbol: relocations.symbol(i),
        addend: relocations.addend(i),
      });
  }
  return found.sort((a, b) => a.offset - b.offset || a.type - b.type);
}
