/** A sample module that exports copies which keep the r2 of whoever enters them, and what a patch of another one is given of it. */
import { createHash } from 'node:crypto';
import { mergeInto } from '../../../../src/cli/patch/merge.ts';
import { readElf } from '../../../../src/elf/read.ts';
import { moduleExports } from '../../../../src/kernel/module-exports.ts';
import { applyPlan } from '../../../../src/rewrite/apply.ts';
import { makeEpilogues } from '../../../../src/rewrite/epilogue/epilogues.ts';
import { makePlan } from '../../../../src/rewrite/plan.ts';

/** @param bytes of a module @param functions a pattern: who gets a copy */
export function withCopies(bytes: Uint8Array, functions = 'fix_*'): Uint8Array {
  const module = readElf(bytes);
  const made = makeEpilogues(module, [{ functions }]);
  const sha256 = createHash('sha256').update(made.bytes).digest('hex');
  const merged = mergeInto(module, [{ name: 'epilogues.o', elf: readElf(made.bytes), sha256 }], new Map(), undefined);
  const plan = makePlan(merged.elf, { nops: [], redirects: [], epilogues: made, merge: merged.plan });
  const before = { bytes, merged: merged.middle };
  return applyPlan(merged.elf, plan, { toolVersion: 'test', before }).bytes;
}

/** What a patch is told of a module's exports. */
export function told(bytes: Uint8Array) {
  const { module, names, crcs } = moduleExports(bytes)!;
  const of = (name: string) => {
    const crc = crcs?.[names.indexOf(name)] ?? 0;
    return { name, crc, exporter: module, gplOnly: false, namespace: '' };
  };
  return {
    exports: new Map(names.map(name => [name, of(name)])),
    copies: new Map(
      names
        .filter(name => name.startsWith('__tocsin_epilogue_'))
        .map(symbol => [symbol, { symbol, module, crc: of(symbol).crc }]),
    ),
  };
}
