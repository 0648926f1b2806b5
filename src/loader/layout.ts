/**
 * `layout_and_allocate()` of kernel/module/main.c between the architecture's part and the copying: which memory area each
 * allocated section goes to, and where in it. To 6.3 a module has two areas, each with code, read-only data, data that becomes
 * read-only and data, on pages of their own; from 6.4 on each of these is an area.
 */
import { SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE } from '../elf/constants.ts';
import { align32, appendSection, areaOf, strictAlign } from './areas.ts';
import { findAllocated } from './find-section.ts';
import { writeHeaders } from './header-copy.ts';
import { layoutSymtab } from './kallsyms.ts';
import type { MemoryKind } from './model.ts';
import { knownName } from './section-names.ts';
import type { LoadState } from './state.ts';

/** A flag of the kernel alone: `SHF_RO_AFTER_INIT`. */
export const SHF_RO_AFTER_INIT = 0x0020_0000;

const RO_AFTER_INIT = [knownName('.data..ro_after_init'), knownName('__jump_table')];

/** [flags that a section must have, flags that it must not have], in the order in which areas are filled. */
const MASKS: readonly (readonly [wanted: number, excluded: number])[] = [
  [SHF_EXECINSTR | SHF_ALLOC, 0],
  [SHF_ALLOC, SHF_WRITE],
  [SHF_RO_AFTER_INIT | SHF_ALLOC, 0],
  [SHF_WRITE | SHF_ALLOC, 0],
  [SHF_ALLOC, 0],
];

const CORE_KINDS: readonly MemoryKind[] = ['text', 'rodata', 'ro_after_init', 'data', 'data'];
/** There is no area for init data that becomes read-only: such a section stays without a place. */
const INIT_KINDS: readonly (MemoryKind | undefined)[] = [
  'init_text',
  'init_rodata',
  undefined,
  'init_data',
  'init_data',
];

/** `enum mod_mem_type` in its order. */
const ALL_KINDS: readonly MemoryKind[] = [
  'text',
  'data',
  'rodata',
  'ro_after_init',
  'init_text',
  'init_data',
  'init_rodata',
];

/** Bytes of an area from which on the answer depends on how much memory the machine has. */
const TOO_LARGE = 0x4000_0000;

/** `module_init_layout_section()`: powerpc treats nothing as init, so only exit sections of kernels that never unload are. */
function isInitSection(state: LoadState, section: number): boolean {
  return !state.kernel.options.moduleUnload && state.headers.text(section).startsWith('.exit');
}

/** Per-cpu data has no place in an area, and some data becomes read-only after init. */
function prepareFlags(state: LoadState): void {
  const { headers, index } = state;
  headers.flags[index.percpu] = headers.flags[index.percpu]! & ~SHF_ALLOC;
  for (const name of RO_AFTER_INIT) {
    if (!state.rules.marksAllReadOnlyAfterInit) {
      const section = findAllocated(state, name);
      if (section !== 0) headers.flags[section] = headers.flags[section]! | SHF_RO_AFTER_INIT;
      continue;
    }
    for (let i = 1; i < headers.count; i++)
      if (headers.nameId[i] === name) headers.flags[i] = headers.flags[i]! | SHF_RO_AFTER_INIT;
  }
}

/** All sections of one half (core or init) for one mask. */
function placeMatching(state: LoadState, pass: number, isInit: boolean, kind: MemoryKind | undefined): void {
  const { count, flags } = state.headers;
  const [wanted, excluded] = MASKS[pass]!;
  if (kind === undefined) return;
  const area = areaOf(state, kind);
  for (let i = 0; i < count; i++) {
    if ((flags[i]! & wanted) !== wanted || (flags[i]! & excluded) !== 0) continue;
    if (state.places[i] !== undefined || isInitSection(state, i) !== isInit) continue;
    state.places[i] = { memory: kind, offset: appendSection(state, area, i) };
  }
}

/** To 6.3: `layout_sections()` with two areas, whose parts begin on pages. */
function layoutTwoAreas(state: LoadState): void {
  for (const kind of ['core', 'init'] as const) {
    const area = areaOf(state, kind);
    for (let pass = 0; pass < MASKS.length; pass++) {
      placeMatching(state, pass, kind === 'init', kind);
      const endsPart = pass === 0 || pass === 1 || pass === 4 || (pass === 2 && kind === 'core');
      if (endsPart) area.size = strictAlign(state, area.size);
    }
  }
}

/** From 6.4: `__layout_sections()`, first for the core, then for init. */
function layoutSevenAreas(state: LoadState): void {
  for (const isInit of [false, true])
    for (let pass = 0; pass < MASKS.length; pass++)
      placeMatching(state, pass, isInit, (isInit ? INIT_KINDS : CORE_KINDS)[pass]);
}

/**
 * `module_enforce_rwx_sections()`: no section may be writable and executable.
 *
 * @throws KernelRefusal ENOEXEC
 */
export function enforceRwxSections(state: LoadState): void {
  const { headers } = state;
  if (!state.kernel.options.strictModuleRwx) return;
  const both = SHF_WRITE | SHF_EXECINSTR;
  for (let i = 0; i < headers.count; i++)
    if ((headers.flags[i]! & both) === both)
      state.refuse('ENOEXEC', `${state.name}: section ${headers.text(i)} (index ${i}) has invalid WRITE|EXEC flags`);
}

/** Fills `state.areas` (sizes) and `state.places`, kallsyms' tables included. Addresses come with `moveModule`. */
export function layoutSections(state: LoadState): void {
  const { memoryAreas } = state.rules;
  prepareFlags(state);
  state.areas = (memoryAreas ? ALL_KINDS : (['core', 'init'] as const)).map(kind => ({ kind, size: 0, base: 0n }));
  state.places = new Array<undefined>(state.headers.count).fill(undefined);
  if (memoryAreas) layoutSevenAreas(state);
  else layoutTwoAreas(state);
  if (state.arch.exact) writeHeaders(state, false);
  if (state.kernel.options.kallsyms) layoutSymtab(state);
  for (const area of state.areas) {
    if (memoryAreas) area.size = align32(area.size, state.kernel.options.pageSize);
    if (area.size <= TOO_LARGE) continue;
    state.unknown.push(`whether the machine has ${area.size} bytes of memory for the module`);
    state.refuse('ENOMEM');
  }
}
