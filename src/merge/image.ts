/**
 * Objects that become part of a linked kernel image: their sections get places in its free room, their symbols addresses, and their
 * relocations are settled as a linker would. What the kernel keeps in tables of its own (exceptions, bugs, exports, jump labels)
 * cannot be added to, and an object with such entries is refused; the tracer does not get to know the new functions.
 */
import {
  SHF_EXECINSTR,
  SHF_WRITE,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHN_XINDEX,
  STB_GLOBAL,
  STB_LOCAL,
  STT_FUNC,
  STT_NOTYPE,
  STT_OBJECT,
} from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { symbolAddress } from '../kernel/image-layout.ts';
import { ImageRooms, roomBehindFile } from '../kernel/image-rooms.ts';
import { tracerTableKind } from '../kernel/tracer-tables.ts';
import type {
  GrownTable,
  ImageAdditions,
  ImageBinding,
  ImagePart,
  ImagePiece,
  ImageRelative,
  ImageRest,
  ImageSymbol,
  RoomKind,
} from '../plan/image.ts';
import { localEntryOffset } from '../ppc64/entry-points.ts';
import { linkRelocation } from '../ppc64/linking.ts';
import { NOP } from '../ppc64/words.ts';
import { alignUp, hex } from '../util/bytes.ts';
import { fateOf } from './classify.ts';
import {
  BUG_ROW,
  BUGS,
  EXCEPTION_ROW,
  EXCEPTIONS,
  endOfBugs,
  exceptionRows,
  exceptionTable,
  rowsIn,
} from './image-tables.ts';
import { checkInformation } from './information.ts';
import { ModuleSymbols } from './module-symbols.ts';
import { checkObject, checkTracer, type MergeObject } from './objects.ts';
import { mergeRefusal } from './refusals.ts';

const R_PPC64_REL24 = 10;
/** Where a section goes: room of a kind, or behind the last row of the bug table. */
type Home = RoomKind | 'bugs';
// The bug table's before any other data, which would take its room.
const HOMES: readonly Home[] = ['code', 'constants', 'bugs', 'data'];
const NAMES: Readonly<Record<Home, string>> = {
  code: '.text.tocsin',
  constants: '.rodata.tocsin',
  data: '.data.tocsin',
  bugs: `${BUGS}.tocsin`,
};

/**
 * @param rests what stands for the rest of functions, once its place is known: everything else has the same place as without it
 * @throws RefusalError PAT101 to PAT119, PAT123 to PAT126
 */
export function linkObjects(
  image: ElfFile,
  objects: readonly MergeObject[],
  rests: readonly ImageRest[] = [],
): ImageAdditions {
  for (const object of objects) checkObject(object);
  checkTracer(image, objects);
  return new Linker(image, objects, rests).link();
}

interface Placed {
  readonly kind: Home;
  readonly offset: number;
}

/** The address of a symbol, and how far behind it those enter who share the TOC. */
interface Meaning {
  readonly address: bigint;
  readonly local: number;
}

class Linker {
  readonly #image: ElfFile;
  readonly #objects: readonly MergeObject[];
  readonly #rests: readonly ImageRest[];
  readonly #toc: bigint;
  readonly #own: ModuleSymbols;
  readonly #placed: Map<number, Placed>[] = [];
  readonly #sizes: Record<Home, number> = { code: 0, constants: 0, data: 0, bugs: 0 };
  readonly #alignments: Record<Home, number> = { code: 16, constants: 16, data: 16, bugs: 4 };
  readonly #parts: ImagePart[] = [];
  readonly #numbers = new Map<Home, number>();
  readonly #tables: GrownTable[] = [];
  readonly #globals = new Map<string, { readonly object: number; readonly symbol: number }>();
  readonly #bindings: ImageBinding[] = [];
  readonly #relatives: ImageRelative[] = [];
  readonly #warnings: string[] = [];

  constructor(image: ElfFile, objects: readonly MergeObject[], rests: readonly ImageRest[]) {
    this.#image = image;
    this.#objects = objects;
    this.#rests = rests;
    this.#own = new ModuleSymbols(image);
    this.#toc = symbolAddress(image, '.TOC.') ?? 0n;
  }

