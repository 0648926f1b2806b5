/**
 * What the tracer's architecture code does to one recorded place when the module is loaded: arch/powerpc/kernel/trace/ftrace.c.
 * Up to 6.5 (`ftrace_make_nop`) it asks where the call goes; from 6.6 on (`ftrace_init_nop`) it looks at the words only.
 */
import { LD_R2_24_R1, MFLR_R0, MTLR_R0, NOP, STD_R0_16_R1 } from '../ppc64/words.ts';
import { outOfLineStubSize } from './arch.ts';
import { branchTarget, branchWord, isBranchAndLink, reaches } from './branch-words.ts';
import { instruction, isKernelText, kernelAddress } from './kernel-addresses.ts';
import type { ModuleMemory } from './memory.ts';
import type { LoadState } from './state.ts';

/** "stub" as a word: what marks a call stub (`STUB_MAGIC`). */
const STUB_MAGIC = 0x73747562;
/** Bytes from the start of a call stub to its marker, and to the address that it leads to. */
const STUB_MAGIC_OFFSET = 28n;
const STUB_TARGET_OFFSET = 32n;
/** b .+8 */
const SKIP_ONE = 0x48000008;

export type SiteErrno = 'EFAULT' | 'EINVAL' | 'EPERM';

/** Initialises places one after the other. */
export class TracerSites {
  readonly #state: LoadState;
  readonly #memory: ModuleMemory;
  readonly #mcount: bigint | undefined;
  /** Out-of-line stubs that were handed out (`ool_stub_index`). */
  #outOfLine = 0;

  constructor(state: LoadState, memory: ModuleMemory) {
    this.#state = state;
    this.#memory = memory;
    this.#mcount = kernelAddress(state, '_mcount');
  }

  /** `ftrace_call_adjust()`: the address that the tracer keeps for a recorded one. */
  adjust(address: bigint): bigint {
    const { patchableFunctionEntry, ftraceOutOfLine, ftraceCallOps } = this.#state.kernel.options;
    if (!patchableFunctionEntry || ftraceOutOfLine) return address;
    return BigInt.asUintN(64, address + (ftraceCallOps ? 8n : 4n));
  }

  /** @returns what went wrong, after the messages about it */
  initialise(ip: bigint): SiteErrno | undefined {
    return this.#state.rules.tracerReadsTargets ? this.#makeNop(ip) : this.#initNop(ip);
  }

