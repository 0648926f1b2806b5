import { createHash } from 'node:crypto';
import type { ObjectFile } from '../../io/read.ts';

/** The form and the digest of a packed input, which its unpacked bytes alone do not give back. */
export function packedOriginal(input: ObjectFile) {
  if (input.form === 'plain') return undefined;
  return { form: input.form, sha256: createHash('sha256').update(input.stored).digest('hex') };
}
