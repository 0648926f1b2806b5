/** One of the threads that scan-workers.ts starts. */
import { parentPort, workerData } from 'node:worker_threads';
import { scanBatches, type WorkerOrder } from './scan-workers.ts';

scanBatches(workerData as WorkerOrder, answer => parentPort?.postMessage(answer));
