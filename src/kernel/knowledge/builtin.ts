/**
 * Folders of /sys/module that a kernel makes for code that is built in (kernel/params.c): one for each prefix of a parameter that
 * has a file, and for each part with a version. A module of such a name is refused as if it were loaded already.
 */
import { relocatedWords } from '../image.ts';
import type { KernelImage } from './image.ts';

/** `struct kernel_param`, bytes: the name's address at 0, the file's permissions at 24. */
const PARAM_SIZE = 40;
const PARAM_MODE = 24;
/** `struct module_version_attribute`, bytes: the module's name's address at 56. */
const VERSION_SIZE = 72;
const VERSION_NAME = 56;

/** Parameters without a prefix. */
const CORE = 'kernel';

/** @returns names in ascending order; `undefined` where the image does not tell */
export function builtinNames(image: KernelImage): string[] | undefined {
  const params = tableOf(image, '__start___param', '__stop___param', PARAM_SIZE);
  if (params === undefined) return undefined;
  const names = new Set<string>();
  for (const at of params.entries) {
    const mode = image.bytesAt(at + BigInt(PARAM_MODE), 2);
    const name = image.textAt(params.word(at));
    if (mode === undefined || name === undefined) return undefined;
    if (mode[0] === 0 && mode[1] === 0) continue;
    const dot = name.indexOf('.');
    names.add(dot < 0 ? CORE : name.slice(0, dot));
  }
  const versions = tableOf(image, '__start___modver', '__stop___modver', VERSION_SIZE);
  for (const at of versions?.entries ?? []) {
    const name = image.textAt(versions!.word(at + BigInt(VERSION_NAME)));
    if (name !== undefined && /^[\w-]+$/.test(name)) names.add(name);
  }
  return [...names].sort();
}

/** The entries of a table between two symbols, and what its words hold once the kernel is relocated. */
function tableOf(image: KernelImage, from: string, to: string, size: number) {
  const start = image.address(from);
  const end = image.address(to);
  if (start === undefined || end === undefined || end < start || (end - start) % BigInt(size) !== 0n) return undefined;
  const words = relocatedWords(image.elf, start, end);
  const count = Number(end - start) / size;
  return {
    entries: Array.from({ length: count }, (_, i) => start + BigInt(i * size)),
    word: (address: bigint): bigint => words[Number(address - start) / 8] ?? 0n,
  };
}
