/** One thread's part of the first look at a folder of modules; see plain.ts. */
import { detectForm } from '../../io/compression.ts';
import { readPlainInto } from '../../io/read.ts';
import { moduleExports } from '../../kernel/module-exports.ts';
import { InputError } from '../../util/errors.ts';
import type { PlainModules } from '../../verify/check/plain-modules.ts';
import type { PlainShare } from '../../verify/check/plain-share.ts';
import type { ProofOptions } from '../../verify/check/proved.ts';

/** What a thread is told to do. */
export interface PlainOrder {
  /** The kernel's index. */
  readonly kernel: string;
  /** Functions are to be judged as well. */
  readonly proof: ProofOptions | undefined;
  readonly files: readonly string[];
  /** One number: the first file that nobody has taken yet. */
  readonly next: Int32Array;
}

/** A file that is not plain, and what it exports. */
interface OtherFile {
  readonly index: number;
  readonly module: string;
  readonly names: readonly string[];
}

/** What a thread found. Files are numbers in `PlainOrder.files`. */
export interface PlainPart {
  /** By number of the file in the thread's `PlainModules`. */
  readonly plain: readonly number[];
  readonly others: readonly OtherFile[];
}

export interface PlainAnswer extends PlainPart {
  /** `undefined` where this kernel's modules cannot be screened. */
  readonly share: PlainShare | undefined;
}

/** Files that a thread takes at once. */
export const PLAIN_BATCH = 32;

/** Screens batches of files until there are none. What is packed or cannot be read is in neither list of the result. */
export async function screenPart(
  modules: PlainModules,
  { files, next }: PlainOrder,
  tick: (done: number) => void | Promise<void>,
): Promise<PlainPart> {
  const plain: number[] = [];
  const others: OtherFile[] = [];
  for (let first = take(next); first < files.length; first = take(next)) {
    await tick(first);
    const end = Math.min(first + PLAIN_BATCH, files.length);
    for (let index = first; index < end; index++) {
      const bytes = read(modules, files[index]!);
      if (bytes === undefined) continue;
      if (modules.screen(bytes.length) >= 0) plain.push(index);
      else {
        const { module, names } = moduleExports(bytes) ?? { module: '', names: [] };
        others.push({ index, module, names });
      }
    }
  }
  return { plain, others };
}

function take(next: Int32Array): number {
  return Atomics.add(next, 0, PLAIN_BATCH);
}

function read(modules: PlainModules, file: string): Uint8Array | undefined {
  try {
    const bytes = readPlainInto(modules, file);
    return detectForm(bytes) === 'plain' ? bytes : undefined;
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