  link(): ImageAdditions {
    this.#objects.forEach((object, n) => {
      this.#place(object);
      this.#collectGlobals(object, n);
    });
    this.#warnings.push(...checkInformation('GPL', this.#objects, 'image'));
    const rooms = new ImageRooms(this.#image);
    this.#makeRoom(rooms);
    this.#objects.forEach((object, n) => {
      this.#fill(object, n);
    });
    this.#growExceptions(rooms);
    return {
      merged: this.#objects.map(({ name, elf, sha256 }) => ({ name, size: elf.bytes.length, sha256 })),
      pieces: this.#pieces(),
      bindings: this.#bindings,
      rests: this.#rests,
      tables: this.#tables,
      parts: this.#parts,
      symbols: this.#symbols(),
      relatives: this.#relatives,
      warnings: this.#warnings,
    };
  }

  /** Gives each section a place in the room of its kind. */
  #place({ name: object, elf }: MergeObject): void {
    const placed = new Map<number, Placed>();
    let untraced = 0;
    for (const section of elf.sections) {
      if (tracerTableKind(section) !== undefined) {
        untraced += section.sh_size / 8;
        continue;
      }
      // What a module tells of itself, nobody asks of a kernel.
      if (section.name === LWSYNC) checkLwsync(elf, section, object);
      if (section.name === '.modinfo' || section.name === LWSYNC || fateOf(section, object, false) !== 'merged')
        continue;
      const kind = kindOf(section, object);
      const offset = alignUp(this.#sizes[kind], Math.max(section.sh_addralign, 1));
      placed.set(section.index, { kind, offset });
      this.#sizes[kind] = offset + section.sh_size;
      this.#alignments[kind] = Math.max(this.#alignments[kind], section.sh_addralign);
    }
    this.#placed.push(placed);
    if (untraced > 0)
      this.#warnings.push(
        `the tracer does not get to know the ${untraced} functions of ${object}: its table has no room`,
      );
  }

  #collectGlobals({ name: object, elf }: MergeObject, n: number): void {
    const { symbols } = elf;
    for (let i = 1; symbols !== undefined && i < symbols.count; i++) {
      if (symbols.binding(i) === STB_LOCAL || symbols.rawSection(i) === SHN_UNDEF) continue;
      const name = symbols.name(i);
      const other = this.#globals.get(name);
      if (other !== undefined) throw mergeRefusal('PAT110', { object, name, other: this.#objects[other.object]!.name });
      if (this.#own.globals.has(name)) throw mergeRefusal('PAT110', { object, name, other: 'the image' });
      this.#globals.set(name, { object: n, symbol: i });
    }
  }

  #makeRoom(rooms: ImageRooms): void {
    for (const kind of HOMES) {
      if (this.#sizes[kind] === 0) continue;
      this.#numbers.set(kind, this.#parts.length);
      if (kind === 'bugs') this.#growBugs(rooms);
      else this.#addPart(rooms, NAMES[kind], kind, alignUp(this.#sizes[kind], 8), this.#alignments[kind]);
    }
  }

  #addPart(rooms: ImageRooms, name: string, kind: RoomKind, size: number, alignment: number): ImagePart {
    const room = rooms.take(kind, size, alignment);
    if (room === undefined) throw mergeRefusal('PAT123', { size: hex(size), kind, largest: hex(rooms.largest(kind)) });
    const part = { name, kind, alignment, ...room, bytes: new Uint8Array(size) };
    this.#parts.push(part);
    return part;
  }

  /** Rows behind the last one: nothing may lie there. */
  #growBugs(rooms: ImageRooms): void {
    const size = this.#sizes.bugs;
    const { start, stop } = endOfBugs(this.#image);
    if (size % BUG_ROW !== 0)
      throw mergeRefusal('PAT190', { section: BUGS, what: "an object's rows are of another size" });
    const inside = rooms.takeAt('data', stop, size);
    const room = inside ?? roomBehindFile(this.#image, stop, size);
    if (room === undefined)
      throw mergeRefusal('PAT190', { section: BUGS, what: `there is no room for ${size} bytes behind it` });
    const part =
      this.#parts.push({
        name: NAMES.bugs,
        kind: 'data',
        alignment: 4,
        ...room,
        bytes: new Uint8Array(size),
        ...(inside === undefined && { isInserted: true }),
      }) - 1;
    this.#tables.push({ kind: 'bugs', part, rows: size / BUG_ROW, start, stop: stop + BigInt(size) });
  }

  /** All rows, sorted, in a place of their own. */
  #growExceptions(rooms: ImageRooms): void {
    const added = this.#objects.flatMap(({ elf }, n) =>
      [...this.#placed[n]!].flatMap(([index, place]) => {
        const section = elf.sections[index]!;
        if (section.name !== EXCEPTIONS) return [];
        const { buffer, byteOffset } = this.#bytesAt(place);
        return rowsIn(new DataView(buffer, byteOffset, section.sh_size), this.#addressOf(place));
      }),
    );
    if (added.length === 0) return;
    const rows = [...exceptionRows(this.#image), ...added];
    const part = this.#parts.length;
    const { address, bytes } = this.#addPart(
      rooms,
      `${EXCEPTIONS}.tocsin`,
      'constants',
      rows.length * EXCEPTION_ROW,
      EXCEPTION_ROW,
    );
    bytes.set(exceptionTable(rows, address));
    this.#tables.push({
      kind: 'exceptions',
      part,
      rows: added.length,
      start: address,
      stop: address + BigInt(bytes.length),
    });
  }

  #addressOf({ kind, offset }: Placed): bigint {
    return this.#parts[this.#numbers.get(kind)!]!.address + BigInt(offset);
  }

  /** Contents, and what the relocations make of them. */
  #fill({ name: object, elf }: MergeObject, n: number): void {
    const placed = this.#placed[n]!;
    for (const [index, place] of placed) {
      const section = elf.sections[index]!;
      if (section.hasContents) this.#bytesAt(place).set(elf.contents(section));
    }
    for (const [index, place] of placed)
      for (const table of elf.relocationSectionsFor(index)) {
        const relocations = elf.relocations(table);
        for (let i = 0; i < relocations.count; i++) {
          const at = relocations.offset(i);
          const type = relocations.type(i);
          this.#relocate(
            object,
            n,
            place,
            at,
            type,
            relocations.symbol(i),
            relocations.addend(i),
            elf.sections[index]!,
          );
        }
      }
  }

  #bytesAt({ kind, offset }: Placed): Uint8Array {
    return this.#parts[this.#numbers.get(kind)!]!.bytes.subarray(offset);
  }

  #relocate(
    object: string,
    n: number,
    place: Placed,
    at: number,
    type: number,
    symbol: number,
    addend: number,
    section: Section,
  ): void {
    const bytes = this.#bytesAt(place);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const isProfiler = type === R_PPC64_REL24 && this.#objects[n]!.elf.symbols!.name(symbol) === '_mcount';
    if (isProfiler) {
      view.setUint32(at, NOP, true);
      return;
    }
    const rest = this.#rests.find(r => r.object === n && r.section === section.index && r.offset === at);
    const { address, local } = rest ?? this.#meaning(object, n, symbol);
    const S = type === R_PPC64_REL24 ? address + BigInt(local) : address;
    const P = this.#addressOf(place) + BigInt(at);
    const words = {
      first: at + 4 <= bytes.length ? view.getUint32(at, true) : 0,
      second: at + 8 <= bytes.length ? view.getUint32(at + 4, true) : 0,
    };
    // A 16-bit field at the end of a section has no whole word behind it.
    const linked = linkRelocation({ type, S, A: BigInt(addend), P, toc: this.#toc }, words);
    const refuse = (why: string) =>
      mergeRefusal('PAT125', { object, what: why }, { section: section.name, offset: at });
    if (linked.kind === 'refused') throw refuse(linked.why);
    if (linked.kind === 'words') {
      if (at + 4 <= bytes.length) view.setUint32(at, linked.words.first, true);
      if (at + 8 <= bytes.length && linked.words.second !== words.second)
        view.setUint32(at + 4, linked.words.second, true);
    } else if (linked.kind === 'address') {
      if (place.kind === 'code' || P % 8n !== 0n)
        throw refuse('an address that the kernel would have to change in its code');
      view.setBigUint64(at, 0n, true);
      this.#relatives.push({ place: P, value: linked.value });
    }
  }

  #meaning(object: string, n: number, symbol: number): Meaning {
    // Markers name no symbol.
    if (symbol === 0) return { address: 0n, local: 0 };
    const { elf } = this.#objects[n]!;
    const symbols = elf.symbols!;
    const name = symbols.name(symbol);
    const raw = symbols.rawSection(symbol);
    if (raw === SHN_UNDEF) return this.#bind(object, n, name);
    if (raw >= SHN_LORESERVE && raw !== SHN_XINDEX)
      throw mergeRefusal('PAT119', { object, what: `the absolute symbol ${name}` });
    const home = elf.sections[symbols.sectionOf(symbol)]!;
    const placed = this.#placed[n]!.get(home.index);
    if (placed === undefined) throw mergeRefusal('PAT109', { object, name: name || home.name, section: home.name });
    return {
      address: this.#addressOf(placed) + BigInt(symbols.value(symbol)),
      local: localEntryOffset(symbols.st_other(symbol)),
    };
  }

  /** What an undefined symbol means: another object's, then the image's global one, then its local one. */
  #bind(object: string, n: number, name: string): Meaning {
    if (name === '.TOC.') return { address: this.#toc, local: 0 };
    const other = this.#globals.get(name);
    if (other !== undefined) {
      const found = this.#meaning(this.#objects[other.object]!.name, other.object, other.symbol);
      this.#remember({ object: n, name, to: 'object', address: found.address });
      return found;
    }
    const { symbols } = this.#image;
    const global = this.#own.globals.get(name);
    const locals = global === undefined ? this.#own.named(name) : [];
    if (locals.length > 1)
      throw mergeRefusal('PAT112', { name, places: locals.flatMap(i => this.#own.waysToName(i)).join(', ') });
    const index = global ?? locals[0];
    if (index === undefined) throw mergeRefusal('PAT113', { object, name, what: 'the image has no such symbol' });
    const raw = symbols!.rawSection(index);
    const home = this.#image.sections[symbols!.sectionOf(index)];
    const address = symbols!.address(index);
    const isKept = !this.#isFreed(address) || home?.name === '.data..percpu';
    if ((raw >= SHN_LORESERVE && raw !== SHN_XINDEX) || home === undefined || !home.isAllocated)
      throw mergeRefusal('PAT113', { object, name, what: 'the image has it, and not as a place in memory' });
    if (!isKept) throw mergeRefusal('PAT118', { object, name, section: home.name });
    this.#remember({ object: n, name, to: global === undefined ? 'local of the image' : 'image', address });
    return { address, local: localEntryOffset(symbols!.st_other(index)) };
  }

  #isFreed(address: bigint): boolean {
    const [start, end] = [symbolAddress(this.#image, '__init_begin'), symbolAddress(this.#image, '__init_end')];
    return start === undefined || end === undefined || (address >= start && address < end);
  }

  #remember(binding: ImageBinding): void {
    if (!this.#bindings.some(b => b.object === binding.object && b.name === binding.name)) this.#bindings.push(binding);
  }

  #pieces(): ImagePiece[] {
    return this.#placed.flatMap((placed, object) =>
      [...placed].map(([index, { kind, offset }]) => {
        const section = this.#objects[object]!.elf.sections[index]!;
        const part = this.#numbers.get(kind)!;
        return { object, section: index, name: section.name, part, offset, size: section.sh_size };
      }),
    );
  }

  /** Functions and objects, so that who reads the image knows them; a local one whose name is taken gets another. */
  #symbols(): ImageSymbol[] {
    const taken = new Set(this.#own.taken);
    return this.#objects.flatMap(({ elf }, n) => {
      const { symbols } = elf;
      const found: ImageSymbol[] = [];
      for (let i = 1; symbols !== undefined && i < symbols.count; i++) {
        const type = symbols.type(i);
        const placed = this.#placed[n]!.get(symbols.sectionOf(i));
        // Code of an assembler's may have a symbol without a type: a place, or a piece of a function that lies elsewhere.
        const isPlace = type === STT_NOTYPE && symbols.binding(i) !== STB_LOCAL && placed?.kind === 'code';
        if (placed === undefined || !(isPlace || type === STT_FUNC || type === STT_OBJECT)) continue;
        let name = symbols.name(i);
        for (let k = 2; taken.has(name); k++) name = `${symbols.name(i)}.tocsin${k}`;
        taken.add(name);
        found.push({
          name,
          binding: STB_GLOBAL,
          type,
          st_other: symbols.st_other(i) & 0xe0,
          part: this.#numbers.get(placed.kind)!,
          address: this.#addressOf(placed) + BigInt(symbols.value(i)),
          size: symbols.size(i),
        });
      }
      return found;
    });
  }
}

