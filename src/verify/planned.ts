/**
 * The plan in the order in which a file is walked: by section, ascending; and every statement of it held against the
 * input, since a plan that does not fit its input cannot be carried out, whatever the output looks like.
 */
import { SHN_UNDEF, SHT_RELA, STB_GLOBAL, STT_FUNC, STT_NOTYPE, STV_HIDDEN } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Relocations } from '../elf/relocations.ts';
import type { Section } from '../elf/section.ts';
import { informationSection } from '../kernel/modinfo.ts';
import { RECORD_SIZE } from '../kernel/tracer-tables.ts';
import type {
  AddedRelocation,
  AddedVersion,
  NewRelocation,
  PatchPlan,
  PlannedSymbol,
  RemovedRecord,
  SymbolRef,
  WordChange,
} from '../plan/plan.ts';
import type { SectionIndex } from '../util/indexes.ts';
import { count, type Report, wordText } from './verification.ts';

const NOP = 0x60000000;

/** What the plan says about one section of the input. */
export interface SectionPlan {
  /** Ascending, no offset twice. */
  readonly words: WordChange[];
  /** Ascending, apart. */
  readonly records: RemovedRecord[];
  /** Entries of an SHT_RELA section that go, ascending. */
  readonly entries: number[];
  /** Relocations that are added for this section. */
  readonly added: AddedRelocation[];
  /** What follows the section's own bytes. */
  readonly appended: Buffer[];
}

/** Checksums of what others export, by name. */
export type Checksums = ReadonlyMap<string, { readonly crc: number; readonly exporter?: string }>;

export interface Planned {
  readonly plan: PatchPlan;
  readonly sections: ReadonlyMap<SectionIndex, SectionPlan>;
  /** Whether the output is to differ from the input at all. */
  readonly changesNothing: boolean;
  /** Number of the input's section that gets a string more, which tells of the patch; -1 where none does. */
  readonly informed: number;
}

function nothing(): SectionPlan {
  return { words: [], records: [], entries: [], added: [], appended: [] };
}

const EMPTY = nothing();

export function planFor(planned: Planned, section: SectionIndex): SectionPlan {
  return planned.sections.get(section) ?? EMPTY;
}

/** Orders the plan. Whether it fits the input is for `checkPlan` to say. */
export function arrange(plan: PatchPlan, input: ElfFile): Planned {
  const sections = new Map<SectionIndex, SectionPlan>();
  let last: SectionIndex = -1;
  let found = EMPTY;
  // Plans go through a file section by section.
  const of = (index: SectionIndex): SectionPlan => {
    if (index === last) return found;
    found = sections.get(index) ?? nothing();
    sections.set(index, found);
    last = index;
    return found;
  };
  const { words, removedRelocations, removedRecords } = plan;
  for (let i = 0; i < words.length; i++) of(words[i]!.section).words.push(words[i]!);
  for (let i = 0; i < removedRelocations.length; i++)
    of(removedRelocations[i]!.table).entries.push(removedRelocations[i]!.entry);
  for (let i = 0; i < removedRecords.length; i++) of(removedRecords[i]!.table).records.push(removedRecords[i]!);
  for (let i = 0; i < removedRecords.length; i++)
    of(removedRecords[i]!.relocation.table).entries.push(removedRecords[i]!.relocation.entry);
  for (const relocation of plan.addedRelocations) of(relocation.section).added.push(relocation);
  for (const version of plan.addedVersions)
    for (const [name, bytes] of versionEntries(version)) {
      const table = input.sectionNamed(name);
      if (table?.hasContents) of(table.index).appended.push(bytes);
    }
  for (const section of sections.values()) {
    sortBy(section.words, word => word.offset);
    sortBy(section.records, record => record.offset);
    sortBy(section.entries, entry => entry);
  }
  const changesNothing =
    sections.size === 0 &&
    plan.actions.length === 0 &&
    plan.merged === undefined &&
    plan.newCode.length === 0 &&
    plan.newSymbols.length === 0 &&
    !plan.dropsSignature;
  const isTold = plan.merged !== undefined || plan.actions.length > 0;
  const informed = isTold ? (informationSection(input)?.index ?? -1) : -1;
  return { plan, sections, changesNothing, informed };
}

/** Sorts a list that is in order already, most of the time. */
function sortBy<T>(list: T[], key: (item: T) => number): void {
  for (let i = 1; i < list.length; i++)
    if (key(list[i]!) < key(list[i - 1]!)) {
      list.sort((a, b) => key(a) - key(b));
      return;
    }
}

