/** A kernel image with its symbols, as the parts of `build.ts` ask it. */
import { SHT_NOBITS, SHT_NOTE } from '../../elf/constants.ts';
import { readNotes } from '../../elf/notes.ts';
import { type ElfFile, readElf } from '../../elf/read.ts';
import { InputError } from '../../util/errors.ts';
import { sectionAt } from '../image.ts';
import { symbolsOfImage, symbolsOfSystemMap } from './symbols.ts';
import { IndexedSymbols, type SymbolArrays } from './tables.ts';

const NT_GNU_BUILD_ID = 3;
/** The ABI puts `.TOC.` this far behind the start of `.got`. */
const TOC_BIAS = 0x8000n;

export class KernelImage {
  readonly elf: ElfFile;
  readonly symbols: SymbolArrays;
  /** The symbols come from a System.map, because the image has none. */
  readonly fromSystemMap: boolean;
  readonly #lookup: IndexedSymbols;
  readonly address = (name: string): bigint | undefined => this.#lookup.find(name)[0];

  /**
   * @param bytes a vmlinux, expanded
   * @param systemMap used for an image without symbols, and held against one that has them
   * @throws InputError ELF001 to ELF091, KER014, KER015, KER018, KER019
   */
  constructor(bytes: Uint8Array, systemMap?: Uint8Array) {
    this.elf = readElf(bytes);
    if (this.elf.isRelocatable)
      throw new InputError({
        code: 'KER014',
        message: 'a relocatable object, not the image of a kernel',
        expected: 'a linked vmlinux',
        found: 'ET_REL',
        remedy: 'give the vmlinux that the kernel boots from, or an unstripped vmlinuz of powerpc',
      });
    const own = this.elf.symbols === undefined ? undefined : symbolsOfImage(this.elf.symbols);
    const given = systemMap === undefined ? undefined : symbolsOfSystemMap(systemMap);
    const usesOwn = own !== undefined && isComplete(own);
    const symbols = usesOwn ? own : given;
    if (symbols === undefined)
      throw new InputError({
        code: 'KER015',
        message: 'the image has no symbols',
        expected: 'a symbol table, or a System.map beside it',
        found: 'a stripped image',
        remedy: 'give --system-map System.map, or an unstripped vmlinux',
      });
    this.symbols = symbols;
    this.fromSystemMap = !usesOwn;
    this.#lookup = new IndexedSymbols(symbols.nameAt.length, () => symbols);
    if (given !== undefined) this.#checkSystemMap(usesOwn ? given : undefined);
  }

  /** A System.map of another build gives addresses that look right and are not. */
  #checkSystemMap(map: SymbolArrays | undefined): void {
    const banner = this.address('linux_banner');
    if (banner !== undefined && this.textAt(banner)?.startsWith('Linux version ') !== true)
      throw otherBuild('linux_banner at the address of "Linux version"', `0x${banner.toString(16)}`);
    if (map === undefined) return;
    const other = new IndexedSymbols(map.nameAt.length, () => map);
    for (const name of ['linux_banner', '_stext', '_etext', '__start___ksymtab', 'init_uts_ns', '_end']) {
      const own = this.address(name);
      const given = other.find(name)[0];
      if (own !== undefined && given !== undefined && own !== given)
        throw otherBuild(`${name} at 0x${own.toString(16)}, as in the image`, `0x${given.toString(16)}`);
    }
  }

  has(name: string): boolean {
    return this.address(name) !== undefined;
  }

  /** `length` bytes at an address; zeros in sections without contents, `undefined` outside every section. */
  bytesAt(address: bigint, length: number): Uint8Array | undefined {
    const section = sectionAt(this.elf, address);
    if (section !== undefined) {
      const from = Number(address - section.sh_addr);
      return from + length <= section.sh_size ? this.elf.contents(section).subarray(from, from + length) : undefined;
    }
    const isZero = this.elf.sections.some(
      s =>
        s.isAllocated &&
        s.sh_type === SHT_NOBITS &&
        address >= s.sh_addr &&
        address + BigInt(length) <= s.sh_addr + BigInt(s.sh_size),
    );
    return isZero ? new Uint8Array(length) : undefined;
  }

  /** The NUL-ended text at an address. */
  textAt(address: bigint): string | undefined {
    const section = sectionAt(this.elf, address);
    if (section === undefined) return undefined;
    const bytes = this.elf.contents(section);
    const from = Number(address - section.sh_addr);
    const end = bytes.indexOf(0, from);
    return end < 0 ? undefined : Buffer.from(bytes.subarray(from, end)).toString('latin1');
  }

  /** Whether `.rodata` holds the text. */
  holdsText(text: string): boolean {
    const section = this.elf.sectionNamed('.rodata');
    if (section === undefined) return false;
    const bytes = this.elf.contents(section);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(text, 0, 'latin1');
  }

  /** `st_size` of the first symbol of that name, bytes; `undefined` where only addresses are known. */
  sizeOf(name: string): number | undefined {
    const table = this.elf.symbols;
    const at = table?.find(name) ?? -1;
    return at < 0 ? undefined : table!.size(at);
  }

  /** What r2 holds in the kernel. */
  get toc(): bigint | undefined {
    const symbol = this.address('.TOC.');
    if (symbol !== undefined) return symbol;
    const got = this.elf.sectionNamed('.got');
    return got === undefined ? undefined : got.sh_addr + TOC_BIAS;
  }

  /** Lower-case hexadecimal; empty where there is none. */
  get buildId(): string {
    for (const section of this.elf.sections) {
      if (section.sh_type !== SHT_NOTE) continue;
      const note = readNotes(this.elf, section).find(n => n.owner === 'GNU' && n.type === NT_GNU_BUILD_ID);
      if (note !== undefined) return Buffer.from(note.descriptor).toString('hex');
    }
    return '';
  }
}

/** A stripped image may keep a symbol table with a few entries; this one every kernel has. */
export const SURE_SYMBOL = '_stext';

function isComplete(symbols: SymbolArrays): boolean {
  return new IndexedSymbols(symbols.nameAt.length, () => symbols).find(SURE_SYMBOL).length > 0;
}

function otherBuild(expected: string, found: string): InputError {
  return new InputError({
    code: 'KER019',
    message: 'the System.map is not of this kernel',
    expected,
    found,
    remedy: 'give the System.map of the same build, or leave it out where the image has symbols',
  });
}
