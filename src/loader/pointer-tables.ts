/**
 * Tables of pointers to structures in the module that parts of the kernel walk when the module comes or goes, and follow without a
 * look: kernel/rcu/srcutree.c, kernel/tracepoint.c, kernel/trace/*.c. `tables-screen.ts` asks the same where there is no memory.
 */
import { SHF_WRITE } from '../elf/constants.ts';
import { findAllocated } from './find-section.ts';
import type { ModuleMemory } from './memory.ts';
import { ObjectSizes } from './object-sizes.ts';
import { knownName } from './section-names.ts';
import type { LoadState } from './state.ts';

/** A table, and what its pointers lead to. */
export interface PointerTable {
  readonly section: number;
  /** Bytes of the structure; 0 for a string, `undefined` where nobody knows. */
  readonly size: number | undefined;
  /** The kernel writes to the structure. */
  readonly isWritten: boolean;
  /** Where the structure has pointers that the kernel follows as well, into the module: bytes from its start. */
  readonly inner: readonly number[];
  /** The kernel writes to the table itself. */
  readonly isTableWritten: boolean;
}

export const TRACE_EVENTS = knownName('_ftrace_events');
export const EVAL_MAP = knownName('_ftrace_eval_map');
export const SRCU_STRUCTS = knownName('___srcu_struct_ptrs');
export const TRACE_FORMATS = knownName('__trace_printk_fmt');
const DEBUG_CLASSES = knownName('__dyndbg_classes');
const DEBUG_MESSAGES = knownName('__dyndbg');
const TRACEPOINTS = knownName('__tracepoints_ptrs');

const POINTER = 8;
/** Bytes from the start of `struct trace_event_call` to its class, behind a list. */
const EVENT_CLASS = 16;
/** The same of `struct trace_eval_map`, to its system and its text. */
const EVAL_TEXTS = [0, 8];

/** `trace_module_has_bad_taint()`: a module that is not left to itself only for where it comes from. */
export function hasBadTaint(state: LoadState): boolean {
  return !state.gplCompatible || state.forced || (state.livepatch && !state.rules.tracesLivepatches);
}

/** The tables that this kernel follows in this module. */
export function pointerTables(state: LoadState): PointerTable[] {
  const { sizes } = state.kernel.structures;
  const { eventTracing, tracepoints } = state.kernel.options;
  const found: PointerTable[] = [];
  const add = (name: number, size: number | undefined, isWritten: boolean, inner: readonly number[] = []) => {
    const section = findAllocated(state, name);
    if (section === 0 || state.headers.size[section]! < POINTER) return;
    found.push({ section, size, isWritten, inner, isTableWritten: name === TRACE_FORMATS });
  };
  const { srcu_struct: srcu } = sizes;
  add(SRCU_STRUCTS, srcu, true, state.rules.srcuUsage && srcu !== undefined ? [srcu - POINTER] : []);
  add(TRACE_FORMATS, 0, false);
  if (eventTracing) add(EVAL_MAP, sizes.trace_eval_map, false, EVAL_TEXTS);
  if (hasBadTaint(state)) return found;
  if (tracepoints) add(TRACEPOINTS, sizes.tracepoint, false);
  if (eventTracing) add(TRACE_EVENTS, sizes.trace_event_call, true, [EVENT_CLASS]);
  return found;
}

/** `trace_module_add_events()` leaves out the events of modules with other taints, and says so. */
export function refuseEvents(state: LoadState): void {
  if (!state.kernel.options.eventTracing || !hasBadTaint(state)) return;
  const section = findAllocated(state, TRACE_EVENTS);
  if (state.headers.size[section]! < POINTER) return;
  state.print('err', `${state.name}: module has bad taint, not creating trace events`);
}

/** Bytes of `struct ddebug_class_map`, and to the name of the module that it is for, which the kernel compares. */
const CLASS_SIZE = 56;
const CLASS_MODULE = 24;

/**
 * The classes of dynamic debug whose names the kernel reads (`ddebug_attach_module_classes`), which it does where the module has
 * messages.
 */
export function debugClasses(
  state: LoadState,
): { readonly section: number; readonly names: readonly number[] } | undefined {
  const { headers, kernel } = state;
  const section = findAllocated(state, DEBUG_CLASSES);
  const messages = headers.size[findAllocated(state, DEBUG_MESSAGES)]!;
  if (!kernel.options.dynamicDebug || section === 0 || messages < (kernel.structures.sizes._ddebug ?? CLASS_SIZE))
    return;
  const size = kernel.structures.sizes.ddebug_class_map ?? CLASS_SIZE;
  const names: number[] = [];
  for (let at = 0; at + size <= headers.size[section]!; at += size) names.push(at + CLASS_MODULE);
  return { section, names };
}

function checkClasses(state: LoadState, memory: ModuleMemory): void {
  const classes = debugClasses(state);
  if (classes === undefined) return;
  const view = memory.view(classes.section);
  requireWritable(state, classes.section);
  if (classes.names.every(at => memory.find(view.getBigUint64(at, true)) !== undefined)) return;
  state.danger(
    'FTR210',
    'the kernel compares the name of a class of dynamic debug, which leads nowhere',
    '__dyndbg_classes',
  );
}

/** By the time that the kernel writes to the table, what is to be read-only is so. */
export function requireWritable(state: LoadState, section: number): void {
  if (!state.kernel.options.strictModuleRwx || (state.headers.flags[section]! & SHF_WRITE) !== 0) return;
  const name = state.headers.text(section);
  state.danger('FTR212', `${name} is read-only, and the kernel writes there when the module comes`, name);
}

/** Every pointer has to lead to a whole structure of the module; of each table the first that does not is told. */
export function checkPointerTables(state: LoadState, memory: ModuleMemory): void {
  checkClasses(state, memory);
  const tables = pointerTables(state);
  if (tables.length === 0) return;
  const objects = new ObjectSizes(state, memory);
  for (const table of tables) {
    const view = memory.view(table.section);
    if (table.isTableWritten) requireWritable(state, table.section);
    for (let at = 0; at + POINTER <= view.byteLength; at += POINTER) {
      if (leadsToStructure(memory, objects, table, view.getBigUint64(at, true))) continue;
      const name = memory.name(table.section);
      state.danger(
        'FTR210',
        `the kernel follows pointer ${at / POINTER} of ${name}, which leads to nothing of its kind`,
        name,
      );
      break;
    }
  }
}

/** Where the symbols tell of objects, the pointer must lead to the start of one of the right size. */
function leadsToStructure(memory: ModuleMemory, objects: ObjectSizes, table: PointerTable, address: bigint): boolean {
  const { size, isWritten, inner } = table;
  const spot = memory.find(address, size === undefined || size === 0 ? 1 : size);
  if (spot === undefined) return false;
  if (size === 0) return true;
  if (address % 8n !== 0n || (isWritten && !memory.isWritable(spot))) return false;
  if (inner.some(at => memory.find(memory.doubleword(address + BigInt(at)) ?? 0n) === undefined)) return false;
  const known = objects.of(spot);
  if (known === undefined) return !objects.isInside(spot);
  return size === undefined || known === size;
}
