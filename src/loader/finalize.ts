/**
 * What follows the relocations: `post_relocation()` of kernel/module/main.c with powerpc's `module_finalize()`, and what the
 * kernel does to a module's memory when it is coming, before its own code runs. 6.1, 6.12 and 7.2 do the same.
 *
 * Where relocations were only checked (`checkOnly`) there is no memory to finalize: the tables are screened instead.
 */
import { remarkOnBugs } from './bug-table.ts';
import { sortExceptionTable } from './exception-table.ts';
import { applyFeatureFixups } from './feature-fixups.ts';
import { addJumpLabels } from './jump-labels.ts';
import { addKallsyms } from './kallsyms.ts';
import { kernelAddress } from './kernel-addresses.ts';
import { excludeKernelData } from './kernel-data.ts';
import { ModuleMemory } from './memory.ts';
import { PlacedMemory } from './placed-memory.ts';
import { refuseEvents } from './pointer-tables.ts';
import type { LoadState } from './state.ts';
import { reserveOutOfLine, Stubs } from './stubs.ts';
import { screenTables } from './tables-screen.ts';

/**
 * `post_relocation()`. Copying per-cpu data changes no bytes that the twin keeps elsewhere: the section's own contents are what
 * each processor gets.
 */
export function moduleFinalize(state: LoadState): void {
  if (!state.arch.exact) {
    state.screenedRegions = screenTables(state);
    return;
  }
  const memory = new ModuleMemory(state);
  sortExceptionTable(state, memory);
  addKallsyms(state);
  finalizeTracerStubs(state);
  state.fixupRegions = applyFeatureFixups(state, memory);
  remarkOnBugs(state, memory);
}

/** `module_finalize_ftrace()`: stubs to the tracer's two entries, which no call of the module asks for. */
function finalizeTracerStubs(state: LoadState): void {
  const { dynamicFtrace, dynamicFtraceWithRegs } = state.kernel.options;
  if (!dynamicFtrace) return;
  const stubs = new Stubs(state, new PlacedMemory(state));
  const stubTo = (name: string) => stubs.forAddress(kernelAddress(state, name) ?? 0n, name);
  state.arch.tramp = stubTo('ftrace_caller');
  if (dynamicFtraceWithRegs) {
    state.arch.trampRegs = stubTo('ftrace_regs_caller');
    if (state.arch.trampRegs === 0n) state.refuse('ENOENT');
  }
  if (state.arch.tramp === 0n) state.refuse('ENOENT');
  reserveOutOfLine(state);
}

/**
 * The notifiers that `prepare_coming_module()` calls: those that change bytes of the module. Which data the kernel takes as its
 * own is left out.
 */
export function moduleComing(state: LoadState): void {
  refuseEvents(state);
  if (!state.arch.exact) return;
  const memory = new ModuleMemory(state);
  addJumpLabels(state, memory);
  excludeKernelData(state, memory);
}
