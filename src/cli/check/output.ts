/** Where the result of a check goes: stdout in the form that was asked for, and a second report into a file. */
import { readFileSync } from 'node:fs';
import { writeAtomic } from '../../io/atomic-write.ts';
import { type CheckRun, checkDocuments } from '../../report/check/document.ts';
import { checkJunit } from '../../report/check/junit.ts';
import { checkSarif } from '../../report/check/sarif.ts';
import { type CheckStyle, type CheckTableOptions, checkTable } from '../../report/check/table.ts';
import { parseDiagnostics } from '../../report/diagnostics.ts';
import type { CheckArguments, CheckFormat } from '../commands/check.ts';
import { formByEnding } from '../outputs.ts';
import { diagnosticsFile } from '../package-files.ts';
import { print, type Style, styler } from '../terminal.ts';

const ENDINGS: Readonly<Record<string, CheckFormat>> = {
  json: 'json',
  ndjson: 'ndjson',
  sarif: 'sarif',
  xml: 'junit',
  txt: 'table',
};

/** @throws InputError CLI010 for a file name whose ending names no form */
export const reportFormat = (path: string): CheckFormat => formByEnding(path, ENDINGS);

const STYLES: Readonly<Record<CheckStyle, Style>> = {
  good: 'green',
  error: 'red',
  warning: 'yellow',
  note: 'cyan',
  faint: 'dim',
};

/**
 * @param single one FILE that is no folder was asked for: JSON is then one object, not a list
 */
export async function showCheck(run: CheckRun, args: CheckArguments, single: boolean): Promise<void> {
  const paint = styler(args.color !== false);
  print(
    format(run, args.format, single, {
      verbose: args.verbose,
      quiet: args.quiet,
      style: (style, text) => paint(STYLES[style], text),
    }),
  );
  if (args.report === undefined) return;
  const plain = { verbose: true, quiet: false, style: (_style: CheckStyle, text: string) => text };
  await writeAtomic(args.report, Buffer.from(format(run, reportFormat(args.report), single, plain)));
}

function format(run: CheckRun, form: CheckFormat, single: boolean, table: CheckTableOptions): string {
  switch (form) {
    case 'table':
      return checkTable(run, table);
    case 'json': {
      const documents = checkDocuments(run);
      return `${JSON.stringify(single ? (documents[0] ?? []) : documents, null, 2)}\n`;
    }
    case 'ndjson':
      return checkDocuments(run)
        .map(document => `${JSON.stringify(document)}\n`)
        .join('');
    case 'sarif':
      return `${JSON.stringify(checkSarif(run, parseDiagnostics(readFileSync(diagnosticsFile(), 'utf8'))), null, 2)}\n`;
    case 'junit':
      return checkJunit(run);
  }
}
