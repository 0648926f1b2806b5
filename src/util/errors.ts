/**
 * The two kinds of failure that a user can cause. Anything else that is thrown is a bug of tocsin and shows its stack.
 *
 * - `InputError`: the input (a file, an argument) is not what it has to be. Exit code 2.
 * - `RefusalError`: the request is well formed, but carrying it out could not be shown to be safe. Exit code 1.
 */
import { printable } from './printable.ts';

/** Where and why, in the words that a person needs to find and mend the cause. Offsets and sizes are in bytes. */
export interface Complaint {
  /** Stable identifier, such as `ELF012`; documented in `docs/diagnostics.md`. */
  readonly code: string;
  readonly message: string;
  readonly file?: string | undefined;
  readonly section?: string | undefined;
  /** Bytes from the start of `section`, or from the start of the file where no section is named. */
  readonly offset?: number | undefined;
  readonly function?: string | undefined;
  readonly expected?: string | undefined;
  readonly found?: string | undefined;
  readonly remedy?: string | undefined;
}

/** One line: `FILE: SECTION+0xOFFSET: message (expected E, found F) [CODE]`, the remedy on a second. */
export function formatComplaint(c: Complaint): string {
  const place = [];
  if (c.file !== undefined) place.push(c.file);
  if (c.section !== undefined)
    place.push(c.offset === undefined ? c.section : `${c.section}+0x${c.offset.toString(16)}`);
  else if (c.offset !== undefined) place.push(`offset 0x${c.offset.toString(16)}`);
  if (c.function !== undefined) place.push(c.function);
  const detail = [];
  if (c.expected !== undefined) detail.push(`expected ${c.expected}`);
  if (c.found !== undefined) detail.push(`found ${c.found}`);
  const head = place.length > 0 ? `${place.join(': ')}: ` : '';
  const tail = detail.length > 0 ? ` (${detail.join(', ')})` : '';
  const remedy = c.remedy === undefined ? '' : `\n  remedy: ${c.remedy}`;
  return `${printable(`${head}${c.message}${tail}`)} [${c.code}]${remedy}`;
}

class ComplaintError extends Error {
  readonly complaint: Complaint;

  constructor(complaint: Complaint) {
    super(formatComplaint(complaint));
    this.complaint = complaint;
  }

  get code(): string {
    return this.complaint.code;
  }
}

/** The input is not what it has to be: exit code 2. */
export class InputError extends ComplaintError {
  override readonly name = 'InputError';
}

/** A valid request that cannot be shown to be safe: exit code 1, nothing written. */
export class RefusalError extends ComplaintError {
  override readonly name = 'RefusalError';
}

/** The same error with the name of the file that it is about. */
export function inFile(error: unknown, file: string): unknown {
  if (error instanceof InputError && error.complaint.file === undefined)
    return new InputError({ ...error.complaint, file });
  if (error instanceof RefusalError && error.complaint.file === undefined)
    return new RefusalError({ ...error.complaint, file });
  return error;
}
