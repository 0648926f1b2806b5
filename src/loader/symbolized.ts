/** Addresses of the module as `%pS` prints them: kernel/module/kallsyms.c (`find_kallsyms_symbol`) and kernel/kallsyms.c. */
import { SHF_EXECINSTR, SHN_UNDEF } from '../elf/constants.ts';
import { alignUp } from '../util/bytes.ts';
import { SYMBOL_SIZE } from './arch.ts';
import { isInitKind } from './areas.ts';
import { textAt } from './headers.ts';
import type { LoadState } from './state.ts';

/** Where the code of the kept or of the init part ends, as far as the kernel knows. */
function endOfText(state: LoadState, isInit: boolean): bigint {
  const { headers, places, areas, kernel } = state;
  let end = 0n;
  for (let i = 1; i < headers.count; i++) {
    const place = places[i];
    if (place === undefined || isInitKind(place.memory) !== isInit || (headers.flags[i]! & SHF_EXECINSTR) === 0)
      continue;
    const base = areas.find(area => area.kind === place.memory)?.base ?? 0n;
    const last = place.offset + headers.size[i]!;
    const here = base + BigInt(kernel.options.strictModuleRwx ? alignUp(last, kernel.options.pageSize) : last);
    if (here > end) end = here;
  }
  return end;
}

/** `NAME+0xOFFSET/0xSIZE [MODULE]` once kallsyms looks into the module, else the bare address. */
export function symbolized(state: LoadState, address: bigint): string {
  const bare = `0x${address.toString(16)}`;
  if (!state.isFormed) return bare;
  const { headers, index, view, bytes, symbolLow, symbolHigh } = state;
  const isInit = state.areas.some(
    ({ kind, base, size }) => isInitKind(kind) && address >= base && address < base + BigInt(size),
  );
  const table = headers.offset[index.symtab]!;
  const strings = headers.offset[index.strtab]!;
  let next = endOfText(state, isInit);
  let best = 0;
  let start = 0n;
  for (let i = 1; i < symbolLow.length; i++) {
    const at = table + i * SYMBOL_SIZE;
    const name = strings + view.getUint32(at, true);
    if (view.getUint16(at + 6, true) === SHN_UNDEF || bytes[name] === 0) continue;
    const value = (BigInt(symbolHigh[i]!) << 32n) | BigInt(symbolLow[i]!);
    if (value <= address && value > start) {
      best = i;
      start = value;
    }
    if (value > address && value < next) next = value;
  }
  if (best === 0) return bare;
  const name = textAt(bytes, strings + view.getUint32(table + best * SYMBOL_SIZE, true));
  const size = BigInt.asUintN(64, next - start);
  return `${name}+0x${(address - start).toString(16)}/0x${size.toString(16)} [${state.name}]`;
}
