/** A relocatable object in the making, whose sections grow piece by piece. */
import { newObject, type ObjectSection, type ObjectSymbol } from './new-object.ts';

type Relocation = ObjectSection['relocations'][number];

export class DraftSection {
  readonly name: string;
  readonly sh_flags: number;
  readonly sh_addralign: number;
  readonly sh_entsize: number | undefined;
  readonly relocations: Relocation[] = [];
  readonly #parts: Uint8Array[] = [];
  /** Bytes so far. */
  size = 0;

  constructor(name: string, sh_flags: number, sh_addralign: number, sh_entsize?: number) {
    this.name = name;
    this.sh_flags = sh_flags;
    this.sh_addralign = sh_addralign;
    this.sh_entsize = sh_entsize;
  }

  /** @returns where the bytes stand in the section */
  append(bytes: Uint8Array): number {
    const at = this.size;
    this.#parts.push(bytes);
    this.size += bytes.length;
    return at;
  }

  /** As `newObject` takes it. */
  whole(): ObjectSection {
    const { name, sh_flags, sh_addralign, sh_entsize, relocations } = this;
    const contents = Buffer.concat(this.#parts);
    return { name, sh_flags, sh_addralign, ...(sh_entsize && { sh_entsize }), contents, relocations };
  }
}

export class ObjectDraft {
  readonly #sections: DraftSection[] = [];

  get isEmpty(): boolean {
    return this.#sections.length === 0;
  }

  /** The section of that name, which is made as it is asked for first. */
  section(name: string, sh_flags: number, sh_addralign: number, sh_entsize?: number): DraftSection {
    const known = this.#sections.find(s => s.name === name);
    if (known !== undefined) return known;
    const made = new DraftSection(name, sh_flags, sh_addralign, sh_entsize);
    this.#sections.push(made);
    return made;
  }

  /** What relocations name for the start of a section. */
  start(section: DraftSection): number {
    return -1 - this.#sections.indexOf(section);
  }

  /** @param symbols in the order of the numbers that relocations name them by */
  build(symbols: readonly ObjectSymbol[]): Uint8Array {
    return newObject(
      this.#sections.map(section => section.whole()),
      symbols,
    );
  }
}
