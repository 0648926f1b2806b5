/** A sample with functions in a section of their own, which branches are not trusted to reach. */
import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_INFO_LINK,
  SHT_PROGBITS,
  SHT_RELA,
  STB_GLOBAL,
  STT_FUNC,
} from '../../../../src/elf/constants.ts';
import { ElfEditor, encodeRelocation } from '../../../../src/elf/editor.ts';
import { layOut } from '../../../../src/elf/layout.ts';
import { readElf } from '../../../../src/elf/read.ts';
import { sample } from './patched.ts';

/** Bytes: more than a section of the samples has, and less than all their code. */
export const REACH = 0x2000;

const REL16_HA = 252;
const REL16_LO = 250;
/** addis r2,r12,0; addi r2,r2,0; li r3,7; blr, and li r3,8; blr */
const WORDS = [0x3c4c0000, 0x38420000, 0x38600007, 0x4e800020, 0x38600008, 0x4e800020, 0x60000000, 0x60000000];

/** `far_add` has two entries, `far_leaf` one. */
export function farSample(generation: string): Uint8Array {
  const elf = readElf(sample(`${generation}/tocsin_demo.ko`));
  const editor = new ElfEditor(elf);
  const code = editor.addSection({
    name: '.text.far',
    sh_type: SHT_PROGBITS,
    sh_flags: SHF_ALLOC | SHF_EXECINSTR,
    sh_link: 0,
    sh_info: 0,
    sh_addralign: 16,
    sh_entsize: 0,
    contents: new Uint8Array(new Uint32Array(WORDS).buffer),
  });
  const toc = elf.symbols!.find('.TOC.');
  editor.addSection({
    name: '.rela.text.far',
    sh_type: SHT_RELA,
    sh_flags: SHF_INFO_LINK,
    sh_link: elf.symbols!.section.index,
    sh_info: code,
    sh_addralign: 8,
    sh_entsize: 24,
    contents: Buffer.concat([encodeRelocation(0, toc, REL16_HA, 0), encodeRelocation(4, toc, REL16_LO, 4)]),
  });
  const symbol = { binding: STB_GLOBAL, type: STT_FUNC, st_shndx: code };
  editor.addSymbol({ ...symbol, name: 'far_add', st_other: 3 << 5, st_value: 0, st_size: 16 });
  editor.addSymbol({ ...symbol, name: 'far_leaf', st_other: 0, st_value: 16, st_size: 8 });
  return layOut(editor).bytes;
}
