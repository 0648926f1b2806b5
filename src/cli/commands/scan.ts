/** `tocsin scan`: reads every input, scans it, prints the results in the order of the inputs. */

import { readElf } from '../../elf/read.ts';
import { decompressSync, detectForm, prepare as prepareForm } from '../../io/compression.ts';
import { expandInputs } from '../../io/inputs.ts';
import { createReadPool, readObject, readPlainInto, STDIN } from '../../io/read.ts';
import { scanDocument } from '../../report/scan/json.ts';
import { scanTable, summaryTable } from '../../report/scan/table.ts';
import { countQuickly } from '../../sites/quick-count.ts';
import { type ScanOptions, type ScanResult, type ScanSummary, scanObject, summarize } from '../../sites/scan.ts';
import { type Complaint, InputError, inFile } from '../../util/errors.ts';
import { globMatcher } from '../../util/glob.ts';
import { Progress } from '../progress.ts';
import { print, report } from '../terminal.ts';

export interface ScanArguments {
  readonly files: readonly string[];
  readonly filesFrom: string | undefined;
  readonly summary: boolean;
  readonly calls: boolean;
  readonly functions: string | undefined;
  readonly format: 'table' | 'json' | 'ndjson';
  readonly jobs: number | undefined;
  readonly quiet: boolean;
}

/** What one file gave: a scan, or why there is none. */
export type Outcome = { readonly scan: ScanSummary | ScanResult } | { readonly complaint: Complaint };

/** How to scan; plain data, so that a worker can be told. */
export interface ScanRequest {
  readonly summary: boolean;
  readonly calls: boolean;
  readonly functions: string | undefined;
}

/** Scans files one after the other with one read buffer for all of them. */
export class FileScanner {
  readonly #pool = createReadPool();
  readonly #summary: boolean;
  readonly #options: ScanOptions;

  constructor(request: ScanRequest) {
    const { functions } = request;
    this.#summary = request.summary && functions === undefined;
    this.#options = { calls: request.calls, accept: functions === undefined ? undefined : globMatcher(functions) };
  }

  async scan(path: string): Promise<Outcome> {
    try {
      return { scan: this.#scanBytes(await this.#bytesOf(path)) };
    } catch (error) {
      const placed = inFile(error, path);
      if (placed instanceof InputError) return { complaint: placed.complaint };
      throw error;
    }
  }

  async #bytesOf(path: string): Promise<Uint8Array> {
    if (path === STDIN) return (await readObject(path)).bytes;
    const stored = readPlainInto(this.#pool, path);
    const form = detectForm(stored);
    if (form === 'plain') return stored;
    await prepareForm(form);
    return decompressSync(stored, form);
  }

  #scanBytes(bytes: Uint8Array): ScanSummary | ScanResult {
    if (!this.#summary) return scanObject(readElf(bytes), this.#options);
    return countQuickly(bytes) ?? summarize(readElf(bytes));
  }
}

/** Fewer packed files than this are not worth the start of a thread: unpacking one takes milliseconds. */
const WORTH_THREADS = 16;
/** Files that a thread takes at once. Plain ones take microseconds, packed ones long enough to be shared one by one. */
const BATCH = { packed: 4, plain: 64 };

/** @returns the exit code */
export async function scanCommand(args: ScanArguments): Promise<number> {
  const { files, problems } = await expandInputs(args.files, { filesFrom: args.filesFrom });
  let code = 0;
  for (const problem of problems) code = Math.max(code, report(problem));
  const single =
    args.files.length === 1 && args.filesFrom === undefined && files.length === 1 && files[0] === args.files[0];
  const sink = outputFor(args, single);
  const progress = new Progress('scanning', args.quiet);
  let done = 0;
  try {
    for await (const { path, outcome } of outcomes(files, args)) {
      if ('complaint' in outcome) {
        progress.stop();
        code = Math.max(code, report(new InputError(outcome.complaint)));
      } else sink.add(path, outcome.scan);
      await progress.tick(++done, files.length);
    }
  } finally {
    progress.stop();
  }
  sink.end();
  return code;
}

async function* outcomes(
  files: readonly string[],
  args: ScanArguments,
): AsyncGenerator<{ path: string; outcome: Outcome }> {
  const request: ScanRequest = { summary: args.summary, calls: args.calls, functions: args.functions };
  const packed = files.reduce((n, f) => (/\.(xz|zst|gz)$/.test(f) ? n + 1 : n), 0);
  const jobs = args.jobs ?? (await usefulThreads(packed));
  if (jobs > 1 && files.length > 1 && !files.includes(STDIN)) {
    const { scanInWorkers } = await import('../scan-workers.ts');
    const batch = packed > 0 ? BATCH.packed : BATCH.plain;
    yield* scanInWorkers(files, request, Math.min(jobs, files.length), batch);
    return;
  }
  const scanner = new FileScanner(request);
  for (const path of files) yield { path, outcome: await scanner.scan(path) };
}

/** Unpacking is worth every processor. Plain files are not worth a second one: each thread has to warm up by itself. */
async function usefulThreads(packed: number): Promise<number> {
  return packed < WORTH_THREADS ? 1 : (await import('node:os')).availableParallelism();
}

interface Output {
  add(file: string, scan: ScanSummary | ScanResult): void;
  end(): void;
}

const FLUSH_AT = 1 << 20;

function outputFor(args: ScanArguments, single: boolean): Output {
  let pending = '';
  const put = (text: string) => {
    pending += text;
    if (pending.length > FLUSH_AT) flush();
  };
  const flush = () => {
    print(pending);
    pending = '';
  };
  // `--functions` without lists still has to look at each function, so a summary of it arrives with lists.
  const document = (file: string, scan: ScanSummary | ScanResult) =>
    scanDocument(
      file,
      args.summary
        ? { kind: scan.kind, profiling: scan.profiling, counts: scan.counts, strayRecords: scan.strayRecords }
        : scan,
    );
  if (args.format === 'ndjson')
    return { add: (file, scan) => put(`${JSON.stringify(document(file, scan))}\n`), end: flush };
  if (args.format === 'json') {
    let any = false;
    return {
      add(file, scan) {
        const text = JSON.stringify(document(file, scan), null, 2);
        put(single ? `${text}\n` : `${any ? ',\n' : '[\n'}${text}`);
        any = true;
      },
      end() {
        if (!single) put(any ? '\n]\n' : '[]\n');
        flush();
      },
    };
  }
  const rows: { file: string; scan: ScanSummary }[] = [];
  let any = false;
  return {
    add(file, scan) {
      if (args.summary) rows.push({ file, scan });
      else put(`${any ? '\n' : ''}${scanTable(file, scan as ScanResult)}`);
      any = true;
    },
    end() {
      if (rows.length > 0) put(`${summaryTable(rows)}\n`);
      flush();
    },
  };
}