/** Bytes of an entry of `__versions`: a checksum of 8 bytes, a name and its NUL (`struct modversion_info`, kernel). */
const VERSION_SIZE = 64;
const VERSION_NAME = 8;

/** What a symbol version adds to the sections that have versions. */
function versionEntries({ name, crc }: AddedVersion): [section: string, bytes: Buffer][] {
  const basic = Buffer.alloc(VERSION_SIZE);
  basic.writeUInt32LE(crc, 0);
  basic.write(name, VERSION_NAME, 'latin1');
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc, 0);
  const entries: [string, Buffer][] = [
    ['__version_ext_crcs', checksum],
    ['__version_ext_names', Buffer.from(`${name}\0`)],
  ];
  if (VERSION_NAME + name.length < VERSION_SIZE) entries.push(['__versions', basic]);
  return entries;
}

/** Holds the plan against the input: what it says is there is there. */
export function checkPlan(report: Report, input: ElfFile, planned: Planned, checksums?: Checksums): string {
  const { plan } = planned;
  for (const [index, section] of planned.sections) {
    if (index <= 0 || index >= input.sections.length) {
      report.error('VER043', `the plan changes section ${index}, and the input has ${input.sections.length}`);
      continue;
    }
    checkWords(report, input, index, section.words);
    checkRecords(report, input, index, section.records);
    checkEntries(report, input, index, section.entries);
    for (const relocation of section.added) checkNew(report, input, plan, relocation, input.sections[index]!.sh_size);
  }
  for (const code of plan.newCode)
    for (const relocation of code.relocations) checkNew(report, input, plan, relocation, code.words.length * 4);
  for (const symbol of plan.newSymbols)
    if (symbol.code !== undefined && plan.newCode[symbol.code] === undefined)
      report.error('VER043', `the plan puts ${symbol.name} into code ${symbol.code}, which it does not have`);
  for (const symbol of plan.newSymbols) checkSymbol(report, input, symbol);
  checkNames(report, plan);
  checkVersions(report, input, plan, checksums);
  checkCopies(report, plan, checksums);
  return [
    count(plan.words.length, 'word'),
    count(plan.removedRelocations.length, 'relocation removed', 'relocations removed'),
    count(plan.removedRecords.length, 'record removed', 'records removed'),
    count(plan.addedRelocations.length, 'relocation added', 'relocations added'),
    count(plan.newCode.length, 'new section of code', 'new sections of code'),
    count(plan.newSymbols.length, 'new symbol'),
    count(plan.addedVersions.length, 'symbol version'),
  ].join(', ');
}

/** An import is one that the kernel has to find, and new code has a name of its own. */
function checkSymbol(report: Report, input: ElfFile, symbol: PlannedSymbol): void {
  const { name, binding, type, st_other, value, size, code } = symbol;
  const isImport = code === undefined;
  const plain = binding === STB_GLOBAL && (type | st_other | value | size) === 0;
  if (isImport ? !plain : (input.symbols?.find(name) ?? -1) >= 0)
    report.error(
      'VER196',
      isImport
        ? `the plan imports ${name} as something else than a plain global symbol`
        : `the plan adds ${name}, a name that the input has`,
    );
}

/** Where new code is, and what it is called: neither the kernel nor a reader of traces takes it for something else. */
function checkNames(report: Report, { newCode, newSymbols }: PatchPlan): void {
  const tell = (message: string) => report.error('VER230', message);
  for (const { name } of newCode)
    if (!/^\.(init\.|exit\.)?text\.tocsin/.test(name)) tell(`the plan has new code in a section called ${name}`);
  const seen = new Set<string>();
  for (const { name, binding, type, st_other, code, value, size } of newSymbols) {
    if (seen.has(name)) tell(`the plan adds ${name} twice`);
    seen.add(name);
    if (code === undefined) continue;
    if (!name.startsWith('__tocsin_')) tell(`new code is called ${name}`);
    const isKind = type === STT_FUNC || type === STT_NOTYPE;
    if (binding !== STB_GLOBAL || !isKind || (st_other & 0x1f) !== STV_HIDDEN)
      tell(`${name} is no hidden global symbol of a function, or of a piece of one`);
    // Up to the next one there is nothing but what fills the room between them.
    const end = value + size;
    const next = newSymbols
      .filter(s => s.code === code && s.value > value)
      .reduce((least, s) => Math.min(least, s.value), (newCode[code]?.words.length ?? 0) * 4);
    const left = newCode[code]?.words.slice(end / 4, next / 4) ?? [];
    if (value < 0 || size <= 0 || end % 4 !== 0 || end > next || left.some(word => word !== NOP))
      tell(`${name} is not as long as its code`);
  }
}

