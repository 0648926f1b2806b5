/** Looking sections up by name, in the two ways in which the kernel does. Names are numbers: see `section-names.ts`. */
import { SHF_ALLOC } from '../elf/constants.ts';
import type { LoadState } from './state.ts';

/**
 * `find_sec()` of kernel/module/main.c: the first allocated section of that name.
 *
 * @param name number of the name (`knownName`)
 * @returns its index, or 0
 */
export function findAllocated(state: LoadState, name: number): number {
  const { count, nameId, flags } = state.headers;
  for (let i = 1; i < count; i++) if (nameId[i] === name && (flags[i]! & SHF_ALLOC) !== 0) return i;
  return 0;
}

/**
 * `find_section()` of arch/powerpc/kernel/module.c: the first section of that name, allocated or not.
 *
 * @param name number of the name (`knownName`)
 * @returns its index, or 0
 */
export function findAny(state: LoadState, name: number): number {
  const { count, nameId } = state.headers;
  for (let i = 1; i < count; i++) if (nameId[i] === name) return i;
  return 0;
}
