/** Which way of checking is worth its start. */
import { STDIN } from '../../io/read.ts';
import type { CheckRequest } from './checker.ts';

/** Fewer files than this are not worth the start of a thread; unpacking one takes as long as checking many. */
const WORTH_THREADS = { plain: 128, packed: 16 };
/** Files that a thread takes at once. */
const BATCH = { plain: 32, packed: 4 };
/** For fewer files starting the screen takes longer than the twin does. */
const WORTH_SCREENING = 8;
/** With more threads nobody has read the files before the others are ready. */
const MOST_SCREENING_THREADS = 4;

const isPacked = (file: string) => /\.(?:xz|zst|gz)$/.test(file);

/** Threads for so many files, this one included, and how many files each takes at once. */
export async function usefulThreads(files: readonly string[], jobs: number | undefined) {
  const form = files.some(isPacked) ? 'packed' : 'plain';
  const threads = files.length < WORTH_THREADS[form] ? 1 : await processors();
  return { threads: files.includes(STDIN) ? 1 : Math.min(jobs ?? threads, files.length), batch: BATCH[form] };
}

async function processors(): Promise<number> {
  return (await import('node:os')).availableParallelism();
}

/** Whether the screen can say anything in such a run: it derives no verdict, verifies no signature, and knows nothing of arguments. */
export function mayScreen({
  parameters,
  explain,
  signatures,
}: Pick<CheckRequest, 'parameters' | 'explain' | 'signatures'>): boolean {
  return parameters === undefined && explain === undefined && !signatures;
}

/** Unpacking takes so long that nothing is to be gained. */
export function areScreened(files: readonly string[]): boolean {
  return files.length >= WORTH_SCREENING && !files.some(file => file === STDIN || isPacked(file));
}

/** Threads for screening hundreds of files, this one included. */
export async function screeningThreads(jobs: number | undefined): Promise<number> {
  return jobs ?? Math.min(await processors(), MOST_SCREENING_THREADS);
}
