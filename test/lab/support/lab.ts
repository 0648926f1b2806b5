// What the lab's tests share: how much of everything to look at, and where to note what was counted.

import { appendFileSync } from 'node:fs';

/** Everything (`--full`), or a fixed sample that is the same each time. */
export const full = process.env.TOCSIN_LAB_FULL === '1';

/** At most `count` of a sorted list, spread evenly over it; all of it in a full run. */
export function sample<T>(list: readonly T[], count: number): readonly T[] {
  return full ? list : spread(list, count);
}

/** At most `count` of a list, spread evenly over it, whatever the run. */
export function spread<T>(list: readonly T[], count: number): readonly T[] {
  if (list.length <= count) return list;
  return Array.from({ length: count }, (_, at) => list[Math.floor((at * list.length) / count)]!);
}

/** Notes a number or a sentence for the summary at the end of the run. */
export function figure(name: string, value: number | string): void {
  const text = typeof value === 'number' ? value.toLocaleString('en-US') : value;
  console.log(`${name}: ${text}`);
  const file = process.env.TOCSIN_LAB_FIGURES;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify([name, text])}\n`);
}

/** The first few of a list of complaints, for the message of an assertion. */
export function some(complaints: readonly string[]): readonly string[] {
  return complaints.length <= 10 ? complaints : [...complaints.slice(0, 10), `and ${complaints.length - 10} more`];
}

/** A generator of 32-bit numbers that gives the same ones each time (xorshift). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}
