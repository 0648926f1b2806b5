import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const CODE = /\b(?:CLI|SYS|IO|ELF|KER|SIG|PAT|PRV|RVT|VER|TOC|REL|SYM|FTR|KLP|MOD|LOD)\d{3}\b/g;

function codesBelow(folder: string): Set<string> {
  const codes = new Set<string>();
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile() && entry.name.endsWith('.ts')) {
      const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
      // Only codes that are raised: in quotes, or as a key of a table.
      for (const match of text.matchAll(
        /(?:'|^\s*)((?:CLI|SYS|IO|ELF|KER|SIG|PAT|PRV|RVT|VER|TOC|REL|SYM|FTR|KLP|MOD|LOD)\d{3})(?:'|:)/gm,
      ))
        codes.add(match[1]!);
    }
  return codes;
}

it('documents every code that can be raised, and no other', () => {
  const raised = codesBelow(join(root, 'src'));
  const documented = new Set(
    [...readFileSync(join(root, 'docs/diagnostics.md'), 'utf8').matchAll(/^\| (\w+) \|/gm)]
      .map(m => m[1]!)
      .filter(code => code.match(CODE) !== null),
  );
  expect([...raised].filter(c => !documented.has(c)).sort()).toEqual([]);
  expect([...documented].filter(c => !raised.has(c)).sort()).toEqual([]);
});
