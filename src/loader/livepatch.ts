/**
 * Relocations that wait for another object (kernel/livepatch/core.c): sections `.klp.rela.OBJECT.SECTION` against symbols
 * `.klp.sym.OBJECT.SYMBOL,POSITION`, which need not be exported. Those for `vmlinux` are applied while the livepatch module loads,
 * the others when the livepatch is enabled or, later, when their module loads (see `livepatch-enable.ts`).
 */
import { SHN_LIVEPATCH } from '../elf/constants.ts';
import type { RelocationApplier } from './apply.ts';
import { RELA_SIZE } from './arch.ts';
import { livepatchName, livepatchObject, VMLINUX } from './livepatch-names.ts';
import { findSymbol, type ObjectSymbols, symbolsOf } from './livepatch-symbols.ts';
import type { LoadState } from './state.ts';

/**
 * `klp_resolve_symbols()`: gives the symbols of a section's relocations their addresses.
 *
 * @returns whether all of them are known
 * @throws KernelRefusal EINVAL
 */
function resolveSymbols(
  state: LoadState,
  applier: RelocationApplier,
  section: number,
  object: string,
  symbols: ObjectSymbols,
): boolean {
  const { headers, index } = state;
  const start = headers.offset[section]!;
  const count = Math.floor(headers.size[section]! / RELA_SIZE);
  for (let i = 0; i < count; i++) {
    const symbol = state.view.getUint32(start + i * RELA_SIZE + 12, true);
    const known = applier.symbol(symbol);
    if (known === undefined) {
      state.danger(
        'REL103',
        `a livepatch relocation names symbol ${symbol}, which does not exist`,
        headers.text(section),
      );
      return false;
    }
    if (known.section !== SHN_LIVEPATCH) {
      const where = state.rules.livepatchTellsPlace ? ` at rela sec ${index.symtab} idx ${i}` : '';
      state.refuse('EINVAL', `livepatch: symbol ${known.name}${where} is not marked as a livepatch symbol`);
    }
    const name = livepatchName(known.name);
    if (name === undefined) {
      state.refuse('EINVAL', `livepatch: symbol ${known.name} has an incorrectly formatted name`);
    }
    if (object !== VMLINUX && name.object === VMLINUX)
      state.refuse(
        'EINVAL',
        `livepatch: invalid access to vmlinux symbol '${name.symbol}' from module-specific livepatch relocation section`,
      );
    const address = findSymbol(state, name, symbols);
    if (address === undefined) return false;
    applier.setSymbol(symbol, address);
  }
  return true;
}

/**
 * `klp_apply_section_relocs()`: does nothing where the section waits for another object.
 *
 * @throws KernelRefusal with the kernel's messages in the log
 */
export function applyLivepatchSection(
  state: LoadState,
  applier: RelocationApplier,
  section: number,
  object: string,
  symbols: ObjectSymbols = symbolsOf(state.request.modules),
): void {
  const name = state.headers.text(section);
  const waitsFor = livepatchObject(name);
  if (waitsFor === undefined) {
    state.refuse('EINVAL', `livepatch: section ${name} has an incorrectly formatted name`);
  }
  if (waitsFor !== object) return;
  if (resolveSymbols(state, applier, section, object, symbols)) applier.applySection(section);
}
