/**
 * What `module_finalize()` of powerpc does with the module's fixup tables (arch/powerpc/kernel/module.c and
 * lib/feature-fixups.c of 6.1, 6.12 and 7.2).
 *
 * Entries of `__ftr_fixup`, `__mmu_ftr_fixup` and `__fw_ftr_fixup` say: where the features under `mask` are not `value`, the
 * code from start to end becomes the alternative, filled up with nops. Which features there are the running machine knows;
 * the twin computes what comes out the same on every machine that the kernel supports, and leaves the rest out.
 *
 * The barriers that the compiler's users mark lie in `__barrier_nospec_fixup`, while the loader asks for
 * `__spec_barrier_fixup`: modules keep the nops they were built with.
 */
import { NOP } from '../ppc64/words.ts';
import { isRelativeBranch, movedBranch, relativeTarget } from './branch-words.ts';
import { findAny } from './find-section.ts';
import { type ModuleMemory, type Spot, wrapping } from './memory.ts';
import { knownName } from './section-names.ts';
import type { LoadState } from './state.ts';

/** lwsync */
const LWSYNC = 0x7c2004ac;

/**
 * Bits of `cpu_features` that are set on every little-endian 64-bit processor that these kernels start on (CPU_FTRS_ALWAYS),
 * those left out that firmware may clear: COHERENT_ICACHE, LWSYNC, ARCH_206, STCX_CHECKS_ADDRESS, POPCNTB, POPCNTD.
 */
const ALWAYS = 0x3_8000_8081n;

/** Bytes of `struct fixup_entry`: mask, value, four offsets from the entry's start. */
const FEATURE_ENTRY = 48;
/** Bytes of an entry that only names a place: its offset from the entry's start. */
const PLACE_ENTRY = 8;

const FEATURE_TABLES = [
  { id: knownName('__ftr_fixup'), name: '__ftr_fixup', always: ALWAYS, decides: 'features of the processor' },
  {
    id: knownName('__mmu_ftr_fixup'),
    name: '__mmu_ftr_fixup',
    always: 0n,
    decides: 'features of the memory management unit',
  },
  { id: knownName('__fw_ftr_fixup'), name: '__fw_ftr_fixup', always: 0n, decides: 'features of the firmware' },
] as const;
const SPEC_BARRIER = knownName('__spec_barrier_fixup');
const LWSYNC_FIXUP = knownName('__lwsync_fixup');

/** Code from `start` up to `end` that the loader may rewrite; addresses. */
export interface FixupRegion {
  readonly start: bigint;
  readonly end: bigint;
  readonly table: string;
}

/**
 * Applies the tables in the kernel's order.
 *
 * @returns the code that they name
 */
export function applyFeatureFixups(state: LoadState, memory: ModuleMemory): FixupRegion[] {
  const regions: FixupRegion[] = [];
  for (const table of FEATURE_TABLES) {
    const section = tableOf(state, table.id);
    if (section === 0) continue;
    const fixups = new FeatureTable(state, memory, section, table);
    for (let at = 0; at < state.headers.size[section]!; at += FEATURE_ENTRY) {
      if (!isWhole(state, memory, section, at, FEATURE_ENTRY)) break;
      const region = fixups.apply(at);
      if (region !== undefined) regions.push(region);
    }
  }
  places(state, memory, SPEC_BARRIER, (spot, address) => {
    state.exclude(spot.section, {
      offset: spot.offset,
      length: 4,
      reason: 'speculation barrier: whether the machine needs it decides',
    });
    regions.push({ start: address, end: address + 4n, table: '__spec_barrier_fixup' });
  });
  places(state, memory, LWSYNC_FIXUP, (spot, address) => {
    memory.view(spot.section).setUint32(spot.offset, LWSYNC, true);
    regions.push({ start: address, end: address + 4n, table: '__lwsync_fixup' });
  });
  return regions;
}

/** The table's section; 0 where there is none to walk. */
function tableOf(state: LoadState, id: number): number {
  const section = findAny(state, id);
  if (section === 0 || state.places[section] !== undefined) return section;
  const name = state.headers.text(section);
  if (state.headers.size[section]! > 0)
    state.danger(
      'FTR206',
      `${name} is not allocated: the kernel applies its entries though nothing relocated them`,
      name,
    );
  return 0;
}

/** The kernel takes entries as long as they begin in the section; the last one may end behind it. */
function isWhole(state: LoadState, memory: ModuleMemory, section: number, at: number, size: number): boolean {
  if (memory.isOwn(memory.addressOf(section) + BigInt(at), size)) return true;
  const name = state.headers.text(section);
  state.danger('FTR206', `the kernel reads the last entry of ${name} beyond the module's memory`, name);
  return false;
}

function places(
  state: LoadState,
  memory: ModuleMemory,
  id: number,
  patch: (spot: Spot, address: bigint) => void,
): void {
  const section = tableOf(state, id);
  if (section === 0) return;
  const base = memory.addressOf(section);
  for (let at = 0; at < state.headers.size[section]!; at += PLACE_ENTRY) {
    if (!isWhole(state, memory, section, at, PLACE_ENTRY)) break;
    const entry = base + BigInt(at);
    const address = wrapping(entry, memory.doubleword(entry)!);
    const spot = memory.find(address, 4);
    if (!memory.isCode(spot)) outside(state, memory, section, at, address, 4, spot);
    if (spot !== undefined) patch(spot, address);
  }
}

