// Stock modules as the twin loads them, for whoever looks at thousands of their functions.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { moduleExports } from '../../../src/kernel/module-exports.ts';
import { loadModule } from '../../../src/loader/load.ts';
import type { LoadedImage } from '../../../src/loader/model.ts';
import { Exporters } from '../../../src/verify/check/exporters.ts';
import { type Generation, kernel } from '../harness/harness.ts';
import { knowledge } from '../loader/twin.ts';
import { spread } from '../support/lab.ts';
import { plainModulesOf } from '../support/plain.ts';

const SHF_EXECINSTR = 4;

/** At most `count` modules of a kernel that have code, spread evenly over all. */
export function* stockImages(
  generation: Generation,
  count: number,
): Generator<{ readonly name: string; readonly image: LoadedImage }> {
  const files = plainModulesOf(kernel(generation)).map(m => m.plain);
  const known = files.flatMap(file => {
    const exports = moduleExports(readFileSync(file));
    return exports === undefined ? [] : [{ file, exports }];
  });
  const exporters = new Exporters(known);
  for (const file of spread(files, count)) {
    const { image } = loadModule({
      bytes: new Uint8Array(readFileSync(file)),
      kernel: knowledge(generation),
      modules: new Map(),
      exporter: symbol => exporters.of(symbol, other => other !== file),
      placement: { kind: 'base', base: 0xc008_0000_0100_0000n },
    });
    if (image?.sections.some(s => (s.flags & SHF_EXECINSTR) !== 0 && s.size > 0)) yield { name: basename(file), image };
  }
}
