/**
 * Makes a livepatch of a module that was built the ordinary way: undefined symbols become livepatch symbols, and the relocations
 * against them move into sections `.klp.rela.OBJECT.SECTION`, as kpatch's and klp-build's converters do it.
 */
import { SHN_LIVEPATCH, SHT_RELA } from '../../src/elf/constants.ts';
import { ElfEditor, encodeRelocation, putWord } from '../../src/elf/editor.ts';
import { layOut } from '../../src/elf/layout.ts';
import { type ElfFile, readElf } from '../../src/elf/read.ts';

export const SHF_RELA_LIVEPATCH = 0x10_0000;
const SHF_ALLOC = 2;
const SHF_INFO_LINK = 0x40;

export interface Conversion {
  /** Name of an undefined symbol of the module. */
  readonly from: string;
  /** `.klp.sym.OBJECT.SYMBOL,POSITION`, or something broken. */
  readonly to: string;
  /** The object that the relocations wait for: that of the symbol unless told. */
  readonly object?: string;
  /** `st_shndx`: SHN_LIVEPATCH unless told. */
  readonly shndx?: number;
}

export interface Relocation {
  readonly offset: number;
  readonly type: number;
  readonly symbol: number;
  readonly addend: number;
}

export interface ConversionOptions {
  /** Flags of the new sections: SHF_ALLOC, SHF_INFO_LINK and SHF_RELA_LIVEPATCH unless told. */
  readonly flags?: number;
  /** The whole name of a new section, from what it would be. */
  readonly rename?: (name: string) => string;
  /** Each relocation before it is written. */
  readonly change?: (relocation: Relocation, section: string) => Relocation;
  /** Words to overwrite: of a section, by byte offset. */
  readonly words?: readonly { readonly section: string; readonly offset: number; readonly word: number }[];
}

export function makeLivepatch(
  bytes: Uint8Array,
  conversions: readonly Conversion[],
  options: ConversionOptions = {},
): Uint8Array {
  const elf = readElf(bytes);
  const editor = new ElfEditor(elf);
  const table = elf.symbols!;
  const symtab = table.section.index;
  const strtab = table.section.sh_link;
  const byNumber = new Map<number, Conversion>();
  for (const conversion of conversions) {
    const number = find(table, conversion.from);
    byNumber.set(number, conversion);
    const name = editor.append(strtab, Buffer.from(`${conversion.to}\0`, 'latin1'));
    const contents = editor.writable(symtab);
    putWord(contents, number * 24, name);
    const shndx = conversion.shndx ?? SHN_LIVEPATCH;
    contents[number * 24 + 6] = shndx;
    contents[number * 24 + 7] = shndx >>> 8;
  }
  for (const section of elf.sections) {
    if (section.sh_type !== SHT_RELA) continue;
    const words = elf.sectionWords(section);
    const moved = new Map<string, Uint8Array[]>();
    const taken: number[] = [];
    for (let at = 0; at + 6 <= words.length; at += 6) {
      const conversion = byNumber.get(words[at + 3]!);
      if (conversion === undefined) continue;
      taken.push(at / 6);
      const target = elf.sections[section.sh_info]!.name;
      const addend = Number((BigInt(words[at + 5]! | 0) << 32n) | BigInt(words[at + 4]!));
      const plain = { offset: words[at]!, type: words[at + 2]!, symbol: words[at + 3]!, addend };
      const changed = options.change?.(plain, target) ?? plain;
      const object = conversion.object ?? /^\.klp\.sym\.([^.]*)/.exec(conversion.to)?.[1] ?? 'vmlinux';
      const list = moved.get(object) ?? [];
      list.push(encodeRelocation(changed.offset, changed.symbol, changed.type, changed.addend));
      moved.set(object, list);
    }
    if (taken.length > 0) editor.removeRelocations(section.index, taken);
    for (const [object, entries] of moved) {
      const name = `.klp.rela.${object}.${elf.sections[section.sh_info]!.name}`;
      editor.addSection({
        name: options.rename?.(name) ?? name,
        sh_type: SHT_RELA,
        sh_flags: options.flags ?? SHF_ALLOC | SHF_INFO_LINK | SHF_RELA_LIVEPATCH,
        sh_link: symtab,
        sh_info: section.sh_info,
        sh_addralign: 8,
        sh_entsize: 24,
        contents: Buffer.concat(entries),
      });
    }
  }
  for (const { section, offset, word } of options.words ?? []) {
    const target = elf.sections.find(s => s.name === section);
    if (target === undefined) throw new Error(`no section ${section}`);
    editor.setWord(target.index, offset, word);
  }
  return layOut(editor).bytes;
}

function find(table: NonNullable<ElfFile['symbols']>, name: string): number {
  for (let i = 1; i < table.count; i++) if (table.name(i) === name) return i;
  throw new Error(`no symbol ${name}`);
}