/** An entry that names something else than code: the kernel writes there all the same. */
function outside(
  state: LoadState,
  memory: ModuleMemory,
  section: number,
  offset: number,
  address: bigint,
  length: number,
  spot: Spot | undefined,
): void {
  if (!memory.isOwn(address, length)) state.dangerous = true;
  state.remark({
    code: 'FTR206',
    level: 'error',
    message:
      spot === undefined
        ? "an entry names a place outside the module's sections, and the kernel writes there"
        : `an entry names a place in ${memory.name(spot.section)}, which is no code`,
    section: memory.name(section),
    offset,
  });
}

/** A signed distance in instructions, as the kernel subtracts `u32` pointers. */
const words = (from: bigint, to: bigint) => BigInt.asIntN(64, to - from) >> 2n;

class FeatureTable {
  readonly #state: LoadState;
  readonly #memory: ModuleMemory;
  readonly #section: number;
  readonly #table: (typeof FEATURE_TABLES)[number];
  readonly #base: bigint;

  constructor(state: LoadState, memory: ModuleMemory, section: number, table: (typeof FEATURE_TABLES)[number]) {
    this.#state = state;
    this.#memory = memory;
    this.#section = section;
    this.#table = table;
    this.#base = memory.addressOf(section);
  }

  /** `patch_feature_section()` for the entry at `at`, which lies in the module's memory. */
  apply(at: number): FixupRegion | undefined {
    const field = (offset: number) => this.#memory.doubleword(this.#base + BigInt(at + offset))!;
    const address = (offset: number) => wrapping(this.#base + BigInt(at), field(offset));
    const start = address(16);
    const end = address(24);
    const from = address(32);
    const to = address(40);
    if (words(from, to) > words(start, end)) {
      this.#failed(at, 'the alternative is longer than the code that it replaces');
      return undefined;
    }
    const outcome = decided(field(0), field(8), this.#table.always);
    // Nothing to rewrite; and what always stays as it is does no harm, wherever it is said to lie.
    if (start >= end) return undefined;
    const spot = this.#memory.find(start, Number(end - start));
    if (!this.#memory.isCode(spot) && outcome !== 'kept')
      outside(this.#state, this.#memory, this.#section, at, start, Number(end - start), spot);
    if (from < to && outcome !== 'kept' && !this.#memory.isOwn(from, Number(to - from))) {
      this.#state.danger('FTR206', 'an entry takes its alternative from outside the module', this.#table.name);
      return undefined;
    }
    if (outcome === 'replaced' && this.#memory.isOwn(start, Number(end - start)))
      this.#replace(at, start, end, from, to);
    else if (outcome === 'machine' && spot !== undefined)
      this.#state.exclude(spot.section, {
        offset: spot.offset,
        length: Number(end - start),
        reason: `feature fixup: the ${this.#table.decides} decide`,
      });
    return { start, end, table: this.#table.name };
  }

  #replace(at: number, start: bigint, end: bigint, from: bigint, to: bigint): void {
    let source = from;
    let place = start;
    while (source < to) {
      const length = this.#copy(source, place, from, to);
      if (length === 0) {
        this.#failed(at, 'a branch of the alternative does not reach its target from where it is put');
        return;
      }
      source += BigInt(length);
      place += BigInt(length);
    }
    for (; place < end; place += 4n) this.#memory.setWord(place, NOP);
  }

  /** `patch_alt_instruction()`. @returns bytes of the instruction, 0 where its branch cannot be moved */
  #copy(source: bigint, place: bigint, from: bigint, to: bigint): number {
    let word = this.#memory.word(source) ?? 0;
    const prefixed = word >>> 26 === 1;
    if (prefixed) this.#memory.setWord(place + 4n, this.#memory.word(source + 4n) ?? 0);
    else if (isRelativeBranch(word)) {
      const target = relativeTarget(source, word);
      if (target < from || target > to) {
        const moved = movedBranch(word, source, place);
        if (moved === undefined) return 0;
        word = moved;
      }
    }
    this.#memory.setWord(place, word);
    return prefixed ? 8 : 4;
  }

  /** What the kernel says of an entry that it cannot apply; it goes on with the next. Nobody can know the hashes that it prints for its pointers. */
  #failed(at: number, why: string): void {
    this.#state.print(
      'warning',
      'Unable to patch feature section at (____ptrval____) - (____ptrval____) with (____ptrval____) - (____ptrval____)',
    );
    this.#state.remark({
      code: 'FTR205',
      level: 'error',
      message: `the kernel cannot apply a feature fixup: ${why}`,
      section: this.#memory.name(this.#section),
      offset: at,
    });
  }
}

/** Whether the code stays, is replaced, or only the machine decides. */
export function decided(mask: bigint, value: bigint, always: bigint): 'kept' | 'replaced' | 'machine' {
  // Features that are known, and a value that asks for more than the mask shows.
  if ((value & ~mask) !== 0n || (value & always) !== (mask & always)) return 'replaced';
  return (mask & ~always) === 0n ? 'kept' : 'machine';
}
