/** What one thread tells another of the modules that it screened. */
import { NAME, NAMESPACE, RECORD_WORDS, type SettledFile } from './plain-together.ts';

/** Plain data. */
export interface PlainShare {
  readonly files: readonly SettledFile[];
  /** See `wasm/records.ts`. */
  readonly records: Int32Array;
  /** Names that the kernel does not export, NUL-ended, and where each begins: bytes. */
  readonly names: Uint8Array;
  readonly starts: Uint32Array;
}

/**
 * Puts records into the numbering of another thread, in place.
 *
 * @param files how many files come before
 * @param kernels names that the kernel exports, which have the same numbers everywhere
 * @param numbers of the other names, in their order
 */
export function renumber(records: Int32Array, files: number, kernels: number, numbers: Int32Array): Int32Array {
  const renamed = (name: number) => (name < kernels ? name : numbers[name - kernels]!);
  for (let at = 0; at < records.length; at += RECORD_WORDS) {
    records[at] = records[at]! + files;
    records[at + NAME] = renamed(records[at + NAME]!);
    const namespace = records[at + NAMESPACE]!;
    if (namespace >= 0) records[at + NAMESPACE] = renamed(namespace);
  }
  return records;
}
