/**
 * The first look at a folder of modules: those of which `verify/check/plain-modules.ts` can tell at once that the kernel takes
 * them and that there is nothing to say. All others are left to `FileChecker`.
 */
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import type { CheckedFile } from '../../report/check/document.ts';
import { PlainModules } from '../../verify/check/plain-modules.ts';
import type { ProofOptions } from '../../verify/check/proved.ts';
import { ExportReader } from './exports.ts';
import { type PlainOrder, type PlainPart, screenPart } from './plain-part.ts';
import type { PlainWorkers } from './plain-workers.ts';

export interface ScreenedFiles {
  /** In the order of the files; nothing for those that are left. */
  readonly checked: readonly (CheckedFile | undefined)[];
  /** Files whose exports still have to be known to check those that are left. */
  readonly context: readonly string[];
}

/**
 * @param path of `kernel`, for the threads
 * @param proof where functions are to be judged as well
 * @param context files that import from one another; `files` are among them
 * @param tick called now and then with the number of files that are done
 */
export async function screenFiles(
  kernel: KernelKnowledge,
  path: string,
  proof: ProofOptions | undefined,
  files: readonly string[],
  context: readonly string[],
  workers: PlainWorkers,
  tick: (done: number) => Promise<void>,
): Promise<ScreenedFiles> {
  const order: PlainOrder = { kernel: path, proof, files, next: new Int32Array(new SharedArrayBuffer(4)) };
  const answers = workers.screen(order);
  const modules = PlainModules.create(kernel, proof);
  if (modules === undefined) {
    Atomics.store(order.next, 0, files.length);
    await answers;
    return { checked: files.map(() => undefined), context };
  }
  const parts = [{ part: await screenPart(modules, order, tick), first: 0 }];
  for (const answer of await answers)
    if (answer.share !== undefined) parts.push({ part: answer, first: modules.take(answer.share) });
  return settleFiles(modules, files, context, parts);
}

/** @param parts with the number of the first file of each */
async function settleFiles(
  modules: PlainModules,
  files: readonly string[],
  context: readonly string[],
  parts: readonly { readonly part: PlainPart; readonly first: number }[],
): Promise<ScreenedFiles> {
  const numbers = new Int32Array(files.length).fill(-1);
  const unknown = new Set(context);
  for (const { part, first } of parts) {
    part.plain.forEach((index, i) => {
      numbers[index] = first + i;
      unknown.delete(files[index]!);
    });
    for (const { index, module, names } of part.others) {
      modules.exports(module, names);
      unknown.delete(files[index]!);
    }
  }
  // What is packed, and modules that only others import from.
  const reader = new ExportReader();
  for (const file of unknown) {
    const exports = await reader.read(file);
    if (exports !== undefined) modules.exports(exports.module, exports.names);
  }
  const results = modules.settle();
  const silent = new Set<string>();
  const checked = files.map((file, i): CheckedFile | undefined => {
    const result = results[numbers[i]!];
    if (numbers[i]! >= 0 && !modules.isExporter(numbers[i]!)) silent.add(file);
    return result === undefined ? undefined : { file, result };
  });
  return { checked, context: context.filter(file => !silent.has(file)) };
}
