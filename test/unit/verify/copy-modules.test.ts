/** Modules whose copies lead into one another. */
import { expect, it } from 'vitest';
import type { LoadedModule, LoadOutcome } from '../../../src/loader/model.ts';
import { CopyModules } from '../../../src/verify/copy-modules.ts';

const copy = (module: string) => `__tocsin_epilogue_of_${module}`;
const exporter = (name: string): LoadedModule => ({ name, exports: new Map(), gplCompatible: true });

/** @param imports whose copies each module goes on in @returns who was loaded, in order, and what each import led to */
function follow(imports: Readonly<Record<string, readonly string[]>>, first: string) {
  const loaded: string[] = [];
  const seen: string[] = [];
  const modules = new CopyModules(
    (bytes, _, exporterOf) => {
      const name = Buffer.from(bytes).toString();
      loaded.push(name);
      for (const other of imports[name]!) {
        const found = exporterOf(copy(other));
        seen.push(`${name} ${other} ${found === undefined ? 'nobody' : found.exports.size}`);
      }
      const outcome: Partial<LoadOutcome> = { loads: false, name };
      return outcome as LoadOutcome;
    },
    module => (module in imports ? Buffer.from(module) : undefined),
    symbol => exporter(symbol.slice(copy('').length)),
  );
  expect(modules.exporterOf(copy(first))?.exports.size).toBe(0);
  return { loaded, seen, proofs: modules.proofs.length };
}

it('in a circle are each loaded once, and nothing is known of the copies that close it', () => {
  // What cannot be loaded stays an import at an address of which nothing is known: 0 exports here.
  expect(follow({ a: ['b'], b: ['c'], c: ['a'] }, 'a')).toEqual({
    loaded: ['a', 'b', 'c'],
    seen: ['c a 0', 'b c 0', 'a b 0'],
    proofs: 0,
  });
});

it('of which one asks for itself has nobody else to ask', () => {
  expect(follow({ a: ['a'] }, 'a')).toEqual({ loaded: ['a'], seen: ['a a nobody'], proofs: 0 });
});

it('that were not given are not loaded', () => {
  expect(follow({ a: ['elsewhere'] }, 'a')).toEqual({ loaded: ['a'], seen: ['a elsewhere 0'], proofs: 0 });
});
