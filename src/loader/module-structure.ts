/**
 * The kernel's `struct module`, which lies in the module's own `.gnu.linkonce.this_module`: what the kernel needs of it while it
 * loads the module.
 */
import { SHF_WRITE } from '../elf/constants.ts';
import { SHF_RO_AFTER_INIT } from './layout.ts';
import { ModuleMemory } from './memory.ts';
import type { LoadState } from './state.ts';

const NAME = '.gnu.linkonce.this_module';

/** MODULE_STATE_UNFORMED: until the module is complete nobody finds its exports. */
const UNFORMED = 3;
/** Bytes of `mod->state`, the first member. */
const STATE_SIZE = 4;

/** `add_unformed_module()` sets the state, which lies at the start of the structure. */
export function setUnformed(structure: Uint8Array | undefined): void {
  if (structure === undefined || structure.length < STATE_SIZE) return;
  structure.set([UNFORMED, 0, 0, 0]);
}

/**
 * Whether the kernel finds the module among the others before it is complete: a relocation has overwritten its state.
 *
 * @param structure the bytes in memory; none where only a check was asked for, which leaves such relocations to the image
 */
export function isFound(structure: Uint8Array | undefined): boolean {
  if (structure === undefined || structure.length < STATE_SIZE) return false;
  return structure[0] !== UNFORMED || structure[1] !== 0 || structure[2] !== 0 || structure[3] !== 0;
}

/**
 * `complete_formation()` makes read-only memory read-only, and writes the state of the module afterwards.
 *
 * `init` and `exit` are called later: they have to lie in code.
 */
export function checkModuleStructure(state: LoadState): void {
  const { headers, index, kernel } = state;
  const flags = headers.flags[index.thisModule]!;
  const staysWritable = (flags & SHF_WRITE) !== 0 && (flags & SHF_RO_AFTER_INIT) === 0;
  if (kernel.options.strictModuleRwx && !staysWritable)
    state.danger(
      'MOD011',
      'the module structure lies in memory that becomes read-only, and the kernel writes there',
      NAME,
    );
  if (state.arch.exact) checkFunctions(state);
}

function checkFunctions(state: LoadState): void {
  const { index, kernel, contents } = state;
  const structure = contents[index.thisModule];
  if (structure === undefined) return;
  const memory = new ModuleMemory(state);
  const view = new DataView(structure.buffer, structure.byteOffset, structure.length);
  for (const member of ['init', 'exit'] as const) {
    const at = kernel.structures.moduleFields[member];
    if (at === undefined || at + 8 > view.byteLength) continue;
    const address = view.getBigUint64(at, true);
    if (address === 0n || memory.isCode(memory.find(address, 4))) continue;
    const message = `the module's ${member} function, at 0x${address.toString(16)}, does not lie in its code`;
    state.danger('MOD012', message, NAME);
  }
}
