import { InputError, RefusalError } from '../../src/util/errors.ts';

/** The code of the InputError or RefusalError that `action` throws; anything else is thrown on. */
export function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof InputError || error instanceof RefusalError) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}

/** The same for the message as a user sees it. */
export function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof InputError || error instanceof RefusalError) return error.message;
    throw error;
  }
  return 'nothing was thrown';
}
