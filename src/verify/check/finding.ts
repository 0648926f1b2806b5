/** What `check` says about one file, as plain data that crosses threads and becomes JSON. */
import type { Derivation, PathStep, ProofCounts } from '../proof/proof.ts';

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
  /** Of findings of the prover: what it says of `function`. */
  readonly verdict?: 'refuted' | 'unknown';
  /** Instructions on the way to the fault; for findings of the prover. */
  readonly path?: readonly PathStep[];
  /** Functions that call a refuted one, and go on with what it leaves; `NAME [MODULE]` where it lies in another module that was given. */
  readonly callers?: readonly string[];
}

/** How many functions keep r2, r1, LR and the non-volatile registers right. */
export interface TocCounts extends ProofCounts {
  /** Whether anybody looked. If not, all functions are unknown. */
  readonly judged: boolean;
  /** The hand-written among them. */
  readonly assembly: ProofCounts;
}

export interface CheckResult {
  readonly kind: 'module' | 'vmlinux';
  /** Whether the kernel takes it; true of a kernel image, which nobody loads. */
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
  /** Of the function that was asked for. */
  readonly explanation?: Derivation;
}

const NONE: ProofCounts = { functions: 0, proved: 0, refuted: 0, unknown: 0 };

/** The counts where nobody looked. */
export function notJudged(functions: number): TocCounts {
  return { functions, proved: 0, refuted: 0, unknown: functions, judged: false, assembly: NONE };
}

/**
 * Whether a finding decides the exit code: what the kernel refuses or runs wrong, and a compiled function that could not be
 * proved, unless that was allowed.
 */
export function isFailure({ level, verdict }: CheckFinding): boolean {
  return level === 'error' || (level === 'warning' && verdict === 'unknown');
}

export function passes(result: CheckResult): boolean {
  return result.loads && !result.findings.some(isFailure);
}

/** As many findings with one code and level are kept for a file; of the rest only the number is told. */
export const KEPT = 20;

/** Collects findings; the first ones of a code and level in full, of the others the number. */
export class Findings {
  readonly #list: CheckFinding[] = [];
  readonly #counts = new Map<string, { readonly last: CheckFinding; readonly count: number }>();

  add(finding: CheckFinding): void {
    const key = `${finding.code} ${finding.level}`;
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.set(key, { last: finding, count });
    if (count <= KEPT) this.#list.push(finding);
  }

  get hasErrors(): boolean {
    return this.#list.some(f => f.level === 'error');
  }

  has(code: string): boolean {
    return this.#list.some(f => f.code === code);
  }

  all(): CheckFinding[] {
    const list = [...this.#list];
    for (const { last, count } of this.#counts.values()) {
      if (count <= KEPT) continue;
      const { code, level, verdict } = last;
      const message = `${count - KEPT} more findings with this code are not listed`;
      list.push({ code, level, message, ...(verdict !== undefined && { verdict }) });
    }
    return list;
  }
}