/** Why tables cannot grow. */
const WHY_NOT: readonly (readonly [names: RegExp, why: string])[] = [
  [
    /^__jump_table$/,
    'the kernel switches jump labels only in what it takes for its text, and new code does not lie there (in the fix, #undef CONFIG_JUMP_LABEL_FEATURE_CHECKS, or ask with static_key_enabled)',
  ],
  [/^__.*_fixup$/, 'the kernel rewrites such code before it has relocated itself, by a table in its init data'],
  [
    /^__(ksymtab|kcrctab|kflagstab)/,
    'exports of a kernel are one sorted table with checksums that modules were built against',
  ],
  [
    /^__(param|modver)/,
    'the names of parameters of a kernel begin with those of its parts, which the object does not have',
  ],
  [/^\.static_call/, 'the kernel rewrites such calls by a table that it sorts when it starts'],
  [/^\.data\.\.percpu/, 'every processor has a copy of one piece of memory, which has no room'],
];

/** Where atomics leave room for another barrier. */
const LWSYNC = '__lwsync_fixup';
const ISYNC = 0x4c00012c;

/**
 * Rows name barriers, `isync`, which most processors get a faster one for (`do_lwsync_fixups`, feature-fixups.c). They are left out, for
 * `isync` behind a conditional branch is right on all of them.
 *
 * @throws RefusalError PAT193 where a row names something else
 */
