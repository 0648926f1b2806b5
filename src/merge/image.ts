/**
 * Objects that become part of a linked kernel image: their sections get places in its free room, their symbols addresses, and their
 * relocations are settled as a linker would. The tables of exceptions and bugs grow by their rows; an object with entries of others
 * (exports, jump labels) is refused, and the tracer does not get to know the new functions.
 */
import {
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
import type { ImageAdditions, ImageBinding, ImageRelative, ImageRest, ImageSymbol } from '../plan/image.ts';
import { localEntryOffset } from '../ppc64/entry-points.ts';
import { linkRelocation } from '../ppc64/linking.ts';
import { NOP } from '../ppc64/words.ts';
import { ImageSpace, type Placed } from './image-space.ts';
import { checkInformation } from './information.ts';
import { ModuleSymbols } from './module-symbols.ts';
import { checkObject, checkTracer, type MergeObject } from './objects.ts';
import { mergeRefusal } from './refusals.ts';

const R_PPC64_REL24 = 10;

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

/** The address of a symbol, and how far behind it those enter who share the TOC. */
interface Meaning {
  readonly address: bigint;
  readonly local: number;
}

class Linker {
  readonly #image: ElfFile;
  readonly #objects: readonly MergeObject[];
  readonly #rests: readonly ImageRest[];
  readonly #space: ImageSpace;
  readonly #toc: bigint;
  readonly #own: ModuleSymbols;
  readonly #globals = new Map<string, { readonly object: number; readonly symbol: number }>();
  readonly #bindings: ImageBinding[] = [];
  readonly #relatives: ImageRelative[] = [];
  readonly #warnings: string[] = [];

  constructor(image: ElfFile, objects: readonly MergeObject[], rests: readonly ImageRest[]) {
    this.#image = image;
    this.#objects = objects;
    this.#rests = rests;
    this.#own = new ModuleSymbols(image);
    this.#space = new ImageSpace(image, objects);
    this.#toc = symbolAddress(image, '.TOC.') ?? 0n;
  }

  link(): ImageAdditions {
    this.#objects.forEach((object, n) => {
      this.#collectGlobals(object, n);
    });
    this.#warnings.push(...checkInformation('GPL', this.#objects, 'image'));
    this.#space.makeRoom();
    this.#objects.forEach((object, n) => {
      this.#fill(object, n);
    });
    this.#space.growExceptions();
    return {
      merged: this.#objects.map(({ name, elf, sha256 }) => ({ name, size: elf.bytes.length, sha256 })),
      pieces: this.#space.pieces(),
      bindings: this.#bindings,
      rests: this.#rests,
      tables: this.#space.tables,
      parts: this.#space.parts,
      symbols: this.#symbols(),
      relatives: this.#relatives,
      warnings: [...this.#space.warnings, ...this.#warnings],
    };
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

  /** Contents, and what the relocations make of them. */
  #fill({ name: object, elf }: MergeObject, n: number): void {
    const placed = this.#space.placed[n]!;
    for (const [index, place] of placed) {
      const section = elf.sections[index]!;
      if (section.hasContents) this.#space.bytesAt(place).set(elf.contents(section));
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
    const bytes = this.#space.bytesAt(place);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const isProfiler = type === R_PPC64_REL24 && this.#objects[n]!.elf.symbols!.name(symbol) === '_mcount';
    if (isProfiler) {
      view.setUint32(at, NOP, true);
      return;
    }
    const rest = this.#rests.find(r => r.object === n && r.section === section.index && r.offset === at);
    const { address, local } = rest ?? this.#meaning(object, n, symbol);
    const S = type === R_PPC64_REL24 ? address + BigInt(local) : address;
    const P = this.#space.addressOf(place) + BigInt(at);
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
    const placed = this.#space.placed[n]!.get(home.index);
    if (placed === undefined) throw mergeRefusal('PAT109', { object, name: name || home.name, section: home.name });
    return {
      address: this.#space.addressOf(placed) + BigInt(symbols.value(symbol)),
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

  /** Functions and objects, so that who reads the image knows them; a local one whose name is taken gets another. */
  #symbols(): ImageSymbol[] {
    const taken = new Set(this.#own.taken);
    return this.#objects.flatMap(({ elf }, n) => {
      const { symbols } = elf;
      const found: ImageSymbol[] = [];
      for (let i = 1; symbols !== undefined && i < symbols.count; i++) {
        const type = symbols.type(i);
        const placed = this.#space.placed[n]!.get(symbols.sectionOf(i));
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
          part: this.#space.partOf(placed),
          address: this.#space.addressOf(placed) + BigInt(symbols.value(i)),
          size: symbols.size(i),
        });
      }
      return found;
    });
  }
}
