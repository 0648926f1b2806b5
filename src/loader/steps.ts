/**
 * The order of the loader's steps by version, as `load_module()` and what it calls have them. The step that refuses first
 * decides which message the user sees, so the order is as much a part of the twin as the steps. The twin ends where the
 * module's own code would begin (do_init_module).
 */

import { SHF_ALLOC } from '../elf/constants.ts';
import { checkTypes } from './btf-check.ts';
import { checkExportSections, findModuleSections, verifyExportedSymbols } from './exports.ts';
import { moduleComing, moduleFinalize } from './finalize.ts';
import { checkNotLoaded, percpuModalloc } from './formation.ts';
import { frobArchSections } from './frob.ts';
import { enforceRwxSections, layoutSections } from './layout.ts';
import { enableLivepatch, livepatchComing } from './livepatch-enable.ts';
import {
  augmentKernelTaints,
  checkBlacklist,
  checkModinfo,
  checkModinfo61,
  setupModinfo,
  taintForName,
  taintUnsigned,
} from './modinfo-checks.ts';
import { checkModuleStructure } from './module-structure.ts';
import { moveModule } from './move.ts';
import { parseArguments } from './parameters.ts';
import { applyRelocations } from './relocate.ts';
import { moduleSigCheck } from './signature/check.ts';
import type { LoadState } from './state.ts';
import { simplifySymbols } from './symbols.ts';
import { modSysfsSetup } from './sysfs.ts';
import { tracerModuleInit } from './tracer.ts';
import { cacheIndexes, elfValidity, setupLoadInfo } from './validity.ts';
import { elfValiditySplit } from './validity-split.ts';
import { checkModstructVersion } from './versions.ts';

type Step = (state: LoadState) => void;
type NamedStep = readonly [name: string, step: Step];

/** The file itself: signature, ELF header, section headers, indexes of the sections that the loader needs. */
const VALIDITY: Readonly<Record<LoadState['rules']['validity'], readonly NamedStep[]>> = {
  plain: [
    ['elf_validity_check', elfValidity],
    ['setup_load_info', setupLoadInfo],
  ],
  cached: [
    ['elf_validity_cache_copy', elfValidity],
    ['elf_validity_cache_copy', cacheIndexes],
  ],
  split: [['elf_validity_cache_copy', elfValiditySplit]],
};

const BEFORE_LAYOUT: readonly NamedStep[] = [
  ['blacklisted', checkBlacklist],
  ['rewrite_section_headers', rewriteSectionHeaders],
  ['check_modstruct_version', checkModstructVersion],
];

const LAYOUT: readonly NamedStep[] = [
  ['module_frob_arch_sections', frobArchSections],
  ['module_frob_arch_sections', noteDedotted],
  ['module_enforce_rwx_sections', enforceRwxSections],
  ['layout_sections', layoutSections],
  ['move_module', moveModule],
  ['add_unformed_module', checkNotLoaded],
];

/** To 6.3: .modinfo is looked at when memory is allocated, and taints come here and there. */
const TO_6_3: readonly NamedStep[] = [
  ...BEFORE_LAYOUT,
  ['check_modinfo', checkModinfo61],
  ...LAYOUT,
  ['load_module', taintUnsigned],
  ['percpu_modalloc', percpuModalloc],
  ['find_module_sections', findModuleSections],
  ['check_module_license_and_versions', state => taintForName(state, state.taints.has('proprietary'))],
  ['check_module_license_and_versions', checkExportSections],
];

/** From 6.4: all that refuses without memory first, then the taints together. */
const FROM_6_4: readonly NamedStep[] = [
  ...BEFORE_LAYOUT,
  ['check_modinfo', checkModinfo],
  ['early_mod_check', checkNotLoaded],
  ...LAYOUT,
  ['module_augment_kernel_taints', augmentKernelTaints],
  ['percpu_modalloc', percpuModalloc],
  ['find_module_sections', findModuleSections],
  ['check_export_symbol_sections', checkExportSections],
];

const REST: readonly NamedStep[] = [
  ['setup_modinfo', setupModinfo],
  ['simplify_symbols', simplifySymbols],
  ['apply_relocations', applyRelocations],
  ['post_relocation', moduleFinalize],
  ['ftrace_module_init', tracerModuleInit],
  ['complete_formation', verifyExportedSymbols],
  ['complete_formation', checkModuleStructure],
  ['prepare_coming_module', livepatchComing],
  ['prepare_coming_module', moduleComing],
  ['prepare_coming_module', checkTypes],
  ['parse_args', parseArguments],
  ['mod_sysfs_setup', modSysfsSetup],
  ['klp_enable_patch', enableLivepatch],
];

const sequences = new Map<string, readonly NamedStep[]>();

export function sequence({ rules }: LoadState): readonly NamedStep[] {
  const key = `${rules.validity} ${rules.earlyCheck}`;
  let steps = sequences.get(key);
  if (steps === undefined) {
    const middle = rules.earlyCheck ? FROM_6_4 : TO_6_3;
    steps = [['module_sig_check', moduleSigCheck], ...VALIDITY[rules.validity], ...middle, ...REST];
    sequences.set(key, steps);
  }
  return steps;
}

/** `.modinfo` and the versions are read but not kept. */
function rewriteSectionHeaders({ headers, index }: LoadState): void {
  for (const i of [index.versions, index.extCrcs, index.extNames, index.modinfo])
    headers.flags[i] = headers.flags[i]! & ~SHF_ALLOC;
}

/** From here on the names in the version tables count without their leading dots. */
function noteDedotted(state: LoadState): void {
  state.dedotted = !state.kernel.options.pcrel;
}
