/** Scan results for people. */
import type { NoppedSite, ScannedEntry, ScannedSite, ScanResult, ScanSummary } from '../../sites/scan.ts';
import { hex } from '../../util/bytes.ts';
import { printable } from '../../util/printable.ts';
import { columns } from '../columns.ts';

const HEAD = [
  'FILE',
  'KIND',
  'PROFILING',
  'FUNCTIONS',
  'SITES',
  'RECORDED',
  'LOCAL',
  'EXTERNAL',
  'SIBLING',
  'INDIRECT',
];
const RIGHT = [3, 4, 5, 6, 7, 8, 9];

/** One row a file. */
export function summaryTable(rows: readonly { readonly file: string; readonly scan: ScanSummary }[]): string {
  const cells = rows.map(({ file, scan }) => {
    const c = scan.counts;
    return [
      printable(file),
      scan.kind,
      scan.profiling,
      `${c.functions}`,
      `${c.callSites}`,
      `${c.recordedSites}`,
      `${c.localCalls}`,
      `${c.externalCalls}`,
      `${c.siblingCalls}`,
      `${c.indirectCalls}`,
    ];
  });
  return columns([HEAD, ...cells, ...(rows.length > 1 ? [total(rows)] : [])], RIGHT);
}

function total(rows: readonly { readonly scan: ScanSummary }[]): string[] {
  const sum = (key: keyof ScanSummary['counts']) => `${rows.reduce((n, r) => n + r.scan.counts[key], 0)}`;
  return [
    `${rows.length} files`,
    '',
    '',
    sum('functions'),
    sum('callSites'),
    sum('recordedSites'),
    sum('localCalls'),
    sum('externalCalls'),
    sum('siblingCalls'),
    sum('indirectCalls'),
  ];
}

/** A file in full: a line of counts, a row for each function, then calls and what does not fit together. */
export function scanTable(file: string, scan: ScanResult): string {
  const c = scan.counts;
  const unrecorded = c.callSites - c.recordedSites;
  const lines = [
    `${printable(file)}: ${scan.kind}, profiling ${scan.profiling}`,
    `${c.functions} functions, ${c.callSites} call sites (${unrecorded === 0 ? 'all recorded' : `${unrecorded} not recorded`}); ` +
      `calls: ${c.localCalls} local, ${c.externalCalls} external, ${c.siblingCalls} sibling, ${c.indirectCalls} indirect`,
    '',
    functionTable(scan),
  ];
  if (scan.calls !== undefined) {
    const rows = scan.calls.map(x => [x.from ?? '?', x.section, hex(x.offset), x.edge, x.to ?? '']);
    lines.push('', table([['FROM', 'SECTION', 'OFFSET', 'EDGE', 'TO'], ...rows], [2]));
  }
  return `${lines.join('\n')}${irregularities(scan)}\n`;
}

function functionTable(scan: ScanResult): string {
  const sites = byEntry(scan, scan.callSites);
  const nopped = byEntry(scan, scan.nopped);
  const listed = new Set(sites.values());
  const rows = scan.entryPoints.map(f => {
    const site = sites.get(placeOf(f));
    return [
      f.function,
      f.section,
      hex(f.global),
      hex(f.local),
      f.toc,
      f.binding,
      ...siteCells(site, nopped.has(placeOf(f))),
    ];
  });
  const rest = scan.callSites.filter(s => !listed.has(s));
  const others = rest.map(s => [s.function ?? '?', s.section, '', '', '', '', ...siteCells(s)]);
  const head = ['FUNCTION', 'SECTION', 'GLOBAL', 'LOCAL', 'TOC', 'BINDING', 'SITE', 'FORM', 'RECORDED'];
  return table([head, ...rows, ...others], [2, 3, 6]);
}

function placeOf(entry: ScannedEntry): string {
  return `${entry.section}\0${entry.global}`;
}

/** The first site behind each entry, by the entry's place: names of one place share it, namesakes elsewhere do not. */
function byEntry<T extends NoppedSite>(scan: ScanResult, places: readonly T[]): Map<string, T> {
  const namesakes = new Map<string, ScannedEntry[]>();
  for (const entry of scan.entryPoints) {
    const key = `${entry.section}\0${entry.function}`;
    const list = namesakes.get(key);
    if (list === undefined) namesakes.set(key, [entry]);
    else list.push(entry);
  }
  const sites = new Map<string, T>();
  for (const site of places) {
    const entry = namesakes.get(`${site.section}\0${site.function}`)?.findLast(e => e.global <= site.offset);
    if (entry !== undefined && !sites.has(placeOf(entry))) sites.set(placeOf(entry), site);
  }
  return sites;
}

/** Columns with names from a file in them. */
function table(rows: readonly (readonly string[])[], right: readonly number[]): string {
  return columns(
    rows.map(row => row.map(printable)),
    right,
  );
}

function siteCells(site: ScannedSite | undefined, isNopped = false): string[] {
  if (site === undefined) return ['-', isNopped ? 'nopped' : '', ''];
  return [site.address ?? hex(site.offset), site.form, site.recorded ? 'yes' : 'NO'];
}

function irregularities(scan: ScanResult): string {
  const lines: string[] = [];
  for (const s of scan.strays) {
    const target = s.section === undefined ? '' : ` (${s.section}+${hex(s.target ?? 0)})`;
    lines.push(`record without a site: ${s.table}+${hex(s.offset)}: ${s.reason}${target}`);
  }
  for (const s of scan.callSites)
    if (!s.recorded) lines.push(`site without a record: ${s.function ?? '?'}, ${s.section}+${hex(s.offset)}`);
  if (scan.nopped.length > 0) lines.push(`${scan.nopped.length} call sites were taken out by tocsin`);
  if (scan.droppedRecords > 0)
    lines.push(`${scan.droppedRecords} records of the tracer's table are out: the kernel passes over them`);
  const out = new Set(scan.nopped.map(n => `${n.section}+${n.offset}`));
  const unrecorded = scan.unrecordedNops.filter(u => !out.has(`${u.section}+${u.offset}`));
  if (unrecorded.length > 0)
    lines.push(
      `${unrecorded.length} entries begin with nops that no record names ` +
        '(not traceable: notrace, a jump label, or the record was dropped): ' +
        unrecorded.map(u => u.function ?? `${u.section}+${hex(u.offset)}`).join(', '),
    );
  return lines.length === 0 ? '' : `\n\n${lines.map(printable).join('\n')}`;
}
