/** Files of the package that are read at run time. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The package's docs/diagnostics.md. */
export function diagnosticsFile(): string {
  return packageFile('docs/diagnostics.md');
}

/** Of `tocsin.NAME/1`. */
export function schemaFile(name: string): string {
  return packageFile(`schemas/tocsin.${name}-1.schema.json`);
}

/** The data that `patch --strategy shadow` merges in: with a table, or for the task's second stack. */
export function shadowObject(usesStack: boolean): string {
  return packageFile(usesStack ? 'runtime/shadow-stack.o' : 'runtime/shadow.o');
}

/** The code that asks lies in `src/cli/`, `dist/` or `dist/chunks/`. */
function packageFile(name: string): string {
  let folder = new URL('.', import.meta.url);
  for (let up = 0; up < 4; up++) {
    folder = new URL('..', folder);
    const path = fileURLToPath(new URL(name, folder));
    if (existsSync(path)) return path;
  }
  throw new Error(`the package has no ${name}`);
}
