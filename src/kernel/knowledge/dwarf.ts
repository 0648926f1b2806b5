/**
 * As much of DWARF 2 to 5 as sizes of structures and offsets of their members need: a walk over `.debug_info` that skips every
 * attribute but those. Only linked images are read, in which the debugging sections hold final values.
 *
 * An entry is an abbreviation's number and that abbreviation's attributes; an abbreviation lists (attribute, form) pairs, and the
 * form alone says how many bytes follow. Numbers and names as in the DWARF 5 standard, section 7.5.
 */
import type { ElfFile } from '../../elf/read.ts';
import type { Structure } from '../btf.ts';
import {
  debugSection,
  FORM_BLOCK1,
  FORM_EXPRLOC,
  FORM_IMPLICIT_CONST,
  FORM_LINE_STRP,
  FORM_REF_ADDR,
  FORM_REF_UDATA,
  FORM_REF1,
  FORM_STRING,
  FORM_STRP,
  FormReader,
  type FormSizes,
  latin1,
  Unreadable,
  viewOf,
} from './dwarf-forms.ts';

const TAG_MEMBER = 0x0d;
const TAG_STRUCTURE = 0x13;
const TAG_UNION = 0x17;

const AT_NAME = 0x03;
const AT_BYTE_SIZE = 0x0b;
const AT_DATA_MEMBER_LOCATION = 0x38;
const AT_DECLARATION = 0x3c;
const AT_TYPE = 0x49;
const AT_STR_OFFSETS_BASE = 0x72;

const OP_PLUS_UCONST = 0x23;

interface Attribute {
  readonly name: number;
  readonly form: number;
  readonly constant: number;
}

interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly attributes: readonly Attribute[];
}

interface Unit extends FormSizes {
  readonly start: number;
  readonly end: number;
  /** Where the first entry begins. */
  readonly entries: number;
  readonly abbreviations: ReadonlyMap<number, Abbreviation>;
  stringOffsets: number;
}

/** What a reader of one entry keeps of it. */
interface Entry {
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly name: string | undefined;
  readonly byteSize: number | undefined;
  readonly location: number | undefined;
  readonly isDeclaration: boolean;
  /** Offset in `.debug_info` of its type. */
  readonly type: number | undefined;
  readonly end: number;
}

/**
 * The complete structures with one of these names; of several with one name, the first.
 *
 * @returns `undefined` where the image has no DWARF or it cannot be read
 */
export function dwarfStructures(elf: ElfFile, names: ReadonlySet<string>): Map<string, Structure> | undefined {
  if (elf.isRelocatable || elf.sectionNamed('.debug_info') === undefined) return undefined;
  try {
    return new DwarfReader(elf).structures(names);
  } catch (error) {
    if (error instanceof Unreadable || error instanceof RangeError) return undefined;
    throw error;
  }
}

class DwarfReader {
  readonly #info: FormReader;
  readonly #abbreviations: Uint8Array;
  readonly #strings: Uint8Array;
  readonly #lineStrings: Uint8Array;
  readonly #stringOffsets: Uint8Array;
  readonly #known = new Map<number, ReadonlyMap<number, Abbreviation>>();

  constructor(elf: ElfFile) {
    this.#info = new FormReader(debugSection(elf, '.debug_info'));
    this.#abbreviations = debugSection(elf, '.debug_abbrev');
    this.#strings = debugSection(elf, '.debug_str');
    this.#lineStrings = debugSection(elf, '.debug_line_str');
    this.#stringOffsets = debugSection(elf, '.debug_str_offsets');
  }

  structures(names: ReadonlySet<string>): Map<string, Structure> {
    const found = new Map<string, Structure>();
    for (let at = 0; at < this.#info.bytes.length && found.size < names.size; ) {
      const unit = this.#unit(at);
      if (unit.entries < unit.end) this.#walk(unit, names, found);
      at = unit.end;
    }
    return found;
  }

  #unit(start: number): Unit {
    this.#info.at = start;
    let length = this.#info.u32();
    let offsetSize = 4;
    if (length === 0xffff_ffff) {
      offsetSize = 8;
      length = this.#info.u64();
    }
    const end = this.#info.at + length;
    if (end > this.#info.bytes.length || length < 7) throw new Unreadable('a unit runs over the end');
    const version = this.#info.u16();
    if (version < 2 || version > 5) throw new Unreadable('of a later version');
    let unitType = 1;
    let addressSize = 8;
    if (version >= 5) {
      unitType = this.#info.u8();
      addressSize = this.#info.u8();
    }
    const abbreviationsAt = this.#info.offset(offsetSize);
    if (version < 5) addressSize = this.#info.u8();
    // Skeleton and split units carry an id, type units a signature and an offset.
    if (unitType === 4 || unitType === 5) this.#info.at += 8;
    if (unitType === 2 || unitType === 6) this.#info.at += 8 + offsetSize;
    const abbreviations = this.#table(abbreviationsAt);
    const stringOffsets = offsetSize === 8 ? 16 : 8;
    return { start, end, entries: this.#info.at, version, offsetSize, addressSize, abbreviations, stringOffsets };
  }

  #walk(unit: Unit, names: ReadonlySet<string>, found: Map<string, Structure>): void {
    for (let at = unit.entries; at < unit.end; ) {
      const entry = this.#entry(unit, at);
      at = this.#info.at;
      if (entry?.tag !== TAG_STRUCTURE || entry.isDeclaration || entry.byteSize === undefined) continue;
      if (entry.name === undefined || !names.has(entry.name) || found.has(entry.name)) continue;
      const members = new Map<string, number>();
      const nested = new Map<string, string>();
      if (entry.hasChildren) this.#members(unit, at, 0, members, nested, 0);
      found.set(entry.name, { size: entry.byteSize, members, nested });
    }
  }

