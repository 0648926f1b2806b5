/**
 * The good files that commands are given, made once in a process: modules, objects, kernels, keys, and what `patch` makes of
 * the demo with each strategy. Every file has a way to damage it.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { kernelImage } from '../../support/kernel-image.ts';
import { image, object } from '../../unit/rewrite/image/support.ts';
import { type Mutated, mutate, type Subject, subject } from '../mutate.ts';
import type { Program } from './program.ts';
import { mutateBytes, mutateText } from './text.ts';

export const GENERATIONS = ['6.1', '6.12', '7.2'] as const;
type Generation = (typeof GENERATIONS)[number];

/** A file by its name in the folder, and how it is damaged. */
export interface StockFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  damaged(seed: number): Mutated;
}

/** Files that belong together. */
export interface Stock {
  readonly folder: string;
  readonly generation: Generation;
  readonly files: ReadonlyMap<string, StockFile>;
  /** Makes `patched NAME.ko` where it is not there yet. */
  prepare(name: string): Promise<void>;
}

/** What the demo's object needs and the parts of Debian's kernels in `samples/` leave out. */
const MORE_EXPORTS = [
  ...['__arch_hweight64', 'default_amr', 'do_uaccess_flush', 'gcd', 'mmu_feature_keys'],
  ...['static_key_disable', 'static_key_enable', 'uaccess_flush_key'],
];

/** How `patch` is asked to change the demo. Paths are names in the folder. */
export const ASKED: Readonly<Record<string, readonly string[]>> = {
  nop: ['--nop', '*'],
  'nop some': ['--nop', 'demo_l*', '--nop', 'canary_*'],
  direct: ['--redirect', 'demo_in_range=demo_in_range_fixed', '--strategy', 'direct'],
  frame: ['--redirect', 'demo_in_range=fix_in_range', '--strategy', 'frame'],
  shadow: ['--redirect', 'demo_sum_ten=fix_sum_ten', '--redirect', 'demo_parity=fix_parity', '--strategy', 'shadow'],
  epilogue: [
    ...['--redirect', 'demo_sum_variadic=fix_sum_ten', '--redirect', 'demo_in_range=fix_in_range'],
    ...['--strategy', 'epilogue', '--modules', 'epilogue.ko'],
  ],
  auto: ['--redirect', 'demo_sum_ten=fix_sum_ten', '--redirect', 'demo_in_range=fix_in_range'],
  hook: ['--hook', 'demo_*=fix_in_range'],
  'hook exit': ['--hook-exit', 'demo_lookup=fix_in_range'],
  count: ['--redirect', 'demo_in_range=demo_in_range', '--strategy', 'custom:count.o'],
  custom: ['--redirect', 'demo_in_range=fix_in_range', '--strategy', 'custom:frame.o'],
  retarget: ['--retarget', 'demo_lookup:demo_in_range=demo_in_range_fixed'],
  copies: ['--epilogue', 'demo_*'],
  with: ['--with', 'object.o', '--redirect', 'demo_in_range=fixed_in_range'],
};

