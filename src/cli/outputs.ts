/** What a command writes is none of the files that it reads, and no two of its results go to one file. */
import * as fs from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { stageFile } from '../io/atomic-write.ts';
import { InputError } from '../util/errors.ts';

/** The path without links and dots, as far as it exists. */
export function truePath(path: string): string {
  try {
    return fs.realpathSync(path);
  } catch {
    try {
      return join(fs.realpathSync(dirname(path)), basename(path));
    } catch {
      return resolve(path);
    }
  }
}

/**
 * @param outputs paths that will be written; absent ones are skipped
 * @param inputs paths that are read; `-` is none
 * @throws InputError PAT220
 */
export function keepApart(outputs: readonly (string | undefined)[], inputs: readonly (string | undefined)[]): void {
  // Looking up the true paths of thousands of inputs takes as long as checking them.
  if (outputs.every(path => path === undefined)) return;
  const taken = new Map(
    inputs.filter(path => path !== undefined && path !== '-').map(path => [truePath(path!), 'is read by this command']),
  );
  for (const output of outputs) {
    if (output === undefined || !mayReplace(output)) continue;
    const place = truePath(output);
    const why = taken.get(place);
    if (why !== undefined)
      throw new InputError({
        code: 'PAT220',
        message: `the output would replace a file that ${why}`,
        file: output,
        expected: 'a path of its own for each file that is read or written',
        remedy: 'name another output',
      });
    taken.set(place, 'is written by this command too');
  }
}

/** Pipes and devices take what comes; they are no files that could be lost. Of a path that cannot be looked at, whoever writes there tells why. */
export function mayReplace(path: string): boolean {
  let found: fs.Stats | undefined;
  try {
    found = fs.statSync(path, { throwIfNoEntry: false });
  } catch {
    return true;
  }
  return found === undefined || found.isFile() || found.isDirectory();
}

/** Whether a report can be written, before anything else is. @throws InputError IO030 to IO038 */
export async function tryPlace(path: string): Promise<void> {
  if (mayReplace(path)) await (await stageFile(path, new Uint8Array(0))).discard();
}

/**
 * The form of a report by the ending of its file's name.
 *
 * @throws InputError CLI010 for an ending that names none
 */
export function formByEnding<Form>(path: string, forms: Readonly<Record<string, Form>>): Form {
  const form = forms[/\.([a-z]+)$/.exec(path)?.[1] ?? ''];
  if (form !== undefined) return form;
  throw new InputError({
    code: 'CLI010',
    message: 'the ending of the report file names no form',
    file: path,
    expected: Object.keys(forms)
      .map(e => `.${e}`)
      .join(', '),
    remedy: 'choose one of these endings',
  });
}
