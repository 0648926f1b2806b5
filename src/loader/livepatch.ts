/**
 * Relocations that wait for another object (kernel/livepatch/core.c): sections `.klp.rela.OBJECT.SECTION` against symbols
 * `.klp.sym.OBJECT.SYMBOL,POSITION`, which need not be exported. Those for `vmlinux` are applied while the livepatch module loads,
 * the others when the livepatch is enabled or, later, when their module loads.
 */
import { SHF_WRITE, SHN_LIVEPATCH } from '../elf/constants.ts';
import { RelocationApplier } from './apply.ts';
import { RELA_SIZE, SYMBOL_SIZE } from './arch.ts';
import { textAt } from './headers.ts';
import { fillsKeptSection, SHF_RELA_LIVEPATCH } from './kept-sections.ts';
import { R_PPC64_PCREL34, R_PPC64_REL24, R_PPC64_REL24_NOTOC } from './relocation-numbers.ts';
import { type LoadState, NeedsImage } from './state.ts';

const MASK = 0xffff_ffff_ffff_ffffn;

/** What `sscanf(name, ".klp.rela.%55[^.]", …)` reads; `undefined` where it matches nothing. */
export function livepatchObject(section: string): string | undefined {
  return /^\.klp\.rela\.([^.]{1,55})/.exec(section)?.[1];
}

interface LivepatchName {
  readonly object: string;
  readonly symbol: string;
  readonly position: bigint;
}

/** What `sscanf(name, ".klp.sym.%55[^.].%511[^,],%lu", …)` reads; `undefined` where one of the three is missing. */
export function livepatchName(name: string): LivepatchName | undefined {
  const match = /^\.klp\.sym\.([^.]{1,55})\.([^,]{1,511}),[ \t\n\v\f\r]*(-?\d+)/.exec(name);
  if (match === null || match[3]!.startsWith('-')) return undefined;
  return { object: match[1]!, symbol: match[2]!, position: BigInt(match[3]!) & MASK };
}

/** Addresses of all symbols of that name in an object, in the order of its kallsyms; none where it is not loaded. */
function addressesIn(state: LoadState, object: string, symbol: string): bigint[] {
  if (object === 'vmlinux') {
    const moved = (state.request.runningToc ?? state.kernel.toc) - state.kernel.toc;
    return state.kernel.symbols.find(symbol).map(address => (address + moved) & MASK);
  }
  const image = state.module(object)?.image;
  if (image?.kallsyms === undefined) return [];
  const { symtab, strtab } = image.kallsyms;
  const view = new DataView(symtab.buffer, symtab.byteOffset, symtab.length);
  const found: bigint[] = [];
  for (let at = 0; at + SYMBOL_SIZE <= symtab.length; at += SYMBOL_SIZE) {
    if (view.getUint16(at + 6, true) === 0) continue;
    if (textAt(strtab, view.getUint32(at, true)) === symbol) found.push(view.getBigUint64(at + 8, true));
  }
  return found;
}

/** `klp_find_object_symbol()`. @throws KernelRefusal EINVAL */
function findSymbol(state: LoadState, { object, symbol, position }: LivepatchName): bigint {
  const all = addressesIn(state, object, symbol);
  // The search ends at the position, or, where none is given, at the second of the name.
  const wanted = position === 0n ? 2 : position > BigInt(all.length) ? all.length : Number(position);
  const seen = all.slice(0, wanted);
  const address = seen.at(-1) ?? 0n;
  const say = (text: string) => state.refuse('EINVAL', `livepatch: ${text}`);
  if (address === 0n) say(`symbol '${symbol}' not found in symbol table`);
  if (seen.length > 1 && position === 0n)
    say(`unresolvable ambiguity for symbol '${symbol}' in object '${object === 'vmlinux' ? '(null)' : object}'`);
  if (position > 0n && position !== BigInt(seen.length))
    say(`symbol position ${position} for symbol '${symbol}' in object '${object}' not found`);
  return address;
}

