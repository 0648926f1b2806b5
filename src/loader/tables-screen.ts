/**
 * The tables that `module_finalize()` and the jump labels walk, for `checkOnly`: each entry leads where it should. See
 * `screen.ts`.
 */
import { SHF_ALLOC, SHF_WRITE } from '../elf/constants.ts';
import { findAllocated, findAny } from './find-section.ts';
import { LONGEST_KEYS } from './jump-labels.ts';
import { isPlainKernelData } from './kernel-addresses.ts';
import { debugClasses, type PointerTable, pointerTables } from './pointer-tables.ts';
import { R_PPC64_ADDR64, R_PPC64_REL32, R_PPC64_REL64 } from './relocation-numbers.ts';
import { RELA_WORDS, Screen } from './screen.ts';
import { knownName } from './section-names.ts';
import { type LoadState, NeedsImage } from './state.ts';

const EX_TABLE = knownName('__ex_table');
const BUG_TABLE = knownName('__bug_table');
const JUMP_TABLE = knownName('__jump_table');
const FEATURE_TABLES = [knownName('__ftr_fixup'), knownName('__mmu_ftr_fixup'), knownName('__fw_ftr_fixup')];
const LWSYNC_FIXUP = knownName('__lwsync_fixup');
/** No module of the kernel's build has one; the loader would apply it. */
const SPEC_BARRIER = knownName('__spec_barrier_fixup');

/** A region of code, in bytes of a section. */
export interface ScreenedRegion {
  readonly section: number;
  readonly start: number;
  readonly end: number;
}

/** @returns the code that fixup tables name */
export function screenTables(state: LoadState): ScreenedRegion[] {
  const { jumpLabel, genericBug } = state.kernel.options;
  const tables: (readonly [section: number, walk: (screen: Screen, section: number) => void])[] = [];
  const regions: ScreenedRegion[] = [];
  const add = (section: number, walk: (screen: Screen, section: number) => void) => {
    if (section !== 0) tables.push([section, walk]);
  };
  add(findAllocated(state, EX_TABLE), screenExceptions);
  if (genericBug) add(findAny(state, BUG_TABLE), screenBugs);
  if (jumpLabel) add(findAllocated(state, JUMP_TABLE), screenJumpLabels);
  for (const table of FEATURE_TABLES) add(findAny(state, table), (s, i) => screenFeatures(s, i, regions));
  add(findAny(state, LWSYNC_FIXUP), (s, i) => screenPlaces(s, i, regions));
  for (const table of pointerTables(state)) add(table.section, s => screenPointers(s, table));
  const classes = debugClasses(state);
  if (classes !== undefined) add(classes.section, s => screenNames(s, classes.section, classes.names));
  if (findAny(state, SPEC_BARRIER) !== 0) throw new NeedsImage();
  if (tables.length === 0) return regions;
  const screen = new Screen(state);
  for (const [section, walk] of tables) walk(screen, section);
  return regions;
}

function require(holds: boolean): void {
  if (!holds) throw new NeedsImage();
}

/** The word of a relocation at this offset, of that type; the walks below expect relocations in the order of the fields. */
function field(screen: Screen, at: number, end: number, offset: number, type: number): number {
  const { words } = screen;
  require(at < end && words[at] === offset && words[at + 1] === 0 && words[at + 2] === type);
  return at;
}

function entries(screen: Screen, section: number, size: number): number {
  const bytes = screen.state.headers.size[section]!;
  require(bytes % size === 0);
  return bytes / size;
}

function requireWritten(screen: Screen, section: number): void {
  require((screen.state.headers.flags[section]! & SHF_WRITE) !== 0);
}

function screenExceptions(screen: Screen, section: number): void {
  const [first, end] = screen.relocations(section);
  const count = entries(screen, section, 8) * 2;
  require(end - first === count * RELA_WORDS);
  for (let i = 0, at = first; i < count; i++, at += RELA_WORDS) {
    screen.target(field(screen, at, end, i * 4, R_PPC64_REL32), 0, 4);
    require(screen.isCode);
  }
}

function screenBugs(screen: Screen, section: number): void {
  const size = screen.state.kernel.structures.sizes.bug_entry ?? 12;
  const [first, end] = screen.relocations(section);
  const count = entries(screen, section, size);
  const kept = SHF_ALLOC | SHF_WRITE;
  require(count === 0 || (screen.state.headers.flags[section]! & kept) === kept);
  let at = first;
  for (let i = 0; i < count; i++) {
    screen.target(field(screen, at, end, i * size, R_PPC64_REL32), 0, 4);
    require(screen.isCode);
    // Then what names the file and, in some kernels, the message.
    do at += RELA_WORDS;
    while (at < end && screen.words[at]! < (i + 1) * size);
  }
}

