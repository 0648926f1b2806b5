/**
 * Tables of exports, row by row, as the kernel would read them: `struct kernel_symbol` is three pointers (value, name, namespace), filled
 * by relocations; checksums and flags stand beside. In an object each row may be in a section of its own.
 */
import { SHN_UNDEF } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import type { SectionOffset, SymbolIndex } from '../../util/indexes.ts';
import type { Relocation } from '../places.ts';
import { R_PPC64_ADDR64 } from '../relocation-places.ts';
import { nameInModule } from './pieces.ts';

const POINTER = 8;
const ROW = 3 * POINTER;

export interface ExportRow {
  readonly table: string;
  /** Absent where no relocation names a string. */
  readonly name: string | undefined;
  readonly namespace: string;
  readonly gplOnly: boolean;
  readonly crc: number | undefined;
  readonly value: Relocation | undefined;
  /** Why the kernel would read something else than its three pointers; absent where it would not. */
  readonly wrong?: string;
}

export interface ExportTables {
  readonly rows: readonly ExportRow[];
  /** Bytes, by the name of the table in a module. */
  readonly sizes: ReadonlyMap<string, number>;
}

export function exportTables(elf: ElfFile): ExportTables {
  const sizes = new Map<string, number>();
  const column = (name: string) => {
    const parts = elf.sections.filter(s => s.index > 0 && s.hasContents && nameInModule(s.name) === name);
    const bytes = Buffer.concat(parts.map(s => elf.contents(s)));
    sizes.set(name, bytes.length);
    return { parts, bytes };
  };
  const flags = column('__kflagstab').bytes;
  const rows: ExportRow[] = [];
  for (const suffix of ['', '_gpl']) {
    const table = `__ksymtab${suffix}`;
    const crcs = column(`__kcrctab${suffix}`).bytes;
    let k = 0;
    for (const part of column(table).parts) {
      const fields = relocationsOf(elf, part);
      for (let at = 0; at + ROW <= part.sh_size; at += ROW, k++) {
        const wrong = faultOf(elf, part, at, fields);
        rows.push({
          table,
          name: stringOf(elf, fields.get(at + POINTER)),
          namespace: stringOf(elf, fields.get(at + 2 * POINTER)) ?? '',
          gplOnly: suffix === '_gpl' || ((flags[k] ?? 0) & 1) === 1,
          crc: 4 * k + 4 <= crcs.length ? crcs.readUInt32LE(4 * k) : undefined,
          value: fields.get(at),
          ...(wrong !== undefined && { wrong }),
        });
      }
    }
  }
  return { rows, sizes };
}

/** Each pointer is filled whole, names are strings, and a namespace that is none is a null pointer. */
function faultOf(
  elf: ElfFile,
  part: Section,
  row: SectionOffset,
  fields: ReadonlyMap<SectionOffset, Relocation>,
): string | undefined {
  for (const [at, { type, symbol }] of fields) {
    if (at <= row - POINTER || at >= row + ROW) continue;
    if ((at - row) % POINTER !== 0) return 'a relocation lies across two pointers';
    if (type !== R_PPC64_ADDR64 || symbol === 0) return `the pointer at ${at - row} is not an address`;
    if (at > row && stringOf(elf, fields.get(at)) === undefined) return `the pointer at ${at - row} leads to no string`;
  }
  const namespace = row + 2 * POINTER;
  const isNull = elf
    .contents(part)
    .subarray(namespace, namespace + POINTER)
    .every(byte => byte === 0);
  return fields.has(namespace) || isNull ? undefined : 'the namespace is a pointer that nothing fills';
}

/** By exact place; two on one word are none. */
export function relocationsOf(elf: ElfFile, section: Section): ReadonlyMap<SectionOffset, Relocation> {
  const found = new Map<SectionOffset, Relocation>();
  const twice = new Set<SectionOffset>();
  for (const table of elf.relocationSectionsFor(section.index)) {
    const entries = elf.relocations(table);
    for (let i = 0; i < entries.count; i++) {
      const at = entries.offset(i);
      if (found.has(at)) twice.add(at);
      found.set(at, { type: entries.type(i), symbol: entries.symbol(i), addend: entries.addend(i) });
    }
  }
  for (const at of twice) found.delete(at);
  return found;
}

function stringOf(elf: ElfFile, named: Relocation | undefined): string | undefined {
  if (named === undefined) return undefined;
  const at = placeOf(elf, named.symbol, named.addend);
  const section = at === undefined ? undefined : elf.sections[at.section];
  if (section?.hasContents !== true || section.name !== '__ksymtab_strings') return undefined;
  const [text, ...rest] = Buffer.from(elf.contents(section)).toString('latin1').slice(at!.value).split('\0', 2);
  return rest.length === 0 ? undefined : text;
}

/** What S + A names in the file; `undefined` for what others define. */
export function placeOf(elf: ElfFile, symbol: SymbolIndex, addend: number) {
  const symbols = elf.symbols!;
  if (symbol === 0 || symbols.rawSection(symbol) === SHN_UNDEF) return undefined;
  return { section: symbols.sectionOf(symbol), value: symbols.value(symbol) + addend };
}
