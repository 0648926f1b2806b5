/**
 * Data of the module that the kernel uses as its own memory between relocating the module and starting it, so that what lies
 * there only the running machine knows: `struct module`, the events of the tracer, SRCU structures, dynamic debug's classes.
 * Code and read-only data are not among them.
 */
import { SYMBOL_SIZE } from './arch.ts';
import { findAllocated } from './find-section.ts';
import type { ModuleMemory, Spot } from './memory.ts';
import { knownName } from './section-names.ts';
import type { LoadState } from './state.ts';

const STT_OBJECT = 1;

const TRACE_EVENTS = knownName('_ftrace_events');
const EVAL_MAP = knownName('_ftrace_eval_map');
const TRACEPOINTS = knownName('__tracepoints');
const SRCU_STRUCTS = knownName('___srcu_struct_ptrs');
const TRACE_FORMATS = knownName('__trace_printk_fmt');
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
  if (kernel.options.eventTracing) excludeEvents(state, memory);
  const srcu = findAllocated(state, SRCU_STRUCTS);
  if (srcu !== 0) {
    const sizes = new ObjectSizes(state, memory);
    requirePointers(state, memory, srcu);
    for (const spot of pointees(memory, srcu))
      leaveOut(state, spot, sizes.of(spot) ?? 0, 'struct srcu_struct: the kernel gives it per-cpu memory');
  }
  const formats = findAllocated(state, TRACE_FORMATS);
  if (formats !== 0) requirePointers(state, memory, formats);
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

/** The kernel follows these pointers, and writes to what most of them name. */
function requirePointers(state: LoadState, memory: ModuleMemory, section: number): void {
  const view = memory.view(section);
  for (let at = 0; at + 8 <= view.byteLength; at += 8) {
    if (memory.find(view.getBigUint64(at, true)) !== undefined) continue;
    const name = memory.name(section);
    state.danger('FTR210', `the kernel follows a pointer of ${name} that names nothing in the module`, name);
    return;
  }
}

/**
 * Events are registered when the module is coming: the kernel links each into its lists, numbers it, fills in what it lacks,
 * and resolves the names of `_ftrace_eval_map` in its text.
 */
function excludeEvents(state: LoadState, memory: ModuleMemory): void {
  const section = findAllocated(state, TRACE_EVENTS);
  if (section === 0) return;
  requirePointers(state, memory, section);
  const sizes = new ObjectSizes(state, memory);
  const names = findAllocated(state, EVAL_MAP);
  if (names !== 0) requirePointers(state, memory, names);
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

/** Sizes of objects by where they begin, from the symbol table. */
class ObjectSizes {
  readonly #sizes = new Map<number, Map<number, number>>();

  constructor(state: LoadState, memory: ModuleMemory) {
    const { symtab } = state.index;
    const view = memory.view(symtab);
    for (let at = SYMBOL_SIZE; at + SYMBOL_SIZE <= view.byteLength; at += SYMBOL_SIZE) {
      if ((view.getUint8(at + 4) & 0xf) !== STT_OBJECT) continue;
      const section = view.getUint16(at + 6, true);
      if (state.places[section] === undefined) continue;
      const offset = Number(view.getBigUint64(at + 8, true) - memory.addressOf(section));
      const sizes = this.#sizes.get(section) ?? new Map<number, number>();
      this.#sizes.set(section, sizes);
      sizes.set(offset, Number(view.getBigUint64(at + 16, true)));
    }
  }

  of(spot: Spot): number | undefined {
    return this.#sizes.get(spot.section)?.get(spot.offset);
  }
}
