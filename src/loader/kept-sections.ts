/** Which sections hold relocations that the loader applies. */
import { SHF_ALLOC } from '../elf/constants.ts';
import type { LoadState } from './state.ts';

/** A flag of the kernel alone: `SHF_RELA_LIVEPATCH`. */
export const SHF_RELA_LIVEPATCH = 0x0010_0000;

/** Whether the relocations of a section are looked at: what they fill has to be kept. */
export function fillsKeptSection(state: LoadState, section: number): boolean {
  const { headers, index, rules } = state;
  const target = headers.info[section]!;
  if (target >= headers.count) return false;
  if ((headers.flags[target]! & SHF_ALLOC) !== 0) return true;
  return rules.relocatesPercpu && target !== 0 && target === index.percpu;
}
