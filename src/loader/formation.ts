/** A module takes its place among the others: add_unformed_module, percpu_modalloc. */
import type { LoadState } from './state.ts';

/** PCPU_MIN_ALLOC_SIZE; bytes. */
const LEAST_PERCPU = 4;
/** PCPU_MIN_UNIT_SIZE before it is rounded up to pages; bytes. */
const MOST_PERCPU = 32768;

/** A module of the same name is there: `add_unformed_module`, and before it (6.4) `module_patient_check_exists`. */
export function checkNotLoaded(state: LoadState): void {
  if (state.module(state.name) !== undefined) state.refuse('EEXIST');
}

/** `percpu_modalloc`, and what the allocator refuses whatever room there is. */
export function percpuModalloc(state: LoadState): void {
  const { headers, index, kernel, name } = state;
  const { pageSize, smp } = kernel.options;
  const size = headers.size[index.percpu]!;
  if (!smp || index.percpu === 0 || size === 0) return;
  let alignment = headers.alignment[index.percpu]!;
  if (alignment > pageSize) {
    const shown = BigInt.asIntN(64, state.view.getBigUint64(alignmentAt(state), true));
    // The kernel compares unsigned and prints signed.
    state.print('warning', `${name}: per-cpu alignment ${shown} > ${pageSize}`);
    alignment = pageSize;
  }
  alignment = Math.max(alignment, LEAST_PERCPU);
  const rounded = Math.ceil(size / LEAST_PERCPU) * LEAST_PERCPU;
  const isPowerOfTwo = (alignment & (alignment - 1)) === 0;
  if (rounded <= Math.max(MOST_PERCPU, pageSize) && isPowerOfTwo) return;
  state.print('warning', `illegal size (${rounded}) or align (${alignment}) for percpu allocation`);
  state.refuse('ENOMEM', `${name}: Could not allocate ${size} bytes percpu data`, 'warning');
}

/** Where the file holds sh_addralign of the per-cpu section. */
function alignmentAt(state: LoadState): number {
  return state.headers.table + state.index.percpu * 64 + 48;
}
