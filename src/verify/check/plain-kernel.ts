/** Telling the screen (`wasm/`) what it has to know of a kernel. */
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import { EXPORT_HAS_CRC, IndexedExports } from '../../kernel/knowledge/tables.ts';
import { outOfLineStubSize } from '../../loader/arch.ts';
import { kernelAddress } from '../../loader/kernel-addresses.ts';
import { rulesFor } from '../../loader/rules.ts';
import { exemptNames } from '../../loader/symbols.ts';
import { noReturnNames } from '../proof/no-return.ts';
import type { ProvingCode } from './plain-proof.ts';

/** What `wasm/screen.ts` exports. Addresses and sizes in bytes. */
export interface ScreeningCode {
  readonly memory: WebAssembly.Memory;
  place(which: number): number;
  screen(size: number, serial: number): number;
  keepRecords(): void;
  recordCount(): number;
  nameCount(): number;
  numberOf(at: number): number;
  otherBytes(): number;
  takeKernelNames(count: number, slots: number, stringBytes: number): number;
  setClassOfName(number: number, symbolClass: number): void;
  setNamespace(number: number, namespace: number): void;
}

/** Numbers of `place` in `wasm/screen.ts`. */
export const PLACES = {
  file: 0,
  result: 1,
  settings: 2,
  vermagic: 3,
  asked: 4,
  kernelStrings: 5,
  kernelSlots: 6,
  kernelStarts: 7,
  kernelCrcs: 8,
  records: 9,
  otherStrings: 10,
  otherStarts: 11,
} as const;

/** Bytes, less than the room that `wasm/memory.ts` has. */
const LONGEST_NAME = 4000;
const LONGEST_VERMAGIC = 1000;
const MOST_NAMES = 1 << 16;
const MOST_STRINGS = 4 << 20;
const MOST_SLOTS = 1 << 17;

/** Classes of `wasm/symbols.ts`. */
const EXEMPT = 0x10;
const MCOUNT = 0x20;
const EXTERNAL = 0x80;
/** Of a name that the kernel does not export: a symbol of that name is not plain. */
const REFUSED = 1;

/** Bytes: `struct module`'s name where nobody knows better, a bug's entry, a class of messages, and what percpu_modalloc has at least. */
const NAME_AT = 24;
const BUG_ENTRY = 12;
const DEBUG_CLASS = 56;
const MOST_PERCPU = 32768;

/** @returns whether this kernel's loader does nothing that the screen does not know */
export function setKernel(code: ScreeningCode, kernel: KernelKnowledge): boolean {
  const { exports, options, vermagic, release } = kernel;
  const { pcrel, moduleUnload, moduleSigForce, kallsyms, smp, dynamicFtrace, mprofileKernel, patchableFunctionEntry } =
    options;
  if (pcrel || !moduleUnload || moduleSigForce || !kallsyms || !smp || !dynamicFtrace) return false;
  if (!mprofileKernel && !patchableFunctionEntry) return false;
  if (!(exports instanceof IndexedExports) || vermagic.length > LONGEST_VERMAGIC) return false;
  // What follows the release is compared with the module's; the audit wants the release as well.
  if (!vermagic.startsWith(`${release} `)) return false;
  return setSettings(code, kernel) && setExports(code, kernel, exports);
}

/** In the order of `wasm/settings.ts`. */
function setSettings(code: ScreeningCode, kernel: KernelKnowledge): boolean {
  const { options, structures, vermagic, exports } = kernel;
  const { init, exit, name = NAME_AT } = structures.moduleFields;
  const layout = exports.find('module_layout');
  if (init === undefined || exit === undefined) return false;
  if (options.modversions && (layout < 0 || exports.crc(layout) === undefined)) return false;
  const rules = rulesFor(kernel);
  const { sizes } = structures;
  const { buffer } = code.memory;
  new Int32Array(buffer, code.place(PLACES.settings)).set([
    Number(options.modversions),
    Number(options.moduleSig),
    Number(rules.exportFlags),
    options.patchableFunctionEntry ? (options.ftraceOutOfLine ? 1 : 2) : 0,
    Number(options.btfModules),
    structures.moduleSize,
    name,
    init,
    exit,
    options.genericBug ? (sizes.bug_entry ?? BUG_ENTRY) : 0,
    Number(options.jumpLabel),
    Math.max(MOST_PERCPU, options.pageSize),
    options.pageSize,
    layout,
    Number(rules.relocatesPercpu),
    sizes.srcu_struct ?? 0,
    sizes.trace_eval_map ?? 0,
    sizes.tracepoint ?? 0,
    sizes.trace_event_call ?? 0,
    sizes.ddebug_class_map ?? DEBUG_CLASS,
    rules.srcuUsage ? Math.max((sizes.srcu_struct ?? 0) - 8, 0) : 0,
  ]);
  putText(new Uint8Array(buffer, code.place(PLACES.vermagic)), Buffer.from(vermagic, 'latin1'));
  return true;
}

/** Offset in the PACA (r13) of the kernel's TOC, where nobody knows better; bytes. */
const PACA_KERNEL_TOC = 16;
/** Bytes of the settings in front of those that only the proof needs. */
const PROOF_SETTINGS = 84;
const PROOF_ADDRESSES = 120;

