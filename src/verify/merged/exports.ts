/**
 * What the merged module exports: what the module did, as it did, and what the objects say that they export, each once, under its name,
 * licence and namespace, leading to its definition, with the checksum of it. Declarations are read here anew from the objects, checksums
 * worked out anew. An object that was made for the tables of another one has tables and nothing else.
 */
import { SHN_UNDEF, STB_LOCAL, STB_WEAK } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import { modinfoOf } from '../../kernel/modinfo.ts';
import type { SymbolIndex } from '../../util/indexes.ts';
import { count, type Report } from '../verification.ts';
import { type Declared, declarationsOf, definitionChecksum } from './declarations.ts';
import { type ExportTables, exportTables, placeOf } from './export-rows.ts';
import { placeIn } from './symbols.ts';
import type { MergeCase } from './verify-merge.ts';

const TABLES = /^__(ksymtab(_gpl|_strings)?|kcrctab(_gpl)?|kflagstab)$/;

interface Place {
  readonly section: number;
  readonly value: number;
}

interface Expected {
  readonly gplOnly: boolean;
  readonly namespace: string;
  readonly crc: number | undefined;
  readonly place: Place | undefined;
  /** The module's own. */
  readonly isOld: boolean;
}

export function compareExports(report: Report, given: MergeCase, merged: ElfFile): string {
  const { module, objects } = given;
  for (const { name, elf, exportsOf } of objects) if (exportsOf !== undefined) checkTablesOnly(report, name, elf);
  const before = exportTables(module);
  const after = exportTables(merged);
  const declared = objects.map(({ elf, exportsOf }) => (exportsOf === undefined ? declarationsOf(elf) : []));
  const wrong = declared.flat().find(d => d.wrong !== undefined);
  if (wrong !== undefined) report.error('VER200', `an object's export cannot be understood: ${wrong.wrong}`);
  const total = declared.flat().length;
  if (total === 0) {
    if (after.rows.length !== before.rows.length)
      report.error('VER200', `${count(after.rows.length - before.rows.length, 'export')} more, and no object has any`);
    comparePlan(report, given, []);
    return 'no new exports';
  }
  const hasChecksums = moduleHasChecksums(module, before);
  checkColumns(report, after, hasChecksums, hasFlagTable(module));
  const wanted = new Map<string, Expected>();
  const expect = (name: string, expected: Expected) => {
    if (wanted.has(name)) report.error('VER201', `${name} would be exported twice`, undefined, undefined, name);
    wanted.set(name, expected);
  };
  for (const { name, gplOnly, namespace, crc, value } of before.rows)
    if (name !== undefined)
      expect(name, {
        gplOnly,
        namespace,
        crc,
        place: value && placeOf(module, value.symbol, value.addend),
        isOld: true,
      });
  const told: string[] = [];
  declared.forEach((list, object) => {
    for (const item of list) {
      const { name, gplOnly, namespace } = item;
      const crc = hasChecksums ? (item.crc ?? checksumIn(given, object, item)) : undefined;
      expect(name, { gplOnly, namespace, crc, place: placeFor(given, object, item, merged), isOld: false });
      told.push(lineOf({ object, symbol: name, gplOnly, namespace, crc }));
    }
  });
  compareRows(report, wanted, after, merged);
  const known = new Set(before.rows.map(row => row.wrong));
  for (const { name, table, wrong } of after.rows)
    if (wrong !== undefined && !known.has(wrong))
      report.error('VER283', `the row of ${name ?? 'an export without a name'}: ${wrong}`, table, undefined, name);
  comparePlan(report, given, told);
  return `${count(total, 'new export')}, ${before.rows.length} as before`;
}

function compareRows(
  report: Report,
  wanted: ReadonlyMap<string, Expected>,
  { rows }: ExportTables,
  merged: ElfFile,
): void {
  const left = new Map(wanted);
  for (const { table, name, gplOnly, namespace, crc, value } of rows) {
    const tell = (code: 'VER200' | 'VER202' | 'VER203', what: string) =>
      report.error(code, `${name ?? 'an export without a name'} ${what}`, table, undefined, name);
    const expected = left.get(name ?? '');
    if (expected === undefined) {
      tell('VER200', 'is exported, and neither the module nor an object says so');
      continue;
    }
    left.delete(name!);
    const code = expected.isOld ? 'VER202' : 'VER200';
    if (gplOnly !== expected.gplOnly || namespace !== expected.namespace)
      tell(code, 'is exported to others than it should be (licence, namespace)');
    if (crc !== expected.crc) tell(expected.isOld ? 'VER202' : 'VER203', 'is exported with another checksum');
    const place = value && placeOf(merged, value.symbol, value.addend);
    const isThere =
      place !== undefined && place.section === expected.place?.section && place.value === expected.place.value;
    if (!isThere) tell(code, 'is exported, and the entry leads elsewhere');
  }
  for (const [name, { isOld }] of left)
    report.error(isOld ? 'VER202' : 'VER200', `${name} is not exported`, undefined, undefined, name);
}

