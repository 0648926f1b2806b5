/** A check for people. */
import { printable } from '../../util/printable.ts';
import type { CheckFinding, CheckResult } from '../../verify/check/finding.ts';
import type { ProofCounts } from '../../verify/proof/proof.ts';
import { type CheckRun, placeOf } from './document.ts';
import { callersLine, derivationLines, pathLines } from './path.ts';

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
    const isClean = result.loads && result.findings.length === 0 && result.explanation === undefined;
    if (isClean && (options.quiet || !(single || options.verbose))) continue;
    lines.push(...fileLines(f.file, result, run.release, options));
  }
  if (!single && !options.quiet) lines.push(summary(run));
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function fileLines(file: string, result: CheckResult, release: string, options: CheckTableOptions): string[] {
  const { style } = options;
  const lines = [`${printable(file)}: ${verdictOf(result, release, style)}`];
  const said = options.verbose ? result.log : untold(result);
  const most = options.verbose ? said.length : MOST_LINES;
  for (const line of said.slice(0, most)) lines.push(style('faint', `  kernel: ${printable(line)}`));
  if (said.length > most)
    lines.push(style('faint', `  kernel: … and ${said.length - most} lines more (use --verbose)`));
  for (const finding of result.findings) {
    lines.push(findingLine(finding, style));
    lines.push(...detail(finding, options).map(line => style('faint', `  ${printable(line)}`)));
  }
  if (result.explanation !== undefined)
    lines.push(...derivationLines(result.explanation).map(line => `  ${printable(line)}`));
  return lines;
}

function verdictOf(result: CheckResult, release: string, style: CheckTableOptions['style']): string {
  if (!result.loads)
    return style('error', `${release} refuses it${result.errno === undefined ? '' : ` (${result.errno})`}`);
  const loads = result.kind === 'vmlinux' ? [] : [style('good', `${release} loads it`)];
  return [...loads, ...(result.toc.judged ? [countsOf(result.toc, style)] : [])].join('; ');
}

/** `12 of 14 functions proved, 1 unknown, 1 refuted; hand-written: 3 of 4 proved` */
function countsOf(toc: CheckResult['toc'], style: CheckTableOptions['style']): string {
  const tell = ({ functions, proved, unknown, refuted }: ProofCounts, noun: string) => {
    const parts = [`${proved} of ${functions} ${noun}proved`];
    if (unknown > 0) parts.push(style('warning', `${unknown} unknown`));
    if (refuted > 0) parts.push(style('error', `${refuted} refuted`));
    return parts.join(', ');
  };
  const { assembly } = toc;
  if (assembly.functions === 0) return tell(toc, 'functions ');
  const compiled = {
    functions: toc.functions - assembly.functions,
    proved: toc.proved - assembly.proved,
    unknown: toc.unknown - assembly.unknown,
    refuted: toc.refuted - assembly.refuted,
  };
  return `${tell(compiled, 'functions ')}; hand-written: ${tell(assembly, '')}`;
}

/** The way to what is wrong: of refuted functions where it turns, all of every path where more is asked for. */
function detail({ level, path, callers, function: name }: CheckFinding, { verbose }: CheckTableOptions): string[] {
  if (path === undefined || !(verbose || level === 'error')) return [];
  return [...pathLines(path, verbose), ...(callers === undefined ? [] : [callersLine(callers, name ?? 'it')])];
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
  const toc = { functions: 0, proved: 0, unknown: 0, refuted: 0 };
  for (const f of run.files) {
    if (!('result' in f)) continue;
    if (f.result.loads) loads++;
    else refused++;
    for (const finding of f.result.findings) counts[finding.level]++;
    if (f.result.toc.judged)
      for (const key of ['functions', 'proved', 'unknown', 'refuted'] as const) toc[key] += f.result.toc[key];
  }
  const unread = run.files.length - loads - refused;
  const parts = [`${loads} load`, `${refused} refused`];
  if (unread > 0) parts.push(`${unread} not read`);
  const plural = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
  const found = [plural(counts.error, 'error'), plural(counts.warning, 'warning'), plural(counts.note, 'note')];
  const judged = toc.functions === 0 ? [] : [`${toc.proved} of ${toc.functions} functions proved`];
  if (toc.functions > 0) judged.push(`${toc.unknown} unknown`, `${toc.refuted} refuted`);
  const proof = judged.length === 0 ? '' : `; ${judged.join(', ')}`;
  const release = run.release === '' ? '' : ` for ${run.release}`;
  return `${run.files.length} files${release}: ${parts.join(', ')}; ${found.join(', ')}${proof}`;
}
