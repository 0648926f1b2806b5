/**
 * `apply_relocations()` of kernel/module/main.c: which sections hold relocations that are applied, and in which order. With
 * `checkOnly` they are looked at in the order of the file, by `relocation-check.ts`; whatever that does not find plainly good is
 * done on the whole image, as the kernel does it.
 */
import { SHT_REL, SHT_RELA } from '../elf/constants.ts';
import { RelocationApplier } from './apply.ts';
import { fillsKeptSection, SHF_RELA_LIVEPATCH } from './kept-sections.ts';
import { applyLivepatchSection } from './livepatch.ts';
import { checkRelocations } from './relocation-check.ts';
import { type LoadState, NeedsImage } from './state.ts';
import { tocPointer } from './symbols.ts';

/** @throws KernelRefusal with the kernel's messages in the log; NeedsImage */
export function applyRelocations(state: LoadState): void {
  const { headers, arch } = state;
  state.toc = tocPointer(state);
  if (!arch.exact) {
    if (!checkRelocations(state)) throw new NeedsImage();
    return;
  }
  const applier = new RelocationApplier(state);
  if (state.places[state.index.toc] === undefined && !state.kernel.options.pcrel)
    state.danger('REL108', 'r2 points into a section that is not kept', headers.text(state.index.toc));
  for (let i = 1; i < headers.count; i++) {
    if (!fillsKeptSection(state, i)) continue;
    if ((headers.flags[i]! & SHF_RELA_LIVEPATCH) !== 0) {
      if (state.kernel.options.livepatch) applyLivepatchSection(state, applier, i, 'vmlinux');
    } else if (headers.type[i] === SHT_REL) state.refuse('ENOEXEC', `module ${state.name}: REL relocation unsupported`);
    else if (headers.type[i] === SHT_RELA) applier.applySection(i);
  }
}
