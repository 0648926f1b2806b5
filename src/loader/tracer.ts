/**
 * `ftrace_module_init()` of kernel/trace/ftrace.c with the tracer off: sorts the module's table of recorded places, and makes
 * each place ready. The first place that is not as expected turns the tracer of the whole machine off ("ftrace bug"); the
 * places behind it stay as they are, and the module loads all the same.
 */
import { findAllocated } from './find-section.ts';
import { kernelAddress, pointer } from './kernel-addresses.ts';
import { ModuleMemory } from './memory.ts';
import { knownName } from './section-names.ts';
import type { LoadState } from './state.ts';
import { screenRecords } from './tracer-screen.ts';
import { type SiteErrno, TracerSites } from './tracer-sites.ts';

const MCOUNT_LOC = knownName('__mcount_loc');
const PATCHABLE = knownName('__patchable_function_entries');
const RECORD = 8;

/** FTRACE_FL_DISABLED, which records of a module carry at first. */
const FLAGS = '2000000';

const WORDS: Readonly<Record<SiteErrno, string>> = {
  EINVAL: 'ftrace failed to modify ',
  EFAULT: 'ftrace faulted on modifying ',
  EPERM: 'ftrace faulted on writing ',
};

/** Section of the recorded places in modules of this kernel, and 0 where the module has none. */
export function tracerTableOf(state: LoadState): number {
  const { dynamicFtrace, patchableFunctionEntry } = state.kernel.options;
  if (!dynamicFtrace) return 0;
  const section = findAllocated(state, patchableFunctionEntry ? PATCHABLE : MCOUNT_LOC);
  return state.headers.size[section]! < RECORD ? 0 : section;
}

export function tracerModuleInit(state: LoadState): void {
  const table = tracerTableOf(state);
  if (table === 0) return;
  if (!state.arch.exact) {
    screenRecords(state, table, state.screenedRegions);
    return;
  }
  const memory = new ModuleMemory(state);
  const sites = new TracerSites(state, memory);
  for (const recorded of sortedRecords(memory, table)) {
    if (recorded === 0n) continue;
    const ip = sites.adjust(recorded);
    remarkOnPlace(state, memory, ip);
    const errno = sites.initialise(ip);
    if (errno === undefined) continue;
    tracerBug(state, memory, ip, errno);
    return;
  }
}

/** The records in ascending order, as the kernel leaves them in memory. */
function sortedRecords(memory: ModuleMemory, table: number): BigUint64Array {
  const view = memory.view(table);
  const records = new BigUint64Array(Math.floor(view.byteLength / RECORD));
  for (let i = 0; i < records.length; i++) records[i] = view.getBigUint64(i * RECORD, true);
  records.sort();
  for (let i = 0; i < records.length; i++) view.setBigUint64(i * RECORD, records[i]!, true);
  return records;
}

function remarkOnPlace(state: LoadState, memory: ModuleMemory, ip: bigint): void {
  const spot = memory.find(ip, 4);
  if (spot === undefined || !memory.isCode(spot)) {
    state.remark({
      code: 'FTR203',
      level: 'error',
      message: `a tracer record names 0x${ip.toString(16)}, which is not in the module's code`,
      ...(spot === undefined ? {} : { section: memory.name(spot.section), offset: spot.offset }),
    });
    return;
  }
  const region = state.fixupRegions.find(r => ip >= r.start && ip < r.end);
  if (region === undefined) return;
  state.remark({
    code: 'FTR204',
    level: 'warning',
    message: `the tracer's place lies in code that the loader may rewrite (${region.table})`,
    section: memory.name(spot.section),
    offset: spot.offset,
  });
}

/**
 * `ftrace_bug()`: what the log shows up to the warning with its register dump. The module has no symbols yet, so its addresses
 * are printed as numbers.
 */
function tracerBug(state: LoadState, memory: ModuleMemory, ip: bigint, errno: SiteErrno): void {
  const info = (text: string) => state.print('info', text);
  // What continues a line that has ended becomes a line of its own, of the default level.
  const rest = (text: string) => state.print('warning', text);
  info('------------[ ftrace bug ]------------');
  info(WORDS[errno]);
  info(`[<${pointer(ip)}>] 0x${ip.toString(16)}`);
  if (errno === 'EINVAL') rest(` actual:   ${shownBytes(memory, ip)}`);
  info('Initializing ftrace call sites');
  info(`ftrace record flags: ${FLAGS}`);
  const marks = state.rules.tracerReadsTargets ? '  ' : '    ';
  const tramp = (kernelAddress(state, 'ftrace_caller') ?? 0n).toString(16);
  rest(` (0)${marks}\n expected tramp: ${tramp}`);
  rest('------------[ cut here ]------------');
  const spot = memory.find(ip, 4);
  state.remark({
    code: 'FTR202',
    level: 'error',
    message: 'the tracer finds something unexpected at a recorded place and turns itself off for the whole machine',
    ...(spot === undefined ? {} : { section: memory.name(spot.section), offset: spot.offset }),
  });
}

function shownBytes(memory: ModuleMemory, ip: bigint): string {
  const spot = memory.find(ip, 4);
  if (spot === undefined) return `[FAULT] ${pointer(ip)}`;
  const view = memory.view(spot.section);
  return [0, 1, 2, 3]
    .map(i =>
      view
        .getUint8(spot.offset + i)
        .toString(16)
        .padStart(2, '0'),
    )
    .join(':');
}
