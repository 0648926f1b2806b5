// `tocsin scan` against GNU binutils: call sites, entry points and calls of the modules and images of three kernels.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { GENERATIONS, type Kernel, kernel } from './harness/harness.ts';
import { edgesOf } from './support/edges.ts';
import { imageFacts } from './support/image.ts';
import { figure, sample, some } from './support/lab.ts';
import { plainModulesOf } from './support/plain.ts';
import { lines, tocsinProgram } from './support/programs.ts';
import { moduleFacts, place } from './support/readelf.ts';

/** What was counted once, with other tools, in this release. */
const MEASURED = { release: '6.1.0-50-powerpc64le', modules: 3126, sites: 157_277, imageSites: 33_690 };

/** What of a `tocsin.scan/1` document is compared. */
interface ScanDocument {
  readonly file: string;
  readonly profiling: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly strayRecords: number;
  readonly callSites: readonly {
    readonly section: string;
    readonly offset: number;
    readonly address?: string;
    readonly recorded: boolean;
  }[];
  readonly entryPoints: readonly {
    readonly function: string;
    readonly section: string;
    readonly global: number;
    readonly local: number;
  }[];
}

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-scan-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function* scanFiles(files: readonly string[]): AsyncGenerator<ScanDocument> {
  const list = join(scratch, `files-${process.hrtime.bigint()}`);
  writeFileSync(list, files.map(file => `${file}\n`).join(''));
  for await (const line of lines(tocsinProgram[0], [
    tocsinProgram[1],
    'scan',
    '--format',
    'ndjson',
    '--files-from',
    list,
  ]))
    yield JSON.parse(line) as ScanDocument;
}

const sitesOf = (scan: ScanDocument) => scan.callSites.map(site => place(site.section, site.offset)).sort();
const recordedOf = (scan: ScanDocument) =>
  scan.callSites
    .filter(site => site.recorded)
    .map(site => place(site.section, site.offset))
    .sort();
const functionsOf = (scan: ScanDocument) =>
  scan.entryPoints.map(entry => `${entry.function} ${entry.section} ${entry.global} ${entry.local}`).sort();

/** How two sorted lists differ, in words; empty when they do not. */
function differences(file: string, what: string, ours: readonly string[], theirs: readonly string[]): string[] {
  if (ours.length === theirs.length && ours.every((text, at) => text === theirs[at])) return [];
  const [here, there] = [new Set(ours), new Set(theirs)];
  const extra = ours.filter(text => !there.has(text));
  const missing = theirs.filter(text => !here.has(text));
  return [`${file}: ${what}: ${ours.length} for ${theirs.length}, extra ${some(extra)}, missing ${some(missing)}`];
}

async function only<T>(values: AsyncIterable<T>): Promise<T> {
  for await (const value of values) return value;
  throw new Error('nothing came');
}

interface Totals {
  modules: number;
  sites: number;
  functions: number;
  records: number;
  readonly complaints: string[];
}

async function compareModules(of: Kernel): Promise<Totals> {
  const modules = plainModulesOf(of);
  const totals: Totals = { modules: 0, sites: 0, functions: 0, records: 0, complaints: [] };
  const facts = moduleFacts(modules.map(m => m.plain));
  for await (const scan of scanFiles(modules.map(m => m.packed))) {
    const { value } = await facts.next();
    const { packed, plain } = modules[totals.modules]!;
    expect([scan.file, value?.file]).toEqual([packed, plain]);
    const expected = value!;
    totals.modules++;
    totals.sites += expected.sites.length;
    totals.functions += expected.functions.length;
    totals.records += expected.records.length;
    totals.complaints.push(
      ...differences(packed, 'sites', sitesOf(scan), expected.sites),
      ...differences(packed, 'recorded sites', recordedOf(scan), expected.records),
      ...differences(packed, 'functions', functionsOf(scan), expected.functions),
    );
    if (scan.strayRecords !== 0) totals.complaints.push(`${packed}: ${scan.strayRecords} stray records`);
    if (scan.counts.callSites !== scan.callSites.length || scan.counts.functions !== scan.entryPoints.length)
      totals.complaints.push(`${packed}: counts that are not those of the lists`);
  }
  return totals;
}

describe.each(GENERATIONS)('scan, kernel %s', generation => {
  const of = kernel(generation);

  it('finds the sites and the entries of every module that readelf shows', async () => {
    const { complaints, ...totals } = await compareModules(of);
    expect(some(complaints)).toEqual([]);
    expect(totals.modules).toBe(of.modules.length);
    figure(`scan ${of.release}: modules compared with readelf`, totals.modules);
    figure(`scan ${of.release}: call sites in modules`, totals.sites);
    figure(`scan ${of.release}: tracer records in modules`, totals.records);
    figure(`scan ${of.release}: functions in modules, both entries`, totals.functions);
    if (of.release === MEASURED.release)
      expect([totals.modules, totals.sites]).toEqual([MEASURED.modules, MEASURED.sites]);
  });

  it('finds the sites of the image that its table names, and the entries that readelf shows', async () => {
    const expected = await imageFacts(of.vmlinux);
    const scan = await only(scanFiles([of.vmlinux]));
    const hexadecimal = expected.sites.map(address => `0x${address.toString(16)}`).sort();
    expect(differences(of.vmlinux, 'sites', scan.callSites.map(site => site.address!).sort(), hexadecimal)).toEqual([]);
    const facts = await only(moduleFacts([of.vmlinux]));
    expect(differences(of.vmlinux, 'functions', functionsOf(scan), facts.functions)).toEqual([]);
    figure(
      `scan ${of.release}: call sites in the image (entries of its table: ${expected.entries})`,
      expected.sites.length,
    );
    figure(`scan ${of.release}: functions in the image, both entries`, facts.functions.length);
    if (of.release === MEASURED.release) expect(expected.sites.length).toBe(MEASURED.imageSites);
  });

  it('counts calls as objdump shows them', async () => {
    const modules = sample(plainModulesOf(of), 40);
    const complaints: string[] = [];
    const totals = { local: 0, external: 0, sibling: 0, indirect: 0 };
    const scans = scanFiles(modules.map(m => m.plain));
    for await (const facts of moduleFacts(modules.map(m => m.plain))) {
      const { counts } = ((await scans.next()).value as ScanDocument) ?? {};
      const edges = await edgesOf(facts.file, facts.functions);
      for (const kind of ['local', 'external', 'sibling', 'indirect'] as const) {
        totals[kind] += edges[kind];
        const ours = counts[`${kind}Calls`];
        if (ours !== edges[kind]) complaints.push(`${facts.file}: ${kind} calls: ${ours}, objdump ${edges[kind]}`);
      }
    }
    expect(some(complaints)).toEqual([]);
    for (const [kind, number] of Object.entries(totals))
      figure(`scan ${of.release}: ${kind} calls in ${modules.length} modules`, number);
  });
});
