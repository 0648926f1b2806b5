/** Threads for the first look at a folder of modules, besides the one that asks for it. */
import type { Worker } from 'node:worker_threads';
import type { PlainAnswer, PlainOrder } from './plain-part.ts';

/** They may be started before there is work: starting one takes tens of milliseconds. */
export class PlainWorkers {
  readonly #workers: Worker[] = [];

  /** Starts threads until there are `count`. */
  start(count: number): void {
    if (this.#workers.length >= count) return;
    // Loaded here, because most runs need no thread.
    const threads = process.getBuiltinModule('node:worker_threads');
    while (this.#workers.length < count)
      this.#workers.push(new threads.Worker(workerScript(), { env: threads.SHARE_ENV, trackUnmanagedFds: false }));
  }

  /** Tells all threads what to do. @returns what each found */
  screen(order: PlainOrder): Promise<readonly PlainAnswer[]> {
    const answers = this.#workers.map(
      worker =>
        new Promise<PlainAnswer>((resolve, reject) => {
          worker.on('error', reject).on('message', resolve);
          worker.postMessage(order);
        }),
    );
    return Promise.all(answers);
  }

  /** Ends the threads. Nobody waits for that but the end of the program. */
  stop(): void {
    for (const worker of this.#workers) void worker.terminate();
    this.#workers.length = 0;
  }
}

/** The build puts this module into `dist/` itself or into `dist/chunks/`, and the worker's script always into `dist/`. */
function workerScript(): URL {
  const here = new URL('.', import.meta.url);
  return new URL(here.pathname.endsWith('/chunks/') ? '../plain-worker.cjs' : 'plain-worker.cjs', here);
}
