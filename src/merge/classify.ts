/** What becomes of a section of an object: merged, left out, or a reason to refuse the object. */
import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_WRITE,
  SHT_GROUP,
  SHT_NOBITS,
  SHT_NOTE,
  SHT_NULL,
  SHT_PROGBITS,
  SHT_RELA,
  SHT_STRTAB,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
} from '../elf/constants.ts';
import type { Section } from '../elf/section.ts';
import type { LeftOut } from '../plan/merge.ts';
import { mergeRefusal } from './refusals.ts';

const SHF_TLS = 0x400;
const SHF_EXCLUDE = 0x8000_0000;

/** The file's own tables, which are joined entry by entry. */
const STRUCTURE = new Set([SHT_NULL, SHT_RELA, SHT_STRTAB, SHT_SYMTAB, SHT_SYMTAB_SHNDX, SHT_GROUP]);

const SHORT_LIVED = /^\.(init|exit|fini|preinit|ctors|dtors)/;
const ONCE = /^(\.gnu\.linkonce\.this_module|__versions|__version_ext_\w+|\.stubs|\.ftrace\.tramp|\.mygot|\.klp\..*)$/;
/** Nobody reads them in a loaded module; the kernel's own linker script drops the second kind. */
const UNWIND = /^\.(eh_frame|BTF(\.|$))/;
/** Filled by programs that the kernel's build runs over whole modules, or bounded by symbols that its linker script makes. */
const UNFINISHED = /^(alloc_tags|\.codetag\..*)$/;
export const BTF_IDS = '.BTF_ids';
const BUILD = /^\.(discard|export_symbol)/;

/** Names that the kernel's script for modules gives to sections of objects. */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/^___ksymtab\+/, '__ksymtab'],
  [/^___ksymtab_gpl\+/, '__ksymtab_gpl'],
  [/^___kcrctab\+/, '__kcrctab'],
  [/^___kcrctab_gpl\+/, '__kcrctab_gpl'],
  [/^___kflagstab\+/, '__kflagstab'],
  [/^\.got$/, '.toc'],
];

/** The name that a section has in a module. */
export function moduleName(name: string): string {
  return RENAMED.find(([pattern]) => pattern.test(name))?.[1] ?? name;
}

/**
 * Sections that the kernel finds by name: a second one beside the module's would not be seen.
 *
 * `rows`: an array of entries, with no room between them.
 */
export function tableKind(name: string): 'rows' | 'whole' | undefined {
  if (/^__(ksymtab_strings$|ftr_alt_)/.test(name)) return 'whole';
  if (name.startsWith('__') || name === '.static_call_sites' || name === '.altinstructions') return 'rows';
  return /^(\.toc|\.modinfo|\.data\.\.percpu.*|\.data\.\.ro_after_init)$/.test(name) ? 'whole' : undefined;
}

export type Fate = 'structure' | 'empty' | 'merged' | LeftOut['why'];

/**
 * @param isNeeded whether anything refers to the section: then it gets a place though it be empty
 * @throws RefusalError PAT103 to PAT105, PAT119, PAT202, PAT203
 */
export function fateOf(section: Section, object: string, isNeeded: boolean): Fate {
  const { name, sh_type, sh_flags, sh_size } = section;
  const isLoaded = (sh_flags & SHF_ALLOC) !== 0;
  if (section.index === 0 || (STRUCTURE.has(sh_type) && !isLoaded)) return 'structure';
  if ((sh_flags & SHF_TLS) !== 0) throw mergeRefusal('PAT105', { object, what: name });
  if (sh_size === 0 && !isNeeded) return 'empty';
  if (BUILD.test(name) || (sh_flags & SHF_EXCLUDE) !== 0) return 'for the build only';
  if (sh_type === SHT_NOTE || name.startsWith('.note.')) return 'a note';
  if (ONCE.test(name)) throw mergeRefusal('PAT104', { object, section: name });
  if (!isLoaded || UNWIND.test(name)) return 'debug information';
  if (SHORT_LIVED.test(name)) throw mergeRefusal('PAT103', { object, section: name });
  if (name === BTF_IDS && !isNeeded) return 'nothing refers to it';
  if (name === BTF_IDS) throw mergeRefusal('PAT202', { object, section: name });
  if (UNFINISHED.test(name)) throw mergeRefusal('PAT203', { object, section: name });
  if (sh_type !== SHT_PROGBITS && sh_type !== SHT_NOBITS)
    throw mergeRefusal('PAT119', { object, what: `section ${name} of type ${sh_type}` });
  return 'merged';
}

const ACCESS = SHF_WRITE | SHF_ALLOC | SHF_EXECINSTR;

/** Why two sections cannot be one; `undefined` where they can. */
export function unlike(module: { sh_type: number; sh_flags: number }, section: Section): string | undefined {
  if ((module.sh_type === SHT_NOBITS) !== (section.sh_type === SHT_NOBITS))
    return 'one of them has contents in the file, and one has none';
  // Of tables that are only read some compilers say that they may be written.
  const mask = tableKind(moduleName(section.name)) === 'rows' ? ACCESS & ~SHF_WRITE : ACCESS;
  const [a, b] = [module.sh_flags & mask, section.sh_flags & mask];
  return a === b ? undefined : `their flags are 0x${a.toString(16)} and 0x${b.toString(16)}`;
}
