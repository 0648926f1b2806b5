/**
 * `simplify_symbols()` of kernel/module/main.c: every symbol's value becomes an address. Undefined ones are looked for in the
 * kernel and then in the modules, latest first; all failures are told, and the last one decides the error.
 */
import { SHN_ABS, SHN_COMMON, SHN_LIVEPATCH, SHN_UNDEF, STB_WEAK } from '../elf/constants.ts';
import { SYMBOL_EXEMPT, SYMBOL_EXTERNAL, SYMBOL_GONE, SYMBOL_PECULIAR, SYMBOL_SIZE } from './arch.ts';
import { ownerOf } from './exporters.ts';
import { isTocName } from './frob.ts';
import { hasUnknownAddress } from './header-copy.ts';
import { stringEnd, textAt } from './headers.ts';
import type { LoadedModule } from './model.ts';
import { sectionAddress } from './move.ts';
import { verifyNamespace } from './namespaces.ts';
import { ERRNO, type ErrnoName, KernelRefusal, type LoadState, NeedsImage } from './state.ts';
import { checkVersionAt } from './versions.ts';

const DOT = 0x2e;
const LOW = 0xffff_ffffn;

/** A symbol's address, or why there is none. */
type Found = Halves | 'missing' | ErrnoName;

interface Halves {
  low: number;
  high: number;
}

/** What `resolve` found last: an object for each import would be hundreds of thousands. */
const found: Halves = { low: 0, high: 0 };

/** `inherit_taint()`: using a proprietary module's symbols makes the user proprietary too, and is refused beside GPL-only ones. */
function inheritTaint(state: LoadState, owner: LoadedModule, name: string): boolean {
  if (owner.gplCompatible) return true;
  if (state.arch.usesGplOnly) {
    state.print(
      'err',
      `${state.name}: module using GPL-only symbols uses symbols ${name} from proprietary module ${owner.name}.`,
    );
    return false;
  }
  if (state.gplCompatible) {
    state.print(
      'warning',
      `${state.name}: module uses symbols ${name} from proprietary module ${owner.name}, inheriting taint.`,
    );
    state.gplCompatible = false;
  }
  return true;
}

/** `resolve_symbol()` for the name at byte `at` of the file. An address is good until the next call. */
function resolve(state: LoadState, at: number): Found {
  const { exports } = state.kernel;
  const index = exports.findBytes(state.bytes, at);
  if (index >= 0) {
    const isGpl = exports.gplOnly(index);
    if (!isGpl || state.gplCompatible) {
      if (isGpl) state.arch.usesGplOnly = true;
      if (!checkVersionAt(state, at, exports.crc(index))) return 'EINVAL';
      const namespace = exports.namespace(index);
      if (namespace !== '' && !verifyNamespace(state, textAt(state.bytes, at), namespace)) return 'EINVAL';
      const running = state.request.running?.(exports.name(index));
      if (running !== undefined) return halvesOf(running);
      found.low = exports.addressLow(index);
      found.high = exports.addressHigh(index);
      return found;
    }
  }
  const name = textAt(state.bytes, at);
  const owned = ownerOf(state, name, state.gplCompatible);
  if (owned === undefined) return 'missing';
  const { module, symbol } = owned;
  if (symbol.gplOnly) state.arch.usesGplOnly = true;
  if (!inheritTaint(state, module, name)) return 'missing';
  if (!checkVersionAt(state, at, symbol.crc)) return 'EINVAL';
  if (!verifyNamespace(state, name, symbol.namespace)) return 'EINVAL';
  state.uses.add(module.name);
  return halvesOf(symbol.address);
}

function halvesOf(address: bigint): Halves {
  found.low = Number(address & LOW);
  found.high = Number(address >> 32n);
  return found;
}

/** Names whose calls need no restore of r2: `is_mprofile_ftrace_call()`. */
export function exemptNames({ kernel }: Pick<LoadState, 'kernel'>): readonly string[] {
  const { options } = kernel;
  if (!options.mprofileKernel && !options.patchableFunctionEntry) return [];
  const names = ['_mcount'];
  if (options.dynamicFtrace) names.push('ftrace_caller');
  if (options.dynamicFtrace && options.dynamicFtraceWithRegs) names.push('ftrace_regs_caller');
  return names;
}

