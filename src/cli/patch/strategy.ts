/** `--strategy` as people write it. */
import type { Strategy } from '../../plan/plan.ts';

/** Those that need nothing but their name; the order of `auto`. */
export const STRATEGIES = ['direct', 'epilogue', 'frame', 'shadow'] as const satisfies readonly Strategy[];

const CUSTOM = 'custom:';

/** `custom:FILE.o` has the path of an object. */
export type StrategyText = 'auto' | (typeof STRATEGIES)[number] | `custom:${string}`;

export function isStrategy(text: string): text is StrategyText {
  const isNamed = text === 'auto' || STRATEGIES.some(s => s === text);
  return isNamed || (text.startsWith(CUSTOM) && text.length > CUSTOM.length);
}

/** The path of `custom:FILE.o`; `undefined` for all others. */
export function customPath(text: StrategyText): string | undefined {
  return text.startsWith(CUSTOM) ? text.slice(CUSTOM.length) : undefined;
}

/** The same with the path as `resolved` has it. */
export function withPath(text: StrategyText, resolved: (path: string) => string): StrategyText {
  const path = customPath(text);
  return path === undefined ? text : `${CUSTOM}${resolved(path)}`;
}
