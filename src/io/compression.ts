/**
 * Compressed modules: which form a file has, expanding it, and packing output in the same form.
 *
 * The form is decided by the first bytes, never by the name. Expansion refuses damaged, truncated and foreign input, and
 * stops at a limit before or while it writes, not afterwards. Packed output is expanded again and compared before anyone
 * sees it. Each library is loaded when its form is first met.
 */
import { RefusalError } from '../util/errors.ts';
import { ioComplaint } from './diagnostics.ts';
import { expandGzip, isGzip, packGzip } from './gzip.ts';
import { expandXz, isXz, prepareXz } from './xz.ts';
import { packXz } from './xz-pack.ts';
import { expandZstd, isZstd, packZstd, prepareZstd } from './zstd.ts';

export type Form = 'plain' | 'xz' | 'zstd' | 'gzip';

/** Expanded bytes that are accepted unless the caller says otherwise: 1 GiB. */
export const EXPANSION_LIMIT = 2 ** 30;

export function detectForm(bytes: Uint8Array): Form {
  if (isXz(bytes)) return 'xz';
  if (isZstd(bytes)) return 'zstd';
  if (isGzip(bytes)) return 'gzip';
  return 'plain';
}

/** Loads what `form` needs. After that `decompressSync` works for it; for `plain` and `gzip` it works at once. */
export async function prepare(form: Form): Promise<void> {
  if (form === 'xz') await prepareXz();
  if (form === 'zstd') await prepareZstd();
}

/**
 * The expanded bytes, starting on an 8-byte boundary; for `plain` the given bytes themselves.
 * `limit` bounds the expanded size, in bytes. Throws InputError IO010 (damaged), IO011 (beyond the limit) or IO012 (not
 * supported), and a plain Error where `prepare` was not called.
 */
export function decompressSync(bytes: Uint8Array, form: Form, limit = EXPANSION_LIMIT): Uint8Array {
  switch (form) {
    case 'plain':
      return bytes;
    case 'gzip':
      return expandGzip(bytes, limit);
    case 'zstd':
      return expandZstd(bytes, limit);
    case 'xz': {
      const steps = expandXz(bytes, limit);
      for (;;) {
        const step = steps.next();
        if (step.done) return step.value;
      }
    }
  }
}

/** As `decompressSync`, but loads what it needs, and lets other work run between pieces of an xz file. */
export async function decompress(bytes: Uint8Array, form: Form, limit = EXPANSION_LIMIT): Promise<Uint8Array> {
  await prepare(form);
  if (form !== 'xz') return decompressSync(bytes, form, limit);
  const steps = expandXz(bytes, limit);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await new Promise(resolve => setImmediate(resolve));
  }
}

/**
 * The bytes in the given form; for `plain` the given bytes themselves.
 * Throws InputError IO013 or IO014 where the xz program is missing or fails, RefusalError IO015 where the result does not
 * expand to what went in.
 */
export async function compress(bytes: Uint8Array, form: Form): Promise<Uint8Array> {
  if (form === 'plain') return bytes;
  await prepare(form);
  const packed = await pack(bytes, form);
  const again = await decompress(packed, form, Math.max(bytes.length, 1));
  if (Buffer.compare(again, bytes) !== 0) {
    throw new RefusalError(ioComplaint('IO015', `packing as ${form} did not give back the same bytes`));
  }
  return packed;
}

async function pack(bytes: Uint8Array, form: Exclude<Form, 'plain'>): Promise<Uint8Array> {
  if (form === 'xz') return packXz(bytes);
  return form === 'zstd' ? packZstd(bytes) : packGzip(bytes);
}
