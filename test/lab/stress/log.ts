// What a run's log says that another run's does not.

import type { Run } from './machine.ts';

/** Numbers, addresses and identifiers differ from run to run. */
const shape = (text: string): string =>
  text.replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|0x[0-9a-f]+|[0-9a-f]{8,}|\d+/g, '#');

/** Said or not when network devices go all at once, as it happens; said ten times in five seconds and no more. */
const BY_CHANCE =
  /left promiscuous mode|left allmulticast mode|entered disabled state|detected capacity change|callbacks suppressed/;

/** Lines of the second log that the first one does not have, as often as they come. */
export function newWords(before: Run, after: Run): readonly string[] {
  const known = new Map<string, number>();
  for (const { text } of before.log) known.set(shape(text), (known.get(shape(text)) ?? 0) + 1);
  return after.log.flatMap(({ during, text }) => {
    if (BY_CHANCE.test(text)) return [];
    const left = known.get(shape(text)) ?? 0;
    known.set(shape(text), left - 1);
    return left > 0 ? [] : [`${during}: ${text}`];
  });
}
