/** Scan results for people. */
import type { ScannedEntry, ScannedSite, ScanResult, ScanSummary } from '../../sites/scan.ts';
import { hex } from '../../util/bytes.ts';
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
      file,
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
    `${file}: ${scan.kind}, profiling ${scan.profiling}`,
    `${c.functions} functions, ${c.callSites} call sites (${unrecorded === 0 ? 'all recorded' : `${unrecorded} not recorded`}); ` +
      `calls: ${c.localCalls} local, ${c.externalCalls} external, ${c.siblingCalls} sibling, ${c.indirectCalls} indirect`,
    '',
    functionTable(scan),
  ];
  if (scan.calls !== undefined) {
    const rows = scan.calls.map(x => [x.from ?? '?', x.section, hex(x.offset), x.edge, x.to ?? '']);
    lines.push('', columns([['FROM', 'SECTION', 'OFFSET', 'EDGE', 'TO'], ...rows], [2]));
  }
  return `${lines.join('\n')}${irregularities(scan)}\n`;
}

function functionTable(scan: ScanResult): string {
  const siteOf = new Map<string, ScannedSite>();
  for (const site of scan.callSites) siteOf.set(`${site.section}\0${site.function}`, site);
  const listed = new Set<ScannedSite>();
  const row = (f: ScannedEntry) => {
    const site = siteOf.get(`${f.section}\0${f.function}`);
    if (site !== undefined) listed.add(site);
    return [f.function, f.section, hex(f.global), hex(f.local), f.toc, f.binding, ...siteCells(site)];
  };
  const rows = scan.entryPoints.map(row);
  const rest = scan.callSites.filter(s => !listed.has(s));
  const others = rest.map(s => [s.function ?? '?', s.section, '', '', '', '', ...siteCells(s)]);
  const head = ['FUNCTION', 'SECTION', 'GLOBAL', 'LOCAL', 'TOC', 'BINDING', 'SITE', 'FORM', 'RECORDED'];
  return columns([head, ...rows, ...others], [2, 3, 6]);
}

function siteCells(site: ScannedSite | undefined): string[] {
  if (site === undefined) return ['-', '', ''];
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
  if (scan.unrecordedNops.length > 0)
    lines.push(
      `${scan.unrecordedNops.length} entries begin with nops that no record names ` +
        '(not traceable: notrace, a jump label, or the record was dropped): ' +
        scan.unrecordedNops.map(u => u.function ?? `${u.section}+${hex(u.offset)}`).join(', '),
    );
  return lines.length === 0 ? '' : `\n\n${lines.join('\n')}`;
}
