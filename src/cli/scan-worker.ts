/** One of the threads that scan-workers.ts starts. */
import { parentPort } from 'node:worker_threads';
import { scanBatches, type WorkerOrder } from './scan-workers.ts';

// Once: a thread that waits for nothing more ends by itself.
parentPort?.once('message', (order: WorkerOrder) => scanBatches(order, answer => parentPort?.postMessage(answer)));
