/**
 * The entries of a function and how its global entry finds the TOC.
 *
 *     load-add     ld r2,-8(r12) ; add r2,r2,r12       the distance to the TOC lies in a .quad in front (large model)
 *     addis-addi   addis r2,r12,HA ; addi r2,r2,LO     (medium model; lis r2 where the linker knew the address)
 *     pcrel        no TOC at all: st_other says that r2 is not preserved
 *     none         one entry that needs no TOC
 */
import type { ElfFile } from '../elf/read.ts';
import type { KernelFunction } from '../kernel/functions.ts';

export type TocSetup = 'load-add' | 'addis-addi' | 'pcrel' | 'none';

const LD_R2_M8_R12 = 0xe84cfff8;
const ADD_R2_R2_R12 = 0x7c426214;
const ADDIS_R2_R12 = 0x3c4c;
const LIS_R2 = 0x3c40;
const ADDI_R2_R2 = 0x3842;

export function tocSetup(elf: ElfFile, f: KernelFunction): TocSetup {
  if (f.k === 1) return 'pcrel';
  if (f.k === 0 || f.global % 4 !== 0) return 'none';
  const words = elf.sectionWords(f.section);
  const first = words[f.global / 4] ?? 0;
  const second = words[f.global / 4 + 1] ?? 0;
  if (first === LD_R2_M8_R12 && second === ADD_R2_R2_R12) return 'load-add';
  const addis = first >>> 16 === ADDIS_R2_R12 || first >>> 16 === LIS_R2;
  return addis && second >>> 16 === ADDI_R2_R2 ? 'addis-addi' : 'none';
}
