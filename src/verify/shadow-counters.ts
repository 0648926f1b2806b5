/**
 * The counters of shadow redirects as runtime/shadow.S and shadow-stack.S have them: what they begin with, and the parameters of
 * the module that show them. A limit that begins at another value lets in more than the table was made for.
 */
import { SHN_UNDEF, SHT_RELA } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Relocations } from '../elf/relocations.ts';
import type { Section } from '../elf/section.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import { R_PPC64_ADDR64 } from './relocation-places.ts';

/** In this order, eight bytes each. */
const COUNTERS = ['calls', 'live', 'high', 'overflows', 'limit'] as const;

/** By what the code keeps things in: how the parameters' names begin, and what the limit begins with. */
const KINDS = {
  table: { prefix: 'tocsin_shadow_', limit: 512 },
  stack: { prefix: 'tocsin_shadow_stack_', limit: 1016 },
} as const;

/** `struct kernel_param` (include/linux/moduleparam.h), bytes. */
const ROW = 40;
const MODULE = 8;
const OPERATIONS = 16;
const PERMISSIONS = 24;
const ARGUMENT = 32;
/** Level -1, no flags: two bytes behind the permissions; then zeros up to the argument. */
const LEVEL_AND_FLAGS = 0x00ff;

interface Place {
  readonly section: SectionIndex;
  readonly offset: SectionOffset;
}

/** What is wrong with counters, and where. */
export interface CounterFault {
  readonly message: string;
  readonly section: Section;
  readonly offset: SectionOffset;
}

/** @param place of the counters, in a section that has room for them */
export function counterFaults(output: ElfFile, kind: keyof typeof KINDS, place: Place): readonly CounterFault[] {
  const faults: CounterFault[] = [];
  const home = output.sections[place.section]!;
  const tell = (message: string, section = home, offset = place.offset) => faults.push({ message, section, offset });
  const { prefix, limit } = KINDS[kind];
  if (!home.hasContents) tell('the counters have no values to begin with');
  else {
    const { buffer, byteOffset } = output.bytes;
    const view = new DataView(buffer, byteOffset + home.sh_offset + place.offset, 8 * COUNTERS.length);
    COUNTERS.forEach((name, i) => {
      if (view.getBigUint64(8 * i, true) !== (name === 'limit' ? BigInt(limit) : 0n))
        tell(`${prefix}${name} begins with another value`, home, place.offset + 8 * i);
    });
  }
  for (const { section, relocations } of filled(output)) {
    if (section.index !== place.section) continue;
    for (let i = 0; i < relocations.count; i++) {
      const distance = relocations.offset(i) - place.offset;
      if (distance > -8 && distance < 8 * COUNTERS.length)
        tell('the loader writes to the counters', home, relocations.offset(i));
    }
  }
  const rows = rowsOf(output).filter(row => row.argument.section === place.section);
  COUNTERS.forEach((name, i) => {
    const own = rows.filter(({ argument }) => argument.offset === place.offset + 8 * i);
    if (own.length !== 1) tell(`${own.length} parameters show ${prefix}${name}`, home, place.offset + 8 * i);
    for (const row of own)
      if (!isParameter(output, row, prefix + name, name === 'limit' ? 0o644 : 0o444))
        tell(`the parameter of ${prefix}${name} is another one`, row.section, row.offset);
  });
  return faults;
}

interface Row {
  readonly section: Section;
  readonly offset: SectionOffset;
  /** What its relocations lead to, by field. */
  readonly argument: Place;
  readonly fields: ReadonlyMap<number, Target>;
}

interface Target extends Place {
  readonly name: string;
  readonly addend: number;
}

/** Sections of the loaded module with their relocations. */
function* filled(output: ElfFile): Generator<{ section: Section; relocations: Relocations }> {
  for (const list of output.sections) {
    const section = output.sections[list.sh_info];
    if (list.sh_type === SHT_RELA && section?.isAllocated) yield { section, relocations: output.relocations(list) };
  }
}

/** The rows of the module's parameters whose arguments have an address. */
function rowsOf(output: ElfFile): readonly Row[] {
  const found: Row[] = [];
  const symbols = output.symbols!;
  for (const { section, relocations } of filled(output)) {
    if (section.name !== '__param') continue;
    const rows = new Map<SectionOffset, Map<number, Target>>();
    for (let i = 0; i < relocations.count; i++) {
      if (relocations.type(i) !== R_PPC64_ADDR64) continue;
      const at = relocations.offset(i);
      const fields = rows.get(at - (at % ROW)) ?? new Map<number, Target>();
      rows.set(at - (at % ROW), fields);
      const symbol = relocations.symbol(i);
      const addend = relocations.addend(i);
      const offset = symbols.value(symbol) + addend;
      fields.set(at % ROW, { section: symbols.sectionOf(symbol), offset, name: symbols.name(symbol), addend });
    }
    for (const [offset, fields] of rows) {
      const argument = fields.get(ARGUMENT);
      if (argument !== undefined && offset + ROW <= section.sh_size) found.push({ section, offset, argument, fields });
    }
  }
  return found;
}

function isParameter(output: ElfFile, { section, offset, fields }: Row, name: string, permissions: number): boolean {
  const module = fields.get(MODULE);
  const operations = fields.get(OPERATIONS);
  if (module?.name !== '__this_module' || module.addend !== 0) return false;
  if (operations?.name !== 'param_ops_ulong' || operations.addend !== 0 || operations.section !== SHN_UNDEF)
    return false;
  const start = output.bytes.byteOffset + section.sh_offset + offset;
  const view = new DataView(output.bytes.buffer, start + PERMISSIONS, ARGUMENT - PERMISSIONS);
  if (view.getUint16(0, true) !== permissions || view.getUint16(2, true) !== LEVEL_AND_FLAGS) return false;
  return view.getUint32(4, true) === 0 && isText(output, fields.get(0), `${name}\0`);
}

function isText({ sections, bytes }: ElfFile, place: Place | undefined, text: string): boolean {
  const home = place && sections[place.section];
  if (!home?.hasContents || place!.offset < 0 || place!.offset + text.length > home.sh_size) return false;
  const at = home.sh_offset + place!.offset;
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, text.length).toString('latin1') === text;
}
