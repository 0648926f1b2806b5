/**
 * Checking in several threads. Each thread, this one too, takes the next batch of files from a counter that all share. First
 * they read together what all modules export and tell each other, then they check.
 */
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { CheckedFile } from '../../report/check/document.ts';
import { Exporters, type ExportingFile } from '../../verify/check/exporters.ts';
import { openKernel } from '../kernel-option.ts';
import { type CheckRequest, FileChecker } from './checker.ts';
import { ExportReader } from './exports.ts';

/** What a thread is told when it starts. */
export interface CheckOrder {
  /** The kernel's index; none for kernel images alone. */
  readonly kernel: string | undefined;
  readonly request: CheckRequest;
  readonly files: readonly string[];
  /** Files that a thread takes at once. */
  readonly batch: number;
  /** Two numbers: the first file of the context, and of `files`, that nobody has taken yet. */
  readonly next: Int32Array;
}

export type CheckAnswer =
  | { readonly kind: 'exports'; readonly found: readonly ExportingFile[] }
  | { readonly kind: 'checked'; readonly first: number; readonly checked: readonly CheckedFile[] };

const CONTEXT = 0;
const FILES = 1;
const CONTEXT_BATCH = 128;

/**
 * One thread's part. @param exchange tells what this thread found and gives what all found, in the order of the context
 */
export async function checkPart(
  order: CheckOrder,
  exchange: (found: readonly ExportingFile[]) => Promise<readonly ExportingFile[]>,
  done: (first: number, checked: readonly CheckedFile[]) => void | Promise<void>,
): Promise<FileChecker> {
  const { next, files, batch } = order;
  const { context } = order.request;
  const opening = order.kernel === undefined ? undefined : openKernel(order.kernel);
  const reader = new ExportReader();
  const found: ExportingFile[] = [];
  for (let first = Atomics.add(next, CONTEXT, CONTEXT_BATCH); first < context.length; ) {
    for (const file of context.slice(first, first + CONTEXT_BATCH)) {
      const exports = await reader.read(file);
      if (exports !== undefined) found.push({ file, exports });
    }
    first = Atomics.add(next, CONTEXT, CONTEXT_BATCH);
  }
  const all = exchange(found);
  const checker = new FileChecker(await opening, order.request);
  checker.useContext(new Exporters(await all));
  for (let first = Atomics.add(next, FILES, batch); first < files.length; first = Atomics.add(next, FILES, batch)) {
    const checked: CheckedFile[] = [];
    for (const file of files.slice(first, first + batch)) checked.push(await checker.check(file));
    await done(first, checked);
  }
  return checker;
}

/**
 * @param jobs threads, this one included
 * @param progress called now and then with the number of files that are done
 */
export async function checkInThreads(
  kernel: string | undefined,
  request: CheckRequest,
  files: readonly string[],
  jobs: number,
  batch: number,
  progress: (done: number) => Promise<void>,
): Promise<{ readonly checked: readonly CheckedFile[]; readonly checker: FileChecker }> {
  const next = new Int32Array(new SharedArrayBuffer(8));
  const order: CheckOrder = { kernel, request, files, batch, next };
  const checked: CheckedFile[] = new Array(files.length);
  let count = 0;
  const put = (first: number, some: readonly CheckedFile[]) => {
    some.forEach((c, i) => {
      checked[first + i] = c;
    });
    count += some.length;
  };
  const pool = new Pool(order, jobs - 1, put);
  try {
    const own = checkPart(
      order,
      found => pool.exchange(found),
      async (first, some) => {
        put(first, some);
        await progress(count);
      },
    );
    const [checker] = await Promise.all([Promise.race([own, pool.failed]), pool.finished]);
    return { checked, checker };
  } finally {
    Atomics.store(next, FILES, files.length);
    await pool.end();
  }
}

/** The other threads. */
class Pool {
  readonly finished: Promise<unknown>;
  /** Never resolves. */
  readonly failed: Promise<never>;
  readonly #workers: readonly Worker[];
  readonly #found: ExportingFile[] = [];
  readonly #context: readonly string[];
  #waiting: number;
  #tellAll: (all: readonly ExportingFile[]) => void = () => {};
  readonly #all: Promise<readonly ExportingFile[]>;

  constructor(order: CheckOrder, count: number, put: (first: number, some: readonly CheckedFile[]) => void) {
    this.#context = order.request.context;
    this.#waiting = count + 1;
    this.#all = new Promise(resolve => {
      this.#tellAll = resolve;
    });
    let fail: (error: unknown) => void = () => {};
    this.failed = new Promise((_resolve, reject) => {
      fail = reject;
    });
    this.failed.catch(() => {});
    // A thread that begins with a small young generation spends a sixth of its time on collecting it. Megabytes.
    setFlagsFromString('--min-semi-space-size=16');
    this.#workers = Array.from({ length: count }, () => new Worker(workerScript(), { workerData: order }));
    const ends = this.#workers.map(
      worker =>
        new Promise<void>((resolve, reject) => {
          worker.on('message', (answer: CheckAnswer) => {
            if (answer.kind === 'checked') put(answer.first, answer.checked);
            else
              void this.exchange(answer.found).then(all => {
                worker.postMessage(all);
              });
          });
          worker.on('error', error => {
            fail(error);
            reject(error);
          });
          worker.on('exit', () => resolve());
        }),
    );
    this.finished = Promise.all(ends);
    this.finished.catch(() => {});
  }

  /** Adds what one thread found, and gives everything when all have told, in the order of the context: it decides who counts. */
  exchange(found: readonly ExportingFile[]): Promise<readonly ExportingFile[]> {
    this.#found.push(...found);
    if (--this.#waiting === 0) {
      const places = new Map(this.#context.map((file, i) => [file, i]));
      this.#tellAll(this.#found.sort((a, b) => places.get(a.file)! - places.get(b.file)!));
    }
    return this.#all;
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map(w => w.terminate()));
  }
}

/** The build puts this module into `dist/` itself or into `dist/chunks/`, and the worker's script always into `dist/`. */
function workerScript(): URL {
  const here = new URL('.', import.meta.url);
  return new URL(here.pathname.endsWith('/chunks/') ? '../check-worker.cjs' : 'check-worker.cjs', here);
}
