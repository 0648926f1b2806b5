/** A patch for people. */
import type { PlannedAction, PlannedHook, PlannedNop, PlannedRetarget } from '../../plan/plan.ts';
import { hex } from '../../util/bytes.ts';
import type { Verification } from '../../verify/verification.ts';
import { columns } from '../columns.ts';
import type { PatchDocument, ProofDocument, SecondReader } from './document.ts';
import { mergedText } from './merged.ts';
import { proofLines } from './proof.ts';

/** Without `verbose`, longer lists end with the number of what is left out. */
export const MOST_LISTED = 24;

export function patchText(doc: PatchDocument, verbose: boolean): string {
  const most = verbose ? Number.POSITIVE_INFINITY : MOST_LISTED;
  const blocks = [actions(doc, most), planned(doc)];
  if (doc.merged !== undefined) blocks.push(mergedText(doc.merged, doc.dryRun || verbose));
  if (doc.dryRun || verbose) blocks.push(words(doc, most));
  if (doc.dryRun || verbose || doc.newCode.length > 0) blocks.push(...doc.newCode.map(listing));
  blocks.push(removed(doc));
  if (doc.proof !== undefined) blocks.push(proofLines(doc.proof, verbose).join('\n'));
  blocks.push(verdict(doc, verbose));
  return `${blocks.filter(b => b !== '').join('\n\n')}\n`;
}

/** A written patch of nothing but call sites, of which only those that are listed need be known. */
export interface NopsReport {
  readonly file: string;
  readonly output: string;
  readonly sites: number;
  /** The first MOST_LISTED of them. */
  readonly listed: readonly PlannedNop[];
  readonly removed: PatchDocument['removed'];
  readonly warnings: readonly string[];
  readonly proof: ProofDocument;
  /** Number of checks, each of which found everything right. */
  readonly checks: number;
  readonly compared: Verification['compared'];
  readonly relocations: Pick<Verification['relocations'], 'checked' | 'undecided'>;
  readonly secondReader: SecondReader;
}

/** The text that `patchText` makes of the whole document, not verbose. */
export function nopsText(report: NopsReport): string {
  const { file, output, sites, listed, checks, compared, relocations, secondReader } = report;
  return `${[
    `${file}: ${counted(sites, 'call site')} out, ${counted(0, 'redirect')}\n${capped(listed, MOST_LISTED, action, sites)}`,
    removed({ ...report, importedVersions: [] }),
    proofLines(report.proof, false).join('\n'),
    [...verifiedLines(checks, compared, relocations, secondReader), `written: ${output}`].join('\n'),
  ].join('\n\n')}\n`;
}

function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** @param total of the items, where not all of them are there */
function capped<T>(items: readonly T[], most: number, line: (item: T) => string, total = items.length): string {
  const lines = items.slice(0, most).map(line).join('\n');
  return total <= most ? lines : `${lines}\n… and ${total - most} more (use --verbose)`;
}

function actions(doc: PatchDocument, most: number): string {
  const of = (kind: PlannedAction['kind']) => doc.actions.filter(a => a.kind === kind).length;
  if (doc.actions.length === 0 && doc.merged !== undefined) return `${doc.file}: no function changed, objects merged`;
  const [hooks, retargets, epilogues] = [of('hook'), of('retarget'), of('epilogue')];
  const head = [
    `${doc.file}: ${counted(of('nop'), 'call site')} out`,
    counted(of('redirect'), 'redirect'),
    ...(hooks > 0 ? [counted(hooks, 'hook')] : []),
    ...(epilogues > 0 ? [counted(epilogues, 'epilogue')] : []),
    ...(retargets > 0 ? [`${counted(retargets, 'call')} changed`] : []),
  ].join(', ');
  return `${head}\n${capped(doc.actions, most, action)}`;
}

function action(a: PlannedAction): string {
  const place = `${a.section}+${hex(a.offset)}`;
  const also = a.aliases.length > 0 ? ` (also ${a.aliases.join(', ')})` : '';
  if (a.kind === 'retarget') return retarget(a, place, also);
  if (a.kind === 'epilogue')
    return `  epilogue  ${a.function}${also}  exported as ${a.symbol}${a.gplOnly ? ' (GPL only)' : ''}${grounds(a)}`;
  const record = a.recordRemoved ? ', record removed' : '';
  if (a.kind === 'hook') return hook(a, place, also, record);
  if (a.kind === 'nop') return `  nop       ${a.function}${also}  at ${place}, ${a.form}${record}`;
  const branches =
    a.branches === undefined ? '' : `, ${a.branches.length} branch${a.branches.length === 1 ? '' : 'es'}`;
  const toc = a.toc === 'kept' ? 'r2 kept' : `r2 ${a.toc}`;
  return `  redirect  ${a.function}${also} -> ${a.to}  ${a.strategy}, ${a.at} at ${place}${branches}, ${toc}${record}${grounds(a)}`;
}

