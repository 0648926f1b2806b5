// The quick look at plain modules, held together with the loader twin: every stock module of the three kernels, and the
// broken modules that mutants.lab.test.ts loads. What is called plain has the twin's result, word for word.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { decompress, detectForm } from '../../../src/io/compression.ts';
import type { KernelKnowledge } from '../../../src/kernel/knowledge/model.ts';
import { type ModuleExports, moduleExports } from '../../../src/kernel/module-exports.ts';
import { loadModule } from '../../../src/loader/load.ts';
import { LEADER, STUB } from '../../../src/prove/subject.ts';
import { checkModule } from '../../../src/verify/check/check.ts';
import { Exporters } from '../../../src/verify/check/exporters.ts';
import { PlainModules } from '../../../src/verify/check/plain-modules.ts';
import { moduleSubject } from '../../../src/verify/proof/module-image.ts';
import { GENERATIONS, kernel } from '../harness/harness.ts';
import { figure, full, some } from '../support/lab.ts';
import { Editor } from './mutants/editor.ts';
import { baseModules, mutants } from './mutants/mutants.ts';
import { randomNumbers, spoil } from './mutants/stock-mutants.ts';
import { knowledge } from './twin.ts';

const PROOF = { allowUnproved: true };

/** Share of the stock modules that has to be plain: the quick look is worth nothing otherwise. */
const MOSTLY = 0.99;

/** Broken stock modules of each kernel, and of how many modules that import from no other they are made. */
const BROKEN = 1500;
const SPOILED_MODULES = 60;
/** So many files are only the stock modules. */
const MANY = 2000;
/** Bytes: larger ones take longer and say no more. */
const LARGEST = 100_000;

interface Named {
  readonly file: string;
  readonly bytes: () => Promise<Uint8Array>;
}

/**
 * What is plain among modules that are seen together, each compared with the twin's result.
 *
 * @param proof functions are judged as well, and what the prover is given is compared too
 */
async function compare(knows: KernelKnowledge, files: readonly Named[], proof = false) {
  const modules = PlainModules.create(knows, proof ? PROOF : undefined)!;
  const subjects: (string | undefined)[] = [];
  const exporting: { file: string; exports: ModuleExports }[] = [];
  const numbers: number[] = [];
  for (const { file, bytes } of files) {
    const read = await bytes();
    modules.grow(read.length);
    modules.buffer.set(read);
    const number = modules.screen(read.length);
    const subject = proof && number >= 0 ? modules.subject() : undefined;
    subjects.push(subject && digestOf(subject));
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
    // The twin's proof takes longest: without --full of every fifth.
    if (proof && !full && files.length > MANY && i % 5 !== 0) continue;
    const own = exporters.moduleOf(file);
    const exporterOf = (symbol: string) => exporters.of(symbol, (other, name) => other !== file && name !== own);
    const twins = checkModule({ bytes: await bytes(), kernel: knows, exporterOf, proof, signatures: false, ...PROOF });
    if (!isDeepStrictEqual(result, twins)) wrong.push(`${file}: ${JSON.stringify(twins)}`);
    if (subjects[i] === undefined) continue;
    const { image } = loadModule({
      bytes: await bytes(),
      kernel: knows,
      modules: new Map(),
      exporter: exporterOf,
      placement: { kind: 'base', base: BASE },
      verifySignature: false,
    });
    if (digestOf(moduleSubject(image!)) !== subjects[i]) wrong.push(`${file}: what is proved differs`);
  }
  return { plain, wrong };
}

/** Where `checkModule` puts modules, and where those of other modules are taken to be. */
const BASE = 0xc008_0000_0100_0000n;
const FOREIGN = 0xc008_0000_2000_0000n;

/** Marks that are the prover's own. */
const FOUND = LEADER | 0x80;

/** Tables that the loader sorts, and what it writes into when the module comes: nothing that the prover reads. */
const LOADERS_OWN = new Set([
  '.gnu.linkonce.this_module',
  '.symtab',
  '.strtab',
  '__ex_table',
  '__jump_table',
  '__mcount_loc',
]);

/** A digest of all that the prover is given: words, marks, functions, extra edges, data; but for the addresses of other modules. */
function digestOf({ subject, origin, memory }: ReturnType<typeof moduleSubject>): string {
  const digest = createHash('sha256');
  const add = (...values: readonly unknown[]) => digest.update(`${values.join(' ')}\n`);
  const { functions } = subject;
  add(origin, subject.toc, subject.lrIsSavedAtSite, subject.code.length);
  digest.update(subject.marks.map(mark => mark & ~FOUND));
  for (let i = 0; i < functions.count; i++) {
    const { global, local, end, part, entryCode, assembly } = functions;
    add(functions.name(i), global[i], local[i], end[i], part[i], entryCode[i], assembly[i]);
  }
  for (const [at, list] of [...subject.edges].sort(([a], [b]) => a - b))
    add(at, ...list.map(({ kind, target }) => `${kind} ${target}`));
  // Stubs hold the addresses of what they lead to; what these are differs for other modules.
  const words = subject.code.slice();
  for (let i = 0; i + 1 < words.length; i++)
    if ((subject.marks[i]! & STUB) !== 0 && isForeign(words[i]!, words[i + 1]!)) words.fill(0, i, i + 2);
  digest.update(words);
  for (const { name, offset, size, bytes, isCode, isConstant } of memory.sections) {
    if (LOADERS_OWN.has(name)) continue;
    add(name, offset, size, isCode, isConstant);
    if (isCode || !isConstant || bytes.length === 0) continue;
    const data = new Uint32Array(bytes.slice(0, bytes.length & ~3).buffer);
    for (let i = 0; i + 1 < data.length; i++) if (isForeign(data[i]!, data[i + 1]!)) data.fill(0, i, i + 2);
    digest.update(data);
  }
  return digest.digest('hex');
}

function isForeign(low: number, high: number): boolean {
  const address = (BigInt(high) << 32n) | BigInt(low);
  return address >= FOREIGN && address < FOREIGN + 0x10_0000_0000n;
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

  it.each([false, true])('are nearly all that Debian ships, and the twin agrees (proof: %s)', async proof => {
    const files = kernel(generation).modules.map(file => ({
      file,
      bytes: async () => {
        const stored = readFileSync(file);
        return new Uint8Array(await decompress(stored, detectForm(stored)));
      },
    }));
    const { plain, wrong } = await compare(knows, files, proof);
    figure(`${generation}: plain stock modules${proof ? ', proved both ways' : ''}`, `${plain} of ${files.length}`);
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
      const found = await compare(knows, [{ file: `${run}`, bytes: async () => bytes }], true);
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
      const found = await compare(knows, [mutant, ...beside], true);
      plain += found.plain;
      wrong.push(...found.wrong);
    }
    figure(`${generation}: mutants that the quick look was shown`, tried.length);
    expect(some(wrong)).toEqual([]);
    expect(plain).toBeGreaterThan(0);
  });
});
