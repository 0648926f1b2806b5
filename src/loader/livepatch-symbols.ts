/** `klp_find_object_symbol()`: symbols of the kernel and of other modules by name and position, exported or not. */
import { SHN_UNDEF } from '../elf/constants.ts';
import { SYMBOL_SIZE } from './arch.ts';
import { textAt } from './headers.ts';
import { type LivepatchName, VMLINUX } from './livepatch-names.ts';
import type { LoadedModule } from './model.ts';
import type { LoadState } from './state.ts';

/**
 * Addresses of all symbols of a name in a module, in the order of its kallsyms: none where it is not loaded, `undefined` where
 * its symbols are not known here.
 */
export type ObjectSymbols = (object: string, symbol: string) => readonly bigint[] | undefined;

/** Symbols of modules whose init functions are done: only those that kallsyms keeps count. */
export function symbolsOf(modules: ReadonlyMap<string, LoadedModule>): ObjectSymbols {
  return (object, symbol) => {
    const module = modules.get(object);
    if (module === undefined) return [];
    if (module.image?.kallsyms === undefined) return undefined;
    const { symtab, strtab } = module.image.kallsyms;
    const view = new DataView(symtab.buffer, symtab.byteOffset, symtab.length);
    const found: bigint[] = [];
    for (let at = 0; at + SYMBOL_SIZE <= symtab.length; at += SYMBOL_SIZE) {
      if (view.getUint16(at + 6, true) === SHN_UNDEF) continue;
      if (textAt(strtab, view.getUint32(at, true)) === symbol) found.push(view.getBigUint64(at + 8, true));
    }
    return found;
  };
}

/** The same with a module that is just coming: all symbols of its file count, those of its init sections too. */
export function symbolsWith(coming: LoadState): ObjectSymbols {
  const others = symbolsOf(coming.request.modules);
  return (object, symbol) => {
    if (object !== coming.name) return others(object, symbol);
    const { headers, index, view, bytes, symbolLow, symbolHigh } = coming;
    const table = headers.offset[index.symtab]!;
    const strings = headers.offset[index.strtab]!;
    const found: bigint[] = [];
    for (let i = 1; i < symbolLow.length; i++) {
      const at = table + i * SYMBOL_SIZE;
      if (view.getUint16(at + 6, true) === SHN_UNDEF) continue;
      if (textAt(bytes, strings + view.getUint32(at, true)) !== symbol) continue;
      found.push((BigInt(symbolHigh[i]!) << 32n) | BigInt(symbolLow[i]!));
    }
    return found;
  };
}

function kernelAddresses(state: LoadState, symbol: string): readonly bigint[] {
  const moved = (state.request.runningToc ?? state.kernel.toc) - state.kernel.toc;
  return state.kernel.symbols.find(symbol).map(address => BigInt.asUintN(64, address + moved));
}

/**
 * @returns the address, or `undefined` where the object's symbols are not known here (`state.unknown` says so)
 * @throws KernelRefusal EINVAL with the kernel's message
 */
export function findSymbol(state: LoadState, name: LivepatchName, symbols: ObjectSymbols): bigint | undefined {
  const { object, symbol, position } = name;
  const all = object === VMLINUX ? kernelAddresses(state, symbol) : symbols(object, symbol);
  if (all === undefined) {
    state.unknown.push(`the symbols of ${object}, where ${symbol} is looked for, are not known`);
    return undefined;
  }
  // The search ends at the position, or, where none is given, at the second of the name.
  const wanted = position === 0n ? 2 : position > BigInt(all.length) ? all.length : Number(position);
  const seen = all.slice(0, wanted);
  const address = seen.at(-1) ?? 0n;
  const say = (text: string) => state.refuse('EINVAL', `livepatch: ${text}`);
  if (address === 0n) say(`symbol '${symbol}' not found in symbol table`);
  if (seen.length > 1 && position === 0n)
    say(`unresolvable ambiguity for symbol '${symbol}' in object '${object === VMLINUX ? '(null)' : object}'`);
  if (position > 0n && position !== BigInt(seen.length))
    say(`symbol position ${position} for symbol '${symbol}' in object '${object}' not found`);
  return address;
}
