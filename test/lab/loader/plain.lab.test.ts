// The quick look at plain modules, held together with the loader twin: every stock module of the three kernels, and the
// broken modules that mutants.lab.test.ts loads. What is called plain has the twin's result, word for word.

import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { decompress, detectForm } from '../../../src/io/compression.ts';
import type { KernelKnowledge } from '../../../src/kernel/knowledge/model.ts';
import { type ModuleExports, moduleExports } from '../../../src/kernel/module-exports.ts';
import { checkModule } from '../../../src/verify/check/check.ts';
import { Exporters } from '../../../src/verify/check/exporters.ts';
import { PlainModules } from '../../../src/verify/check/plain-modules.ts';
import { GENERATIONS, kernel } from '../harness/harness.ts';
import { figure, some } from '../support/lab.ts';
import { Editor } from './mutants/editor.ts';
import { baseModules, mutants } from './mutants/mutants.ts';
import { randomNumbers, spoil } from './mutants/stock-mutants.ts';
import { knowledge } from './twin.ts';

/** Share of the stock modules that has to be plain: the quick look is worth nothing otherwise. */
const MOSTLY = 0.99;

/** Broken stock modules of each kernel, and of how many modules that import from no other they are made. */
const BROKEN = 1500;
const SPOILED_MODULES = 60;
/** Bytes: larger ones take longer and say no more. */
const LARGEST = 100_000;

interface Named {
  readonly file: string;
  readonly bytes: () => Promise<Uint8Array>;
}

/** What is plain among modules that are seen together, each compared with the twin's result. */
async function compare(knows: KernelKnowledge, files: readonly Named[]) {
  const modules = PlainModules.create(knows)!;
  const exporting: { file: string; exports: ModuleExports }[] = [];
  const numbers: number[] = [];
  for (const { file, bytes } of files) {
    const read = await bytes();
    modules.grow(read.length);
    modules.buffer.set(read);
    const number = modules.screen(read.length);
    const exports = moduleExports(read);
    if (exports !== undefined) exporting.push({ file, exports });
    if (number < 0 && exports !== undefined) modules.exports(exports.module, exports.names);
    numbers.push(number);
  }
  const results = modules.settle();
  const exporters = new Exporters(exporting);
  const wrong: string[] = [];
  let plain = 0;
  for (const [i, { file, bytes }] of files.entries()) {
    const result = results[numbers[i]!];
    if (result === undefined) continue;
    plain++;
    const own = exporters.moduleOf(file);
    const exporterOf = (symbol: string) => exporters.of(symbol, (other, name) => other !== file && name !== own);
    const twins = checkModule({ bytes: await bytes(), kernel: knows, exporterOf, proof: false, signatures: false });
    if (!isDeepStrictEqual(result, twins)) wrong.push(`${file}: ${JSON.stringify(twins)}`);
  }
  return { plain, wrong };
}

/** As if it were of the kernel's own tree: modules from elsewhere taint the kernel, which is said, so none is plain. */
function inTree(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes);
  const at = copy.indexOf('\0description=') + 1;
  if (at > 0) copy.write('intree=Y\0x=', at, 'latin1');
  return new Uint8Array(copy);
}

describe.each(GENERATIONS)('plain modules of kernel %s', generation => {
  let knows: KernelKnowledge;
  beforeAll(() => {
    knows = knowledge(generation);
  });

  it('are nearly all that Debian ships, and the twin agrees', async () => {
    const files = kernel(generation).modules.map(file => ({
      file,
      bytes: async () => {
        const stored = readFileSync(file);
        return new Uint8Array(await decompress(stored, detectForm(stored)));
      },
    }));
    const { plain, wrong } = await compare(knows, files);
    figure(`${generation}: plain stock modules`, `${plain} of ${files.length}`);
    expect(some(wrong)).toEqual([]);
    expect(plain / files.length).toBeGreaterThan(MOSTLY);
  });

  it('are among broken stock modules those of which the twin has nothing to say', async () => {
    const stock: Uint8Array[] = [];
    const { modules } = kernel(generation);
    const step = Math.ceil(modules.length / (8 * SPOILED_MODULES));
    for (let i = 0; i < modules.length && stock.length < SPOILED_MODULES; i += step) {
      const stored = readFileSync(modules[i]!);
      const bytes = new Uint8Array(await decompress(stored, detectForm(stored)));
      if (bytes.length > LARGEST) continue;
      if ((await compare(knows, [{ file: modules[i]!, bytes: async () => bytes }])).plain === 1) stock.push(bytes);
    }
    const random = randomNumbers(0x70c5);
    const screen = PlainModules.create(knows)!;
    let plain = 0;
    const wrong: string[] = [];
    for (let run = 0; run < BROKEN; run++) {
      const editor = new Editor(stock[random(stock.length)]!);
      spoil(editor, random);
      const bytes = new Uint8Array(editor.bytes);
      screen.grow(bytes.length);
      screen.buffer.set(bytes);
      if (screen.screen(bytes.length) < 0) continue;
      const found = await compare(knows, [{ file: `${run}`, bytes: async () => bytes }]);
      plain += found.plain;
      wrong.push(...found.wrong);
    }
    figure(`${generation}: broken stock modules that the quick look was shown`, `${BROKEN}, ${plain} plain`);
    expect(some(wrong)).toEqual([]);
    expect(plain).toBeGreaterThan(BROKEN / 10);
  });

  it('are among the mutants those of which the twin has nothing to say', async () => {
    const tried = mutants(generation).filter(mutant => mutant.parameters === '');
    const helper = inTree(readFileSync(baseModules(generation).helper));
    let plain = 0;
    const wrong: string[] = [];
    for (const { name, base, bytes } of tried) {
      const mutant = { file: name, bytes: async () => inTree(bytes) };
      const beside = base === 'helper' ? [] : [{ file: 'helper', bytes: async () => helper }];
      const found = await compare(knows, [mutant, ...beside]);
      plain += found.plain;
      wrong.push(...found.wrong);
    }
    figure(`${generation}: mutants that the quick look was shown`, tried.length);
    expect(some(wrong)).toEqual([]);
    expect(plain).toBeGreaterThan(0);
  });
});
