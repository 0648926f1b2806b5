/**
 * Objects in an image: each section of each object is where the plan says, byte by byte as the object has it, but for its relocations;
 * and what these fields hold is worked out again from the object's symbols and the image's.
 */
import { STB_LOCAL } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import { symbolAddress } from '../../kernel/image-layout.ts';
import type { ImagePiece, ImagePlan } from '../../plan/image.ts';
import { localEntryOffset } from '../../ppc64/entry-points.ts';
import { linkRelocation } from '../../ppc64/linking.ts';
import { count, type Report } from '../verification.ts';

const R_PPC64_REL24 = 10;
const NOP = 0x60000000;

export function checkMergedParts(report: Report, input: ElfFile, plan: ImagePlan, objects: readonly ElfFile[]): string {
  if (objects.length !== plan.merged.length) {
    report.error('VER117', `the plan merges ${plan.merged.length} objects, and ${objects.length} were given`);
    return 'not compared';
  }
  const judge = new PartJudge(report, input, plan, objects);
  const last = plan.pieces.reduce((most, p) => Math.max(most, p.part), -1);
  for (let part = 0; part <= last; part++) judge.part(part);
  judge.relatives();
  return `${count(plan.pieces.length, 'section')} of ${count(objects.length, 'object')}, ${count(judge.relocations, 'relocation')} settled`;
}

class PartJudge {
  relocations = 0;
  readonly #report: Report;
  readonly #input: ElfFile;
  readonly #plan: ImagePlan;
  readonly #objects: readonly ElfFile[];
  readonly #toc: bigint;
  readonly #wanted = new Map<bigint, bigint>();
  readonly #bindings: ReadonlyMap<string, bigint>;

  constructor(report: Report, input: ElfFile, plan: ImagePlan, objects: readonly ElfFile[]) {
    this.#report = report;
    this.#input = input;
    this.#plan = plan;
    this.#objects = objects;
    this.#toc = symbolAddress(input, '.TOC.') ?? 0n;
    this.#bindings = new Map(plan.bindings.map(b => [`${b.object} ${b.name}`, b.address]));
    for (const { object, name, to, address } of plan.bindings)
      if (to !== 'object' && !this.#isNamed(name, address))
        report.error(
          'VER119',
          `${name} of ${plan.merged[object]?.name} is bound to 0x${address.toString(16)}, where nothing is called so`,
        );
  }

  /** Whether the image has a symbol of that name there; `NAME@…` tells several apart. */
  #isNamed(name: string, address: bigint): boolean {
    const symbols = this.#input.symbols!;
    const plain = name.includes('@') ? name.slice(0, name.indexOf('@')) : name;
    const is = (wanted: string) =>
      symbols.find(wanted, i => symbols.sectionOf(i) !== 0 && symbols.address(i) === address) >= 0;
    return is(name) || is(plain);
  }

  /** All bytes of a part: its pieces, and zeros between them. */
  part(number: number): void {
    const part = this.#plan.parts[number];
    if (part === undefined) return;
    const wanted = new Uint8Array(part.bytes.length);
    const pieces = this.#plan.pieces.filter(p => p.part === number).sort((a, b) => a.offset - b.offset);
    let end = 0;
    for (const piece of pieces) {
      const section = this.#objects[piece.object]?.sections[piece.section];
      const fits = section?.sh_size === piece.size && piece.offset >= end && piece.offset + piece.size <= wanted.length;
      if (!fits || (part.address + BigInt(piece.offset)) % BigInt(Math.max(section.sh_addralign, 1)) !== 0n) {
        this.#report.error(
          'VER119',
          `${piece.name} of an object has a place that it cannot have`,
          part.name,
          piece.offset,
        );
        return;
      }
      end = piece.offset + piece.size;
      if (section.hasContents) wanted.set(this.#objects[piece.object]!.contents(section), piece.offset);
      this.#relocate(piece, wanted);
    }
    for (let i = 0; i < wanted.length; i++)
      if (wanted[i] !== part.bytes[i]) {
        this.#report.error('VER119', 'what was merged is not what object and relocations make it', part.name, i);
        return;
      }
  }

