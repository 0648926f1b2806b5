/** The names of livepatch sections and symbols, as kernel/livepatch/core.c scans them. */

/** The object that stands for the kernel itself. */
export const VMLINUX = 'vmlinux';

/** The symbol SYMBOL of an object, the POSITION-th of several of that name, or with 0 the only one. */
export interface LivepatchName {
  readonly object: string;
  readonly symbol: string;
  readonly position: bigint;
}

/** What `sscanf(name, ".klp.rela.%55[^.]", …)` reads; `undefined` where it matches nothing. */
export function livepatchObject(section: string): string | undefined {
  return /^\.klp\.rela\.([^.]{1,55})/.exec(section)?.[1];
}

/** What `sscanf(name, ".klp.sym.%55[^.].%511[^,],%lu", …)` reads; `undefined` where one of the three is missing. */
export function livepatchName(name: string): LivepatchName | undefined {
  const match = /^\.klp\.sym\.([^.]{1,55})\.([^,]{1,511}),[ \t\n\v\f\r]*(\d+)/.exec(name);
  if (match === null) return undefined;
  return { object: match[1]!, symbol: match[2]!, position: BigInt.asUintN(64, BigInt(match[3]!)) };
}
