/**
 * `klp_enable_patch()` and `klp_module_coming()` of kernel/livepatch/core.c, up to where code of the livepatch or of the tracer
 * runs: which objects' relocations are applied, and which symbols are looked for.
 */
import { SHF_ALLOC, SHF_WRITE } from '../elf/constants.ts';
import { RelocationApplier } from './apply.ts';
import { ArchState, RELA_SIZE } from './arch.ts';
import { isInitKind } from './areas.ts';
import { loadedImage } from './image.ts';
import { SHF_RELA_LIVEPATCH } from './kept-sections.ts';
import { applyLivepatchSection } from './livepatch.ts';
import { livepatchObject, VMLINUX } from './livepatch-names.ts';
import { findPatch, importsEnable, type LivepatchFunction, type LivepatchPatch } from './livepatch-patch.ts';
import { findSymbol, type ObjectSymbols, symbolsOf, symbolsWith } from './livepatch-symbols.ts';
import { ModuleMemory } from './memory.ts';
import type { EnabledLivepatch, LoadedModule } from './model.ts';
import { R_PPC64_PCREL34, R_PPC64_REL24, R_PPC64_REL24_NOTOC } from './relocation-numbers.ts';
import { ERRNO, KernelRefusal, LoadState, NeedsImage } from './state.ts';

/** Types whose places are written as code is patched; all others are plain stores, which a read-only page refuses. */
const PATCHED = [R_PPC64_REL24, R_PPC64_REL24_NOTOC, R_PPC64_PCREL34];

/** Written only while the module's init function runs. */
const READ_ONLY_AFTER_INIT = ['.data..ro_after_init', '__jump_table'];

/** KSYM_NAME_LEN: a function's name and its NUL. */
const NAME_LIMIT = 512;

/** When relocations are applied: the first time in the init function, later when other modules load. */
type Moment = 'enabling' | 'later';

/** Whether the memory of a section is read-only by then. */
function isReadOnly(state: LoadState, section: number, moment: Moment): boolean {
  if ((state.headers.flags[section]! & SHF_WRITE) === 0) return true;
  if (moment === 'enabling') return false;
  return READ_ONLY_AFTER_INIT.includes(state.headers.text(section));
}

/** The kernel does not look whether what a late relocation needs is still there, and may be written. */
function watchLate(state: LoadState, section: number, moment: Moment): void {
  const { headers, places } = state;
  const name = headers.text(section);
  const gone = (what: string) => {
    state.danger('REL112', `${name} is applied when ${what} is freed already`, name);
  };
  const target = headers.info[section]!;
  if ((headers.flags[section]! & SHF_ALLOC) === 0) {
    gone('it');
    return;
  }
  const place = target < headers.count ? places[target] : undefined;
  if (place === undefined) {
    gone('the section that it fills');
    return;
  }
  if (moment === 'later' && isInitKind(place.memory)) {
    gone(headers.text(target));
    return;
  }
  if (!state.kernel.options.strictModuleRwx || !isReadOnly(state, target, moment)) return;
  const start = headers.offset[section]!;
  for (let at = start; at + RELA_SIZE <= start + headers.size[section]!; at += RELA_SIZE) {
    const type = state.view.getUint32(at + 8, true);
    if (PATCHED.includes(type)) continue;
    state.danger('REL109', `a late relocation of type ${type} writes to read-only memory`, headers.text(target));
    return;
  }
}

/** `klp_apply_object_relocs()` @throws KernelRefusal */
function applyObject(state: LoadState, object: string, symbols: ObjectSymbols, moment: Moment): void {
  const { headers } = state;
  const applier = new RelocationApplier(state);
  for (let i = 1; i < headers.count; i++) {
    if ((headers.flags[i]! & SHF_RELA_LIVEPATCH) === 0) continue;
    if (livepatchObject(headers.text(i)) === object) watchLate(state, i, moment);
    applyLivepatchSection(state, applier, i, object, symbols);
  }
}

/** `klp_init_object_loaded()` @throws KernelRefusal */
function initObjectLoaded(
  state: LoadState,
  object: string,
  functions: readonly LivepatchFunction[],
  symbols: ObjectSymbols,
  moment: Moment,
): void {
  if (object !== VMLINUX) applyObject(state, object, symbols, moment);
  for (const { name, position } of functions) findSymbol(state, { object, symbol: name!, position }, symbols);
}

/** Modules that the sections of livepatch relocations name, in their order. */
function namedObjects(state: LoadState): string[] {
  const { headers } = state;
  const names = new Set<string>();
  for (let i = 1; i < headers.count; i++) {
    if ((headers.flags[i]! & SHF_RELA_LIVEPATCH) === 0) continue;
    const object = livepatchObject(headers.text(i));
    if (object !== undefined && object !== VMLINUX) names.add(object);
  }
  return [...names];
}

/** Where it is not known what the livepatch hands to the kernel, its sections tell which modules it waits for. */
function guessed(state: LoadState): LivepatchPatch {
  state.unknown.push('which functions the livepatch replaces could not be read from its code');
  return { objects: namedObjects(state).map(name => ({ name, functions: [] })), states: [], replace: false };
}

