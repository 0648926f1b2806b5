/**
 * What the loader writes into the section headers of its copy of the file while it lays the module out (layout_sections,
 * layout_symtab, move_module). It matters where something else is read from there: a table of names that ends before its last
 * name, with the headers behind it.
 *
 * `sh_entsize` holds a section's place: its offset, with the number of the memory area in the highest four bits (6.4), or with the
 * highest bit for the init area (to 6.3); all bits are set where it has none.
 */
import { isInitKind } from './areas.ts';
import type { MemoryKind } from './model.ts';
import type { LoadState } from './state.ts';

/** Bytes of a section header, and where the fields are that the loader changes. */
const HEADER_SIZE = 64;
const FLAGS = 8;
const ADDRESS = 16;
const SIZE = 32;
const ALIGNMENT = 48;
const ENTRY_SIZE = 56;

const NOWHERE = 0xffff_ffff_ffff_ffffn;

function placeAsEntrySize(state: LoadState, section: number): bigint {
  const place = state.places[section];
  if (place === undefined || place.memory === 'percpu') return NOWHERE;
  const offset = BigInt(place.offset);
  if (!state.rules.memoryAreas) return isInitKind(place.memory) ? offset | (1n << 63n) : offset;
  const kind: MemoryKind = place.memory;
  return offset | (BigInt(state.areas.findIndex(area => area.kind === kind)) << 60n);
}

/** @param withAddresses when the sections have theirs */
export function writeHeaders(state: LoadState, withAddresses: boolean): void {
  const { headers, view, index } = state;
  for (let i = 0; i < headers.count; i++) {
    const at = headers.table + i * HEADER_SIZE;
    view.setUint32(at + FLAGS, headers.flags[i]!, true);
    view.setBigUint64(at + ENTRY_SIZE, placeAsEntrySize(state, i), true);
    if (i === index.stubs || i === state.arch.gotSection) view.setBigUint64(at + SIZE, BigInt(headers.size[i]!), true);
    if (i === index.toc || i === state.arch.gotSection)
      view.setBigUint64(at + ALIGNMENT, BigInt(headers.alignment[i]!), true);
    if (!withAddresses) continue;
    view.setUint32(at + ADDRESS, headers.addressLow[i]!, true);
    view.setUint32(at + ADDRESS + 4, headers.addressHigh[i]!, true);
  }
}

/**
 * Whether bytes of the file are those of an address that only the running kernel knows: one in its temporary copy, or any where
 * the caller did not say where the module lies.
 */
export function hasUnknownAddress(state: LoadState, from: number, to: number): boolean {
  const { table } = state.headers;
  for (let i = 1; i < state.headers.count; i++) {
    const at = table + i * HEADER_SIZE + ADDRESS;
    const isKnown = state.places[i] !== undefined && state.request.placement.kind !== 'base';
    if (!isKnown && from < at + 8 && to > at) return true;
  }
  return false;
}
