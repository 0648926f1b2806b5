/** Whether nothing of the module can be out of reach, wherever it is put and however many stubs it gets. */
import { ENTRY_SIZE } from '../../../elf/wasm/format';
import { PATCHABLE, sectionOfKind } from './known';
import { MOST_WORDS } from './memory';
import {
  CODE,
  codeBytes,
  codeWords,
  contentsOf,
  isRelocations,
  kindOf,
  loadedBytes,
  MOST_CODE,
  MOST_LOADED,
  PLACED,
  sections,
  sizeOf,
  stringTable,
  symbolTable,
  targetOf,
} from './sections';

const R_PPC64_REL24: u32 = 10;
const STUB_SIZE: u32 = 40;
/** The tracer's two, the one that is kept empty, and one to round up. */
const MORE_STUBS: u32 = 4;

export function isNearEnough(): bool {
  // The kernel keeps the symbols and their names twice at most, and a byte a symbol.
  const kept: u32 = 3 * (sizeOf(symbolTable) + sizeOf(stringTable));
  if (codeWords > MOST_WORDS || kept > MOST_LOADED || loadedBytes + kept > MOST_LOADED) return false;
  // Most relocations are no branches, but counting those costs a walk.
  return codeBytes + STUB_SIZE * stubs(false) <= MOST_CODE || codeBytes + STUB_SIZE * stubs(true) <= MOST_CODE;
}

/** As many stubs as there are records of the tracer and relocations, or, `exactly`, branches among these. */
function stubs(exactly: bool): u32 {
  const records = sectionOfKind(PATCHABLE);
  let count = MORE_STUBS + (records === 0 ? 0 : sizeOf(records) / 8);
  for (let i: u32 = 1; i < sections; i++) {
    if (!isRelocations(i) || (kindOf(targetOf(i)) & (PLACED | CODE)) === PLACED) continue;
    const first = contentsOf(i);
    const end = first + sizeOf(i);
    if (!exactly) count += sizeOf(i) / ENTRY_SIZE;
    else for (let at = first; at < end; at += ENTRY_SIZE) if (load<u32>(at, 8) === R_PPC64_REL24) count++;
  }
  return min(count, MOST_CODE);
}
