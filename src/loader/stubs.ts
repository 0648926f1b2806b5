/**
 * The loader's stubs (arch/powerpc/kernel/module_64.c): code in `.stubs` through which a module calls what its own branches do
 * not reach. A slot has 40 bytes: seven instructions, the word `stub`, and the target's address. Calls to one address share a slot.
 */
import { SHT_RELA } from '../elf/constants.ts';
import { outOfLineStubSize, STUB_SIZE } from './arch.ts';
import { kernelAddress } from './kernel-addresses.ts';
import type { MemoryPlace, PlacedMemory } from './placed-memory.ts';
import { KernelRefusal, type LoadState } from './state.ts';
import { exemptNames, tocPointer } from './symbols.ts';

const MAGIC = 0x7374_7562;
const MAGIC_AT = 28;
const TARGET_AT = 32;

const MTCTR_R12 = 0x7d89_03a6;
const BCTR = 0x4e80_0420;
const NOP = 0x6000_0000;

/** addis r11,r2,0; addi r11,r11,0; std r2,24(r1); ld r12,32(r11); mtctr r12; bctr */
const CALL = [0x3d62_0000, 0x396b_0000, 0xf841_0018, 0xe98b_0020, MTCTR_R12, BCTR];
/** pld r12,32(pc); mtctr r12; bctr */
const PCREL_CALL = [0x0410_0000, 0xe580_0020, MTCTR_R12, BCTR];
/** ld r12,..(r13); addis r12,r12,0; addi r12,r12,0; mtctr r12; bctr */
const TRACER = [0xe98d_0000, 0x3d8c_0000, 0x398c_0000, MTCTR_R12, BCTR];
/** ld r12,..(r13); nop; paddi r12,r12,0; mtctr r12; bctr */
const PCREL_TRACER = [0xe98d_0000, NOP, 0x0600_0000, 0x398c_0000, MTCTR_R12, BCTR];

/** Offsets in the PACA (r13) of what the tracer's stubs start from; bytes. */
const PACA_KERNEL_TOC = 16;
const PACA_KERNEL_BASE = 24;

function pacaOffset(state: LoadState, member: string, usual: number): number {
  return state.kernel.structures.moduleFields[`paca_struct.${member}`] ?? usual;
}

/** The high part of a value whose low 16 bits will be added as a signed number. */
export function highAdjusted(value: bigint): number {
  return Number(BigInt.asUintN(16, (value + 0x8000n) >> 16n));
}

export function lowHalf(value: bigint): number {
  return Number(BigInt.asUintN(16, value));
}

/** Name of the kernel's function at an address, as `%ps` prints it: known only for the tracer's entries. */
function functionName(state: LoadState, address: bigint, name: string): string {
  return kernelAddress(state, name) === address ? name : `0x${address.toString(16)}`;
}

function writeWords(view: DataView, at: number, words: readonly number[]): void {
  for (let i = 0; i < words.length; i++) view.setUint32(at + i * 4, words[i]!, true);
}

export class Stubs {
  readonly #state: LoadState;
  readonly #memory: PlacedMemory;
  readonly #exempt: readonly string[];
  /** Address of `.stubs`, and slots in it. */
  readonly #start: bigint;
  readonly #slots: number;
  /** The first slots, as far as this object made them, by the low half of the target; and how many they are. */
  readonly #made = new Map<number, number>();
  #next = 0;
  /** No relocation of the module writes into `.stubs`. */
  readonly #isOwn: boolean;
  #isTold = false;

  constructor(state: LoadState, memory: PlacedMemory) {
    this.#state = state;
    this.#memory = memory;
    this.#exempt = exemptNames(state);
    const { headers, index } = state;
    this.#isOwn = !headers.type.some((type, i) => type === SHT_RELA && headers.info[i] === index.stubs);
    this.#start = memory.addressOf(state.index.stubs);
    this.#slots = Math.floor(state.headers.size[state.index.stubs]! / STUB_SIZE);
  }

