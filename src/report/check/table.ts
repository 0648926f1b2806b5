/** A check for people. */
import { printable } from '../../util/printable.ts';
import type { CheckFinding, CheckResult } from '../../verify/check/finding.ts';
import { type CheckRun, placeOf } from './document.ts';

export type CheckStyle = 'good' | 'error' | 'warning' | 'note' | 'faint';

export interface CheckTableOptions {
  /** Files without findings too, and every line of the kernel's log. */
  readonly verbose: boolean;
  /** No files without findings, no last line. */
  readonly quiet: boolean;
  readonly style: (style: CheckStyle, text: string) => string;
}

/** Lines of the kernel's log that are shown of a file. */
const MOST_LINES = 5;

/** Clean files have no line of their own where several were asked for; the last line counts them. */
export function checkTable(run: CheckRun, options: CheckTableOptions): string {
  const lines: string[] = [];
  const single = run.files.length === 1;
  for (const f of run.files) {
    if (!('result' in f)) continue;
    const { result } = f;
    const isClean = result.loads && result.findings.length === 0;
    if (isClean && (options.quiet || !(single || options.verbose))) continue;
    lines.push(...fileLines(f.file, result, run.release, options));
  }
  if (!single && !options.quiet) lines.push(summary(run));
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function fileLines(file: string, result: CheckResult, release: string, options: CheckTableOptions): string[] {
  const { style } = options;
  const verdict = result.loads
    ? style('good', `${release} loads it`)
    : style('error', `${release} refuses it${result.errno === undefined ? '' : ` (${result.errno})`}`);
  const lines = [`${printable(file)}: ${verdict}`];
  const said = options.verbose ? result.log : untold(result);
  const most = options.verbose ? said.length : MOST_LINES;
  for (const line of said.slice(0, most)) lines.push(style('faint', `  kernel: ${printable(line)}`));
  if (said.length > most)
    lines.push(style('faint', `  kernel: … and ${said.length - most} lines more (use --verbose)`));
  for (const finding of result.findings) lines.push(findingLine(finding, style));
  return lines;
}

/** What the kernel says beside the lines that findings begin with. */
function untold({ kernelMessage, findings }: CheckResult): string[] {
  const lines = kernelMessage?.split('\n') ?? [];
  return lines.filter(line => !findings.some(f => f.message.startsWith(line)));
}

function findingLine(finding: CheckFinding, style: CheckTableOptions['style']): string {
  const place = placeOf(finding);
  const text = `${place === '' ? '' : `${place}: `}${finding.message}`;
  return `  ${style(finding.level, finding.level.padEnd(7))}  ${printable(text)} [${finding.code}]`;
}

function summary(run: CheckRun): string {
  let loads = 0;
  let refused = 0;
  const counts = { error: 0, warning: 0, note: 0 };
  for (const f of run.files) {
    if (!('result' in f)) continue;
    if (f.result.loads) loads++;
    else refused++;
    for (const finding of f.result.findings) counts[finding.level]++;
  }
  const unread = run.files.length - loads - refused;
  const parts = [`${loads} load`, `${refused} refused`];
  if (unread > 0) parts.push(`${unread} not read`);
  const plural = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
  const found = [plural(counts.error, 'error'), plural(counts.warning, 'warning'), plural(counts.note, 'note')];
  return `${run.files.length} files for ${run.release}: ${parts.join(', ')}; ${found.join(', ')}`;
}
