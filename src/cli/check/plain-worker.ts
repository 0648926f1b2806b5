/** One of the threads that plain-workers.ts starts. */
import { parentPort } from 'node:worker_threads';
import { PlainModules } from '../../verify/check/plain-modules.ts';
import { openKernel } from '../kernel-option.ts';
import { type PlainAnswer, type PlainOrder, screenPart } from './plain-part.ts';

async function answer(order: PlainOrder): Promise<PlainAnswer> {
  const modules = PlainModules.create(await openKernel(order.kernel), order.proof);
  if (modules === undefined) return { plain: [], others: [], share: undefined };
  const part = await screenPart(modules, order, () => {});
  return { ...part, share: modules.share() };
}

// Once: a thread that waits for nothing more ends by itself.
parentPort?.once('message', async (order: PlainOrder) => parentPort?.postMessage(await answer(order)));