/**
 * Tells what the image of a module depends on, once `setKernel` has told the rest.
 *
 * @returns whether such images can be made
 */
export function setProof(code: ProvingCode, kernel: KernelKnowledge): boolean {
  const { options, structures, exports, toc } = kernel;
  const { patchableFunctionEntry, ftraceOutOfLine, ftraceCallOps, dynamicFtraceWithRegs } = options;
  const address = (name: string) => kernelAddress({ kernel, request: { running: undefined } }, name);
  const caller = address('ftrace_caller');
  const registersCaller = dynamicFtraceWithRegs ? address('ftrace_regs_caller') : 0n;
  if (caller === undefined || registersCaller === undefined || !(exports instanceof IndexedExports)) return false;
  // Call ops without stubs of their own stand in front of the functions.
  if (patchableFunctionEntry && ftraceCallOps && !ftraceOutOfLine) return false;
  const rules = rulesFor(kernel);
  const { buffer } = code.memory;
  const at = code.place(PLACES.settings);
  new Int32Array(buffer, at + PROOF_SETTINGS, 8).set([
    Number(rules.memoryAreas),
    Number(options.strictModuleRwx),
    Number(options.kallsymsAll),
    Number(rules.stubsCounted),
    Number(dynamicFtraceWithRegs),
    ftraceOutOfLine ? outOfLineStubSize(ftraceCallOps) : 0,
    Number(rules.tracerDropsLinkSave),
    structures.moduleFields['paca_struct.kernel_toc'] ?? PACA_KERNEL_TOC,
  ]);
  const operations = ftraceCallOps ? (address('ftrace_nop_ops') ?? 0n) : 0n;
  new BigUint64Array(buffer, at + PROOF_ADDRESSES, 5).set([
    address('__per_cpu_start') ?? 0n,
    toc,
    caller,
    registersCaller,
    operations,
  ]);
  new Uint32Array(buffer, code.addressesAt(), exports.count * 2).set(exports.arrays.addresses);
  for (const name of noReturnNames) {
    const number = numberOfName(code, Buffer.from(name, 'latin1'));
    if (number < 0) return false;
    code.setEndless(number);
  }
  return true;
}

function putText(room: Uint8Array, text: Uint8Array): void {
  room.set(text);
  room[text.length] = 0;
}

function setExports(code: ScreeningCode, kernel: KernelKnowledge, exports: IndexedExports): boolean {
  const { strings, nameAt, slots, crcs, flags, addresses, namespaceAt, namespaces } = exports.arrays;
  const { count } = exports;
  if (count > MOST_NAMES || strings.length > MOST_STRINGS || slots.length > 2 * MOST_SLOTS) return false;
  const { buffer } = code.memory;
  new Uint8Array(buffer, code.place(PLACES.kernelStrings)).set(strings);
  new Uint32Array(buffer, code.place(PLACES.kernelSlots)).set(slots);
  new Uint32Array(buffer, code.place(PLACES.kernelStarts)).set(nameAt);
  new Uint32Array(buffer, code.place(PLACES.kernelCrcs)).set(crcs);
  if (code.takeKernelNames(count, slots.length / 2, strings.length) === 0) return false;
  const { modversions } = kernel.options;
  const numbers = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    // What has no checksum, or no address, the twin looks at.
    if (modversions && (flags[i]! & EXPORT_HAS_CRC) === 0) continue;
    if (addresses[2 * i] === 0 && addresses[2 * i + 1] === 0) continue;
    code.setClassOfName(i, EXTERNAL);
    const at = namespaceAt[i]!;
    if (namespaces[at] === 0) continue;
    let number = numbers.get(at);
    if (number === undefined) {
      number = numberOfName(code, Buffer.from(exports.namespace(i), 'utf8'));
      numbers.set(at, number);
    }
    if (number < 0 || exports.namespace(i).startsWith('module:')) code.setClassOfName(i, 0);
    else code.setNamespace(i, number);
  }
  return setExempt(code, kernel, exports);
}

/** Calls of the tracer's entries need no nop where they are near the kernel's TOC. */
function setExempt(code: ScreeningCode, kernel: KernelKnowledge, exports: IndexedExports): boolean {
  for (const name of exemptNames({ kernel })) {
    const i = exports.find(name);
    if (i >= 0) {
      const distance = exports.address(i) - kernel.toc;
      const isNear = distance >= -0x8000_0000n && distance <= 0x7fff_ffffn;
      code.setClassOfName(i, isNear ? EXTERNAL | EXEMPT | (name === '_mcount' ? MCOUNT : 0) : 0);
    } else {
      const number = numberOfName(code, Buffer.from(name, 'latin1'));
      if (number < 0) return false;
      code.setClassOfName(number, REFUSED);
    }
  }
  return true;
}

/** The screen's number of a name; -1 where it has no room for one more. */
export function numberOfName(code: ScreeningCode, name: Uint8Array): number {
  if (name.length > LONGEST_NAME || name.includes(0)) return -1;
  const at = code.place(PLACES.asked);
  putText(new Uint8Array(code.memory.buffer, at, LONGEST_NAME + 1), name);
  return code.numberOf(at);
}
