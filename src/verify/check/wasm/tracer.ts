/** The tracer's recorded places; `loader/tracer-screen.ts` is the model. */
import { MCOUNT_LOC, PATCHABLE, sectionOfKind } from './known';
import { MARKS } from './memory';
import { CALL, R_PPC64_ADDR64, REWRITTEN, WRITTEN } from './relocations';
import { baseOf, CODE, contentsOf, kindOf, sizeOf } from './sections';
import { recordedNops } from './settings';
import { entryCount, fills, leads, offset, relocationAt, section, start } from './tables';

const NOP: u32 = 0x6000_0000;
const RECORD: u32 = 8;

export function checkRecords(): bool {
  const nops = recordedNops();
  const table = sectionOfKind(nops > 0 ? PATCHABLE : MCOUNT_LOC);
  if (table === 0 || sizeOf(table) < RECORD) return true;
  if (!start(table, RECORD, 1)) return false;
  for (let i: u32 = 0; i < entryCount(); i++) {
    const at = relocationAt(i);
    if (!fills(at, RECORD * i, R_PPC64_ADDR64) || !leads(at, 0, 4 * i32(max(nops, 1)))) return false;
    if ((kindOf(section) & CODE) === 0 || offset % 4 !== 0) return false;
    const marks = MARKS + baseOf(section) + (offset >>> 2);
    if (nops > 0 ? !areNops(marks, contentsOf(section) + offset, nops) : load<u8>(marks) !== CALL) return false;
    // A second record of the same place finds it changed.
    for (let word: u32 = 0; word < max(nops, 1); word++) store<u8>(marks + word, u8(WRITTEN));
  }
  return true;
}

/** Nops that no relocation writes to and no fixup table names. */
function areNops(marks: u32, words: u32, nops: u32): bool {
  for (let i: u32 = 0; i < nops; i++)
    if ((load<u8>(marks + i) & (WRITTEN | REWRITTEN)) !== 0 || load<u32>(words + 4 * i) !== NOP) return false;
  return true;
}
