/** Gives each section of the objects its place: behind the module's section of that name, or in a new one. */
import { SHF_ALLOC, SHF_EXECINSTR, SHF_MERGE, SHF_STRINGS, SHF_WRITE, SHT_RELA } from '../elf/constants.ts';
import { readGroups } from '../elf/groups.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import type { LeftOut, MergedPiece, MergedSection } from '../plan/merge.ts';
import { alignUp, hex } from '../util/bytes.ts';
import type { SectionIndex } from '../util/indexes.ts';
import { BTF_IDS, fateOf, moduleName, tableKind, unlike } from './classify.ts';
import { INFORMATION, Information } from './information.ts';
import type { MergeObject } from './objects.ts';
import { mergeRefusal } from './refusals.ts';

/** What the kernel's script for modules gives to `.toc`; r2 is computed from its address without the low byte. */
const TOC_ALIGNMENT = 256;
/** Flags of a new section that say something about its contents; groups and link order end with the link. */
const KEPT_FLAGS = SHF_WRITE | SHF_ALLOC | SHF_EXECINSTR | SHF_MERGE | SHF_STRINGS;
/** Distance that a branch bridges, bytes. */
const BRANCH_REACH = 0x200_0000;

interface Room {
  readonly index: SectionIndex;
  readonly name: string;
  readonly sh_type: number;
  readonly sh_flags: number;
  alignment: number;
  size: number;
}

/** Sections that what is loaded refers to. A lock's key, for one, takes no room without lock debugging. */
function referredTo(elf: ElfFile): Set<SectionIndex> {
  const sections = new Set<SectionIndex>();
  const { symbols } = elf;
  if (symbols === undefined || !elf.sections.some(s => s.isAllocated && (s.sh_size === 0 || s.name === BTF_IDS)))
    return sections;
  for (const table of elf.sections) {
    if (table.sh_type !== SHT_RELA || elf.sections[table.sh_info]?.isAllocated !== true) continue;
    const relocations = elf.relocations(table);
    for (let i = 0; i < relocations.count; i++) sections.add(symbols.sectionOf(relocations.symbol(i)));
  }
  return sections;
}

export class Placement {
  readonly pieces: MergedPiece[] = [];
  readonly leftOut: LeftOut[] = [];
  /** By object, then section: the piece. */
  readonly byObject: Map<SectionIndex, MergedPiece>[] = [];
  /** By object: sections of COMDAT groups that stay out. */
  readonly dropped: Set<SectionIndex>[] = [];
  readonly #module: ElfFile;
  readonly #rooms: Room[] = [];
  readonly #groups: Set<string>;
  readonly #information: Information;
  readonly #entrySizes = new Map<SectionIndex, number>();

  constructor(module: ElfFile) {
    this.#module = module;
    this.#information = new Information(module);
    for (const s of module.sections) {
      const { index, name, sh_type, sh_flags, sh_addralign: alignment, sh_size: size } = s;
      this.#rooms.push({ index, name, sh_type, sh_flags, alignment, size });
    }
    this.#groups = new Set(readGroups(module).map(g => module.symbols!.name(g.signature)));
  }

