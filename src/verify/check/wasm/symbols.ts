/** The symbols: what relocations may do with each; `loader/symbols.ts` and `verify/check/screen.ts` are the model. */

import { ENTRY_SIZE, SHN_ABS, STT_FUNC, STT_GNU_IFUNC } from '../../../elf/wasm/format';
import { isText } from '../../../util/wasm/bytes';
import { PERCPU, sectionOfKind } from './known';
import { CLASSES, MOST_SYMBOLS } from './memory';
import {
  classOfName,
  hashOf,
  hasVersion,
  importsNamespace,
  kernelNumber,
  namespaceOf,
  otherNumber,
  versionOf,
} from './names';
import { addImport, addWeak } from './records';
import {
  CODE,
  contentsOf,
  headerOf,
  infoOf,
  kindOf,
  PLACED,
  sections,
  sizeOf,
  stringTable,
  symbolTable,
} from './sections';
import { hasVersions } from './settings';
import { isVersion } from './versions';

const STB_WEAK: u32 = 2;
const DOT: u32 = 0x2e;

/** Classes: the low three bits of a symbol of the module's own sections are `st_other >> 5`. */
export const IN_CODE: u32 = 0x08;
/** Calls to it need no restore of r2: the tracer's entries. */
export const EXEMPT: u32 = 0x10;
export const MCOUNT: u32 = 0x20;
/** Whatever its address is, it is not in reach: only whole addresses of it are plain. */
export const BARE: u32 = 0x40;
export const EXTERNAL: u32 = 0x80;
/** The pointer that r2 holds; nothing else is 0xfe. */
export const TOC_POINTER: u32 = 0xfe;
/** In a section that is not kept. */
export const GONE: u32 = 0xff;

let symbols: u32 = 0;
export let symbolCount: u32 = 0;
let strings: u32 = 0;
/** Symbols that the audits count. */
export let functions: u32 = 0;

export function symbolAt(index: u32): u32 {
  return symbols + index * ENTRY_SIZE;
}

export function sectionOf(symbol: u32): u32 {
  return load<u16>(symbol, 6);
}

/** Where the name of a symbol stands. */
export function nameOf(index: u32): u32 {
  return strings + load<u32>(symbolAt(index));
}

export function readSymbols(serial: u32): bool {
  const size = sizeOf(symbolTable);
  const namesSize = sizeOf(stringTable);
  symbols = contentsOf(symbolTable);
  strings = contentsOf(stringTable);
  symbolCount = size / ENTRY_SIZE;
  if (size === 0 || size % ENTRY_SIZE !== 0 || symbols % 8 !== 0 || load<u64>(headerOf(symbolTable), 56) !== ENTRY_SIZE)
    return false;
  if (symbolCount > MOST_SYMBOLS || infoOf(symbolTable) > symbolCount) return false;
  if (load<u64>(symbols) !== 0 || load<u64>(symbols, 8) !== 0 || load<u64>(symbols, 16) !== 0) return false;
  store<u8>(CLASSES, u8(BARE));
  const percpu = sectionOfKind(PERCPU);
  let hasToc = false;
  functions = 0;
  for (let i: u32 = 1; i < symbolCount; i++) {
    const symbol = symbolAt(i);
    const section = sectionOf(symbol);
    const name = load<u32>(symbol);
    if (name >= namesSize) return false;
    // Distance of the local entry, psABI 3.4.1: 1 and 7 are no normal functions.
    const k: u32 = load<u8>(symbol, 5) >>> 5;
    if (k === 1 || k === 7) return false;
    const type: u32 = load<u8>(symbol, 4) & 15;
    let symbolClass: u32 = BARE;
    if (section === 0) {
      if (load<u8>(strings + name) === DOT) {
        if (hasToc || !isText(strings + name, '.TOC.')) return false;
        hasToc = true;
        symbolClass = TOC_POINTER;
      } else {
        symbolClass = importedClass(strings + name, load<u8>(symbol, 4) >>> 4 === STB_WEAK, serial);
        if (symbolClass === 0) return false;
      }
    } else if (section < sections) {
      const kind = kindOf(section);
      if ((kind & CODE) !== 0) symbolClass = k | IN_CODE;
      else if ((kind & PLACED) !== 0) symbolClass = k;
      else if (section !== percpu) symbolClass = GONE;
      if ((type === STT_FUNC || type === STT_GNU_IFUNC) && (kind & CODE) !== 0 && sizeOf(section) > 0) functions++;
    } else if (section !== SHN_ABS || type === STT_FUNC || type === STT_GNU_IFUNC || isText(strings + name, 'TOC.'))
      return false;
    store<u8>(CLASSES + i, u8(symbolClass));
  }
  return true;
}

/** @returns the class of an undefined symbol, or 0 where it does not plainly resolve */
function importedClass(name: u32, isWeak: bool, serial: u32): u32 {
  const hash = hashOf(name);
  const kernels = kernelNumber(name, hash);
  if (kernels >= 0) {
    if (hasVersions() && !isVersion(kernels, serial)) return 0;
    const namespace = namespaceOf(kernels);
    if (namespace >= 0 && !importsNamespace(namespace, serial)) return 0;
    return classOfName(kernels);
  }
  const number = otherNumber(name, hash);
  if (number < 0 || classOfName(number) !== 0) return 0;
  // Mostly nobody exports it, and its address is zero.
  if (isWeak) return addWeak(number) ? EXTERNAL | BARE : 0;
  if (hasVersions() && !hasVersion(number, serial)) return 0;
  return addImport(number, versionOf(number)) ? EXTERNAL : 0;
}