  /** @param at behind the structure's own entry */
  #members(
    unit: Unit,
    at: number,
    base: number,
    members: Map<string, number>,
    nested: Map<string, string>,
    depth: number,
  ): void {
    let level = 0;
    for (let next = at; next < unit.end; ) {
      const entry = this.#entry(unit, next);
      next = this.#info.at;
      if (entry === undefined) {
        if (level-- === 0) return;
        continue;
      }
      if (level === 0 && entry.tag === TAG_MEMBER && entry.type !== undefined) {
        const offset = base + (entry.location ?? 0);
        const type = this.#inUnit(unit, entry.type);
        if (entry.name !== undefined) {
          if (!members.has(entry.name)) members.set(entry.name, offset);
          if (type?.tag === TAG_STRUCTURE && type.name !== undefined) nested.set(entry.name, type.name);
        } else if (type?.hasChildren && depth < 16 && (type.tag === TAG_STRUCTURE || type.tag === TAG_UNION))
          this.#members(unit, type.end, offset, members, nested, depth + 1);
      }
      if (entry.hasChildren) level++;
    }
  }

  #inUnit(unit: Unit, at: number): Entry | undefined {
    return at >= unit.entries && at < unit.end ? this.#entry(unit, at) : undefined;
  }

  /** The entry at `at`, or `undefined` for the one that ends a list; `#at` is behind it then. */
  #entry(unit: Unit, at: number): Entry | undefined {
    this.#info.at = at;
    const number = this.#info.uleb();
    if (number === 0) return undefined;
    const abbreviation = unit.abbreviations.get(number);
    if (abbreviation === undefined) throw new Unreadable('an unknown abbreviation');
    let name: string | undefined;
    let byteSize: number | undefined;
    let location: number | undefined;
    let type: number | undefined;
    let isDeclaration = false;
    const wantsName = abbreviation.tag === TAG_STRUCTURE || abbreviation.tag === TAG_MEMBER;
    for (const { name: attribute, form, constant } of abbreviation.attributes) {
      if (attribute === AT_NAME && wantsName) name = this.#text(unit, form);
      else if (attribute === AT_BYTE_SIZE) byteSize = this.#info.value(unit, form, constant);
      else if (attribute === AT_DATA_MEMBER_LOCATION) location = this.#location(unit, form, constant);
      else if (attribute === AT_TYPE) type = this.#reference(unit, form);
      else if (attribute === AT_DECLARATION) isDeclaration = this.#info.value(unit, form, constant) !== 0;
      else if (attribute === AT_STR_OFFSETS_BASE) unit.stringOffsets = this.#info.value(unit, form, constant) ?? 8;
      else this.#info.value(unit, form, constant);
    }
    const { tag, hasChildren } = abbreviation;
    return { tag, hasChildren, name, byteSize, location, isDeclaration, type, end: this.#info.at };
  }

  /** A member's offset: a constant, or in DWARF 2 an expression of one operator. */
  #location(unit: Unit, form: number, constant: number): number | undefined {
    if (form !== FORM_BLOCK1 && form !== FORM_EXPRLOC) return this.#info.value(unit, form, constant);
    const length = form === FORM_BLOCK1 ? this.#info.u8() : this.#info.uleb();
    const end = this.#info.at + length;
    const offset = length > 1 && this.#info.u8() === OP_PLUS_UCONST ? this.#info.uleb() : undefined;
    this.#info.at = end;
    return offset;
  }

  /** Offset in `.debug_info`; `undefined` for a type in another unit or file. */
  #reference(unit: Unit, form: number): number | undefined {
    const value = this.#info.value(unit, form, 0);
    if (form === FORM_REF_ADDR) return value;
    return form >= FORM_REF1 && form <= FORM_REF_UDATA && value !== undefined ? unit.start + value : undefined;
  }

  #text(unit: Unit, form: number): string | undefined {
    if (form === FORM_STRING) {
      const start = this.#info.at;
      this.#info.value(unit, form, 0);
      return latin1(this.#info.bytes, start);
    }
    const value = this.#info.value(unit, form, 0);
    if (value === undefined) return undefined;
    if (form === FORM_STRP) return latin1(this.#strings, value);
    if (form === FORM_LINE_STRP) return latin1(this.#lineStrings, value);
    const slot = unit.stringOffsets + value * unit.offsetSize;
    const offsets = viewOf(this.#stringOffsets);
    const at = unit.offsetSize === 8 ? Number(offsets.getBigUint64(slot, true)) : offsets.getUint32(slot, true);
    return latin1(this.#strings, at);
  }

  #table(at: number): ReadonlyMap<number, Abbreviation> {
    const known = this.#known.get(at);
    if (known !== undefined) return known;
    const reader = new FormReader(this.#abbreviations);
    reader.at = at;
    const table = new Map<number, Abbreviation>();
    for (let number = reader.uleb(); number !== 0; number = reader.uleb()) {
      const tag = reader.uleb();
      const hasChildren = reader.u8() !== 0;
      const attributes: Attribute[] = [];
      for (;;) {
        const name = reader.uleb();
        const form = reader.uleb();
        const constant = form === FORM_IMPLICIT_CONST ? reader.sleb() : 0;
        if (name === 0 && form === 0) break;
        attributes.push({ name, form, constant });
      }
      table.set(number, { tag, hasChildren, attributes });
    }
    this.#known.set(at, table);
    return table;
  }
}