/** Livepatches in use, in the order of loading: one that replaces ends those before it. */
function livepatches(modules: ReadonlyMap<string, LoadedModule>): (LoadedModule & { livepatch: EnabledLivepatch })[] {
  let found: (LoadedModule & { livepatch: EnabledLivepatch })[] = [];
  for (const module of modules.values()) {
    const { livepatch } = module;
    if (livepatch === undefined) continue;
    if (livepatch.patch.replace) found = [];
    found.push({ ...module, livepatch });
  }
  return found;
}

/** `klp_is_patch_compatible()` */
function isCompatible(state: LoadState, patch: LivepatchPatch): boolean {
  for (const { livepatch } of livepatches(state.request.modules))
    for (const old of livepatch.patch.states) {
      const own = patch.states.find(({ id }) => id === old.id);
      if (own === undefined ? patch.replace : own.version < old.version) return false;
    }
  return true;
}

/** `klp_init_func()`: a function without a name or a replacement is refused without a word. */
function checkFunctions(state: LoadState, functions: readonly LivepatchFunction[]): void {
  for (const { name, replacement } of functions)
    if (name === undefined || replacement === 0n || name.length >= NAME_LIMIT) state.refuse('EINVAL');
}

/**
 * What `klp_enable_patch()` does first, in the init function of a livepatch module, up to the message that it enables the patch.
 * Only where the request asks for it.
 *
 * @throws KernelRefusal, with which the init function fails; NeedsImage
 */
export function enableLivepatch(state: LoadState): void {
  const { request } = state;
  if (request.enableLivepatch !== true || !(state.livepatch || importsEnable(state))) return;
  if (!state.arch.exact) throw new NeedsImage();
  const found = findPatch(state, new ModuleMemory(state));
  if (found === 'none') return;
  if (!state.livepatch) state.refuse('EINVAL', `livepatch: module ${state.name} is not marked as a livepatch module`);
  const patch = found ?? guessed(state);
  state.isFormed = true;
  if (!isCompatible(state, patch))
    state.refuse(
      'EINVAL',
      `livepatch: Livepatch patch (${state.name}) is not compatible with the already installed livepatches.`,
    );
  const symbols = symbolsOf(request.modules);
  for (const { name, functions } of patch.objects) {
    checkFunctions(state, functions);
    if (name !== undefined && state.module(name) === undefined) continue;
    initObjectLoaded(state, name ?? VMLINUX, functions, symbols, 'enabling');
  }
  state.print('notice', `livepatch: enabling patch '${state.name}'`);
  state.livepatched = { patch, state };
}

/** A livepatch's module as it is now, to be changed without changing that. */
function copyOf(state: LoadState): LoadState {
  const memory = state.arch.memory.map(area => {
    const bytes = area.bytes.slice();
    return { ...area, bytes, view: new DataView(bytes.buffer) };
  });
  const contents = state.contents.map(section => {
    const at = state.arch.memory.findIndex(area => area.bytes.buffer === section?.buffer);
    return at < 0 ? section : memory[at]!.bytes.subarray(section!.byteOffset, section!.byteOffset + section!.length);
  });
  return Object.assign(Object.create(LoadState.prototype) as LoadState, state, {
    arch: Object.assign(new ArchState(), state.arch, { memory }),
    contents,
    symbolLow: state.symbolLow.slice(),
    symbolHigh: state.symbolHigh.slice(),
    stubs: [...state.stubs],
    log: [],
    remarks: [],
    unknown: [],
    dangerous: false,
  });
}

/**
 * `klp_module_coming()`: the livepatches in use that wait for this module are applied for it. One that fails keeps the module
 * from being loaded.
 *
 * @throws KernelRefusal
 */
export function livepatchComing(state: LoadState): void {
  if (!state.kernel.options.livepatch) return;
  if (state.name === VMLINUX) state.refuse('EINVAL', 'livepatch: vmlinux.ko: invalid module name');
  const done: string[] = [];
  for (const { name, livepatch } of livepatches(state.request.modules)) {
    const object = livepatch.patch.objects.find(candidate => candidate.name === state.name);
    if (object === undefined) continue;
    const copy = copyOf(livepatch.state);
    const errno = attempt(() => initObjectLoaded(copy, state.name, object.functions, symbolsWith(state), 'later'));
    state.log.push(...copy.log);
    state.unknown.push(...copy.unknown);
    state.remarks.push(...copy.remarks);
    if (copy.dangerous) state.dangerous = true;
    // What was done before something failed stays.
    state.changed.set(name, { image: loadedImage(copy), livepatch: { patch: livepatch.patch, state: copy } });
    if (errno !== undefined) {
      const warn = (text: string) => state.print('warning', `livepatch: ${text}`);
      warn(`failed to initialize patch '${name}' for module '${state.name}' (-${ERRNO[errno.errno]})`);
      warn(`patch '${name}' failed for module '${state.name}', refusing to load module '${state.name}'`);
      for (const other of done)
        state.print('notice', `livepatch: reverting patch '${other}' on unloading module '${state.name}'`);
      throw errno;
    }
    state.print('notice', `livepatch: applying patch '${name}' to loading module '${state.name}'`);
    done.push(name);
  }
}

function attempt(work: () => void): KernelRefusal | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof KernelRefusal) return error;
    throw error;
  }
  return undefined;
}
