import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Paths of the plain objects among the samples, relative to the package. */
export const samples: readonly string[] = readdirSync(`${root}samples`, { recursive: true, encoding: 'utf8' })
  .filter(name => /\.(ko|o)$/.test(name))
  .map(name => `samples/${name}`)
  .sort();
