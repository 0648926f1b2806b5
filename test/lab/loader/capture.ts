// Has the kernel of a generation load its own modules and keeps, in the lab's cache, what its memory held then:
//
//   CACHE/loader/GENERATION/SET/dump        records of capture/capture.c, one module after the other
//   CACHE/loader/GENERATION/SET/index.json  see CaptureIndex
//   CACHE/loader/GENERATION/SET/kallsyms    /proc/kallsyms after the last module
//   CACHE/loader/GENERATION/SET/dmesg       the kernel's log of the whole session
//   CACHE/loader/GENERATION/SET/console     what the machine printed
//
// SET is `sample` or `full`. dumps.ts reads them.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { cacheFolder, type Generation, type Kernel, kernel, loadOrder } from '../harness/harness.ts';
import { spread } from '../support/lab.ts';
import { plainModulesOf } from '../support/plain.ts';
import { type Attempt, DISK_DRIVERS, earlySections, session } from './attempts.ts';
import type { Answer } from './report.ts';

export type CaptureSet = 'sample' | 'full';

export interface CaptureIndex {
  /** Of the kernel's release, the modules and the format of the records: another one means that it has to be made again. */
  readonly digest: string;
  readonly release: string;
  /** Real seconds of the machine. */
  readonly seconds: number;
  /** In the order of loading. */
  readonly modules: readonly {
    readonly name: string;
    /** The plain file. */
    readonly file: string;
    /** finit_module(2)'s, 0 where it was loaded, null where the machine went down. */
    readonly errno: number | null;
    readonly log: readonly string[];
    /** /sys/module/NAME/sections, addresses in hexadecimal. */
    readonly sections: Readonly<Record<string, string>>;
  }[];
}

export function captureFolder(generation: Generation, set: CaptureSet): string {
  return join(cacheFolder, 'loader', generation, set);
}

/** A set of dumps, made if it is not in the cache or was made by another capture module. @returns its folder */
export async function capture(generation: Generation, set: CaptureSet): Promise<string> {
  const folder = captureFolder(generation, set);
  const of = kernel(generation);
  const files = orderedFiles(of, set);
  const digest = digestOf(of, files);
  const index = join(folder, 'index.json');
  if (existsSync(index) && (JSON.parse(readFileSync(index, 'utf8')) as CaptureIndex).digest === digest) return folder;
  mkdirSync(join(cacheFolder, 'loader', generation), { recursive: true });
  const scratch = mkdtempSync(`${folder}.`);
  try {
    await record(generation, of, files, digest, scratch);
    rmSync(folder, { recursive: true, force: true });
    renameSync(scratch, folder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return folder;
}

/** Names do not tell `-` from `_`. */
export function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

/** Plain files in an order in which they load; the disk drivers, which have to come first, left out. */
export function orderedFiles(of: Kernel, set: CaptureSet): readonly string[] {
  const chosen = set === 'full' ? of.modules : spread(of.modules, 110);
  const plain = new Map(plainModulesOf(of).map(module => [module.packed, module.plain]));
  const early = new Set<string>(DISK_DRIVERS);
  return loadOrder(
    of,
    chosen.map(path => moduleName(path)),
  )
    .map(path => plain.get(path)!)
    .filter(path => !early.has(moduleName(path)));
}

/** Raise it when the records mean something else than before: what is in the cache is then made again. */
const FORMAT = 1;

export function digestOf(of: Kernel, files: readonly string[]): string {
  const names = files.map(file => relative(cacheFolder, file));
  return createHash('sha256')
    .update([FORMAT, of.release, ...names].join('\n'))
    .digest('hex')
    .slice(0, 16);
}

async function record(
  generation: Generation,
  of: Kernel,
  files: readonly string[],
  digest: string,
  folder: string,
): Promise<void> {
  const attempts: Attempt[] = files.map(file => ({ name: moduleName(file), file }));
  const { answers, boot, complete } = await session(generation, attempts, {
    dump: join(folder, 'dump'),
    outFolder: folder,
    memory: '8G',
    timeoutSeconds: 1800,
  });
  writeFileSync(join(folder, 'console'), boot.console);
  if (!complete) {
    const log = join(cacheFolder, 'log', `capture-${generation}.console`);
    mkdirSync(dirname(log), { recursive: true });
    writeFileSync(log, boot.console);
    throw new Error(`${generation}: the machine ended at ${answers.at(-1)?.name}: ${boot.failure}; see ${log}`);
  }
  const plain = new Map(plainModulesOf(of).map(module => [moduleName(module.plain), module.plain]));
  const early = [...earlySections(boot)].map(([name, sections]) => entry(name, plain.get(name)!, 0, [], sections));
  const index: CaptureIndex = {
    digest,
    release: of.release,
    seconds: boot.seconds,
    modules: [...early, ...answers.map(answer => answerEntry(answer, files[answer.index]!))],
  };
  writeFileSync(join(folder, 'index.json'), JSON.stringify(index));
}

function answerEntry(answer: Answer, file: string): CaptureIndex['modules'][number] {
  const log = answer.log.map(line => line.text);
  return entry(answer.name, file, answer.errno ?? null, log, answer.sections);
}

function entry(
  name: string,
  file: string,
  errno: number | null,
  log: readonly string[],
  sections: ReadonlyMap<string, bigint>,
): CaptureIndex['modules'][number] {
  const addresses = [...sections].map(([section, address]) => [section, `0x${address.toString(16)}`] as const);
  return { name, file, errno, log, sections: Object.fromEntries(addresses) };
}
