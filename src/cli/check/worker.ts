/** One of the threads that threads.ts starts. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ExportingFile } from '../../verify/check/exporters.ts';
import { type CheckAnswer, type CheckOrder, checkPart } from './threads.ts';

const port = parentPort!;
const tell = (answer: CheckAnswer) => port.postMessage(answer);

// No top-level await: the script is CommonJS.
void checkPart(
  workerData as CheckOrder,
  found => {
    tell({ kind: 'exports', found });
    return new Promise<readonly ExportingFile[]>(resolve => {
      port.once('message', resolve);
    });
  },
  (first, checked) => tell({ kind: 'checked', first, checked }),
);
