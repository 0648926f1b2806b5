/**
 * Data of the module that the kernel uses as its own memory between relocating the module and starting it, so that what lies
 * there only the running machine knows: `struct module`, the events of the tracer, SRCU structures, dynamic debug's classes.
 * Code and read-only data are not among them.
 */
import { findAllocated } from './find-section.ts';
import type { ModuleMemory, Spot } from './memory.ts';
import { ObjectSizes } from './object-sizes.ts';
import {
  checkPointerTables,
  EVAL_MAP,
  hasBadTaint,
  SRCU_STRUCTS,
  TRACE_EVENTS,
  TRACE_FORMATS,
} from './pointer-tables.ts';
import { knownName } from './section-names.ts';
import type { LoadState } from './state.ts';

const TRACEPOINTS = knownName('__tracepoints');
const DEBUG_CLASSES = knownName('__dyndbg_classes');

/** `struct trace_event_call` where no symbol gives its size; bytes. */
const EVENT_CALL_SIZE = 144;
/** `struct trace_event_fields`: its size, and where the bit is that marks strings to be tested when they are printed; bytes. */
const FIELD_SIZE = 40;
const FIELD_BITS = 24;
/** `struct ddebug_class_map`, whose first member is the list that it is hung into; bytes. */
const DEBUG_CLASS_SIZE = 56;
const LIST_HEAD_SIZE = 16;

export function excludeKernelData(state: LoadState, memory: ModuleMemory): void {
  const { index, headers, kernel } = state;
  whole(state, index.thisModule, 'struct module: the kernel keeps its own state there');
  checkPointerTables(state, memory);
  if (kernel.options.eventTracing && !hasBadTaint(state)) excludeEvents(state, memory);
  const srcu = findAllocated(state, SRCU_STRUCTS);
  if (srcu !== 0) {
    const sizes = new ObjectSizes(state, memory);
    for (const spot of pointees(memory, srcu))
      leaveOut(state, spot, sizes.of(spot) ?? 0, 'struct srcu_struct: the kernel gives it per-cpu memory');
  }
  const formats = findAllocated(state, TRACE_FORMATS);
  whole(state, formats, 'formats of trace_printk: the kernel points to copies of its own');
  const classes = findAllocated(state, DEBUG_CLASSES);
  if (kernel.options.dynamicDebug && classes !== 0)
    for (let at = 0; at + DEBUG_CLASS_SIZE <= headers.size[classes]!; at += DEBUG_CLASS_SIZE)
      leaveOut(
        state,
        { section: classes, offset: at },
        LIST_HEAD_SIZE,
        'dynamic debug: the kernel links the class into a list',
      );
}

function whole(state: LoadState, section: number, reason: string): void {
  if (section !== 0) leaveOut(state, { section, offset: 0 }, state.headers.size[section]!, reason);
}

function leaveOut(state: LoadState, spot: Spot, length: number, reason: string): void {
  if (length > 0) state.exclude(spot.section, { offset: spot.offset, length, reason });
}

/** Places that the pointers in a section lead to. */
function* pointees(memory: ModuleMemory, section: number): Generator<Spot> {
  const view = memory.view(section);
  for (let at = 0; at + 8 <= view.byteLength; at += 8) {
    const spot = memory.find(view.getBigUint64(at, true));
    if (spot !== undefined) yield spot;
  }
}

/**
 * Events are registered when the module is coming: the kernel links each into its lists, numbers it, fills in what it lacks,
 * and resolves the names of `_ftrace_eval_map` in its text.
 */
function excludeEvents(state: LoadState, memory: ModuleMemory): void {
  const section = findAllocated(state, TRACE_EVENTS);
  if (section === 0) return;
  const sizes = new ObjectSizes(state, memory);
  const names = findAllocated(state, EVAL_MAP);
  const resolvesNames = names !== 0;
  const seen = new Set<string>();
  for (const event of pointees(memory, section)) {
    const size = Math.min(sizes.of(event) ?? EVENT_CALL_SIZE, state.headers.size[event.section]! - event.offset);
    leaveOut(state, event, size, 'trace event: the kernel links and numbers it');
    for (const spot of partsOf(state, memory, event, size)) {
      const place = `${spot.section}:${spot.offset}`;
      const length = sizes.of(spot);
      if (length === undefined || seen.has(place)) continue;
      seen.add(place);
      if (!isText(memory, spot) || resolvesNames)
        leaveOut(state, spot, length, 'trace event: its class, functions and text belong to the tracer');
      if (state.rules.tracerMarksFields)
        for (const fields of partsOf(state, memory, spot, length)) excludeFieldBits(state, sizes, fields);
    }
  }
}

/** Writable objects of the module that an event's pointers lead to; tracepoints stay as they are. */
function* partsOf(state: LoadState, memory: ModuleMemory, event: Spot, size: number): Generator<Spot> {
  const view = memory.view(event.section);
  for (let at = 0; at + 8 <= size; at += 8) {
    const spot = memory.find(view.getBigUint64(event.offset + at, true));
    if (spot !== undefined && memory.isWritable(spot) && state.headers.nameId[spot.section] !== TRACEPOINTS) yield spot;
  }
}

/** The kernel marks fields that its own code would print without a look at where they lead. */
function excludeFieldBits(state: LoadState, sizes: ObjectSizes, fields: Spot): void {
  const size = sizes.of(fields) ?? 0;
  if (size % FIELD_SIZE !== 0) return;
  for (let at = FIELD_BITS; at < size; at += FIELD_SIZE)
    leaveOut(state, { section: fields.section, offset: fields.offset + at }, 4, 'trace event: marks of its fields');
}

/** Whether an event's `print_fmt` begins there: a C string literal, quotation mark included. */
function isText(memory: ModuleMemory, spot: Spot): boolean {
  return memory.view(spot.section).getUint8(spot.offset) === 0x22;
}