function checkLwsync(elf: ElfFile, section: Section, object: string): void {
  for (const table of elf.relocationSectionsFor(section.index)) {
    const relocations = elf.relocations(table);
    for (let i = 0; i < relocations.count; i++) {
      const symbol = relocations.symbol(i);
      const home = elf.sections[elf.symbols!.sectionOf(symbol)];
      const at = elf.symbols!.value(symbol) + relocations.addend(i);
      if (home?.isCode !== true || elf.sectionWords(home)[at / 4] !== ISYNC)
        throw mergeRefusal('PAT193', { object, section: LWSYNC });
    }
  }
}

/** @throws RefusalError PAT124 for entries of tables that the kernel has once */
function kindOf({ name, sh_flags }: Section, object: string): Home {
  if (name === EXCEPTIONS) return 'constants';
  if (name === BUGS) return 'bugs';
  if (name.startsWith('__') || /^\.(static_call|data\.\.percpu|altinstr)/.test(name))
    throw mergeRefusal('PAT124', {
      object,
      section: name,
      why: WHY_NOT.find(([names]) => names.test(name))?.[1] ?? 'it is not known how the kernel finds and uses them',
    });
  if ((sh_flags & SHF_EXECINSTR) !== 0) return 'code';
  if ((sh_flags & SHF_WRITE) === 0 || /^\.(toc|got|data\.rel\.ro)/.test(name)) return 'constants';
  return 'data';
}
