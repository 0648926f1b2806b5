/** Files of the package that are read at run time. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const DIAGNOSTICS = 'docs/diagnostics.md';

/** The package's docs/diagnostics.md. The code that asks lies in `src/cli/`, `dist/` or `dist/chunks/`. */
export function diagnosticsFile(): string {
  let folder = new URL('.', import.meta.url);
  for (let up = 0; up < 4; up++) {
    folder = new URL('..', folder);
    const path = fileURLToPath(new URL(DIAGNOSTICS, folder));
    if (existsSync(path)) return path;
  }
  throw new Error(`the package has no ${DIAGNOSTICS}`);
}