/** `klp_resolve_symbols()`: gives the symbols of a section's relocations their addresses. @throws KernelRefusal EINVAL */
function resolveSymbols(state: LoadState, applier: RelocationApplier, section: number, object: string): void {
  const { headers, index } = state;
  const start = headers.offset[section]!;
  const count = Math.floor(headers.size[section]! / RELA_SIZE);
  for (let i = 0; i < count; i++) {
    const symbol = state.view.getUint32(start + i * RELA_SIZE + 12, true);
    const known = applier.symbol(symbol);
    if (known === undefined) {
      state.danger(
        'REL103',
        `a livepatch relocation names symbol ${symbol}, which does not exist`,
        headers.text(section),
      );
      return;
    }
    if (known.section !== SHN_LIVEPATCH) {
      const where = state.rules.livepatchTellsPlace ? ` at rela sec ${index.symtab} idx ${i}` : '';
      state.refuse('EINVAL', `livepatch: symbol ${known.name}${where} is not marked as a livepatch symbol`);
    }
    const name = livepatchName(known.name);
    if (name === undefined) {
      state.refuse('EINVAL', `livepatch: symbol ${known.name} has an incorrectly formatted name`);
    }
    if (object !== 'vmlinux' && name.object === 'vmlinux')
      state.refuse(
        'EINVAL',
        `livepatch: invalid access to vmlinux symbol '${name.symbol}' from module-specific livepatch relocation section`,
      );
    applier.setSymbol(symbol, findSymbol(state, name));
  }
}

/**
 * `klp_apply_section_relocs()`: does nothing where the section waits for another object.
 *
 * @throws KernelRefusal with the kernel's messages in the log
 */
export function applyLivepatchSection(
  state: LoadState,
  applier: RelocationApplier,
  section: number,
  object: string,
): void {
  const name = state.headers.text(section);
  const waitsFor = livepatchObject(name);
  if (waitsFor === undefined) {
    state.refuse('EINVAL', `livepatch: section ${name} has an incorrectly formatted name`);
  }
  if (waitsFor !== object) return;
  resolveSymbols(state, applier, section, object);
  applier.applySection(section);
}

/** Types whose places are written as code is patched; all others are plain stores, which a read-only page refuses. */
const PATCHED = [R_PPC64_REL24, R_PPC64_REL24_NOTOC, R_PPC64_PCREL34];

/** The kernel made code and read-only data read-only before the module's init function ran. */
function watchReadOnly(state: LoadState, section: number): void {
  const { headers } = state;
  const target = headers.info[section]!;
  if (!state.kernel.options.strictModuleRwx || (headers.flags[target]! & SHF_WRITE) !== 0) return;
  const start = headers.offset[section]!;
  for (let at = start; at + RELA_SIZE <= start + headers.size[section]!; at += RELA_SIZE) {
    const type = state.view.getUint32(at + 8, true);
    if (PATCHED.includes(type)) continue;
    state.danger('REL109', `a late relocation of type ${type} writes to read-only memory`, headers.text(target));
    return;
  }
}

/**
 * What `klp_enable_patch()` does first, in the init function of a livepatch module: all sections that wait for modules which
 * are loaded (`klp_apply_object_relocs`). Only where the request asks for it.
 *
 * @throws KernelRefusal, with which the init function fails
 */
export function enableLivepatch(state: LoadState): void {
  const { headers, request } = state;
  if (request.enableLivepatch !== true || !state.livepatch) return;
  if (!state.arch.exact) throw new NeedsImage();
  const applier = new RelocationApplier(state);
  for (let i = 1; i < headers.count; i++) {
    if ((headers.flags[i]! & SHF_RELA_LIVEPATCH) === 0 || !fillsKeptSection(state, i)) continue;
    const object = livepatchObject(headers.text(i));
    if (object === undefined || state.module(object) === undefined) continue;
    watchReadOnly(state, i);
    applyLivepatchSection(state, applier, i, object);
  }
}