/** Each table as long as the rows that it is for; what the kernel does not look at is not there. */
function checkColumns(report: Report, { rows, sizes }: ExportTables, hasChecksums: boolean, hasFlags: boolean): void {
  const tell = (what: string, table: string) => report.error('VER201', what, table);
  for (const table of ['__ksymtab', '__ksymtab_gpl']) {
    const own = rows.filter(r => r.table === table).length;
    if (sizes.get(table) !== own * 24) tell(`${table} is not made of whole rows`, table);
    if (hasFlags && table === '__ksymtab_gpl' && own > 0) tell('this kernel passes over __ksymtab_gpl', table);
    const crcs = table.replace('sym', 'crc');
    const size = sizes.get(crcs);
    if (size !== (hasChecksums ? 4 * own : 0)) tell(`${own} exports have ${size} bytes of checksums`, crcs);
  }
  const flags = sizes.get('__kflagstab');
  const flagged = hasFlags ? rows.length : 0;
  if (flags !== flagged) tell(`${flags} flags, and there should be ${flagged}`, '__kflagstab');
}

function checkTablesOnly(report: Report, name: string, { sections, symbols }: ElfFile): void {
  const tell = (what: string) => report.error('VER204', `${name} is for tables of exports, and has ${what}`);
  for (const section of sections)
    if (section.isAllocated && !TABLES.test(section.name)) tell(`section ${section.name}`);
  for (let i = 1; symbols !== undefined && i < symbols.count; i++)
    if (symbols.binding(i) !== STB_LOCAL && symbols.rawSection(i) !== SHN_UNDEF) tell(`symbol ${symbols.name(i)}`);
}

function moduleHasChecksums(module: ElfFile, { rows }: ExportTables): boolean {
  if (rows.length > 0) return rows.every(row => row.crc !== undefined);
  const vermagic = modinfoOf(module)
    .find(e => e.key === 'vermagic')
    ?.value.split(' ');
  return vermagic?.includes('modversions') === true || module.sectionNamed('__versions')?.hasContents === true;
}

/** `struct kernel_symbol` has had a table of flags beside it, in place of a second table, since 7.0. */
function hasFlagTable(module: ElfFile): boolean {
  const release = Number.parseInt(modinfoOf(module).find(e => e.key === 'vermagic')?.value ?? '', 10);
  return release >= 7 || module.sectionNamed('__kflagstab') !== undefined;
}

/** Where an export of an object has to lead in the merged module. */
function placeFor(given: MergeCase, object: number, { name, symbol }: Declared, merged: ElfFile): Place | undefined {
  const symbols = given.objects[object]!.elf.symbols!;
  const isOwn = symbols.rawSection(symbol) !== SHN_UNDEF && symbols.binding(symbol) !== STB_WEAK;
  const own = isOwn ? placeIn(given, object, symbols, symbol) : undefined;
  if (own !== undefined) return own;
  const found = definedAs(merged, name, true) ?? definedAs(merged, name, false);
  return found === undefined ? undefined : placeOf(merged, found, 0);
}

function definedAs(elf: ElfFile, name: string, isGlobal: boolean): SymbolIndex | undefined {
  const symbols = elf.symbols!;
  const found = symbols.find(
    name,
    i => symbols.rawSection(i) !== SHN_UNDEF && (symbols.binding(i) !== STB_LOCAL) === isGlobal,
  );
  return found < 0 ? undefined : found;
}

/** Of the definition that the object has; else of the module's, of another object's, of a local one of the module. */
function checksumIn(given: MergeCase, object: number, declared: Declared): number | undefined {
  const { elf } = given.objects[object]!;
  if (elf.symbols!.rawSection(declared.symbol) !== SHN_UNDEF) return definitionChecksum(elf, declared.symbol);
  const tries = [
    [given.module, true],
    ...given.objects.map(o => [o.elf, true] as const),
    [given.module, false],
  ] as const;
  for (const [file, isGlobal] of tries) {
    const found = file.symbols === undefined ? undefined : definedAs(file, declared.name, isGlobal);
    if (found !== undefined) return definitionChecksum(file, found);
  }
  return undefined;
}

type Line = { object: number; symbol: string; gplOnly: boolean; namespace: string; crc?: number | undefined };
const lineOf = ({ object, symbol, gplOnly, namespace, crc }: Line) =>
  `${object} ${symbol} ${gplOnly} ${namespace} ${crc ?? 'none'}`;

function comparePlan(report: Report, { plan }: MergeCase, told: readonly string[]): void {
  const planned = plan.exports.map(lineOf);
  if (planned.toSorted().join('\n') !== told.toSorted().join('\n'))
    report.error('VER205', 'the plan does not tell of the exports of the objects as they are');
}