export async function makeStock(root: string, folder: string, generation: Generation, tocsin: Program): Promise<Stock> {
  fs.mkdirSync(folder, { recursive: true });
  const sample = (name: string) => fs.readFileSync(`${root}samples/${generation}/${name}`);
  const put = (name: string, bytes: string | Uint8Array) => fs.writeFileSync(join(folder, name), bytes);
  const made = async (name: string, args: readonly string[]) => {
    const done = await tocsin(args.map(a => a.replace('@', `${folder}/`)));
    if (done.code !== 0) throw new Error(`${name} of ${generation}: ${done.stderr}`);
  };
  for (const name of ['demo', 'fix']) put(`${name}.ko`, sample(`tocsin_${name}.ko`));
  for (const form of ['xz', 'zst', 'gz'])
    put(`demo.ko.${form}`, fs.readFileSync(`${root}samples/6.12/tocsin_demo.ko.${form}`));
  put('object.o', sample('demo_object.o'));
  for (const name of ['count', 'frame']) put(`${name}.o`, fs.readFileSync(`${root}samples/custom/${name}.o`));
  put('fix.symvers', sample('Module.symvers'));
  const more = (line: (name: string, i: number) => string) => MORE_EXPORTS.map(line).join('');
  const versions = more((name, i) => `0x0000000${i + 1}\t${name}\tvmlinux\tEXPORT_SYMBOL_GPL\t\n`);
  put('Module.symvers', sample('kernel/Module.symvers') + versions);
  // In the data, where keys of jump labels have to be.
  const addresses = more((name, i) => `c0000000025${i}0000 D ${name}\n`);
  put('System.map', sample('kernel/System.map') + addresses);
  put('config', sample('kernel/config'));
  put('plan.yaml', PLAN);
  put('plan.json', JSON.stringify(JSON_PLAN));
  put('bases', 'core 0xc008000000000000\ninit 0xc008000000400000\n');
  for (const name of ['key.pem', 'certificate.pem', 'certificate.der', 'ec-key.pem', 'ec-certificate.pem'])
    put(name, fs.readFileSync(`${root}test/support/signing/${name}`));
  put('vmlinux', kernelImage());
  put('image', image().bytes);
  put('image.o', object().elf.bytes);
  const pieces = ['--system-map', '@System.map', '--symvers', '@Module.symvers', '--config', '@config'];
  await made('index', ['kernel', ...pieces, '--module', '@demo.ko', '-o', '@index']);
  await made('copies', ['patch', '@fix.ko', '--epilogue', '*', '--kernel', '@index', '-o', '@epilogue.ko']);
  await made('sections', ['load', '@demo.ko', '--kernel', '@index', '--base', '0xc008000000000000', '-o', '@loaded']);
  const { sections } = JSON.parse(fs.readFileSync(join(folder, 'loaded/map.json'), 'utf8'));
  put('sections', sections.map((s: { name: string; address: string }) => `${s.name} ${s.address}\n`).join(''));
  fs.rmSync(join(folder, 'loaded'), { recursive: true });
  const files = new Map<string, StockFile>();
  const keep = (name: string) => files.set(name, stockFile(name, fs.readFileSync(join(folder, name))));
  for (const name of fs.readdirSync(folder)) keep(name);
  const prepare = async (name: string) => {
    const asked = ASKED[/^patched (.*)\.ko$/.exec(name)?.[1] ?? ''];
    if (asked === undefined || files.has(name)) return;
    await made(name, patchArguments('@demo.ko', asked, `@${name}`));
    keep(name);
  };
  return { folder, generation, files, prepare };
}

/** `patch` for a kernel that has all that the demo may need. */
export function patchArguments(file: string, asked: readonly string[], output: string): readonly string[] {
  const how = asked.map(a => (/^(custom:)?[\w-]+\.k?o$/.test(a) ? a.replace(/[\w-]+\.k?o$/, '@$&') : a));
  const others = asked.includes('--modules') ? [] : ['--modules', '@fix.ko'];
  return ['patch', file, ...how, ...others, '--kernel', '@index', '--symvers', '@fix.symvers', '-o', output];
}

function stockFile(name: string, bytes: Uint8Array): StockFile {
  if (/\.k?o$|^image$|^vmlinux$/.test(name)) {
    let known: Subject | undefined;
    const damaged = (seed: number) => {
      known ??= subject(name, bytes);
      return mutate(known, seed);
    };
    return { name, bytes, damaged };
  }
  if (/index|\.der$|\.(xz|zst|gz)$/.test(name)) return { name, bytes, damaged: seed => mutateBytes(bytes, seed) };
  return { name, bytes, damaged: seed => mutateText(Buffer.from(bytes).toString('utf8'), seed) };
}

const PLAN = `schema: tocsin.patch-plan/1
comment: the demonstration
symvers: [fix.symvers]
with: [object.o]
nop:
  # it is called too often
  - demo_alarm
  - functions: demo_sum_ten
    comment: ten arguments
redirect:
  - &redirect
    function: demo_in_range # both take two
    to: fixed_in_range
    strategy: direct
  - function: demo_parity
    to: fix_parity
    strategy: shadow
    toc: saved
    at: site
hook:
  - functions: demo_lookup*
    before: fix_in_range
    toc: recomputed
retarget:
  - function: demo_external
    call: int_sqrt
    to: fix_parity
epilogue:
  - demo_swap_halves
`;

const JSON_PLAN = {
  schema: 'tocsin.patch-plan/1',
  symvers: ['fix.symvers'],
  sign: { key: 'key.pem', certificate: 'certificate.pem', hash: 'sha512' },
  modules: [
    { file: 'demo.ko', output: 'out.ko', nop: ['demo_l*'], redirect: [{ function: 'demo_parity', to: 'fix_parity' }] },
    { file: 'fix.ko', output: 'out2.ko', nop: [{ functions: '*', comment: 'all' }], epilogue: ['fix_parity'] },
  ],
};
