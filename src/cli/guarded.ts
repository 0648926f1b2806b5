import { errnoOf } from '../io/diagnostics.ts';
import { InputError } from '../util/errors.ts';
import { version } from '../util/version.ts';
import { note, report } from './terminal.ts';

/** No script takes it for an answer of tocsin. */
const EX_SOFTWARE = 70;

/** Runs a command; a failure that the user can mend becomes its exit code, a bug of tocsin a stack and code 70. */
export async function guarded<T>(command: () => Promise<T>): Promise<T | number> {
  try {
    return await command();
  } catch (error) {
    return failure(error);
  }
}

function failure(error: unknown): number {
  try {
    return report(error);
  } catch {
    const isMemory =
      error instanceof RangeError &&
      /allocation|Invalid (typed )?array|Array buffer|string length/i.test(error.message);
    if (isMemory)
      return report(
        new InputError({
          code: 'SYS002',
          message: 'not enough memory for this input',
          remedy: 'give fewer or smaller files, or let Node use more memory (NODE_OPTIONS=--max-old-space-size=MB)',
        }),
      );
    const errno = errnoOf(error);
    if (errno === 'EMFILE' || errno === 'ENFILE')
      return report(
        new InputError({
          code: 'CLI030',
          message: `the system lets no more files be opened (${errno})`,
          remedy: 'raise the limit (ulimit -n), or end programs that hold many files open',
        }),
      );
    note(`tocsin ${version}: this is a bug in tocsin; please report it with the input.`);
    note(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return EX_SOFTWARE;
  }
}