/** A copy is exported by the module that the plan names, as far as its exporter is known. */
function checkCopies(report: Report, { actions }: PatchPlan, known: Checksums | undefined): void {
  for (const action of actions) {
    const copy = action.kind === 'redirect' ? action.copy : undefined;
    const exporter = copy && known?.get(copy.symbol)?.exporter;
    if (exporter !== undefined && exporter !== copy?.module)
      report.error('VER286', `${copy!.symbol} is exported by ${exporter}, not by ${copy!.module}`);
  }
}

/** A version is added for each new import, once, or for none; and it is the one that who exports it has. */
function checkVersions(
  report: Report,
  input: ElfFile,
  { addedVersions, newSymbols }: PatchPlan,
  checksums: Checksums | undefined,
): void {
  const seen = new Set<string>();
  for (const { name, crc } of addedVersions) {
    const known = checksums?.get(name)?.crc;
    if (known !== undefined && known >>> 0 !== crc >>> 0)
      report.error(
        'VER232',
        `the plan has the checksum ${wordText(crc)} for ${name}, and it is exported with ${wordText(known)}`,
      );
    if (seen.has(name)) report.error('VER231', `the plan adds two versions for ${name}`);
    seen.add(name);
    // What a merged object needs is undefined in the merged module already.
    const isThere = (input.symbols?.find(name, i => input.symbols!.rawSection(i) === SHN_UNDEF) ?? -1) >= 0;
    if (!isThere && !newSymbols.some(s => s.name === name && s.code === undefined))
      report.error('VER231', `the plan adds a version for ${name}, which it does not import`);
  }
}

function checkWords(report: Report, input: ElfFile, index: SectionIndex, words: readonly WordChange[]): void {
  const section = input.sections[index]!;
  const contents = input.contents(section);
  const view = new DataView(contents.buffer, contents.byteOffset, contents.length);
  let end = 0;
  for (let i = 0; i < words.length; i++) {
    const { offset, before } = words[i]!;
    if (offset < end || offset % 4 !== 0 || offset + 4 > contents.length) {
      report.error('VER043', 'the plan changes a word twice, or one that does not exist', section, offset);
      continue;
    }
    end = offset + 4;
    const found = view.getUint32(offset, true);
    if (found !== before >>> 0)
      report.error(
        'VER034',
        `the plan takes the word for ${wordText(before)}, the input has ${wordText(found)}`,
        section,
        offset,
      );
  }
}

function checkRecords(report: Report, input: ElfFile, index: SectionIndex, records: readonly RemovedRecord[]): void {
  const section = input.sections[index]!;
  let end = 0;
  let table: Section | undefined;
  let entries: Relocations | undefined;
  for (let i = 0; i < records.length; i++) {
    const { offset, size, relocation } = records[i]!;
    if (offset < end || offset % RECORD_SIZE !== 0 || size !== RECORD_SIZE || offset + size > section.sh_size)
      report.error('VER043', 'the plan removes a record twice, or one that does not exist', section, offset);
    end = offset + size;
    if (table?.index !== relocation.table) {
      table = input.sections[relocation.table];
      entries = table?.sh_type === SHT_RELA && table.sh_info === index ? input.relocations(table) : undefined;
    }
    const fits =
      entries !== undefined && relocation.entry < entries.count && entries.offset(relocation.entry) === offset;
    if (!fits)
      report.error('VER043', 'the relocation that the plan removes with a record does not fill it', section, offset);
  }
}

function checkEntries(report: Report, input: ElfFile, index: SectionIndex, entries: readonly number[]): void {
  const section = input.sections[index]!;
  if (entries.length === 0) return;
  if (section.sh_type !== SHT_RELA) {
    report.error('VER043', 'the plan removes relocations from a section that holds none', section);
    return;
  }
  const total = input.relocations(section).count;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!;
    if (entry < 0 || entry >= total || entry === entries[i - 1])
      report.error('VER043', `the plan removes relocation ${entry} twice, or there is none`, section, entry * 24);
  }
}

function checkNew(report: Report, input: ElfFile, plan: PatchPlan, relocation: NewRelocation, size: number): void {
  const known = isKnown(input, plan, relocation.symbol);
  if (!known || relocation.offset < 0 || relocation.offset >= size)
    report.error(
      'VER043',
      `the plan adds a relocation at 0x${relocation.offset.toString(16)} that has no place or no symbol`,
    );
}

function isKnown(input: ElfFile, plan: PatchPlan, symbol: SymbolRef): boolean {
  if ('added' in symbol) return plan.newSymbols[symbol.added] !== undefined;
  return symbol.existing >= 0 && symbol.existing < (input.symbols?.count ?? 0);
}
