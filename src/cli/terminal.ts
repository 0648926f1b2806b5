/**
 * The terminal: results on stdout, all else on stderr.
 *
 * A reader that goes away early (`tocsin scan ... | head`) is no error: EPIPE ends the program quietly.
 */
import { writeSync } from 'node:fs';
import { styleText } from 'node:util';
import { formatComplaint, InputError, RefusalError } from '../util/errors.ts';

/** Writes all of `text` to stdout before it returns, so that nothing is lost when the program ends. */
export function print(text: string): void {
  writeAll(1, text);
}

/** A message for people, on stderr. */
export function note(text: string): void {
  writeAll(2, `${text}\n`);
}

function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EAGAIN') {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        continue;
      }
      if (code === 'EPIPE') process.exit(process.exitCode ?? 0);
      if (code === 'ENOSPC' || code === 'EIO') {
        if (descriptor === 1) writeAll(2, `tocsin: cannot write the result: ${code}\n`);
        process.exit(2);
      }
      throw error;
    }
  }
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Styler = (style: Style, text: string) => string;

/** Colours for stdout, where it is a terminal and nobody asked for none (NO_COLOR, --no-color). */
export function styler(color: boolean): Styler {
  if (!color) return (_style, text) => text;
  return (style, text) => styleText(style, text, { stream: process.stdout });
}

/** 2 for bad input, 1 for a refusal; anything else is a bug of tocsin and is thrown on. */
export function report(error: unknown): number {
  if (error instanceof InputError || error instanceof RefusalError) {
    note(`tocsin: ${formatComplaint(error.complaint)}`);
    return error instanceof RefusalError ? 1 : 2;
  }
  throw error;
}