function screenJumpLabels(screen: Screen, section: number): void {
  const [first, end] = screen.relocations(section);
  const count = entries(screen, section, 16);
  if (count > 0) requireWritten(screen, section);
  require(end - first === count * 3 * RELA_WORDS);
  for (let i = 0, at = first; i < count; i++, at += 3 * RELA_WORDS) {
    screen.target(field(screen, at, end, i * 16, R_PPC64_REL32), 0, 4);
    require(screen.isCode);
    // A label may stand behind the last instruction.
    screen.target(field(screen, at + RELA_WORDS, end, i * 16 + 4, R_PPC64_REL32), 0, 0);
    require(screen.isCode);
    const key = field(screen, at + 2 * RELA_WORDS, end, i * 16 + 8, R_PPC64_REL64);
    screen.symbol(screen.words[key + 3]!);
    if (screen.isUndefined) {
      requireForeignKey(screen, screen.words[key + 3]!, screen.words[key + 4]!, screen.words[key + 5]!);
      continue;
    }
    // A key is 16 bytes; the low bits of the address are flags.
    const offset = screen.target(key, 0, 13);
    require(screen.isWritable && (offset & ~3) + 16 <= screen.state.headers.size[screen.section]!);
  }
}

/** A key in data of the kernel, or in another module. Addend by halves. */
function requireForeignKey({ state }: Screen, symbol: number, addend: number, addendHigh: number): void {
  require(addendHigh === 0 && addend < LONGEST_KEYS);
  const low = state.symbolLow[symbol]! + (addend & ~3);
  const high = state.symbolHigh[symbol]!;
  if (low > 0xffff_ffff) throw new NeedsImage();
  // Another module's exports lie where vmalloc has memory.
  if (high >= 0xc008_0000) return;
  require(isPlainKernelData(state, low, high));
}

/** Four fields relative to the entry's start: S + A is the target plus the field's offset. */
function screenFeatures(screen: Screen, section: number, regions: ScreenedRegion[]): void {
  const [first, end] = screen.relocations(section);
  const count = entries(screen, section, 48);
  require(end - first === count * 4 * RELA_WORDS);
  for (let i = 0, at = first; i < count; i++, at += 4 * RELA_WORDS) {
    const place = (number: number) => {
      const offset = 16 + number * 8;
      const word = field(screen, at + number * RELA_WORDS, end, i * 48 + offset, R_PPC64_REL64);
      return screen.target(word, offset, -offset) - offset;
    };
    const start = place(0);
    const region = { section: screen.section, start, end: place(1) };
    require(screen.isCode && screen.section === region.section && start <= region.end);
    const from = place(2);
    const alternative = screen.section;
    const to = place(3);
    require(screen.section === alternative && from <= to && to - from <= region.end - start);
    regions.push(region);
  }
}

function screenPlaces(screen: Screen, section: number, regions: ScreenedRegion[]): void {
  const [first, end] = screen.relocations(section);
  const count = entries(screen, section, 8);
  require(end - first === count * RELA_WORDS);
  for (let i = 0, at = first; i < count; i++, at += RELA_WORDS) {
    const start = screen.target(field(screen, at, end, i * 8, R_PPC64_REL64), 0, 4);
    require(screen.isCode);
    regions.push({ section: screen.section, start, end: start + 4 });
  }
}

function screenPointers(screen: Screen, { section, size, isWritten, inner, isTableWritten }: PointerTable): void {
  const [first, end] = screen.relocations(section);
  const count = entries(screen, section, 8);
  require(end - first === count * RELA_WORDS);
  const targets = new Set<number>();
  for (let i = 0, at = first; i < count; i++, at += RELA_WORDS) {
    const offset = screen.target(field(screen, at, end, i * 8, R_PPC64_ADDR64), 0, size === undefined ? 1 : size || 1);
    require(isWritten ? screen.isWritable : screen.isAllocated);
    if (size !== 0) targets.add(screen.section * 0x1_0000_0000 + offset);
  }
  if (isTableWritten) requireWritten(screen, section);
  for (const at of inner) screen.requireFilled(targets, at);
  screen.requireObjects(targets, size);
}

/** A pointer into the module at each of these places, which come in ascending order. */
function screenNames(screen: Screen, section: number, places: readonly number[]): void {
  requireWritten(screen, section);
  const [first, end] = screen.relocations(section);
  let at = first;
  for (const place of places) {
    while (at < end && screen.words[at] !== place) at += RELA_WORDS;
    screen.target(field(screen, at, end, place, R_PPC64_ADDR64), 0, 1);
    require(screen.isAllocated);
  }
}
