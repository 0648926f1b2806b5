/** `tocsin scan`: reads every input, scans it, prints the results in the order of the inputs. */

import { availableParallelism } from 'node:os';
import { expandInputs } from '../../io/inputs.ts';
import { STDIN } from '../../io/read.ts';
import { scanDocument } from '../../report/scan/json.ts';
import { scanTable, summaryTable } from '../../report/scan/table.ts';
import type { ScanResult, ScanSummary } from '../../sites/scan.ts';
import { InputError } from '../../util/errors.ts';
import { FileScanner, type Scanned, type ScanRequest } from '../file-scanner.ts';
import { Progress } from '../progress.ts';
import { ScanWorkers } from '../scan-workers.ts';
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

/** Fewer packed files than this are not worth the start of a thread: unpacking one takes milliseconds. */
const WORTH_THREADS = 16;
/**
 * Plain files are counted in microseconds, so a second thread only pays for thousands of them, and only if it starts while they
 * are still looked for. Listing what is in them fills more memory than another thread would save time.
 */
function isWorthASecondThread(args: ScanArguments): boolean {
  return args.summary && args.functions === undefined && args.jobs === undefined && availableParallelism() > 1;
}

/** Files that a thread takes at once. Plain ones take microseconds, packed ones long enough to be shared one by one. */
const BATCH = { packed: 4, plain: 64 };

/** @returns the exit code */
export async function scanCommand(args: ScanArguments): Promise<number> {
  const workers = new ScanWorkers();
  const { files, problems } = await expandInputs(args.files, {
    filesFrom: args.filesFrom,
    onMany: () => {
      if (isWorthASecondThread(args)) workers.start(1);
    },
  });
  let code = 0;
  for (const problem of problems) code = Math.max(code, report(problem));
  const single =
    args.files.length === 1 && args.filesFrom === undefined && files.length === 1 && files[0] === args.files[0];
  const sink = outputFor(args, single);
  const progress = new Progress('scanning', args.quiet);
  let done = 0;
  try {
    for await (const batch of outcomes(files, args, workers)) {
      for (const { path, outcome } of batch) {
        if ('complaint' in outcome) {
          progress.stop();
          code = Math.max(code, report(new InputError(outcome.complaint)));
        } else sink.add(path, outcome.scan);
      }
      done += batch.length;
      await progress.tick(done, files.length);
    }
  } finally {
    progress.stop();
  }
  sink.end();
  return code;
}

/** In the order of the files, and as soon as they are there; where each takes no time, many together. */
async function* outcomes(
  files: readonly string[],
  args: ScanArguments,
  workers: ScanWorkers,
): AsyncGenerator<readonly Scanned[]> {
  const request: ScanRequest = { summary: args.summary, calls: args.calls, functions: args.functions };
  if (files.length > 1 && !files.includes(STDIN)) {
    const packed = files.reduce((n, f) => (/\.(xz|zst|gz)$/.test(f) ? n + 1 : n), 0);
    const jobs = args.jobs ?? (packed < WORTH_THREADS ? 1 : availableParallelism());
    workers.start(Math.min(jobs, files.length) - 1);
    if (workers.count > 0) {
      yield* workers.scan(files, request, packed > 0 ? BATCH.packed : BATCH.plain);
      return;
    }
  }
  workers.stop();
  const scanner = new FileScanner(request);
  const atOnce = args.summary ? BATCH.plain : 1;
  let batch: Scanned[] = [];
  for (const path of files) {
    const outcome = scanner.scan(path);
    batch.push({ path, outcome: outcome instanceof Promise ? await outcome : outcome });
    if (batch.length < atOnce) continue;
    yield batch;
    batch = [];
  }
  yield batch;
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
        ? {
            kind: scan.kind,
            profiling: scan.profiling,
            counts: scan.counts,
            strayRecords: scan.strayRecords,
            droppedRecords: scan.droppedRecords,
          }
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