function grounds(a: { readonly grounds: readonly string[] }): string {
  return a.grounds.map(g => `\n            ${g}`).join('');
}

function hook(a: PlannedHook, place: string, also: string, record: string): string {
  const calls = [a.before && `${a.before} before`, a.after && `${a.after} after`].filter(Boolean).join(', ');
  return `  hook      ${a.function}${also}  ${calls}, ${a.at} at ${place}, r2 ${a.toc}${record}${grounds(a)}`;
}

function retarget(a: PlannedRetarget, place: string, also: string): string {
  const what = `${a.links ? 'call' : 'jump'} at ${place}`;
  return `  retarget  ${a.function}${also}  ${what}: ${a.call} -> ${a.to}, r2 ${a.toc}${grounds(a)}`;
}

/** What the plan's author had to say. */
function planned({ plan }: PatchDocument): string {
  if (plan === undefined) return '';
  const lines = [...plan.comments, ...plan.entries.map(({ entry, comment }) => `${entry}: ${comment}`)];
  return [`plan ${plan.file}`, ...lines.map(line => `  ${line}`)].join('\n');
}

function words(doc: PatchDocument, most: number): string {
  if (doc.words === undefined || doc.words.length === 0) return '';
  const rows = doc.words.map(w => [
    `${w.section}+${hex(w.offset)}`,
    w.before,
    w.textBefore,
    w.relocationBefore ?? '',
    '->',
    w.after,
    w.textAfter,
    w.relocationAfter ?? '',
  ]);
  return `words\n${capped(indent(columns(rows)), most, line => line)}`;
}

function listing(code: PatchDocument['newCode'][number]): string {
  const rows = code.lines.map(l => [hex(l.offset), l.word, l.text, l.relocation ?? '']);
  return `new code ${code.section}, ${code.size} bytes\n${indent(columns(rows, [0])).join('\n')}`;
}

function indent(text: string): string[] {
  return text.split('\n').map(line => `  ${line}`);
}

function removed(doc: Pick<PatchDocument, 'removed' | 'importedVersions' | 'warnings'>): string {
  const lines = [
    `removed: ${counted(doc.removed.relocations, 'relocation')}, ${counted(doc.removed.records, 'tracer record')}`,
  ];
  for (const v of doc.importedVersions) lines.push(`version added for ${v.name}: ${v.crc}`);
  for (const warning of doc.warnings) lines.push(`note: ${warning}`);
  return lines.join('\n');
}

function verdict(doc: PatchDocument, verbose: boolean): string {
  const v = doc.verification;
  if (v === undefined) return doc.dryRun ? 'nothing is written (--dry-run)' : 'nothing is written';
  const lines = verifiedLines(v.checks.length, v.compared, v.relocations, doc.secondReader);
  if (verbose) lines.push(...v.checks.map(x => `          ${x.ok ? 'ok  ' : 'FAIL'} ${x.name}: ${x.detail}`));
  for (const f of v.findings)
    lines.push(
      `${f.level}: ${f.section ?? ''}${f.offset === undefined ? '' : `+${hex(f.offset)}`}: ${f.message} [${f.code}]`,
    );
  if (doc.signature !== undefined)
    lines.push(`signed:   ${doc.signature.hash}, by ${doc.signature.signer} (serial ${doc.signature.serial})`);
  if (doc.written) lines.push(`written: ${doc.output}`);
  else lines.push(doc.dryRun ? 'nothing is written (--dry-run)' : 'nothing is written');
  return lines.join('\n');
}

function verifiedLines(
  checks: number,
  c: Verification['compared'],
  r: Pick<Verification['relocations'], 'checked' | 'undecided'>,
  secondReader: SecondReader | undefined,
): string[] {
  const lines = [
    `verified: ${checks} checks; ${c.bytes} bytes compared: ${c.identical} as before, ${c.changedByPlan} changed and ` +
      `${c.addedByPlan} added by the plan, ${c.layout} moved headers and padding`,
    `          ${r.checked} relocations by the psABI's and the kernel's rule (${r.undecided} ranges are decided by the load)`,
  ];
  if (secondReader !== undefined)
    lines.push(
      secondReader.skipped === undefined
        ? `          second reader agrees on ${secondReader.sections} sections`
        : `          second reader not asked: ${secondReader.skipped}`,
    );
  return lines;
}
