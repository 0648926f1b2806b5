/**
 * `__bug_table`: the kernel looks there when code traps, and writes there what it has said already (`module_bug_finalize()` only
 * remembers where the table is, kept or not).
 */
import { SHF_WRITE } from '../elf/constants.ts';
import { findAny } from './find-section.ts';
import { type ModuleMemory, wrapping } from './memory.ts';
import { knownName } from './section-names.ts';
import type { LoadState } from './state.ts';

const BUG_TABLE = knownName('__bug_table');
const ENTRY_SIZE = 12;

/** Remarks on entries that name no code of the module, and on a table that the kernel cannot use. */
export function remarkOnBugs(state: LoadState, memory: ModuleMemory): void {
  const section = findAny(state, BUG_TABLE);
  const size = state.kernel.structures.sizes.bug_entry ?? ENTRY_SIZE;
  if (!state.kernel.options.genericBug || section === 0 || state.headers.size[section]! < size) return;
  if (state.places[section] === undefined) {
    state.danger('FTR211', 'the bug table is not kept, and the kernel goes on reading where it was', '__bug_table');
    return;
  }
  if ((state.headers.flags[section]! & SHF_WRITE) === 0)
    state.danger(
      'FTR211',
      'the bug table is read-only, and the kernel writes there when a warning is given',
      '__bug_table',
    );
  const view = memory.view(section);
  for (let at = 0; at + size <= view.byteLength; at += size) {
    const address = wrapping(memory.addressOf(section) + BigInt(at), BigInt(view.getInt32(at, true)));
    if (memory.isCode(memory.find(address, 4))) continue;
    state.remark({
      code: 'FTR208',
      level: 'warning',
      message: "an entry of the bug table does not name the module's code",
      section: '__bug_table',
      offset: at,
    });
  }
}
