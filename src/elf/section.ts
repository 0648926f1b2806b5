import { big64, unsigned64 } from '../util/bytes.ts';
import type { FileOffset, SectionIndex } from '../util/indexes.ts';
import { SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS, SHT_NULL } from './constants.ts';
import type { StringTable } from './strings.ts';

/** One section header, read; fields carry the names of the gABI. Sizes and offsets in bytes. */
export class Section {
  readonly index: SectionIndex;
  readonly sh_name: number;
  readonly sh_type: number;
  /** The low 32 bits; no flag that is defined for PowerPC lies above them. */
  readonly sh_flags: number;
  readonly addressLow: number;
  readonly addressHigh: number;
  readonly sh_offset: FileOffset;
  readonly sh_size: number;
  readonly sh_link: number;
  readonly sh_info: number;
  readonly sh_addralign: number;
  readonly sh_entsize: number;
  // Plain fields: a module has some sixty sections, and private names cost a third of the time to make one.
  private readonly names: StringTable | undefined;
  private text: string | undefined;

  constructor(words: Uint32Array, at: number, index: SectionIndex, names: StringTable | undefined) {
    this.index = index;
    this.sh_name = words[at]!;
    this.sh_type = words[at + 1]!;
    this.sh_flags = words[at + 2]!;
    this.addressLow = words[at + 4]!;
    this.addressHigh = words[at + 5]!;
    this.sh_offset = unsigned64(words[at + 6]!, words[at + 7]!);
    this.sh_size = unsigned64(words[at + 8]!, words[at + 9]!);
    this.sh_link = words[at + 10]!;
    this.sh_info = words[at + 11]!;
    this.sh_addralign = unsigned64(words[at + 12]!, words[at + 13]!);
    this.sh_entsize = unsigned64(words[at + 14]!, words[at + 15]!);
    this.names = names;
    this.text = undefined;
  }

  get name(): string {
    this.text ??= this.names === undefined ? '' : this.names.at(this.sh_name);
    return this.text;
  }

  /** Whether the name is `text` (ASCII), without making a string of it. */
  isNamed(text: Uint8Array): boolean {
    return this.names?.equals(this.sh_name, text) ?? false;
  }

  get sh_addr(): bigint {
    return big64(this.addressLow, this.addressHigh);
  }

  /** Whether bytes of the file belong to it. */
  get hasContents(): boolean {
    return this.sh_type !== SHT_NOBITS && this.sh_type !== SHT_NULL && this.sh_size > 0;
  }

  get isAllocated(): boolean {
    return (this.sh_flags & SHF_ALLOC) !== 0;
  }

  /** Allocated, executable, and with code in the file. */
  get isCode(): boolean {
    return (this.sh_flags & (SHF_ALLOC | SHF_EXECINSTR)) === (SHF_ALLOC | SHF_EXECINSTR) && this.hasContents;
  }
}
