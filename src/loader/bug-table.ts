/** `__bug_table`: the kernel looks there when code traps (`module_bug_finalize()` only remembers where it is). */
import { findAny } from './find-section.ts';
import { type ModuleMemory, wrapping } from './memory.ts';
import { knownName } from './section-names.ts';
import type { LoadState } from './state.ts';

const BUG_TABLE = knownName('__bug_table');
const ENTRY_SIZE = 12;

/** Remarks on entries that name no code of the module. */
export function remarkOnBugs(state: LoadState, memory: ModuleMemory): void {
  const section = findAny(state, BUG_TABLE);
  if (!state.kernel.options.genericBug || state.places[section] === undefined) return;
  const size = state.kernel.structures.sizes.bug_entry ?? ENTRY_SIZE;
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
