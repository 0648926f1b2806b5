/**
 * `sort_extable()` of lib/extable.c: the entries of `__ex_table` in ascending order of the instruction that may fault. Both
 * fields of an entry are relative to themselves, so moving an entry changes them.
 */
import { findAllocated } from './find-section.ts';
import { type ModuleMemory, wrapping } from './memory.ts';
import { knownName } from './section-names.ts';
import type { LoadState } from './state.ts';
import { sortedOrder } from './table-order.ts';

const EX_TABLE = knownName('__ex_table');
/** `struct exception_table_entry`: two 32-bit words. */
const ENTRY = 8;

/** Sorts the table, and remarks on entries that do not lead from the module's code to its code. */
export function sortExceptionTable(state: LoadState, memory: ModuleMemory): void {
  const section = findAllocated(state, EX_TABLE);
  if (section === 0) return;
  const view = memory.view(section);
  const count = Math.floor(view.byteLength / ENTRY);
  const address = memory.addressOf(section);
  const instructions = new BigUint64Array(count);
  const fixups = new BigUint64Array(count);
  for (let i = 0; i < count; i++) {
    const at = address + BigInt(i * ENTRY);
    instructions[i] = wrapping(at, BigInt(view.getInt32(i * ENTRY, true)));
    fixups[i] = wrapping(at + 4n, BigInt(view.getInt32(i * ENTRY + 4, true)));
    if (memory.isCode(memory.find(instructions[i]!, 4)) && memory.isCode(memory.find(fixups[i]!, 4))) continue;
    state.remark({
      code: 'FTR207',
      level: 'error',
      message: "an entry of the exception table does not lead from the module's code to its code",
      section: '__ex_table',
      offset: i * ENTRY,
    });
  }
  const order = sortedOrder(count, instructions, undefined, state.rules.doublePopSort);
  if (order === undefined) return;
  for (let i = 0; i < count; i++) {
    const at = address + BigInt(i * ENTRY);
    view.setInt32(i * ENTRY, Number(BigInt.asIntN(32, instructions[order[i]!]! - at)), true);
    view.setInt32(i * ENTRY + 4, Number(BigInt.asIntN(32, fixups[order[i]!]! - at - 4n)), true);
  }
}
