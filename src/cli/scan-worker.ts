/** One of the threads that scan-workers.ts starts. */
import { parentPort, workerData } from 'node:worker_threads';
import { FileScanner, type Outcome, type ScanRequest } from './commands/scan.ts';

const scanner = new FileScanner(workerData as ScanRequest);

parentPort?.on('message', async ({ first, paths }: { first: number; paths: string[] }) => {
  const outcomes: Outcome[] = [];
  for (const path of paths) outcomes.push(await scanner.scan(path));
  parentPort?.postMessage({ first, outcomes });
});
