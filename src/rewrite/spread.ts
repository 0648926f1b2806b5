/**
 * How far apart the code of a module may lie. `b` reaches 32 MB; the kernel loads the code of a module in the order of the section
 * headers, with the stubs that it makes in between, so all of it together bounds every distance.
 *
 * In a module with more code than that ("wide") nothing is taken to be near but what lies in one section, where distances are known,
 * and new code in a section of its own beside that: its header stands next to the other's, so the loader puts it there too.
 */
import { SHF_EXECINSTR } from '../elf/constants.ts';
import type { Section } from '../elf/section.ts';
import { codeSection } from '../trampoline/names.ts';
import { hex } from '../util/bytes.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import { refusal } from './refusals.ts';
import type { Subject } from './subject.ts';

/** Reach of an I-form branch in each direction, bytes. */
const REACH = 0x200_0000;
/** What the loader may need for the stub of one call, or for one call site (`ppc64_stub_entry`, out-of-line stubs), bytes. */
const STUB = 64;
const R_PPC64_REL24 = 10;

/** A place in code. */
export interface Spot {
  readonly section: Section;
  readonly offset: SectionOffset;
}

/** The section that new code goes to. */
export interface CodeHome {
  readonly name: string;
  /** The section of the input that it stands in front of; absent: behind all. */
  readonly before?: SectionIndex;
}

/** Where new code goes, and how far it lies from what is there already. */
export interface Room {
  readonly home: CodeHome;
  /** The edge of the section that it stands beside; absent where nothing is known of distances. */
  readonly edge?: Spot | undefined;
}

export class Spread {
  /** Of linked images: all distances are known when they are linked. */
  static readonly none = new Spread(undefined, Number.POSITIVE_INFINITY);

  /** Whether branches may not reach everywhere. */
  readonly isWide: boolean;
  /** Bytes of code and stubs. */
  readonly size: string;
  readonly #code: number;
  readonly #reach: number;
  /** What is kept for new code beside one section, bytes. */
  readonly #room: number;
  readonly #lastSection: SectionIndex;

  /** @param reach how far a branch is trusted to reach in each direction, bytes */
  constructor(subject: Subject | undefined, reach: number = REACH) {
    this.#reach = reach;
    this.#room = Math.floor(reach / 8);
    this.#code = subject === undefined ? 0 : codeSize(subject);
    this.#lastSection = subject === undefined ? 0 : subject.elf.sections.length - 1;
    this.isWide = this.#code + this.#room > reach;
    this.size = `${hex(this.#code)} bytes of code and stubs`;
  }

  /** Whether a branch may not reach. */
  isFar(from: Spot, to: Spot): boolean {
    if (!this.isWide) return false;
    if (from.section.index !== to.section.index) return true;
    return Math.abs(from.offset - to.offset) + this.#room > this.#reach;
  }

  /** Room that branches at a place reach, and that reach back; `undefined` where its section is too long. */
  near({ section, offset }: Spot): Room | undefined {
    const name = codeSection(section.name);
    if (!this.isWide) return { home: { name } };
    const end = { section, offset: section.sh_size };
    const isLast = section.index === this.#lastSection;
    if (!this.isFar({ section, offset }, end))
      return { home: { name, ...(!isLast && { before: section.index + 1 }) }, edge: end };
    const start = { section, offset: 0 };
    if (this.isFar({ section, offset }, start)) return undefined;
    return { home: { name, before: section.index }, edge: start };
  }

  /** The same where there is such room. @throws RefusalError PAT013 */
  requireNear(spot: Spot, name?: string): Room {
    const room = this.near(spot);
    if (room !== undefined) return room;
    const where = { section: spot.section, offset: spot.offset, ...(name !== undefined && { function: name }) };
    throw refusal('PAT013', { size: `${this.size}; no new code fits beside so long a section` }, where);
  }

  /** Room behind all sections. */
  anywhere(section: Section): Room {
    return { home: { name: codeSection(section.name) } };
  }

  /** Whether the new code is not so much that it is in the way of branches. @throws RefusalError PAT210 */
  check(code: readonly { readonly size: number; readonly isBeside: boolean }[]): void {
    const added = code.reduce((sum, { size }) => sum + size, 0);
    const tooMuch = this.isWide
      ? code.some(({ size, isBeside }) => isBeside && size > this.#room)
      : this.#code + added > this.#reach;
    if (tooMuch) throw refusal('PAT210', { added: hex(added), size: this.size });
  }
}

function codeSize(subject: Subject): number {
  const { elf } = subject;
  let size = subject.sites.length * STUB;
  for (const section of elf.sections) {
    // Sections without contents in the file take room as well.
    if (!section.isAllocated || (section.sh_flags & SHF_EXECINSTR) === 0) continue;
    size += section.sh_size + section.sh_addralign;
    for (const table of subject.relocationTablesFor(section.index)) size += externalCalls(subject, table) * STUB;
  }
  return size;
}

function externalCalls({ elf }: Subject, table: Section): number {
  const relocations = elf.relocations(table);
  let count = 0;
  for (let i = 0; i < relocations.count; i++)
    if (relocations.type(i) === R_PPC64_REL24 && elf.symbols!.sectionOf(relocations.symbol(i)) === 0) count++;
  return count;
}
