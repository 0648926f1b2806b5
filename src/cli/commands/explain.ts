/** `tocsin explain`: cause and remedy of a code, as docs/diagnostics.md has them. */
import { readFileSync } from 'node:fs';
import { diagnosticList, diagnosticText, nearCodes, parseDiagnostics } from '../../report/diagnostics.ts';
import { InputError } from '../../util/errors.ts';
import { diagnosticsFile } from '../package-files.ts';
import { print } from '../terminal.ts';

export interface ExplainArguments {
  /** None: all of them, a line each. */
  readonly codes: readonly string[];
}

/** @returns the exit code */
export async function explainCommand({ codes }: ExplainArguments): Promise<number> {
  const all = parseDiagnostics(readFileSync(diagnosticsFile(), 'utf8'));
  if (codes.length === 0) {
    print(diagnosticList(all));
    return 0;
  }
  const found = codes.map(code => {
    const known = all.get(code.toUpperCase().replace(/^\[|\]$/g, ''));
    if (known !== undefined) return known;
    const near = nearCodes(code, all.keys());
    throw new InputError({
      code: 'CLI011',
      message: `no such code: ${code}`,
      ...(near.length > 0 && { expected: `perhaps ${near.join(' or ')}` }),
      remedy: 'list all codes with: tocsin explain',
    });
  });
  print(found.map(diagnosticText).join('\n'));
  return 0;
}
