/** What stands at the global entry of a function with two entries: the words that find the TOC (ELF V2 ABI 2.3.2.1). */
import type { FollowedCode } from './follow.ts';
import { R_PPC64_REL16_HA, R_PPC64_REL16_LO } from './relocation-places.ts';

/** addis r2,r12,(.TOC.-entry)@ha; addi r2,r2,(.TOC.-entry)@l */
export const GLOBAL_ENTRY = [
  { word: 0x3c4c0000, type: R_PPC64_REL16_HA, addend: 0 },
  { word: 0x38420000, type: R_PPC64_REL16_LO, addend: 4 },
] as const;

/** Whether these words, with these relocations alone, begin at `start`. */
export function findsToc({ elf, section, relocations }: FollowedCode, start: number): boolean {
  const words = elf.sectionWords(section);
  return GLOBAL_ENTRY.every(({ word, type, addend }, i) => {
    const place = start + 4 * i;
    const [relocation, second] = relocations.get(place) ?? [];
    const isToc = relocation !== undefined && elf.symbols!.name(relocation.symbol) === '.TOC.';
    const isPair = isToc && relocation.type === type && relocation.addend === addend;
    return words[place >>> 2] === word && isPair && second === undefined;
  });
}
