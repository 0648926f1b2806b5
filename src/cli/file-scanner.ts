/** Scanning one file after the other: what every thread of `tocsin scan` does. */
import { readElf } from '../elf/read.ts';
import { decompressSync, detectForm, prepare as prepareForm } from '../io/compression.ts';
import { createReadPool, type ReadPool, readObject, readPlainInto, STDIN } from '../io/read.ts';
import { QuickCounter } from '../sites/quick-count.ts';
import { type ScanOptions, type ScanResult, type ScanSummary, scanObject, summarize } from '../sites/scan.ts';
import { type Complaint, InputError, inFile } from '../util/errors.ts';
import { globMatcher } from '../util/glob.ts';

/** What one file gave: a scan, or why there is none. */
export type Outcome = { readonly scan: ScanSummary | ScanResult } | { readonly complaint: Complaint };

export interface Scanned {
  readonly path: string;
  readonly outcome: Outcome;
}

/** How to scan; plain data, so that a worker can be told. */
export interface ScanRequest {
  readonly summary: boolean;
  readonly calls: boolean;
  readonly functions: string | undefined;
}

/** Scans files one after the other with one read buffer for all of them. */
export class FileScanner {
  readonly #options: ScanOptions;
  readonly #isSummary: boolean;
  readonly #counter: QuickCounter | undefined;
  readonly #pool: ReadPool;

  constructor(request: ScanRequest) {
    const { functions } = request;
    this.#options = { calls: request.calls, accept: functions === undefined ? undefined : globMatcher(functions) };
    this.#isSummary = request.summary && functions === undefined;
    this.#counter = this.#isSummary ? QuickCounter.create() : undefined;
    this.#pool = this.#counter ?? createReadPool();
  }

  /** A promise only where something has to be waited for: with one for each file, thousands of small ones take longer. */
  scan(path: string): Outcome | Promise<Outcome> {
    if (path === STDIN) return later(path, async () => this.#scanBytes((await readObject(path)).bytes));
    try {
      let counted: ScanSummary | undefined;
      const stored = readPlainInto(this.#pool, path, length => {
        counted = this.#counter?.count(length);
        return counted !== undefined;
      });
      if (counted !== undefined) return { scan: counted };
      const form = detectForm(stored);
      if (form === 'plain') return { scan: this.#scanInFull(stored) };
      return later(path, async () => {
        await prepareForm(form);
        return this.#scanBytes(decompressSync(stored, form));
      });
    } catch (error) {
      return complaintAbout(error, path);
    }
  }

  #scanBytes(bytes: Uint8Array): ScanSummary | ScanResult {
    return this.#counter?.countCopy(bytes) ?? this.#scanInFull(bytes);
  }

  #scanInFull(bytes: Uint8Array): ScanSummary | ScanResult {
    return this.#isSummary ? summarize(readElf(bytes)) : scanObject(readElf(bytes), this.#options);
  }
}

async function later(path: string, scan: () => Promise<ScanSummary | ScanResult>): Promise<Outcome> {
  try {
    return { scan: await scan() };
  } catch (error) {
    return complaintAbout(error, path);
  }
}

function complaintAbout(error: unknown, path: string): Outcome {
  const placed = inFile(error, path);
  if (placed instanceof InputError) return { complaint: placed.complaint };
  throw error;
}
