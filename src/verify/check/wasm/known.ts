/** Sections that mean something to the loader, by their names. */
import { isText, startsWith } from '../../../util/wasm/bytes';
import { KNOWN } from './memory';

export const MODINFO: u32 = 0;
export const THIS_MODULE: u32 = 1;
export const VERSIONS: u32 = 2;
export const PERCPU: u32 = 3;
export const STUBS: u32 = 4;
export const TOC: u32 = 5;
export const KSYMTAB: u32 = 6;
export const KSYMTAB_GPL: u32 = 7;
export const KCRCTAB: u32 = 8;
export const KCRCTAB_GPL: u32 = 9;
export const KFLAGSTAB: u32 = 10;
export const KSYMTAB_STRINGS: u32 = 11;
export const EX_TABLE: u32 = 12;
export const BUG_TABLE: u32 = 13;
export const JUMP_TABLE: u32 = 14;
export const FTR_FIXUP: u32 = 15;
export const MMU_FTR_FIXUP: u32 = 16;
export const FW_FTR_FIXUP: u32 = 17;
export const LWSYNC_FIXUP: u32 = 18;
export const SRCU_POINTERS: u32 = 19;
export const TRACE_EVENTS: u32 = 20;
export const EVAL_MAP: u32 = 21;
export const PRINTK_FORMATS: u32 = 22;
export const MCOUNT_LOC: u32 = 23;
export const PATCHABLE: u32 = 24;
export const PARAM: u32 = 25;
export const TYPES: u32 = 26;
export const TRACEPOINTS: u32 = 27;
export const DEBUG_CLASSES: u32 = 28;
/** Data that becomes read-only, and what `moduleSubject` takes for constant. */
export const READ_ONLY_AFTER_INIT: u32 = 29;
const KNOWN_COUNT: u32 = 30;
/** Another name, and one with which the file is not plain. */
export const OTHER: u32 = 64;
export const UNWELCOME: u32 = 65;

export function forgetKnown(): void {
  memory.fill(KNOWN, 0, 4 * KNOWN_COUNT);
}

/** Index of the section, or 0. */
export function sectionOfKind(known: u32): u32 {
  return load<u32>(KNOWN + 4 * known);
}

/** @returns whether it is the first one */
export function setSectionOfKind(known: u32, section: u32): bool {
  if (sectionOfKind(known) !== 0) return false;
  store<u32>(KNOWN + 4 * known, section);
  return true;
}

export function knownByName(at: u32): u32 {
  const start = load<u16>(at);
  if (start === 0x5f5f) return knownByUnderscores(at);
  if (start === 0x665f) {
    if (isText(at, '_ftrace_events')) return TRACE_EVENTS;
    return isText(at, '_ftrace_eval_map') ? EVAL_MAP : OTHER;
  }
  switch (load<u8>(at, 1)) {
    case 0x6d:
      return isText(at, '.modinfo') ? MODINFO : OTHER;
    case 0x67:
      return isText(at, '.gnu.linkonce.this_module') ? THIS_MODULE : OTHER;
    case 0x64:
      if (isText(at, '.data..ro_after_init')) return READ_ONLY_AFTER_INIT;
      return isText(at, '.data..percpu') ? PERCPU : OTHER;
    case 0x73:
      return isText(at, '.stubs') ? STUBS : OTHER;
    case 0x74:
      return isText(at, '.toc') ? TOC : OTHER;
    case 0x42:
      if (isText(at, '.BTF')) return TYPES;
      return isText(at, '.BTF.base') ? UNWELCOME : OTHER;
    case 0x6b:
      return startsWith(at, '.klp.') ? UNWELCOME : OTHER;
    case 0x6e:
      return isText(at, '.note.tocsin') ? UNWELCOME : OTHER;
  }
  return OTHER;
}

function knownByUnderscores(at: u32): u32 {
  switch (load<u8>(at, 2)) {
    case 0x76:
      if (isText(at, '__versions')) return VERSIONS;
      return startsWith(at, '__version_ext_') ? UNWELCOME : OTHER;
    case 0x6b:
      if (isText(at, '__ksymtab_strings')) return KSYMTAB_STRINGS;
      if (isText(at, '__ksymtab')) return KSYMTAB;
      if (isText(at, '__ksymtab_gpl')) return KSYMTAB_GPL;
      if (isText(at, '__kcrctab')) return KCRCTAB;
      if (isText(at, '__kcrctab_gpl')) return KCRCTAB_GPL;
      return isText(at, '__kflagstab') ? KFLAGSTAB : OTHER;
    case 0x64:
      return isText(at, '__dyndbg_classes') ? DEBUG_CLASSES : OTHER;
    case 0x65:
      return isText(at, '__ex_table') ? EX_TABLE : OTHER;
    case 0x62:
      return isText(at, '__bug_table') ? BUG_TABLE : OTHER;
    case 0x6a:
      return isText(at, '__jump_table') ? JUMP_TABLE : OTHER;
    case 0x66:
      if (isText(at, '__ftr_fixup')) return FTR_FIXUP;
      return isText(at, '__fw_ftr_fixup') ? FW_FTR_FIXUP : OTHER;
    case 0x6d:
      if (isText(at, '__mcount_loc')) return MCOUNT_LOC;
      return isText(at, '__mmu_ftr_fixup') ? MMU_FTR_FIXUP : OTHER;
    case 0x6c:
      return isText(at, '__lwsync_fixup') ? LWSYNC_FIXUP : OTHER;
    case 0x70:
      if (isText(at, '__patchable_function_entries')) return PATCHABLE;
      return isText(at, '__param') ? PARAM : OTHER;
    case 0x74:
      if (isText(at, '__tracepoints_ptrs')) return TRACEPOINTS;
      return isText(at, '__trace_printk_fmt') ? PRINTK_FORMATS : OTHER;
    case 0x5f:
      return isText(at, '___srcu_struct_ptrs') ? SRCU_POINTERS : OTHER;
    case 0x6f:
      return isText(at, '__obsparm') ? UNWELCOME : OTHER;
    case 0x73:
      return isText(at, '__spec_barrier_fixup') ? UNWELCOME : OTHER;
  }
  return OTHER;
}
