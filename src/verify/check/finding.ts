/** What `check` says about one module, as plain data that crosses threads and becomes JSON. */

export type CheckLevel = 'error' | 'warning' | 'note';

export interface CheckFinding {
  /** A code of docs/diagnostics.md. */
  readonly code: string;
  /** `error`: the kernel refuses the module, or runs it wrong. `warning`: fragile. `note`: good to know. */
  readonly level: CheckLevel;
  readonly message: string;
  /** Name of a section of the file. */
  readonly section?: string;
  /** Bytes from the start of `section`; from the start of the file where no section is named. */
  readonly offset?: number;
  readonly function?: string;
  /** Addresses of instructions on the way to the fault; for findings of the prover. */
  readonly path?: readonly string[];
}

/** How many functions keep r2, r1, LR and the non-volatile registers right. Their sum is `functions`. */
export interface TocCounts {
  readonly functions: number;
  readonly proved: number;
  readonly refuted: number;
  readonly unknown: number;
}

export interface CheckResult {
  readonly loads: boolean;
  /** `ENOEXEC`; absent where the module loads. */
  readonly errno?: string;
  /** What the kernel writes to its log when it refuses, word for word, a line each; absent where it says nothing. */
  readonly kernelMessage?: string;
  readonly toc: TocCounts;
  readonly findings: readonly CheckFinding[];
  /** Every line of the kernel's log. */
  readonly log: readonly string[];
  /** The module's own name; empty where the file does not say it. */
  readonly module: string;
  /** Names of other modules whose symbols it uses. */
  readonly uses: readonly string[];
}

/** As many findings with one code are kept for a file; of the rest only the number is told. */
const KEPT = 20;

/** Collects findings; the first ones of a code in full, of the others the number. */
export class Findings {
  readonly #list: CheckFinding[] = [];
  readonly #counts = new Map<string, number>();

  add(finding: CheckFinding): void {
    const count = (this.#counts.get(finding.code) ?? 0) + 1;
    this.#counts.set(finding.code, count);
    if (count <= KEPT) this.#list.push(finding);
  }

  get hasErrors(): boolean {
    return this.#list.some(f => f.level === 'error');
  }

  has(code: string): boolean {
    return this.#counts.has(code);
  }

  all(): CheckFinding[] {
    const list = [...this.#list];
    for (const [code, count] of this.#counts) {
      if (count <= KEPT) continue;
      const { level } = list.find(f => f.code === code)!;
      list.push({ code, level, message: `${count - KEPT} more findings with this code are not listed` });
    }
    return list;
  }
}
