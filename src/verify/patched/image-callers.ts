/**
 * Who may call a piece of code of a linked image. No relocation is left to tell it, so all branches of all sections are read, and ld's
 * thunks are callers like others: who branches to one has its target called.
 *
 * All code is cut into stretches: a function with a size is one, and so is what lies between two of them (assembly whose labels
 * are no functions, thunks) or belongs to a function without a size. Who branches into a stretch from outside of it, wherever
 * it lands, calls it.
 */
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import { functionsOf, type KernelFunction } from '../../kernel/functions.ts';
import { imageRecords, imageThunks } from '../../kernel/image.ts';
import type { SectionOffset } from '../../util/indexes.ts';
import { firstWhere } from '../../util/search.ts';

export interface ImageStretch {
  readonly name: string;
  readonly section: Section;
  /** From the start of the section. */
  readonly from: SectionOffset;
  readonly to: SectionOffset;
  /** A compiler has made a place for the tracer at its entry, and a record of the image names it. */
  readonly isTraced: boolean;
}

/** A branch that may be a call, by where it stands. */
export interface Branch {
  readonly section: Section;
  readonly offset: SectionOffset;
}

const I_FORM = 18;
const B_FORM = 16;
/** Sources and targets of branches are counted in words from the first code, and fit together into a double. */
const SCALE = 2 ** 26;

export class ImageCallers {
  readonly #base: bigint;
  readonly #code: readonly Section[];
  /** By address. */
  readonly #stretches: readonly ImageStretch[];
  readonly #starts: readonly number[];
  /** Ways of thunks that their code does not show as a branch, by target. */
  readonly #thunks: readonly { readonly target: number; readonly place: number }[];
  readonly #elf: ElfFile;
  /** Branches that leave their stretch, `target * SCALE + source` in words; ascending. */
  #branches: Float64Array | undefined;

  constructor(elf: ElfFile) {
    this.#elf = elf;
    this.#code = elf.sections
      .filter(s => s.isAllocated && s.isCode && s.hasContents && s.sh_addr > 0n)
      .sort((a, b) => (a.sh_addr < b.sh_addr ? -1 : 1));
    this.#base = this.#code[0]?.sh_addr ?? 0n;
    const places = new Set(imageRecords(elf)?.values.values());
    const thunks = imageThunks(elf);
    const functions = functionsOf(elf);
    this.#stretches = this.#code.flatMap(section =>
      stretchesOf(
        section,
        functions.filter(f => f.section === section),
        places,
      ),
    );
    this.#starts = this.#stretches.map(s => this.#number(s.section, s.from));
    this.#thunks = thunks.flatMap(({ address, target }) =>
      target === undefined
        ? []
        : [{ target: Number(target - this.#base) / 4, place: Number(address - this.#base) / 4 }],
    );
  }

  /** The stretch that a place of code lies in. */
  over({ section, offset }: Branch): ImageStretch | undefined {
    return this.#at(this.#number(section, offset));
  }

  /** Branches to a stretch from elsewhere. */
  callersOf(stretch: ImageStretch): readonly Branch[] {
    const [from, to] = [this.#number(stretch.section, stretch.from), this.#number(stretch.section, stretch.to)];
    this.#branches ??= this.#allBranches();
    const branches = this.#branches;
    const found: Branch[] = [];
    for (let i = firstWhere(branches.length, n => branches[n]! >= from * SCALE); i < branches.length; i++) {
      const branch = branches[i]!;
      if (branch >= to * SCALE) break;
      found.push(this.#place(branch % SCALE));
    }
    for (const { target, place } of this.#thunks)
      if (target >= from && target < to && this.#at(place) !== stretch) found.push(this.#place(place));
    return found;
  }

  #number(section: Section, offset: SectionOffset): number {
    return (Number(section.sh_addr - this.#base) + offset) / 4;
  }

  #place(number: number): Branch {
    const address = this.#base + BigInt(number) * 4n;
    const section = this.#code.findLast(s => s.sh_addr <= address)!;
    return { section, offset: Number(address - section.sh_addr) };
  }

  #at(number: number): ImageStretch | undefined {
    const found = this.#stretches[firstWhere(this.#starts.length, i => this.#starts[i]! > number) - 1];
    return found !== undefined && number < this.#number(found.section, found.to) ? found : undefined;
  }

  #allBranches(): Float64Array {
    const found: number[] = [];
    for (const stretch of this.#stretches) {
      const words = this.#elf.sectionWords(stretch.section);
      const [from, to] = [stretch.from / 4, stretch.to / 4];
      const start = this.#number(stretch.section, 0);
      for (let i = from; i < to; i++) {
        const word = words[i]!;
        const opcode = word >>> 26;
        if ((opcode !== I_FORM && opcode !== B_FORM) || (word & 2) !== 0) continue;
        const distance = opcode === I_FORM ? ((word & 0x03fffffc) << 6) >> 8 : ((word & 0xfffc) << 16) >> 18;
        const target = i + distance;
        if ((target >= from && target < to) || start + target < 0) continue;
        found.push((start + target) * SCALE + start + i);
      }
    }
    return Float64Array.from(found).sort();
  }
}

/** @param functions of the section, by their place */
function stretchesOf(
  section: Section,
  functions: readonly KernelFunction[],
  records: ReadonlySet<bigint>,
): ImageStretch[] {
  const isTraced = ({ local }: KernelFunction) =>
    [0, 4, 8].some(behind => records.has(section.sh_addr + BigInt(local + behind)));
  const end = section.sh_size & ~3;
  const found: ImageStretch[] = [];
  let at = 0;
  const gap = (name: string, to: SectionOffset) => {
    if (to > at) found.push({ name, section, from: at, to, isTraced: false });
    at = Math.max(at, to);
  };
  let last = section.name;
  for (let i = 0; i < functions.length; ) {
    const f = functions[i]!;
    const from = f.global & ~3;
    gap(last, Math.min(from, end));
    last = f.name;
    let to = from;
    let traced = false;
    for (; functions[i]?.global === f.global; i++) {
      to = Math.max(to, Math.min((functions[i]!.global + functions[i]!.size + 3) & ~3, end));
      traced ||= isTraced(functions[i]!);
    }
    if (to > at) found.push({ name: f.name, section, from: at, to, isTraced: traced });
    at = Math.max(at, to);
  }
  gap(last, end);
  return found;
}
