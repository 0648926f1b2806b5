/** Paths and derivations of the prover, as lines of text. */
import type { Derivation, PathStep } from '../../verify/proof/proof.ts';

/** Steps of a path that are shown where not all of it is asked for. */
const MOST_STEPS = 12;

/** What is known before an instruction: r1, r2, and the register in question. */
function known({ r1, r2, register }: PathStep): string {
  const parts = [`r1 = ${r1}`, `r2 = ${r2}`];
  if (register !== undefined) parts.push(`${register.name} = ${register.value}`);
  return parts.join('; ');
}

/**
 * A line for each step: place, instruction, and what is known before it.
 *
 * @param all unless, only the steps before and behind a change, the first and the last
 */
export function pathLines(path: readonly PathStep[], all: boolean): string[] {
  const shown = all ? [...path.keys()] : telling(path);
  const place = Math.max(...shown.map(i => path[i]!.place.length), 0);
  const text = Math.max(...shown.map(i => path[i]!.text.length), 0);
  const lines: string[] = [];
  let before = -1;
  let said = '';
  for (const i of shown) {
    const step = path[i]!;
    if (i > before + 1) lines.push(`${' '.repeat(2)}… ${i - before - 1} more`);
    before = i;
    const now = known(step);
    // What has not changed is not repeated.
    lines.push(`  ${step.place.padEnd(place)}  ${step.text.padEnd(text)}  ${now === said ? '' : now}`.trimEnd());
    said = now;
  }
  return lines;
}

/** The steps between which something changes; of very many the last ones. */
function telling(path: readonly PathStep[]): number[] {
  const wanted = new Set<number>([0, path.length - 1]);
  for (let i = 1; i < path.length; i++)
    if (known(path[i]!) !== known(path[i - 1]!)) {
      wanted.add(i - 1);
      wanted.add(i);
    }
  const list = [...wanted].filter(i => i >= 0 && i < path.length).sort((a, b) => a - b);
  return list.length <= MOST_STEPS ? list : [0, ...list.slice(1 - MOST_STEPS)];
}

/** Who goes on with what a refuted function leaves. */
export function callersLine(callers: readonly string[], function_: string): string {
  const most = 8;
  const rest = callers.length > most ? ` and ${callers.length - most} more` : '';
  return `  ${function_} is called by ${callers.slice(0, most).join(', ')}${rest}, and they go on with what it leaves`;
}

/** The derivation of one verdict, whole. */
export function derivationLines({ function: name, verdict, steps, finding, relies, callers }: Derivation): string[] {
  const lines = [`${name} is ${verdict}${finding === undefined ? '' : `: ${finding.message} [${finding.code}]`}`];
  if (finding === undefined) lines.push('  before each instruction, on all paths:');
  else if (steps.length === 0) lines.push('  no single path leads there');
  else if (finding.shown) lines.push('  along this path:');
  else lines.push('  along this path, joined with others:');
  lines.push(...pathLines(steps, true).map(line => `  ${line}`));
  if (relies.length > 0) lines.push(`  relies on: ${withVerdicts(relies)}`);
  if (verdict === 'refuted' && callers.length > 0)
    lines.push(
      callersLine(
        callers.map(c => c.function),
        name,
      ),
    );
  else if (callers.length > 0) lines.push(`  relied on by: ${withVerdicts(callers)}`);
  if (verdict === 'refuted') lines.push('  whoever calls it from outside, or through a pointer, goes on with it too');
  return lines;
}

/** `a, b (unknown)`: most are proved. */
function withVerdicts(list: Derivation['relies']): string {
  return list.map(f => (f.verdict === 'proved' ? f.function : `${f.function} (${f.verdict})`)).join(', ');
}
