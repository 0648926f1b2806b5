/**
 * Tables for what objects export, in the form of the module's kernel. An object comes as the compiler left it, before modpost: rows,
 * names and namespaces, flags and checksums that it lacks are made here, as an object that is merged directly behind it, so that the
 * columns of all tables stay beside their rows. Then `sort-exports.ts` puts them in order.
 *
 * A checksum is that of the definition's bytes and of what its relocations name, as with copies of functions (`--epilogue`): whoever
 * imports it was made for exactly this build.
 */
import { createHash } from 'node:crypto';
import { SHN_UNDEF, STB_LOCAL, STT_NOTYPE, STT_SECTION } from '../elf/constants.ts';
import { ObjectDraft } from '../elf/object-draft.ts';
import { type ElfFile, readElf } from '../elf/read.ts';
import { type ExportForm, exportFormOf } from '../kernel/export-form.ts';
import { addChecksum, addExportRow, exportTable } from '../kernel/export-row.ts';
import { moduleExports } from '../kernel/module-exports.ts';
import type { NewExport } from '../plan/merge.ts';
import type { SymbolIndex } from '../util/indexes.ts';
import { columnOf, type DeclaredExport, declaredExports, relocationsOn } from './declared-exports.ts';
import { ModuleSymbols } from './module-symbols.ts';
import type { MergeObject } from './objects.ts';
import { mergeRefusal } from './refusals.ts';

export interface WithExports {
  /** The objects, each with the tables for its exports behind it. */
  readonly objects: readonly MergeObject[];
  readonly exports: readonly NewExport[];
}

/**
 * @param ownerOf who else exports a symbol: the kernel, a module that is loaded too
 * @throws RefusalError PAT230 to PAT234
 */
export function withExports(
  module: ElfFile,
  given: readonly MergeObject[],
  ownerOf: (name: string) => string | undefined = () => undefined,
): WithExports {
  const all = given.map(declaredExports);
  if (all.every(list => list.length === 0)) return { objects: given, exports: [] };
  const exported = moduleExports(module.bytes);
  const form = exportFormOf(module, exported);
  const owners = new Map((exported?.names ?? []).map(name => [name, 'the module']));
  const symbols = new ModuleSymbols(module);
  const objects: MergeObject[] = [];
  const exports: NewExport[] = [];
  for (const [n, object] of given.entries()) {
    objects.push(object);
    const declared = all[n]!;
    if (declared.length === 0) continue;
    const tables = new Tables(form);
    for (const item of declared) {
      const { symbol, gplOnly, namespace } = item;
      const owner = owners.get(symbol);
      if (owner !== undefined) throw mergeRefusal('PAT231', { object: object.name, name: symbol, owner });
      owners.set(symbol, object.name);
      const other = ownerOf(symbol);
      if (other !== undefined) throw mergeRefusal('PAT232', { object: object.name, name: symbol, owner: other });
      const definition = definitionOf(object, item, given, symbols);
      const crc = form.hasChecksums ? (item.crc ?? checksumOf(object, symbol, definition)) : undefined;
      tables.add(item, crc);
      exports.push({
        object: objects.indexOf(object),
        symbol,
        gplOnly,
        namespace,
        ...(crc !== undefined && { crc }),
      });
    }
    checkForm(object, declared, form);
    const made = tables.build();
    if (made !== undefined) objects.push(asObject(made, object.name));
  }
  return { objects, exports };
}

/** Rows of an object are joined as they are, so they have to be those of the module's kernel. */
function checkForm(object: MergeObject, declared: readonly DeclaredExport[], { hasFlags, hasChecksums }: ExportForm) {
  const refuse = (what: string) => mergeRefusal('PAT234', { object: object.name, what });
  const rows = declared.filter(d => d.table !== undefined);
  const flags = columnOf(object.elf, '__kflagstab').length;
  if (hasFlags && rows.some(d => d.table === '__ksymtab_gpl')) throw refuse('a table __ksymtab_gpl');
  if (flags !== (hasFlags ? rows.length : 0)) throw refuse(`${flags} flags for ${rows.length} rows`);
  if (!hasChecksums && rows.some(d => d.crc !== undefined)) throw refuse('checksums');
}

