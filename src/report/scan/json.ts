import type { ScanResult, ScanSummary } from '../../sites/scan.ts';

/** The JSON object of one scanned file (schema `tocsin.scan/1`). Without lists for a summary. */
export function scanDocument(file: string, scan: ScanSummary | ScanResult): object {
  const { kind, profiling, counts, strayRecords, droppedRecords } = scan;
  const head = { schema: 'tocsin.scan/1', file, kind, profiling, counts, strayRecords, droppedRecords };
  if (!('callSites' in scan)) return head;
  const { callSites, entryPoints, calls, strays, nopped, unrecordedNops } = scan;
  return { ...head, callSites, entryPoints, ...(calls !== undefined && { calls }), strays, nopped, unrecordedNops };
}
