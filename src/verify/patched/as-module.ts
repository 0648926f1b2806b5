/**
 * A plain object as a module by itself. The kernel's build links objects together and adds what the loader asks for: the name,
 * room for `struct module`, and an empty section for call stubs. Added here, they let the loader twin do its work on one object.
 */
import { SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS, SHT_PROGBITS } from '../../elf/constants.ts';
import { ElfEditor } from '../../elf/editor.ts';
import { layOut } from '../../elf/layout.ts';
import { type ElfFile, readElf } from '../../elf/read.ts';
import { THIS_MODULE } from './assumed-kernel.ts';

/** Bytes; as large as any kernel's needs, of which the twin reads the name alone (24 bytes from its start). */
const STRUCT_MODULE = 1024;
const NAME_AT = 24;
const NAME = 'object';

/** Whether the kernel's build has not made a module of it yet. */
export function isPlainObject(elf: ElfFile): boolean {
  return elf.sectionNamed(THIS_MODULE) === undefined;
}

/** A copy with what is missing; the object's own sections and symbols keep their numbers. */
export function asModule(elf: ElfFile): ElfFile {
  const editor = new ElfEditor(elf);
  const add = (name: string, flags: number, contents: Uint8Array, type = SHT_PROGBITS) => {
    if (elf.sectionNamed(name) !== undefined) return;
    editor.addSection({
      name,
      sh_type: type,
      sh_flags: flags,
      sh_link: 0,
      sh_info: 0,
      sh_addralign: 8,
      sh_entsize: 0,
      contents,
    });
  };
  const structure = new Uint8Array(STRUCT_MODULE);
  structure.set(Buffer.from(NAME), NAME_AT);
  add('.modinfo', SHF_ALLOC, Buffer.from(`name=${NAME}\0license=GPL\0`));
  add(THIS_MODULE, SHF_ALLOC | SHF_WRITE, structure);
  add('.stubs', SHF_ALLOC | SHF_EXECINSTR, new Uint8Array(0), SHT_NOBITS);
  return readElf(layOut(editor).bytes);
}