  #relocate(piece: ImagePiece, wanted: Uint8Array): void {
    const elf = this.#objects[piece.object]!;
    const view = new DataView(wanted.buffer);
    const word = (at: number) => (at + 4 <= wanted.length ? view.getUint32(at, true) : 0);
    for (const table of elf.relocationSectionsFor(piece.section)) {
      const relocations = elf.relocations(table);
      for (let i = 0; i < relocations.count; i++) {
        this.relocations++;
        const type = relocations.type(i);
        const symbol = relocations.symbol(i);
        const at = piece.offset + relocations.offset(i);
        if (type === R_PPC64_REL24 && elf.symbols!.name(symbol) === '_mcount') {
          view.setUint32(at, NOP, true);
          continue;
        }
        const S =
          this.#rest(piece, relocations.offset(i), type) ?? this.#value(piece.object, symbol, type === R_PPC64_REL24);
        const P = this.#plan.parts[piece.part]!.address + BigInt(at);
        if (S === undefined) {
          this.#report.error('VER119', `nobody knows ${elf.symbols!.name(symbol)}`, piece.name, relocations.offset(i));
          continue;
        }
        const words = { first: word(at), second: word(at + 4) };
        const linked = linkRelocation({ type, S, A: BigInt(relocations.addend(i)), P, toc: this.#toc }, words);
        if (linked.kind === 'refused') this.#report.error('VER119', linked.why, piece.name, relocations.offset(i));
        else if (linked.kind === 'address') {
          this.#wanted.set(P, linked.value);
          view.setBigUint64(at, 0n, true);
        } else if (linked.kind === 'words') {
          if (at + 4 <= wanted.length) view.setUint32(at, linked.words.first, true);
          if (at + 8 <= wanted.length) view.setUint32(at + 4, linked.words.second, true);
        }
      }
    }
  }

  /** What the plan puts in the place of a function's name where its rest is meant; what lies there is judged with the redirect. */
  #rest({ object, section }: ImagePiece, offset: number, type: number): bigint | undefined {
    const rest = this.#plan.rests.find(r => r.object === object && r.section === section && r.offset === offset);
    return rest && rest.address + (type === R_PPC64_REL24 ? BigInt(rest.local) : 0n);
  }

  /** The address that a symbol of an object has; for a branch its local entry. */
  #value(object: number, symbol: number, isBranch: boolean): bigint | undefined {
    if (symbol === 0) return 0n;
    const symbols = this.#objects[object]!.symbols!;
    const name = symbols.name(symbol);
    const home = symbols.sectionOf(symbol);
    const entry = (other: number) => (isBranch ? BigInt(localEntryOffset(other)) : 0n);
    if (home !== 0) {
      const piece = this.#plan.pieces.find(p => p.object === object && p.section === home);
      if (piece === undefined) return undefined;
      const start = this.#plan.parts[piece.part]!.address + BigInt(piece.offset);
      return start + BigInt(symbols.value(symbol)) + entry(symbols.st_other(symbol));
    }
    if (name === '.TOC.') return this.#toc;
    for (const [n, other] of this.#objects.entries()) {
      const found =
        other.symbols?.find(name, i => other.symbols!.sectionOf(i) !== 0 && other.symbols!.binding(i) !== STB_LOCAL) ??
        -1;
      if (found >= 0) return this.#value(n, found, isBranch);
    }
    const address = this.#bindings.get(`${object} ${name}`);
    if (address === undefined) return undefined;
    const own = this.#input.symbols!;
    const plain = name.includes('@') && own.find(name) < 0 ? name.slice(0, name.indexOf('@')) : name;
    const bound = own.find(plain, i => own.address(i) === address && own.sectionOf(i) !== 0);
    return bound < 0 ? undefined : address + entry(own.st_other(bound));
  }

  /** The dynamic relocations that are added are those that the objects' addresses want, and no other. */
  relatives(): void {
    const given = new Map(this.#plan.relatives.map(r => [r.place, r.value]));
    const isSame =
      given.size === this.#wanted.size && [...this.#wanted].every(([place, value]) => given.get(place) === value);
    if (!isSame)
      this.#report.error('VER113', 'the dynamic relocations that are added are not those that the objects want');
  }
}