function asObject(bytes: Uint8Array, of: string): MergeObject {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { name: `exports of ${of}`, elf: readElf(bytes), sha256, isOwn: true, exportsOf: of };
}

interface Definition {
  readonly elf: ElfFile;
  readonly symbol: SymbolIndex;
}

/**
 * What an export leads to: the object's own, another object's, or a symbol of the module that the object names.
 *
 * @throws RefusalError PAT233 for an import, and for what nobody has
 */
function definitionOf(
  object: MergeObject,
  { symbol: name, target }: DeclaredExport,
  given: readonly MergeObject[],
  module: ModuleSymbols,
): Definition {
  if (object.elf.symbols!.rawSection(target) !== SHN_UNDEF) return { elf: object.elf, symbol: target };
  const own = module.globals.get(name);
  if (own !== undefined) return { elf: module.elf, symbol: own };
  for (const { elf } of given) {
    const found = elf.symbols?.find(
      name,
      i => elf.symbols!.rawSection(i) !== SHN_UNDEF && elf.symbols!.binding(i) !== STB_LOCAL,
    );
    if (found !== undefined && found >= 0) return { elf, symbol: found };
  }
  const [local, ...more] = module.locals.get(name) ?? [];
  if (module.undefineds.has(name) || local === undefined || more.length > 0)
    throw mergeRefusal('PAT233', {
      object: object.name,
      name,
      what: more.length > 0 ? 'the module has several local symbols of that name' : 'it is not defined in the module',
    });
  return { elf: module.elf, symbol: local };
}

/** @throws RefusalError PAT230 where nothing says how long the definition is */
function checksumOf({ name: object }: MergeObject, name: string, { elf, symbol }: Definition): number {
  const symbols = elf.symbols!;
  const section = elf.sections[symbols.sectionOf(symbol)]!;
  const start = symbols.value(symbol);
  const end = start + symbols.size(symbol);
  if (end === start || end > section.sh_size)
    throw mergeRefusal('PAT230', { object, what: `the symbol ${name} does not say where its definition ends` });
  const hash = createHash('sha256');
  hash.update(section.hasContents ? elf.contents(section).subarray(start, end) : new Uint8Array(end - start));
  for (const r of relocationsOn(elf, section)) {
    if (r.offset < start || r.offset >= end) continue;
    hash.update(`${r.offset - start} ${r.type} ${nameOf(elf, r.symbol)} ${r.addend}\n`);
  }
  return hash.digest().readUInt32LE(0);
}

function nameOf(elf: ElfFile, symbol: SymbolIndex): string {
  const symbols = elf.symbols!;
  return symbols.type(symbol) === STT_SECTION
    ? `@${elf.sections[symbols.sectionOf(symbol)]?.name}`
    : symbols.name(symbol);
}

/** What one object lacks. */
class Tables {
  readonly #form: ExportForm;
  readonly #draft = new ObjectDraft();
  readonly #names: string[] = [];

  constructor(form: ExportForm) {
    this.#form = form;
  }

  add({ symbol: name, gplOnly, namespace, table, crc: own }: DeclaredExport, crc: number | undefined): void {
    if (crc !== undefined && own === undefined)
      addChecksum(this.#draft, table ?? exportTable(gplOnly, this.#form), crc);
    if (table !== undefined) return;
    addExportRow(this.#draft, this.#form, { symbol: this.#names.length, name, namespace, gplOnly });
    this.#names.push(name);
  }

  /** `undefined` where nothing is lacking. */
  build(): Uint8Array | undefined {
    if (this.#draft.isEmpty) return undefined;
    return this.#draft.build(this.#names.map(name => ({ name, type: STT_NOTYPE, st_other: 0, value: 0, size: 0 })));
  }
}
