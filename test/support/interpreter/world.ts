/**
 * A loaded module as the interpreter sees it: bytes at addresses, functions from its symbols, and the ways on that its tables
 * give, read here once more from the structures of the kernel (asm/extable.h, asm-generic/bug.h, asm/jump_label.h,
 * asm/feature-fixups.h).
 */
import type { LoadedImage, LoadedSection } from '../../../src/loader/model.ts';

const SHF_WRITE = 1;
const SHF_EXECINSTR = 4;
const STT_FUNC = 2;

/**
 * What a function and its callers owe one another about r2: `kept` as it was (k = 0), nothing (`open`, k = 1), or the home's TOC
 * at the return, and before it at the local entry (`home`, k >= 2), at the only entry (`bound`), or nowhere (`back`).
 */
export type Convention = 'kept' | 'open' | 'home' | 'bound' | 'back';

export interface WorldFunction {
  readonly name: string;
  readonly global: bigint;
  readonly local: bigint;
  readonly end: bigint;
  /** By the three bits of st_other that tell the local entry. */
  readonly declared: Convention;
  /** The same, unless it was told otherwise. */
  convention: Convention;
  /** Split off by the compiler. */
  readonly isPart: boolean;
}

export interface Feature {
  readonly end: bigint;
  readonly alternative: bigint;
  readonly alternativeEnd: bigint;
}

interface Area {
  readonly start: bigint;
  readonly end: bigint;
  readonly section: LoadedSection;
  readonly view: DataView;
}

/** Sections whose contents the program does not change. */
function isConstant(section: LoadedSection): boolean {
  return (section.flags & SHF_WRITE) === 0 || /^(\.toc|\.got|\.data\.rel\.ro)/.test(section.name);
}

export class World {
  readonly image: LoadedImage;
  readonly toc: bigint;
  readonly functions: readonly WorldFunction[];
  /** Exception table: from an instruction to its fixup. */
  readonly fixups = new Map<bigint, bigint>();
  /** Traps that return. */
  readonly warnings = new Set<bigint>();
  /** Jump labels: from the instruction to where it may lead. */
  readonly labels = new Map<bigint, bigint>();
  /** Feature sections by where they begin, and where their alternatives end. */
  readonly features = new Map<bigint, Feature>();
  readonly alternativeEnds = new Map<bigint, bigint>();
  /** What the tracer's records name. */
  readonly sites = new Set<bigint>();
  /** Addresses that the loader made stubs for. */
  readonly imports: ReadonlyMap<bigint, string>;
  readonly #sections: readonly Area[];
  readonly #start: bigint;
  readonly #end: bigint;
  #last: Area | undefined;
  readonly #entries = new Map<bigint, WorldFunction>();

  constructor(image: LoadedImage) {
    this.image = image;
    this.toc = image.toc;
    this.imports = new Map(image.stubs.map(s => [s.target, s.name]));
    this.#sections = image.sections
      .filter(s => s.size > 0 && s.memory !== 'percpu')
      .map(section => ({
        start: section.address,
        end: section.address + BigInt(section.size),
        section,
        view: new DataView(section.bytes.buffer, section.bytes.byteOffset, section.bytes.length),
      }));
    this.#start = this.#sections.reduce((least, s) => (s.start < least ? s.start : least), image.toc);
    this.#end = this.#sections.reduce((most, s) => (s.end > most ? s.end : most), image.toc);
    this.functions = image.symbols
      .filter(s => (s.info & 15) === STT_FUNC && s.section !== 0 && s.size > 0)
      .map(s => {
        const bits = s.other >>> 5;
        const declared: Convention = bits === 0 ? 'kept' : bits === 1 ? 'open' : 'home';
        return {
          name: s.name,
          global: s.address,
          local: s.address + BigInt(bits < 2 ? 0 : 1 << bits),
          end: s.address + BigInt(s.size),
          declared,
          convention: declared,
          isPart: /\.cold(\.\d+)?$/.test(s.name),
        };
      });
    for (const f of this.functions) {
      this.#entries.set(f.global, f);
      this.#entries.set(f.local, f);
    }
    this.readTables();
  }

  #at(address: bigint) {
    const last = this.#last;
    if (last !== undefined && address >= last.start && address < last.end) return last;
    const found = this.#sections.find(s => address >= s.start && address < s.end);
    if (found !== undefined) this.#last = found;
    return found;
  }

  /** The instruction at an address, or `undefined` where no code is. */
  word(address: bigint): number | undefined {
    const found = this.#at(address);
    if (
      found === undefined ||
      ((found.section.flags & SHF_EXECINSTR) === 0 && !found.section.name.startsWith('__ftr_alt'))
    )
      return undefined;
    const at = Number(address - found.start);
    return at % 4 === 0 && at + 4 <= found.view.byteLength ? found.view.getUint32(at, true) : undefined;
  }

  /** The doubleword of contents at an address, and whether it stays; `undefined` where nothing of the object lies. */
  contents(address: bigint): { readonly value: bigint; readonly isConstant: boolean } | undefined {
    const found = this.#at(address) ?? this.#at(address + 7n);
    if (found === undefined) return undefined;
    let value = 0n;
    for (let i = 7; i >= 0; i--) {
      const at = Number(address - found.start) + i;
      value = (value << 8n) | BigInt(at >= 0 && at < found.view.byteLength ? found.view.getUint8(at) : 0);
    }
    return { value, isConstant: isConstant(found.section) };
  }

  /** Whether the program changes nothing at an address: code and constants of the object. */
  isFixed(address: bigint): boolean {
    const found = address >= this.#start && address < this.#end ? this.#at(address) : undefined;
    return found !== undefined && isConstant(found.section);
  }

  /** Changes four bytes, whatever they are. @returns what was there */
  poke(address: bigint, word: number): number {
    const found = this.#at(address)!;
    const at = Number(address - found.start);
    const before = found.view.getUint32(at, true);
    found.view.setUint32(at, word, true);
    return before;
  }

  /** The function that has an entry there. */
  functionAt(address: bigint): WorldFunction | undefined {
    return this.#entries.get(address);
  }

  /** Reads the tables again, after something has been poked. */
  readTables(): void {
    for (const table of [this.fixups, this.warnings, this.labels, this.features, this.alternativeEnds, this.sites])
      table.clear();
    for (const { section, view, start } of this.#sections) {
      const each = (size: number, visit: (at: number) => void) => {
        for (let at = 0; at + size <= view.byteLength; at += size) visit(at);
      };
      const distance = (at: number) => start + BigInt(at) + BigInt(view.getInt32(at, true));
      if (section.name === '__ex_table') each(8, at => this.fixups.set(distance(at), distance(at + 4)));
      else if (section.name === '__bug_table')
        each(12, at => {
          if ((view.getUint16(at + 10, true) & 1) !== 0) this.warnings.add(distance(at));
        });
      else if (section.name === '__jump_table') each(16, at => this.labels.set(distance(at), distance(at + 4)));
      else if (/^__(mmu_|fw_)?ftr_fixup$/.test(section.name))
        each(48, at => {
          const field = (offset: number) => start + BigInt(at) + view.getBigInt64(at + offset, true);
          const [from, end, alternative, alternativeEnd] = [field(16), field(24), field(32), field(40)] as const;
          if (end <= from) return;
          this.features.set(from, { end, alternative, alternativeEnd });
          if (alternativeEnd > alternative) this.alternativeEnds.set(alternativeEnd, end);
        });
      else if (section.name === '__mcount_loc' || section.name === '__patchable_function_entries')
        each(8, at => this.sites.add(view.getBigUint64(at, true)));
    }
  }
}