  #print(text: string): void {
    this.#state.print('err', `ftrace-powerpc: ${text}`);
  }

  /** The instruction as the kernel prints it: a prefixed one is a 64-bit number, suffix first. */
  #shown(ip: bigint, word: number): string {
    if (word >>> 26 !== 1) return instruction(word);
    return (this.#memory.word(ip + 4n) ?? 0).toString(16) + instruction(word);
  }

  /** A word of memory; none outside the module, where the twin takes nothing for readable. */
  #read(ip: bigint): number | undefined {
    const word = this.#memory.word(ip);
    if (word === undefined && isKernelText(this.#state, ip)) {
      this.#state.dangerous = true;
      this.#state.unknown.push(`what the kernel has at 0x${ip.toString(16)}, which a tracer record names`);
    }
    return word;
  }

  // Up to 6.5.

  #makeNop(ip: bigint): SiteErrno | undefined {
    const { mprofileKernel } = this.#state.kernel.options;
    if (this.#mcount !== undefined && reaches(ip, this.#mcount)) return this.#replaceNearCall(ip, this.#mcount);
    const word = this.#read(ip);
    if (word === undefined) return this.#fail('EFAULT', 'Fetching opcode failed.');
    if (!isBranchAndLink(word)) return this.#fail('EINVAL', `Not expected bl: opcode is ${this.#shown(ip, word)}`);
    const target = this.#stubTarget(branchTarget(ip, word));
    if (target === undefined) return this.#fail('EFAULT', 'Failed to get trampoline target');
    if (target !== this.#mcount)
      return this.#fail(
        'EINVAL',
        `addr ${target.toString(16)} does not match expected ${(this.#mcount ?? 0n).toString(16)}`,
      );
    const wrong = mprofileKernel ? this.#checkBefore(ip) : this.#checkAfter(ip);
    if (wrong !== undefined) return wrong;
    this.#memory.setWord(ip, mprofileKernel ? NOP : SKIP_ONE);
    return undefined;
  }

  #replaceNearCall(ip: bigint, mcount: bigint): SiteErrno | undefined {
    const word = this.#read(ip);
    if (word === undefined) return 'EFAULT';
    const call = branchWord(ip, mcount, true)!;
    // The kernel prints the address as a hash, and no end of line.
    if (word !== call)
      return this.#fail(
        'EINVAL',
        `(____ptrval____): replaced (${this.#shown(ip, word)}) != old (${instruction(call)})`,
      );
    this.#memory.setWord(ip, NOP);
    return undefined;
  }

  /** `module_trampoline_target()` */
  #stubTarget(stub: bigint): bigint | undefined {
    const { name } = this.#state;
    const say = (text: string) => this.#state.print('err', `module_64: module_trampoline_target: ${text}`);
    const at = stub.toString(16);
    if (!this.#memory.isCore(stub)) {
      say(`stub ${at} not in module ${name}`);
      return undefined;
    }
    if (this.#memory.word(stub + STUB_MAGIC_OFFSET) !== STUB_MAGIC) {
      say(`bad magic for stub ${at} for ${name}`);
      return undefined;
    }
    const target = this.#memory.doubleword(stub + STUB_TARGET_OFFSET);
    if (target === undefined) say(`fault reading funcdata for stub ${at} for ${name}`);
    return target;
  }

  #checkBefore(ip: bigint): SiteErrno | undefined {
    const before = this.#read(ip - 4n);
    if (before === undefined) return this.#fail('EFAULT', `Fetching instruction at ${(ip - 4n).toString(16)} failed.`);
    if (before === MFLR_R0 || before === STD_R0_16_R1) return undefined;
    return this.#fail('EINVAL', `Unexpected instruction ${this.#shown(ip - 4n, before)} around bl _mcount`);
  }

  #checkAfter(ip: bigint): SiteErrno | undefined {
    const after = this.#read(ip + 4n);
    if (after === undefined) return this.#fail('EFAULT', 'Fetching op failed.');
    if (after === LD_R2_24_R1) return undefined;
    return this.#fail('EINVAL', `Expected ${instruction(LD_R2_24_R1)} found ${this.#shown(ip + 4n, after)}`);
  }

  #fail(errno: SiteErrno, text: string): SiteErrno {
    this.#print(text);
    return errno;
  }

  // From 6.6 on.

  #initNop(ip: bigint): SiteErrno | undefined {
    const { patchableFunctionEntry, ftraceOutOfLine, ftraceCallOps, mprofileKernel } = this.#state.kernel.options;
    let wrong: SiteErrno | undefined = 'EINVAL';
    if (patchableFunctionEntry) {
      wrong = ftraceOutOfLine ? undefined : this.#validate(ip - 4n, NOP);
      wrong ??= this.#validate(ip, NOP);
    } else if (mprofileKernel) wrong = this.#validateBefore(ip);
    if (wrong !== undefined) return wrong;
    if (ftraceOutOfLine) wrong = this.#outOfLineStub(ip);
    else if (patchableFunctionEntry) wrong = this.#modify(ip - 4n, NOP, MFLR_R0);
    else wrong = this.#dropCall(ip);
    if (wrong === undefined && ftraceCallOps) wrong = this.#setOps(ip);
    return wrong;
  }

  #validateBefore(ip: bigint): SiteErrno | undefined {
    const before = this.#fetch(ip - 4n);
    if (before === undefined) return 'EFAULT';
    if (before === MFLR_R0) return undefined;
    const wrong = this.#validate(ip - 8n, MFLR_R0);
    if (this.#state.rules.tracerDropsLinkSave) return wrong ?? this.#modify(ip - 4n, STD_R0_16_R1, NOP);
    const second = this.#validate(ip - 4n, STD_R0_16_R1);
    return wrong ?? second;
  }

  #fetch(ip: bigint): number | undefined {
    const word = this.#read(ip);
    if (word === undefined) this.#print(`0x${ip.toString(16)}: fetching instruction failed`);
    return word;
  }

  #validate(ip: bigint, expected: number): SiteErrno | undefined {
    const word = this.#fetch(ip);
    if (word === undefined) return 'EFAULT';
    if (word === expected) return undefined;
    this.#print(`0x${ip.toString(16)}: expected (${instruction(expected)}) != found (${this.#shown(ip, word)})`);
    return 'EINVAL';
  }

  #modify(ip: bigint, before: number, after: number): SiteErrno | undefined {
    const wrong = this.#validate(ip, before);
    if (wrong === undefined) this.#memory.setWord(ip, after);
    return wrong;
  }

  #dropCall(ip: bigint): SiteErrno | undefined {
    if (this.#mcount !== undefined && reaches(ip, this.#mcount))
      return this.#modify(ip, branchWord(ip, this.#mcount, true)!, NOP);
    const word = this.#fetch(ip);
    if (word === undefined) return 'EFAULT';
    if (!isBranchAndLink(word))
      return this.#fail('EINVAL', `0x${ip.toString(16)}: expected (bl) != found (${this.#shown(ip, word)})`);
    this.#memory.setWord(ip, NOP);
    return undefined;
  }

  /** First instruction of the stub that was handed out last. */
  #stub(): bigint {
    const { ftraceCallOps } = this.#state.kernel.options;
    const { arch, index } = this.#state;
    const first = this.#memory.addressOf(index.stubs) + BigInt(arch.outOfLineOffset);
    const at = first + BigInt((this.#outOfLine - 1) * outOfLineStubSize(ftraceCallOps));
    return ftraceCallOps ? at + 8n : at;
  }

  /** `ftrace_init_ool_stub()`: mflr r0; bl ftrace_caller's stub; mtlr r0; b behind the place. */
  #outOfLineStub(ip: bigint): SiteErrno | undefined {
    const { arch } = this.#state;
    this.#outOfLine++;
    if (this.#outOfLine > arch.outOfLineCount) return 'EINVAL';
    const stub = this.#stub();
    const back = branchWord(stub + 12n, ip + 4n, false);
    if (!reaches(stub, ip) || back === undefined) {
      this.#print('ftrace_init_ool_stub: ftrace ool stub out of range ((____ptrval____) -> (____ptrval____)).');
      return 'EINVAL';
    }
    const call = branchWord(stub + 4n, arch.tramp, true);
    if (call === undefined) return 'EINVAL';
    for (const [i, word] of [MFLR_R0, call, MTLR_R0, back].entries()) this.#memory.setWord(stub + BigInt(i * 4), word);
    const own = { address: stub, target: ip, kind: 'out-of-line', name: 'ftrace_caller' } as const;
    // A pointer in front of it belongs to it.
    this.#state.stubs.push(this.#state.kernel.options.ftraceCallOps ? { ...own, data: [-8, 0] } : own);
    return undefined;
  }

  /** `ftrace_rec_set_nop_ops()`: the pointer in front of the stub, or in front of the place. */
  #setOps(ip: bigint): SiteErrno | undefined {
    const { ftraceOutOfLine } = this.#state.kernel.options;
    const at = ftraceOutOfLine ? this.#stub() - 8n : ip - 12n;
    if ((at & 7n) !== 0n) return 'EINVAL';
    const ops = kernelAddress(this.#state, 'ftrace_nop_ops');
    if (ops !== undefined) this.#memory.setDoubleword(at, ops);
    else {
      const spot = this.#memory.find(at, 8);
      const reason = 'the address of ftrace_nop_ops is not known of this kernel';
      if (spot !== undefined) this.#state.exclude(spot.section, { offset: spot.offset, length: 8, reason });
    }
    return undefined;
  }
}
