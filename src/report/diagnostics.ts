/**
 * docs/diagnostics.md as data: the one place where causes and remedies of codes are written down. `explain` and the SARIF report
 * read the document itself, so they cannot say anything else than it says.
 */

export interface Diagnostic {
  readonly code: string;
  /** Title of the section of the document. */
  readonly family: string;
  /** What the section says of all its codes, the exit code first. */
  readonly about: string;
  readonly cause: string;
  readonly remedy: string;
}

const ROW = /^\| ([A-Z]{2,4}\d{3}) \| (.*) \|$/;

/** The rows of the document's tables by code, in its order. */
export function parseDiagnostics(markdown: string): ReadonlyMap<string, Diagnostic> {
  const found = new Map<string, Diagnostic>();
  let family = '';
  let about: string[] = [];
  for (const line of markdown.split('\n')) {
    if (line.startsWith('#')) {
      family = line.replace(/^#+ */, '');
      about = [];
    } else if (!line.startsWith('|')) {
      if (line !== '') about.push(line);
    } else {
      const [, code, rest] = ROW.exec(line) ?? [];
      const cells = rest?.split(/(?<!\\) \| /);
      if (code === undefined || cells?.length !== 2) continue;
      const [cause, remedy] = cells.map(cell => cell.replaceAll('\\|', '|')) as [string, string];
      found.set(code, { code, family, about: about.join(' '), cause, remedy });
    }
  }
  return found;
}

/** One code in full. */
export function diagnosticText({ code, family, about, cause, remedy }: Diagnostic): string {
  const lines = [`${code}  (${family})`, '', `cause:   ${cause}`, `remedy:  ${remedy}`];
  if (about !== '') lines.push('', about);
  return `${lines.join('\n')}\n`;
}

/** Every code with its cause, by family. */
export function diagnosticList(all: ReadonlyMap<string, Diagnostic>): string {
  const lines: string[] = [];
  let family = '';
  for (const d of all.values()) {
    if (d.family !== family) lines.push(...(family === '' ? [] : ['']), d.family);
    family = d.family;
    lines.push(`  ${d.code}  ${d.cause}`);
  }
  return `${lines.join('\n')}\n`;
}

const MOST_NEAR = 5;

/** Codes that a person may have meant. */
export function nearCodes(text: string, codes: Iterable<string>): string[] {
  const wanted = text.toUpperCase();
  return [...codes]
    .map(code => ({ code, distance: distance(wanted, code) }))
    .filter(({ code, distance: d }) => d <= 2 || (wanted.length >= 2 && code.startsWith(wanted)))
    .sort((a, b) => a.distance - b.distance || (a.code < b.code ? -1 : 1))
    .slice(0, MOST_NEAR)
    .map(({ code }) => code);
}

/** Edits between two short texts (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
