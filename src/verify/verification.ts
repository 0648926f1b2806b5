/** What the judge says, and the notebook in which its steps write it down. */
import type { Section } from '../elf/section.ts';
import { InputError } from '../util/errors.ts';
import type { SectionOffset } from '../util/indexes.ts';

/** `error`: the output must not appear. `warning` and `note`: the user should know. */
export type Level = 'error' | 'warning' | 'note';

export interface Finding {
  /** `VER` and three digits; documented in `docs/diagnostics.md`. */
  readonly code: string;
  readonly level: Level;
  readonly message: string;
  readonly section?: string;
  /** Bytes from the start of `section`; of the file where no section is named. Coordinates of the output. */
  readonly offset?: number;
  readonly function?: string;
}

export interface Check {
  readonly name: string;
  /** No error was found, and the check came to its end. */
  readonly ok: boolean;
  /** What was looked at, in numbers. */
  readonly detail: string;
}

/** Every byte of the output has one of four reasons; `bytes` is their sum and the size of the output. */
interface Compared {
  readonly bytes: number;
  /** As in the input. */
  readonly identical: number;
  /** Have a counterpart in the input and differ from it as the plan says, or because indices follow from the plan. */
  readonly changedByPlan: number;
  /** New sections, symbols, relocations and names of the plan, with their headers. */
  readonly addedByPlan: number;
  /** File offsets, sizes and counts in headers, and zero padding: what the file's layout decides. */
  readonly layout: number;
  /** Bytes of the input that the plan leaves out (records, relocations, a signature). */
  readonly removedByPlan: number;
}

export interface RelocationCount {
  readonly checked: number;
  /** Entries whose range only the addresses of a load decide. */
  readonly undecided: number;
  /** Number of entries by the type's name. */
  readonly byType: Readonly<Record<string, number>>;
}

export interface Verification {
  readonly ok: boolean;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
  readonly compared: Compared;
  readonly relocations: RelocationCount;
}

/** As many findings with one code are kept; of the rest only the number is told. */
const KEPT = 20;

/** Collects checks and findings, and counts bytes. */
export class Report {
  readonly checks: Check[] = [];
  readonly findings: Finding[] = [];
  readonly counts = { identical: 0, changedByPlan: 0, addedByPlan: 0, layout: 0, removedByPlan: 0 };
  /** By code and level. */
  readonly #found = new Map<string, { readonly code: string; readonly level: Level; count: number }>();
  #errors = 0;
  #stopped = false;

  /**
   * Runs one named step and gives what it made; `tell` says in words what it looked at. An `InputError` inside it means
   * that the output cannot be read on: it becomes a finding, and the steps behind it are told as not reached and not run,
   * so that what they were to work with need not be there.
   */
  make<T>(name: string, run: () => T, tell: (made: T) => string): T | undefined {
    if (this.#stopped) {
      this.checks.push({ name, ok: false, detail: 'not reached' });
      return undefined;
    }
    const before = this.#errors;
    let detail = 'not finished';
    let made: T | undefined;
    try {
      made = run();
      detail = tell(made);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      const { code, message, section, offset, expected, found } = error.complaint;
      const tail = expected === undefined ? '' : `: expected ${expected}, found ${found}`;
      this.error('VER001', `the output cannot be read again: ${message} (${code})${tail}`, section, offset);
      this.#stopped = true;
    }
    this.checks.push({ name, ok: this.#errors === before, detail });
    return made;
  }

  /** A step that makes nothing but findings. */
  step(name: string, run: () => string): void {
    this.make(name, run, text => text);
  }

  error(code: string, message: string, section?: Section | string, offset?: SectionOffset, fn?: string): void {
    this.#add('error', code, message, section, offset, fn);
  }

  warn(code: string, message: string, section?: Section | string, offset?: SectionOffset, fn?: string): void {
    this.#add('warning', code, message, section, offset, fn);
  }

  note(code: string, message: string, section?: Section | string, offset?: SectionOffset, fn?: string): void {
    this.#add('note', code, message, section, offset, fn);
  }

  #add(level: Level, code: string, message: string, section?: Section | string, offset?: number, fn?: string): void {
    if (level === 'error') this.#errors++;
    const key = `${code} ${level}`;
    const found = this.#found.get(key) ?? { code, level, count: 0 };
    this.#found.set(key, found);
    if (++found.count > KEPT) return;
    this.findings.push({
      code,
      level,
      message,
      ...(section === undefined ? {} : { section: typeof section === 'string' ? section : section.name }),
      ...(offset === undefined ? {} : { offset }),
      ...(fn === undefined ? {} : { function: fn }),
    });
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  /** Ends the walk if an error with this code was found: what comes behind would only repeat it, or trip over it. */
  stopOn(code: string): void {
    if (this.#found.has(`${code} error`)) this.#stopped = true;
  }

  /** Every byte of the output must have been counted under one reason, and once. */
  account(size: number): string {
    const { identical, changedByPlan, addedByPlan, layout } = this.counts;
    const sum = identical + changedByPlan + addedByPlan + layout;
    if (sum !== size && !this.hasErrors)
      this.error('VER045', `${sum} bytes of the output are accounted for, and it has ${size}`);
    return `${size} bytes: ${identical} as they were, ${changedByPlan} changed and ${addedByPlan} added by the plan, ${layout} of layout`;
  }

  finish(relocations: RelocationCount): Verification {
    for (const { code, level, count } of this.#found.values()) {
      if (count > KEPT)
        this.findings.push({ code, level, message: `and ${count - KEPT} more findings with this code` });
    }
    const { counts } = this;
    return {
      ok: this.#errors === 0 && this.checks.every(c => c.ok),
      checks: this.checks,
      findings: this.findings,
      compared: {
        bytes: counts.identical + counts.changedByPlan + counts.addedByPlan + counts.layout,
        ...counts,
      },
      relocations,
    };
  }
}

/** `0x` and eight digits. */
export function wordText(word: number): string {
  return `0x${(word >>> 0).toString(16).padStart(8, '0')}`;
}

/** `1 word`, `2 words`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
