/** The loaded module as a value, when all steps are done. */
import { SHF_ALLOC, SHN_UNDEF, STT_FUNC } from '../elf/constants.ts';
import { lazy } from '../util/lazy.ts';
import { SYMBOL_SIZE } from './arch.ts';
import { textAt } from './headers.ts';
import type { LoadedImage, LoadedSection, LoadedSymbol } from './model.ts';
import { sectionAddress } from './move.ts';
import type { LoadState } from './state.ts';

const NOTHING = new Uint8Array(0);

function sections(state: LoadState): LoadedSection[] {
  const { headers, index, places, contents, arch } = state;
  const found: LoadedSection[] = [];
  for (let i = 1; i < headers.count; i++) {
    const isPercpu = i === index.percpu;
    const place = places[i];
    if (!isPercpu && (place === undefined || (headers.flags[i]! & SHF_ALLOC) === 0)) continue;
    found.push({
      index: i,
      name: headers.text(i),
      address: isPercpu ? arch.percpu : sectionAddress(state, i),
      size: headers.size[i]!,
      flags: headers.flags[i]!,
      memory: place?.memory ?? 'percpu',
      bytes: contents[i] ?? NOTHING,
      excluded: state.excluded.get(i) ?? [],
    });
  }
  return found;
}

function symbols(state: LoadState, isWanted: (info: number, section: number) => boolean): LoadedSymbol[] {
  const { headers, index, bytes, view } = state;
  const found: LoadedSymbol[] = [];
  const table = headers.offset[index.symtab]!;
  const strings = headers.offset[index.strtab]!;
  for (let i = 1; i < state.symbolLow.length; i++) {
    const at = table + i * SYMBOL_SIZE;
    const info = view.getUint8(at + 4);
    const section = view.getUint16(at + 6, true);
    if (!isWanted(info, section)) continue;
    found.push({
      name: textAt(bytes, strings + view.getUint32(at, true)),
      address: (BigInt(state.symbolHigh[i]!) << 32n) | BigInt(state.symbolLow[i]!),
      size: Number(view.getBigUint64(at + 16, true)),
      info,
      other: view.getUint8(at + 5),
      section,
    });
  }
  return found;
}

/** The tables that stay after init, in the core data. */
function keptTables(state: LoadState): LoadedImage['kallsyms'] | undefined {
  const offsets = state.arch.kallsyms;
  const core = state.arch.memory.find(area => area.kind === (state.rules.memoryAreas ? 'data' : 'core'));
  if (offsets === undefined || core === undefined) return undefined;
  return {
    address: core.base + BigInt(offsets.symbols),
    symtab: core.bytes.subarray(offsets.symbols, offsets.strings),
    strtab: core.bytes.subarray(offsets.strings, offsets.types),
    types: core.bytes.subarray(offsets.types, offsets.types + offsets.kept),
  };
}

/** @returns the module as it lies in memory before its own code has run */
export function loadedImage(state: LoadState): LoadedImage {
  const kallsyms = keptTables(state);
  const all = lazy(() => symbols(state, () => true));
  const functions = lazy(() => symbols(state, (info, section) => (info & 0xf) === STT_FUNC && section !== SHN_UNDEF));
  return {
    name: state.name,
    toc: state.toc,
    sections: sections(state),
    get symbols() {
      return all();
    },
    get functions() {
      return functions();
    },
    stubs: state.stubs,
    ...(state.kernel.livepatchStack && { livepatchStack: state.kernel.livepatchStack }),
    ...(kallsyms === undefined ? {} : { kallsyms }),
  };
}
