/** `tocsin load`: the module's memory as the kernel's loader would leave it, section by section. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFolderAtomic } from '../../io/atomic-folder.ts';
import { readObject } from '../../io/read.ts';
import { loadModule } from '../../loader/load.ts';
import type { LoadedImage, LoadOutcome, Placement } from '../../loader/model.ts';
import { loadDocument, loadText } from '../../report/load/document.ts';
import { MAP_FILE, sectionFiles } from '../../report/load/files.ts';
import { InputError } from '../../util/errors.ts';
import { printable } from '../../util/printable.ts';
import { knownMessage } from '../../verify/check/kernel-messages.ts';
import { openKernel } from '../kernel-option.ts';
import { parseAddress, readAddresses, readBases } from '../load/addresses.ts';
import { readModules, requirePlaced } from '../load/modules.ts';
import { readKallsyms } from '../load/running.ts';
import { note, print } from '../terminal.ts';

export interface LoadArguments {
  readonly file: string;
  /** An index, a vmlinux, or an installed release. */
  readonly kernel: string;
  /** The folder that is written. */
  readonly output: string;
  /** One of these three tells where the module lies. */
  readonly sections: string | undefined;
  readonly bases: string | undefined;
  readonly base: string | undefined;
  readonly kallsyms: string | undefined;
  /** Folders or files of modules that are loaded before. */
  readonly modules: readonly string[];
  readonly parameters: string | undefined;
  readonly format: 'text' | 'json';
  readonly force: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/** Relocations that wait for a module. */
const WAITING = /^\.klp\.rela\.(?!vmlinux\.)/;
const NOT_APPLIED =
  'note: relocations that wait for other modules are not applied in the image: only the init function of a livepatch has that done';

/** @returns the exit code */
export async function loadCommand(args: LoadArguments): Promise<number> {
  const kernel = await openKernel(args.kernel);
  const placement = await placementOf(args, kernel.options.pageSize);
  const { bytes } = await readObject(args.file);
  const running = args.kallsyms === undefined ? undefined : await readKallsyms(args.kallsyms, kernel);
  const modules = await readModules(args.modules, bytes, running);
  if (modules.code !== 0) return modules.code;
  const outcome = loadModule({
    bytes,
    kernel,
    placement,
    modules: new Map(),
    exporter: modules.exporter,
    ...(running === undefined ? {} : { running: running.address, runningToc: running.toc }),
    ...(args.parameters === undefined ? {} : { parameters: args.parameters }),
  });
  tell(args, outcome);
  const { image } = outcome;
  if (image === undefined) return 1;
  requirePlaced(modules, args.file);
  requireAddresses(args, image);
  if (!args.quiet && image.sections.some(({ name }) => WAITING.test(name))) note(NOT_APPLIED);
  write(args, kernel.release, outcome, image);
  return 0;
}

async function placementOf(args: LoadArguments, pageSize: number): Promise<Placement> {
  if (args.sections !== undefined) return { kind: 'sections', addresses: await readAddresses(args.sections) };
  if (args.bases !== undefined) return await readBases(args.bases);
  const base = parseAddress(args.base ?? '');
  if (base === undefined || base % BigInt(pageSize) !== 0n)
    throw new InputError({
      code: 'LOD006',
      message: '--base is not the address of a page',
      expected: `a hexadecimal multiple of 0x${pageSize.toString(16)}`,
      found: args.base ?? '',
      remedy: 'modules of powerpc lie above 0xc008000000000000',
    });
  return { kind: 'base', base };
}

/**
 * What the user should know of the answer, on stderr: all that the kernel says where it refuses the module; where it takes it, what
 * warns of something, and with --verbose the rest, which is said of most modules.
 */
function tell(args: LoadArguments, outcome: LoadOutcome): void {
  if (!outcome.loads) {
    const { name, number } = outcome.errno!;
    note(`tocsin: ${args.file}: the kernel refuses the module: ${name} (${number})`);
  }
  const isShown = (text: string) =>
    !outcome.loads || (!args.quiet && (args.verbose || knownMessage(text)?.known.passes !== undefined));
  for (const { text } of outcome.log) if (isShown(text)) note(`  kernel: ${printable(text)}`);
  if (outcome.dangerous) note(`tocsin: ${args.file}: loading this module may crash or corrupt the kernel`);
  if (args.quiet) return;
  for (const why of outcome.unknown) note(`note: not sure: ${why}`);
  for (const { code, level, message, section, offset } of outcome.remarks) {
    const at = section === undefined ? '' : `${section}${offset === undefined ? '' : `+0x${offset.toString(16)}`}: `;
    note(`${level}: ${printable(at + message)} [${code}]`);
  }
}

/** Addresses below this are offsets in areas that nobody placed. */
const LOWEST = 1n << 32n;

function requireAddresses(args: LoadArguments, image: LoadedImage): void {
  const lost = image.sections.find(s => s.memory !== 'percpu' && s.size > 0 && s.address < LOWEST);
  if (lost === undefined) return;
  throw new InputError({
    code: 'LOD007',
    file: args.sections ?? args.bases,
    message: `no address is given for ${lost.name}, nor for another section of the same memory area (${lost.memory})`,
    remedy: 'add a line for it',
  });
}

function write(args: LoadArguments, release: string, outcome: LoadOutcome, image: LoadedImage): void {
  const paths = sectionFiles(image.sections);
  const document = loadDocument(args.file, release, outcome, image, paths);
  const files = new Map<string, Uint8Array>();
  image.sections.forEach(({ bytes }, i) => {
    files.set(paths[i]!, bytes);
  });
  const json = `${JSON.stringify(document, undefined, 2)}\n`;
  files.set(MAP_FILE, Buffer.from(json));
  writeFolderAtomic(args.output, files, { mayReplace: names => args.force && isEarlierOutput(args.output, names) });
  if (args.format === 'json') print(json);
  else if (!args.quiet) print(loadText(document, args.output));
}

/** Whether the folder holds what this command wrote: then `--force` may replace it. */
function isEarlierOutput(folder: string, names: readonly string[]): boolean {
  if (!names.includes(MAP_FILE)) return false;
  try {
    const { schema, sections } = JSON.parse(readFileSync(join(folder, MAP_FILE), 'utf8'));
    const written = new Set<unknown>([MAP_FILE, ...sections.map((s: { path: unknown }) => s.path)]);
    return schema === 'tocsin.load/1' && names.every(name => written.has(name));
  } catch {
    return false;
  }
}