  /** @throws RefusalError PAT103 to PAT105, PAT115, PAT116, PAT119 */
  add(object: MergeObject): void {
    const number = this.byObject.length;
    const pieces = new Map<SectionIndex, MergedPiece>();
    const dropped = this.#droppedGroups(object.elf);
    const needed = referredTo(object.elf);
    this.byObject.push(pieces);
    this.dropped.push(dropped);
    for (const section of object.elf.sections) {
      const fate = fateOf(section, object.name, needed.has(section.index));
      if (fate === 'structure' || fate === 'empty') continue;
      const why = dropped.has(section.index) ? 'the module has this group' : fate;
      const kept =
        why === 'merged' && section.name === INFORMATION ? this.#information.kept(object, section) : undefined;
      if (kept !== undefined)
        this.leftOut.push({ object: number, section: section.name, why: 'the module says it of itself' });
      if (why !== 'merged') this.leftOut.push({ object: number, section: section.name, why });
      else if (kept?.length !== 0) pieces.set(section.index, this.#place(number, section, object.name, kept));
    }
    this.#checkReach(object.name);
  }

  #droppedGroups(elf: ElfFile): Set<SectionIndex> {
    const dropped = new Set<SectionIndex>();
    for (const { comdat, signature, members } of readGroups(elf)) {
      if (!comdat) continue;
      const name = elf.symbols!.name(signature);
      if (this.#groups.has(name)) for (const member of members) dropped.add(member);
      this.#groups.add(name);
    }
    return dropped;
  }

  #place(object: number, section: Section, of: string, kept: MergedPiece['kept']): MergedPiece {
    const size = kept === undefined ? section.sh_size : kept.reduce((n, [start, end]) => n + end - start, 0);
    const room = this.#roomFor(section, of);
    const alignment = Math.max(section.sh_addralign, 1);
    const offset = alignUp(room.size, alignment);
    if (offset !== room.size && tableKind(room.name) === 'rows')
      throw mergeRefusal('PAT116', {
        object: of,
        section: section.name,
        what: `entries aligned to ${alignment} cannot follow ${room.size} bytes`,
      });
    room.alignment = Math.max(room.alignment, alignment);
    room.size = offset + size;
    const piece = { object, section: section.index, target: room.index, offset, size, ...(kept && { kept }) };
    this.pieces.push(piece);
    return piece;
  }

  #roomFor(section: Section, object: string): Room {
    const name = moduleName(section.name);
    const same = this.#rooms.find(r => r.index > 0 && r.name === name);
    if (same === undefined) return this.#newRoom(name, section);
    const difference = unlike(same, section);
    if (difference === undefined) return same;
    if (tableKind(name) !== undefined)
      throw mergeRefusal('PAT116', { object, section: section.name, what: difference });
    const own = `${name}.tocsin`;
    const other = this.#rooms.find(r => r.name.startsWith(own) && unlike(r, section) === undefined);
    if (other !== undefined) return other;
    let free = own;
    for (let n = 2; this.#rooms.some(r => r.name === free); n++) free = `${own}.${n}`;
    return this.#newRoom(free, section);
  }

  #newRoom(name: string, section: Section): Room {
    const room: Room = {
      index: this.#rooms.length,
      name,
      sh_type: section.sh_type,
      sh_flags: section.sh_flags & KEPT_FLAGS,
      alignment: name === '.toc' ? TOC_ALIGNMENT : 1,
      size: 0,
    };
    this.#rooms.push(room);
    this.#entrySizes.set(room.index, section.sh_entsize);
    return room;
  }

  /**
   * Code calls code and stubs by branches: those inside a section that the object becomes a part of have to reach. Whether the others
   * do the loader's twin says of the result.
   */
  #checkReach(object: string): void {
    const number = this.byObject.length - 1;
    const own = new Set(this.pieces.filter(p => p.object === number).map(p => p.target));
    for (const { index, name, sh_flags, size } of this.#rooms)
      if ((sh_flags & SHF_EXECINSTR) !== 0 && own.has(index) && size >= BRANCH_REACH)
        throw mergeRefusal('PAT115', { object, what: `${hex(size)} bytes of code in ${name}` });
  }

  alignmentOf(index: SectionIndex): number {
    return this.#rooms[index]!.alignment;
  }

  nameOf(index: SectionIndex): string {
    return this.#rooms[index]!.name;
  }

  newSections(): MergedSection[] {
    return this.#rooms.slice(this.#module.sections.length).map(r => ({
      name: r.name,
      sh_type: r.sh_type,
      sh_flags: r.sh_flags,
      sh_addralign: r.alignment,
      sh_entsize: this.#entrySizes.get(r.index) ?? 0,
    }));
  }

  alignments(): { section: SectionIndex; alignment: number }[] {
    return this.#module.sections
      .filter(s => this.#rooms[s.index]!.alignment > s.sh_addralign && this.pieces.some(p => p.target === s.index))
      .map(s => ({ section: s.index, alignment: this.#rooms[s.index]!.alignment }));
  }
}