function isOneOf(bytes: Uint8Array, at: number, names: readonly Uint8Array[]): boolean {
  for (const name of names) {
    let i = 0;
    while (i < name.length && bytes[at + i] === name[i]) i++;
    if (i === name.length) return true;
  }
  return false;
}

/** Where the symbols are read: the module's own copy, or with `checkOnly` the file, whose dots are still there. */
interface SymbolTable {
  readonly view: DataView;
  readonly at: number;
  readonly count: number;
  /** Values are written back. */
  readonly isCopy: boolean;
}

function symbolTable(state: LoadState): SymbolTable {
  const { headers, index, arch } = state;
  const count = Math.floor(headers.size[index.symtab]! / SYMBOL_SIZE);
  if (!arch.exact) return { view: state.view, at: headers.offset[index.symtab]!, count, isCopy: false };
  const place = state.places[index.symtab];
  const memory = arch.memory.find(area => area.kind === place?.memory);
  // Without CONFIG_KALLSYMS the symbols stay in the temporary copy.
  if (place === undefined || memory === undefined)
    return { view: state.view, at: headers.offset[index.symtab]!, count, isCopy: true };
  return { view: memory.view, at: place.offset, count, isCopy: true };
}

/** Fills `symbolLow`, `symbolHigh` and `arch.symbolClass`. @throws KernelRefusal with the error of the last failure */
export function simplifySymbols(state: LoadState): void {
  const { headers, index, arch, bytes } = state;
  const { addressLow, addressHigh } = headers;
  const table = symbolTable(state);
  const { view, count } = table;
  const strings = headers.offset[index.strtab]!;
  const stringsSize = headers.size[index.strtab]!;
  const low = new Uint32Array(count);
  const high = new Uint32Array(count);
  const classes = new Uint8Array(count);
  const exempt = exemptNames(state).map(name => Uint8Array.from(`${name}\0`, c => c.charCodeAt(0)));
  const percpuLow = Number(arch.percpu & LOW);
  const percpuHigh = Number(arch.percpu >> 32n);
  const dotted = !table.isCopy && !state.kernel.options.pcrel;
  const toc = tocPointer(state);
  const kernelToc = state.request.runningToc ?? state.kernel.toc;
  const kernelTocLow = Number(kernelToc & LOW);
  const kernelTocHigh = Number(kernelToc >> 32n);
  const nearKernelToc = (l: number, h: number) => {
    const distance = (h - kernelTocHigh) * 0x1_0000_0000 + (l - kernelTocLow);
    return distance >= -0x8000_0000 && distance <= 0x7fff_ffff;
  };
  let tocSeen = false;
  let failure: ErrnoName | undefined;
  // Symbol 0 is not looked at, but relocations may name it: whatever its entry holds counts.
  if (count > 0) {
    low[0] = view.getUint32(table.at + 8, true);
    high[0] = view.getUint32(table.at + 12, true);
    classes[0] = view.getUint16(table.at + 6, true) === SHN_UNDEF ? SYMBOL_EXTERNAL | SYMBOL_PECULIAR : SYMBOL_GONE;
  }
  for (let i = 1; i < count; i++) {
    const at = table.at + i * SYMBOL_SIZE;
    let section = view.getUint16(at + 6, true);
    const nameAt = view.getUint32(at, true);
    if (nameAt >= stringsSize && !table.isCopy) throw new NeedsImage();
    let name = strings + nameAt;
    const other = view.getUint8(at + 5) >> 5;
    if (dotted && section === SHN_UNDEF && bytes[name] === DOT) {
      name++;
      if (isTocName(bytes, name)) section = SHN_ABS;
    }
    // A reserved number of bytes for the local entry: 0, 1 (no room either) and 7 are no normal functions.
    classes[i] = other === 1 || other === 7 ? other | SYMBOL_PECULIAR : other;
    low[i] = view.getUint32(at + 8, true);
    high[i] = view.getUint32(at + 12, true);
    if (section !== SHN_UNDEF && section < headers.count) {
      const isPercpu = section === index.percpu;
      if (!isPercpu && state.places[section] === undefined) classes[i] = classes[i]! | SYMBOL_GONE;
      const sum = low[i]! + (isPercpu ? percpuLow : addressLow[section]!);
      low[i] = sum;
      high[i] = high[i]! + (isPercpu ? percpuHigh : addressHigh[section]!) + (sum > 0xffff_ffff ? 1 : 0);
    } else if (section === SHN_UNDEF) {
      if (name >= bytes.length) readBehindFile(state, i);
      classes[i] = other | SYMBOL_EXTERNAL | (isOneOf(bytes, name, exempt) ? SYMBOL_EXEMPT : 0);
      const answer = resolve(state, name);
      if (typeof answer === 'object') {
        low[i] = answer.low;
        high[i] = answer.high;
      } else if (answer !== 'missing' || view.getUint8(at + 4) >> 4 !== STB_WEAK) {
        failure = answer === 'missing' ? 'ENOENT' : answer;
        if (table.isCopy && nameAt >= stringsSize && hasUnknownAddress(state, name, stringEnd(bytes, name) + 1))
          state.unknown.push(`what the kernel calls symbol ${i}, whose name lies where it keeps an address`);
        state.print('warning', `${state.name}: Unknown symbol ${textAt(bytes, name)} (err -${ERRNO[failure]})`);
      }
      if ((low[i] === 0 && high[i] === 0) || ((classes[i]! & SYMBOL_EXEMPT) !== 0 && !nearKernelToc(low[i]!, high[i]!)))
        classes[i] = classes[i]! | SYMBOL_PECULIAR;
    } else if (section === SHN_ABS) {
      // The first relocation section that is done will give it this value.
      if (!tocSeen && !table.isCopy && isTocName(bytes, name)) {
        tocSeen = true;
        low[i] = Number(toc & LOW);
        high[i] = Number(toc >> 32n);
      }
    } else if (section === SHN_LIVEPATCH) classes[i] = other | SYMBOL_EXTERNAL | SYMBOL_PECULIAR | SYMBOL_GONE;
    else if (section === SHN_COMMON) {
      if (textAt(bytes, name).startsWith('__gnu_lto')) continue;
      state.print('warning', `${state.name}: please compile with -fno-common`);
      failure = 'ENOEXEC';
    } else {
      const limit = headers.count - 1;
      state.print(
        'err',
        `${state.name}: Symbol ${textAt(bytes, name)} has an invalid section index ${section} (max ${limit})`,
      );
      failure = 'ENOEXEC';
    }
    if (!table.isCopy) continue;
    view.setUint32(at + 8, low[i]!, true);
    view.setUint32(at + 12, high[i]!, true);
    excludeTemporary(state, section, i);
  }
  state.symbolLow = low;
  state.symbolHigh = high;
  arch.symbolClass = classes;
  if (failure !== undefined) throw new KernelRefusal(failure);
}

function readBehindFile(state: LoadState, symbol: number): void {
  if (!state.arch.exact) throw new NeedsImage();
  state.danger('REL102', `the kernel reads the name of symbol ${symbol} behind the end of the file`);
}

/** A symbol of a section that is not kept points into the kernel's temporary copy of the file, wherever that was. */
function excludeTemporary(state: LoadState, section: number, symbol: number): void {
  if (section === SHN_UNDEF || section >= state.headers.count) return;
  if (section === state.index.percpu || state.places[section] !== undefined) return;
  state.exclude(state.index.symtab, {
    offset: symbol * SYMBOL_SIZE + 8,
    length: 8,
    reason: 'an address in the temporary copy of the file',
  });
}

/** `my_r2()`: the TOC pointer, 32 KB behind the start of `.toc` (or `.stubs`) rounded down to 256 bytes. */
export function tocPointer(state: LoadState): bigint {
  if (state.kernel.options.pcrel) return 0xffff_ffff_ffff_ffffn;
  const start = sectionAddress(state, state.index.toc);
  return BigInt.asUintN(64, (start & ~0xffn) + 0x8000n);
}