  isExempt(name: string): boolean {
    return this.#exempt.includes(name);
  }

  /**
   * `stub_for_addr()`.
   *
   * @param name of the symbol: it decides the kind of stub
   * @returns the stub's address; 0 where there is no room, or none can be made
   */
  forAddress(target: bigint, name: string): bigint {
    const { rules, arch } = this.#state;
    const place = this.#memory.locate(this.#state.index.stubs, 0n, 0) ?? this.#temporary();
    const { view } = place;
    const low = Number(target & 0xffff_ffffn);
    const high = Number(target >> 32n);
    let slot = this.#made.get(low) ?? -1;
    if (slot >= 0 && this.#isOwn && this.#holds(view, place.at + slot * STUB_SIZE, low, high))
      return this.#start + BigInt(slot * STUB_SIZE);
    // Slots that were made by this hand and lead elsewhere need no second look.
    for (slot = this.#isOwn && this.#made.size === this.#next ? this.#next : 0; ; slot++) {
      const at = place.at + slot * STUB_SIZE;
      if (rules.stubsCounted && slot >= arch.stubCount) break;
      if (at + STUB_SIZE > view.byteLength) {
        this.#state.danger('REL105', 'the loader looks for a stub behind the memory of .stubs', '.stubs');
        return 0n;
      }
      const known = view.getUint32(at + TARGET_AT, true);
      const knownHigh = view.getUint32(at + TARGET_AT + 4, true);
      if (!rules.stubsCounted && known === 0 && knownHigh === 0) break;
      if (slot >= this.#slots) return this.#warn('all slots of .stubs are taken');
      if (known === low && knownHigh === high) return this.#start + BigInt(slot * STUB_SIZE);
    }
    const at = place.at + slot * STUB_SIZE;
    if (at + STUB_SIZE > view.byteLength) {
      this.#state.danger('REL105', 'the loader makes a stub behind the memory of .stubs', '.stubs');
      return 0n;
    }
    const address = this.#start + BigInt(slot * STUB_SIZE);
    const isTracer = this.isExempt(name);
    if (!(isTracer ? this.#tracerStub(view, at, address, target, name) : this.#callStub(view, at, address))) return 0n;
    view.setUint32(at + MAGIC_AT, MAGIC, true);
    view.setBigUint64(at + TARGET_AT, target, true);
    if (slot >= this.#slots) this.#state.danger('REL105', 'the loader makes a stub behind the end of .stubs', '.stubs');
    arch.stubCount++;
    if (slot === this.#next && slot < this.#slots) {
      this.#made.set(low, slot);
      this.#next++;
    }
    const instructions = isTracer ? this.#tracerCode() : this.#callCode();
    const data = [4 * instructions.length, STUB_SIZE] as const;
    this.#state.stubs.push({ address, target, kind: isTracer ? 'tracer' : 'call', name, data });
    return address;
  }

  /** Stubs that are not kept are made in the kernel's temporary copy of the file, over whatever lies there. */
  #temporary(): MemoryPlace {
    const message = '.stubs is not kept';
    // The relocations and what follows them have stubs made by two of these objects.
    if (!this.#isTold && !this.#state.remarks.some(remark => remark.message === message))
      this.#state.danger('REL105', message, '.stubs');
    this.#isTold = true;
    return this.#memory.temporary(this.#state.index.stubs);
  }

  #holds(view: DataView, at: number, low: number, high: number): boolean {
    return view.getUint32(at + TARGET_AT, true) === low && view.getUint32(at + TARGET_AT + 4, true) === high;
  }

  /** Where the kernel has a WARN_ON, whose report goes on with registers and a stack. */
  #warn(message: string): bigint {
    this.#state.danger('REL105', message, '.stubs');
    return 0n;
  }

  #isMisaligned(address: bigint): boolean {
    if (!this.#state.rules.alignedStubs || address % 8n === 0n) return false;
    this.#state.print('err', `module_64: ${this.#state.name}: Address of stub entry is not 8-byte aligned`);
    return true;
  }

  #callCode(): readonly number[] {
    return this.#state.kernel.options.pcrel ? PCREL_CALL : CALL;
  }

  #tracerCode(): readonly number[] {
    return this.#state.kernel.options.pcrel ? PCREL_TRACER : TRACER;
  }

  /** `create_stub()`: saves r2 in the slot for it, and takes the target from behind the code. */
  #callStub(view: DataView, at: number, address: bigint): boolean {
    const state = this.#state;
    if (this.#isMisaligned(address)) return false;
    writeWords(view, at, this.#callCode());
    if (state.kernel.options.pcrel) return true;
    const distance = BigInt.asIntN(64, address - tocPointer(state));
    if (distance > 0x7fff_ffffn || distance < -0x8000_0000n) {
      // The kernel prints two hashed pointers, which nobody can know before.
      state.print(
        'err',
        `module_64: ${state.name}: Address (____ptrval____) of stub out of range of (____ptrval____).`,
      );
      return false;
    }
    view.setUint32(at, (CALL[0]! | highAdjusted(distance)) >>> 0, true);
    view.setUint32(at + 4, (CALL[1]! | lowHalf(distance)) >>> 0, true);
    return true;
  }

  /** `create_ftrace_stub()`: starts from the PACA, since r2 may be anybody's here. */
  #tracerStub(view: DataView, at: number, address: bigint, target: bigint, name: string): boolean {
    const state = this.#state;
    if (this.#isMisaligned(address)) return false;
    const { pcrel } = state.kernel.options;
    const fromPaca = pcrel
      ? pacaOffset(state, 'kernelbase', PACA_KERNEL_BASE)
      : pacaOffset(state, 'kernel_toc', PACA_KERNEL_TOC);
    const words = this.#tracerCode();
    writeWords(view, at, words);
    view.setUint32(at, (words[0]! | fromPaca) >>> 0, true);
    const base = pcrel ? (kernelAddress(state, '_stext') ?? 0n) : (state.request.runningToc ?? state.kernel.toc);
    const distance = BigInt.asIntN(64, target - base);
    const limit = pcrel ? 0x2_0000_0000n : 0x8000_0000n;
    if (distance >= limit || distance < -limit) {
      const text = pcrel ? 'out of range of 34-bit relative address.' : 'out of range of kernel_toc.';
      state.print('err', `module_64: ${state.name}: Address of ${functionName(state, target, name)} ${text}`);
      return false;
    }
    if (pcrel) {
      view.setUint32(at + 8, (words[2]! | Number((distance >> 16n) & 0x3ffffn)) >>> 0, true);
      view.setUint32(at + 12, (words[3]! | lowHalf(distance)) >>> 0, true);
    } else {
      view.setUint32(at + 4, (words[1]! | highAdjusted(distance)) >>> 0, true);
      view.setUint32(at + 8, (words[2]! | lowHalf(distance)) >>> 0, true);
    }
    return true;
  }
}

/** Reserves the slots behind the stubs for the tracer's out-of-line stubs: `setup_ftrace_ool_stubs()` of 6.13 and later. */
export function reserveOutOfLine(state: LoadState): void {
  const { arch } = state;
  if (!state.rules.outOfLineStubs) return;
  const bytes = arch.outOfLineCount * outOfLineStubSize(state.kernel.options.ftraceCallOps);
  const slots = Math.ceil(bytes / STUB_SIZE);
  const total = Math.floor(state.headers.size[state.index.stubs]! / STUB_SIZE);
  if (arch.stubCount + slots > total) throw new KernelRefusal('ENOENT');
  arch.outOfLineOffset = arch.stubCount * STUB_SIZE;
  arch.stubCount += slots;
}
