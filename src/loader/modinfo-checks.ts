/**
 * What the loader concludes from `.modinfo`: check_modinfo and what taints the kernel (set_license in 6.1, from 6.4 on
 * module_augment_kernel_taints), setup_modinfo. Notices that the kernel prints only for the first such module depend on what
 * ran before: see `LoadRequest.taints`.
 */
import type { LoadState } from './state.ts';
import { tryToForceLoad } from './versions.ts';

/** `license_is_gpl_compatible` */
const GPL_COMPATIBLE = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
]);

/** Modules that were caught claiming to be under the GPL. */
const LICENSE_OFFENDERS = new Set(['driverloader', 'lve']);

/** What the kernel says of modules that are in order. */
export const NOTICES = {
  staging: (name: string) =>
    `${name}: module is from the staging directory, the quality is unknown, you have been warned.`,
  test: (name: string) => `${name}: loading test module taints kernel.`,
  unsigned: (name: string) =>
    `${name}: module verification failed: signature and/or required key missing - tainting kernel`,
} as const;

export function checkBlacklist(state: LoadState): void {
  if (state.request.blacklist?.includes(state.infoName))
    state.refuse('EPERM', `Module ${state.infoName} is blacklisted`);
}

/** `same_magic`: the kernel's release, which is the first word, is left out where the module has versions. */
function sameMagic(module: string, kernel: string, hasVersions: boolean): boolean {
  if (!hasVersions) return module === kernel;
  const tail = (text: string) => (text.includes(' ') ? text.slice(text.indexOf(' ')) : '');
  return tail(module) === tail(kernel);
}

export function checkVermagic(state: LoadState): void {
  const { kernel, index } = state;
  const magic = state.request.ignoreVermagic === true ? undefined : state.modinfo.get('vermagic');
  if (magic === undefined) {
    if (!tryToForceLoad(state, 'bad vermagic')) state.refuse('ENOEXEC');
  } else if (!sameMagic(magic, kernel.vermagic, kernel.options.modversions && index.versions !== 0))
    state.refuse('ENOEXEC', `${state.infoName}: version magic '${magic}' should be '${kernel.vermagic}'`);
}

/** `check_modinfo_livepatch` */
export function checkLivepatch(state: LoadState): void {
  if (!state.modinfo.has('livepatch')) return;
  if (!state.kernel.options.livepatch)
    state.refuse('ENOEXEC', `${state.name}: module is marked as livepatch module, but livepatch support is disabled`);
  state.livepatch = true;
}

/** The whole of `check_modinfo` of 6.1 to 6.3. */
export function checkModinfo61(state: LoadState): void {
  checkVermagic(state);
  taintForOrigin(state);
  checkLivepatch(state);
  noteLivepatch(state);
  taintForLicense(state);
  taintForTest(state);
}

/** `check_modinfo` from 6.4 on. */
export function checkModinfo(state: LoadState): void {
  checkVermagic(state);
  checkLivepatch(state);
}

/** `module_augment_kernel_taints` (6.4). */
export function augmentKernelTaints(state: LoadState): void {
  const wasTainted = state.taints.has('proprietary');
  taintForOrigin(state);
  noteLivepatch(state);
  taintForLicense(state);
  taintForTest(state);
  taintUnsigned(state);
  taintForName(state, wasTainted);
}

function taintForOrigin(state: LoadState): void {
  if (!state.modinfo.has('intree') && state.taint('oot'))
    state.print('warning', `${state.name}: loading out-of-tree module taints kernel.`);
  if (state.modinfo.has('staging')) state.print('warning', NOTICES.staging(state.name));
}

function noteLivepatch(state: LoadState): void {
  if (state.livepatch && state.taint('livepatch notice'))
    state.print('notice', `${state.name}: tainting kernel with TAINT_LIVEPATCH`);
}

/** `set_license`, later `module_license_taint_check` */
function taintForLicense(state: LoadState): void {
  const license = state.modinfo.get('license') ?? 'unspecified';
  if (GPL_COMPATIBLE.has(license)) return;
  if (state.taint('proprietary')) state.print('warning', `${state.name}: module license '${license}' taints kernel.`);
  state.gplCompatible = false;
}

function taintForTest(state: LoadState): void {
  if (state.modinfo.has('test') && state.taint('test')) state.print('warning', NOTICES.test(state.name));
}

/** Without a signature that the kernel took: TAINT_UNSIGNED_MODULE, said once. */
export function taintUnsigned(state: LoadState): void {
  if (!state.kernel.options.moduleSig || state.signed || !state.taint('unsigned notice')) return;
  state.print('notice', NOTICES.unsigned(state.name));
}

/** @param wasTainted whether the kernel had TAINT_PROPRIETARY_MODULE when the step began */
export function taintForName(state: LoadState, wasTainted: boolean): void {
  const { name } = state;
  if (name === 'ndiswrapper') state.taint('proprietary');
  if (LICENSE_OFFENDERS.has(name)) {
    state.taint('proprietary');
    state.gplCompatible = false;
  }
  if (!wasTainted && state.taints.has('proprietary')) state.print('warning', `${name}: module license taints kernel.`);
}

/** The kernel looks for one namespace after the other. */
export function remarkOnRunning(state: LoadState): void {
  if (state.modinfo.runsAway && !state.remarks.some(({ code }) => code === 'MOD013'))
    state.danger('MOD013', 'the last namespace begins behind .modinfo, and the kernel reads on from there', '.modinfo');
}

/** `setup_modinfo`: nobody may import a module's own namespace by name (6.16). */
export function setupModinfo(state: LoadState): void {
  if (!state.rules.moduleNamespaces) return;
  remarkOnRunning(state);
  for (const namespace of state.modinfo.importedNamespaces())
    if (namespace.startsWith('module:'))
      state.refuse('EPERM', `${state.name}: module tries to import module namespace: ${namespace}`);
}
