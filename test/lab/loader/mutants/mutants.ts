// All broken modules of a generation: the operators of the tables, applied to good modules.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildOnce, cacheFolder, type Generation, kernel, samplesFolder } from '../../harness/harness.ts';
import { Editor, NotApplicable } from './editor.ts';
import { HEADER_OPERATORS } from './header-operators.ts';
import { INFORMATION_OPERATORS } from './information-operators.ts';
import type { Base, Operator } from './model.ts';
import { RELOCATION_OPERATORS } from './relocation-operators.ts';
import { SECTION_OPERATORS } from './section-operators.ts';
import { SYMBOL_OPERATORS } from './symbol-operators.ts';
import { TABLE_OPERATORS } from './table-operators.ts';
import { VERSION_OPERATORS } from './version-operators.ts';

export interface Mutant {
  readonly name: string;
  readonly base: Base;
  readonly bytes: Uint8Array;
  readonly parameters: string;
}

export const OPERATORS: readonly Operator[] = [
  ...INFORMATION_OPERATORS,
  ...VERSION_OPERATORS,
  ...HEADER_OPERATORS,
  ...SECTION_OPERATORS,
  ...SYMBOL_OPERATORS,
  ...RELOCATION_OPERATORS,
  ...TABLE_OPERATORS,
];

/** The modules that are broken, built for a kernel once. */
export function baseModules(generation: Generation): Readonly<Record<Base, string>> {
  const source = join(import.meta.dirname, 'source');
  const names = ['Kbuild', 'lab.h', 'helper.c', 'small.c', 'playground.S', 'victim.c'];
  const digest = createHash('sha256').update(kernel(generation).release);
  for (const name of names) digest.update(readFileSync(join(source, name)));
  const folder = join(cacheFolder, 'modules', `mutants-${generation}-${digest.digest('hex').slice(0, 12)}`);
  buildOnce(generation, source, folder);
  return {
    victim: join(folder, 'lab_victim.ko'),
    small: join(folder, 'lab_small.ko'),
    helper: join(folder, 'lab_helper.ko'),
    demo: join(samplesFolder, generation, 'tocsin_demo.ko'),
  };
}

/** In the order of the tables. Operators that have nothing to break in this generation are left out. */
export function mutants(generation: Generation): readonly Mutant[] {
  const files = baseModules(generation);
  const bytes = new Map(Object.entries(files).map(([base, path]) => [base, readFileSync(path)]));
  const names = new Set<string>();
  return OPERATORS.flatMap(operator => {
    if (names.has(operator.name)) throw new Error(`two operators are called '${operator.name}'`);
    names.add(operator.name);
    const base = operator.base ?? 'victim';
    const editor = new Editor(bytes.get(base)!);
    try {
      operator.apply(editor);
    } catch (error) {
      if (error instanceof NotApplicable) return [];
      throw error;
    }
    return [{ name: operator.name, base, bytes: editor.bytes, parameters: operator.parameters ?? '' }];
  });
}
