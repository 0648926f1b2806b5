/**
 * `move_module()` of kernel/module/main.c: gives every area and section its address and copies the sections' bytes there. With
 * `checkOnly` only the addresses are set.
 */
import { SHF_ALLOC, SHT_NOBITS } from '../elf/constants.ts';
import { alignUp } from '../util/bytes.ts';
import type { AreaMemory } from './arch.ts';
import { writeHeaders } from './header-copy.ts';
import { kernelAddress } from './kernel-addresses.ts';
import { setUnformed } from './module-structure.ts';
import { remarkOnSharing } from './overlaps.ts';
import type { LoadState } from './state.ts';

const MASK = 0xffff_ffff_ffff_ffffn;

/**
 * How far below the first area the twin imagines the kernel's temporary copy of the file, in bytes. Sections that are not kept
 * have addresses there while the module is loaded; what they are only the running kernel knows.
 */
const TEMPORARY_DISTANCE = 0x100_0000n;

const TWO_32 = 0x1_0000_0000;

const PERCPU_NAME = '.data..percpu';

export function sectionAddress(state: LoadState, section: number): bigint {
  const { addressLow, addressHigh } = state.headers;
  return (BigInt(addressHigh[section]!) << 32n) | BigInt(addressLow[section]!);
}

function setSectionAddress(state: LoadState, section: number, base: Halves, offset: number): void {
  const low = base.low + (offset % TWO_32);
  state.headers.addressLow[section] = low;
  state.headers.addressHigh[section] = base.high + Math.floor(offset / TWO_32) + (low >= TWO_32 ? 1 : 0);
}

/** A 64-bit address for loops. */
interface Halves {
  readonly low: number;
  readonly high: number;
}

function halves(address: bigint): Halves {
  return { low: Number(address & 0xffff_ffffn), high: Number(address >> 32n) };
}

/** Bases of the areas from the sections' addresses: of each area the first section whose address is known tells. */
function basesFromSections(state: LoadState, addresses: ReadonlyMap<string, bigint>): void {
  for (let i = 0; i < state.headers.count; i++) {
    const place = state.places[i];
    if (place === undefined) continue;
    const area = state.areas.find(candidate => candidate.kind === place.memory)!;
    const address = area.base === 0n ? addresses.get(state.headers.text(i)) : undefined;
    if (address !== undefined) area.base = (address - BigInt(place.offset)) & MASK;
  }
}

function setBases(state: LoadState): void {
  const { placement } = state.request;
  const { pageSize } = state.kernel.options;
  if (placement.kind === 'sections') basesFromSections(state, placement.addresses);
  else if (placement.kind === 'bases') {
    for (const area of state.areas) if (area.size > 0) area.base = placement.bases.get(area.kind) ?? 0n;
  } else {
    let next = placement.base;
    for (const area of state.areas) {
      if (area.size === 0) continue;
      area.base = next;
      next += BigInt(alignUp(area.size, pageSize));
    }
  }
}

/** `mod->percpu`: given, or (only relocations depend on it) the start of the kernel's own per-cpu data. */
function percpuAddress(state: LoadState): bigint {
  const { placement } = state.request;
  if (placement.kind === 'sections') return placement.addresses.get(PERCPU_NAME) ?? 0n;
  if (placement.kind === 'bases' && placement.percpu !== undefined) return placement.percpu;
  return kernelAddress(state, '__per_cpu_start') ?? 0n;
}

function emptyMemory(state: LoadState, kind: AreaMemory['kind'], base: bigint, size: number): AreaMemory {
  // The areas of a livepatch are told apart by their buffers.
  const bytes = (state.livepatch ? undefined : state.request.memory)?.zeroed(size) ?? new Uint8Array(size);
  return { kind, base, bytes, view: new DataView(bytes.buffer, bytes.byteOffset, size) };
}

/** Copies the kept sections; `sh_size` bytes of the file each, which for `.stubs` may be more than the section has. */
function copySections(state: LoadState): void {
  const { headers, arch, index } = state;
  const { pageSize } = state.kernel.options;
  arch.memory = state.areas.map(area => emptyMemory(state, area.kind, area.base, alignUp(area.size, pageSize)));
  for (let i = 0; i < headers.count; i++) {
    const place = state.places[i];
    if (place === undefined || (headers.flags[i]! & SHF_ALLOC) === 0) continue;
    const memory = arch.memory.find(area => area.kind === place.memory)!;
    const start = headers.offset[i]!;
    const room = memory.bytes.length - place.offset;
    if (headers.type[i] !== SHT_NOBITS) {
      const source = state.bytes.subarray(start, start + headers.size[i]!);
      if (source.length < headers.size[i]! || source.length > room)
        state.danger('REL104', 'the kernel copies more than the file or the memory area holds', headers.text(i));
      // A size that wrapped around in 32 bits leaves sections outside their area.
      if (room > 0) memory.bytes.set(source.subarray(0, room), place.offset);
    }
    state.contents[i] = memory.bytes.subarray(place.offset, place.offset + headers.size[i]!);
  }
  setUnformed(state.contents[index.thisModule]);
  if (index.percpu === 0) return;
  const start = headers.offset[index.percpu]!;
  const percpu = emptyMemory(state, 'percpu', sectionAddress(state, index.percpu), headers.size[index.percpu]!);
  percpu.bytes.set(state.bytes.subarray(start, start + percpu.bytes.length));
  arch.memory.push(percpu);
  state.contents[index.percpu] = percpu.bytes;
}

/** Fills the areas' bases, the sections' addresses and, unless only a check was asked for, `state.contents`. */
export function moveModule(state: LoadState): void {
  const { headers, arch, index } = state;
  const { placement } = state.request;
  setBases(state);
  const first = state.areas.find(area => area.size > 0)?.base ?? 0n;
  arch.temporary = (first - TEMPORARY_DISTANCE) & MASK;
  arch.percpu = index.percpu === 0 ? 0n : percpuAddress(state);
  const bases = new Map<string, Halves>(state.areas.map(area => [area.kind, halves(area.base)]));
  const temporary = halves(arch.temporary);
  for (let i = 1; i < headers.count; i++) {
    const place = state.places[i];
    const given =
      place !== undefined && placement.kind === 'sections' ? placement.addresses.get(headers.text(i)) : undefined;
    if (given !== undefined) setSectionAddress(state, i, halves(given), 0);
    else if (place !== undefined) setSectionAddress(state, i, bases.get(place.memory)!, place.offset);
    else setSectionAddress(state, i, temporary, headers.offset[i]!);
  }
  if (headers.type[index.thisModule] === SHT_NOBITS)
    state.danger(
      'REL111',
      'the module structure has no contents, so the kernel goes on with zeros',
      headers.text(index.thisModule),
    );
  if (!arch.exact) return;
  remarkOnSharing(state);
  copySections(state);
  writeHeaders(state, true);
}
