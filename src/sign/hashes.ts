/** Digests for which the kernel has an object identifier, and which it takes for signatures of modules (6.1 to 7.2). */
export const SIGNING_HASHES = ['sha256', 'sha384', 'sha512'] as const;
export type SigningHash = (typeof SIGNING_HASHES)[number];
