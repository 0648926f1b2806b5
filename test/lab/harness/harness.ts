// The lab, for tests: Debian's ppc64le kernels of three generations, modules built for them, and a machine to boot
// them in. The work is done by the shell scripts of this folder, which can be used by hand as well; lib.sh says what
// lies where in the cache. What is missing is fetched or built on first use. A missing program is an Error that names
// its package.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';

/** One for each kind of call site: `_mcount` calls, two nops, one nop with out-of-line stubs. */
export const GENERATIONS = ['6.1', '6.12', '7.2'] as const;
export type Generation = (typeof GENERATIONS)[number];

const SUITES: Readonly<Record<Generation, string>> = { '6.1': 'bookworm', '6.12': 'trixie', '7.2': 'sid' };
const here = import.meta.dirname;

/** Where the lab keeps what it downloads and builds. */
export const cacheFolder = process.env.TOCSIN_LAB_CACHE ?? join(homedir(), '.cache', 'tocsin-lab');
/** The samples that are committed with the project. */
export const samplesFolder = resolve(here, '../../../samples');

export interface Kernel {
  readonly generation: Generation;
  readonly suite: string;
  /** Everything below is in this folder. */
  readonly folder: string;
  /** As `uname -r` prints it. */
  readonly release: string;
  /** The ELF image that boots. */
  readonly vmlinux: string;
  readonly modulesFolder: string;
  readonly symvers: string;
  readonly config: string;
  /** Paths of all modules (.ko, .ko.xz), sorted. */
  readonly modules: readonly string[];
}

export interface LabModules {
  readonly folder: string;
  readonly canary: string;
  readonly canaryFix: string;
  readonly canaryExt: string;
  /** Relocatable object with replacements, for merging. */
  readonly canaryObject: string;
  /** Versions of what canary and canary_fix export. */
  readonly symvers: string;
}

export interface BootOptions {
  readonly generation?: Generation;
  /** Another kernel image, instead of a generation's. */
  readonly vmlinux?: string;
  /** busybox sh, run as root with the files in /files. See ../boot/scripts.ts. */
  readonly script: string;
  /** Files and folders to put into /files, under their own names. */
  readonly files?: readonly string[];
  /** Where to leave what the script wrote into /out. Without it, nothing is collected. */
  readonly outFolder?: string;
  /** Raw files that are /dev/vda, /dev/vdb, ... once the script has loaded what is in /drivers. */
  readonly disks?: readonly string[];
  /** Where to leave the number of the machine's process, for whoever has to end it. */
  readonly pidFile?: string;
  /** Real seconds until the machine is given up. 120 unless told. */
  readonly timeoutSeconds?: number;
  /** Real seconds in which a running script may print nothing; then the machine is given up. No limit unless told. */
  readonly silenceSeconds?: number;
  /** As qemu takes it. '2G' unless told. */
  readonly memory?: string;
  /** Kernel messages below this level appear on the console. 4 (errors) unless told. */
  readonly logLevel?: number;
  /** More kernel command line. */
  readonly kernelArguments?: string;
  /** 1 unless told. */
  readonly processors?: number;
}

export interface Boot {
  /** All that the machine printed, without carriage returns and escape sequences. */
  readonly console: string;
  /** The script's, or null when it did not end. */
  readonly exitStatus: number | null;
  /** Why it did not end, where it did not. */
  readonly failure: 'timeout' | 'went down' | null;
  /** What the script left in /out, relative to outFolder, sorted. */
  readonly outFiles: readonly string[];
  /** Real seconds from start to power-off. */
  readonly seconds: number;
}

/** The kernel of a generation, fetched if it is not in the cache. Throws an Error that says what is missing. */
export function kernel(generation: Generation): Kernel {
  const suite = SUITES[generation];
  const folder = join(cacheFolder, suite);
  if (!existsSync(join(folder, 'usr/src'))) runScript('fetch-kernel', [generation]);
  const headers = only(join(folder, 'usr/src'), /^linux-headers-.*-powerpc64le$/);
  const release = headers.slice(headers.lastIndexOf('linux-headers-') + 'linux-headers-'.length);
  // Debian moved the modules to /usr and, in 7.2, the image beside them.
  const modulesFolder = existing(join(folder, 'lib/modules', release), join(folder, 'usr/lib/modules', release));
  return {
    generation,
    suite,
    folder,
    release,
    vmlinux: existing(join(folder, 'boot', `vmlinux-${release}`), join(modulesFolder, 'vmlinuz')),
    modulesFolder,
    symvers: existing(join(headers, 'Module.symvers')),
    config: existing(join(folder, 'boot', `config-${release}`), join(modulesFolder, 'config')),
    modules: filesBelow(modulesFolder).filter(path => /\.ko(\.(xz|zst|gz))?$/.test(path)),
  };
}

/**
 * Builds the modules of a source folder (a Kbuild with obj-m) for a kernel, with that kernel's compiler and without
 * debug information. Of several folders, later ones are laid over earlier ones.
 * @returns paths of the modules in `outFolder`
 */
function buildModule(generation: Generation, source: string | readonly string[], outFolder: string): readonly string[] {
  mkdirSync(outFolder, { recursive: true });
  runScript('build-module', [generation, outFolder, ...(typeof source === 'string' ? [source] : source)]);
  return filesBelow(outFolder).filter(path => path.endsWith('.ko'));
}

/** The same, unless `folder` is there already: its name should tell what it was built from. */
export function buildOnce(generation: Generation, source: string | readonly string[], folder: string): void {
  if (existsSync(folder)) return;
  mkdirSync(dirname(folder), { recursive: true });
  const scratch = mkdtempSync(`${folder}.`);
  try {
    buildModule(generation, source, scratch);
    renameSync(scratch, folder);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    // Somebody else may have finished the same build meanwhile.
    if (!existsSync(folder)) throw error;
  }
}

/** The canary and its companions (../modules), built for a kernel. Kept in the cache as long as their sources stay the same. */
export function labModules(generation: Generation): LabModules {
  const sources = [join(samplesFolder, 'src'), resolve(here, '../modules')];
  const digest = createHash('sha256')
    .update(kernel(generation).release)
    .update(readFileSync(join(here, 'build-module')));
  for (const path of sources.flatMap(filesBelow)) digest.update(relative(here, path)).update(readFileSync(path));
  const folder = join(cacheFolder, 'modules', `${generation}-${digest.digest('hex').slice(0, 12)}`);
  buildOnce(generation, sources, folder);
  return {
    folder,
    canary: existing(join(folder, 'canary.ko')),
    canaryFix: existing(join(folder, 'canary_fix.ko')),
    canaryExt: existing(join(folder, 'canary_ext.ko')),
    canaryObject: existing(join(folder, 'canary_object.o')),
    symvers: existing(join(folder, 'Module.symvers')),
  };
}

/** A folder with `perf` for the machine, fetched if it is not in the cache; ./fetch-perf says how it is called there. */
export function perfFolder(): string {
  return runScript('fetch-perf', []).trim();
}

/**
 * Modules in an order in which they can be loaded: what each one needs, itself, the next.
 * @param names as in a file name, without `.ko` and compression: `virtio_blk`
 * @returns paths, each once. Throws when the kernel has no such module.
 */
export function loadOrder(of: Kernel, names: readonly string[]): readonly string[] {
  const { needs, wants, byName } = moduleGraph(of);
  const order = new Set<string>();
  const visited = new Set<string>();
  const add = (path: string): void => {
    if (visited.has(path)) return;
    visited.add(path);
    for (const wanted of wants.get(moduleName(path)) ?? []) byName.get(wanted)?.forEach(add);
    // depmod lists the nearest dependency first.
    for (const needed of [...needs.get(path)!].reverse()) add(needed);
    order.add(path);
  };
  for (const name of names) {
    const path = byName.get(moduleName(name))?.[0];
    if (path === undefined) throw new Error(`${of.release} has no module ${name}`);
    add(path);
  }
  return [...order];
}

/** Plain copies, in `folder`, of modules that may be compressed: busybox's insmod takes no others. In the same order. */
export function plainModules(paths: readonly string[], folder: string): readonly string[] {
  mkdirSync(folder, { recursive: true });
  return paths.map(path => {
    const plainPath = join(folder, basename(path).replace(/\.(xz|zst|gz)$/, ''));
    if (path.endsWith('.ko')) copyFileSync(path, plainPath);
    else writeFileSync(plainPath, decompress(path));
    return plainPath;
  });
}

/** Boots a kernel, runs a script in it, and powers off. Throws only where the machine cannot be started. */
export async function bootKernel(options: BootOptions): Promise<Boot> {
  const image = options.vmlinux ?? options.generation;
  if (image === undefined) throw new Error('bootKernel needs a generation or a vmlinux');
  const scratch = mkdtempSync(join(tmpdir(), 'tocsin-boot-'));
  try {
    const script = join(scratch, 'script');
    writeFileSync(script, options.script);
    const flags = ['-m', options.memory ?? '2G', '-t', String(options.timeoutSeconds ?? 120)];
    if (options.outFolder !== undefined) flags.push('-o', options.outFolder);
    for (const disk of options.disks ?? []) flags.push('-d', disk);
    const pidFile = options.pidFile ?? (options.silenceSeconds === undefined ? undefined : join(scratch, 'pid'));
    if (pidFile !== undefined) flags.push('-p', pidFile);
    if (options.logLevel !== undefined) flags.push('-l', String(options.logLevel));
    if (options.kernelArguments !== undefined) flags.push('-a', options.kernelArguments);
    if (options.processors !== undefined) flags.push('-c', String(options.processors));
    const started = performance.now();
    const bootArguments = [...flags, image, script, ...(options.files ?? [])];
    const silence: Silence | undefined =
      options.silenceSeconds === undefined
        ? undefined
        : { seconds: options.silenceSeconds, begins: 'LAB script starts', act: () => kill(pidFile!) };
    const { status, stdout, stderr } = await collect('boot', bootArguments, silence);
    const seconds = (performance.now() - started) / 1000;
    // Without a console there was no machine: a program or a file is missing, and stderr says which.
    if (stdout === '') throw new Error(stderr.trim() || `boot ended with status ${status}`);
    const console = plain(stdout);
    const ended = [...console.matchAll(/LAB status (\d+)$/gm)].at(-1);
    const outFolder = options.outFolder;
    return {
      console,
      exitStatus: ended ? Number(ended[1]) : null,
      failure: ended ? null : status === 124 ? 'timeout' : 'went down',
      outFiles:
        outFolder !== undefined && existsSync(outFolder)
          ? filesBelow(outFolder).map(path => relative(outFolder, path))
          : [],
      seconds,
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface ModuleGraph {
  /** Path → paths of all modules whose symbols it needs. */
  readonly needs: ReadonlyMap<string, readonly string[]>;
  /** Name → names or aliases of modules that it wants loaded before, though it uses none of their symbols. */
  readonly wants: ReadonlyMap<string, readonly string[]>;
  /** Name or alias → paths. */
  readonly byName: ReadonlyMap<string, readonly string[]>;
}

const graphs = new Map<string, ModuleGraph>();

/** What depmod says. Its files are kept beside the other things in the cache. */
function moduleGraph(of: Kernel): ModuleGraph {
  const known = graphs.get(of.release);
  if (known) return known;
  const base = join(cacheFolder, 'depmod', of.release);
  if (!existsSync(base)) {
    // depmod writes beside the modules, which stay as Debian made them: it sees them through a link.
    const scratch = mkdtempSync(join(mkdirs(join(cacheFolder, 'depmod')), 'new-'));
    const folder = mkdirs(join(scratch, 'lib/modules', of.release));
    for (const name of ['kernel', 'modules.order', 'modules.builtin', 'modules.builtin.modinfo']) {
      if (existsSync(join(of.modulesFolder, name))) symlinkSync(join(of.modulesFolder, name), join(folder, name));
    }
    runProgram('depmod', ['-b', scratch, of.release], 'kmod');
    renameSync(scratch, base);
  }
  const lines = (name: string): string[] =>
    readFileSync(join(base, 'lib/modules', of.release, name), 'utf8')
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('#'));
  const absolute = (path: string): string => join(of.modulesFolder, path);

  const needs = new Map<string, readonly string[]>();
  const byName = new Map<string, string[]>();
  for (const line of lines('modules.dep')) {
    const [path, needed] = line.split(':') as [string, string];
    needs.set(absolute(path), needed.split(' ').filter(Boolean).map(absolute));
    byName.set(moduleName(path), [absolute(path)]);
  }
  const wants = new Map<string, readonly string[]>();
  for (const line of lines('modules.softdep')) {
    const [, name, list] = /^softdep (\S+) pre: (.*?)(?: post: .*)?$/.exec(line) ?? [];
    if (name !== undefined && list !== undefined) wants.set(moduleName(name), list.trim().split(/\s+/).map(moduleName));
  }
  const wanted = new Set([...wants.values()].flat());
  for (const line of lines('modules.alias')) {
    const [, alias, name] = line.split(' ') as [string, string, string];
    const key = moduleName(alias);
    if (wanted.has(key)) byName.set(key, [...(byName.get(key) ?? []), ...(byName.get(moduleName(name)) ?? [])]);
  }
  const graph = { needs, wants, byName };
  graphs.set(of.release, graph);
  return graph;
}

/** Names of modules do not tell `-` from `_`. */
function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

function decompress(path: string): Buffer {
  if (path.endsWith('.xz')) return runProgram('xz', ['-dc', path], 'xz-utils');
  if (path.endsWith('.zst')) return runProgram('zstd', ['-dc', path], 'zstd');
  return runProgram('gzip', ['-dc', path], 'gzip');
}

function mkdirs(folder: string): string {
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** A program of this machine; `debianPackage` is for the message when it is missing. */
function runProgram(program: string, args: readonly string[], debianPackage: string): Buffer {
  // depmod is in sbin, which is not in everybody's PATH.
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
  const { status, stdout, stderr, error } = spawnSync(program, args, { env, maxBuffer: 1 << 28 });
  if (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error(`'${program}' is not installed: apt-get install ${debianPackage}`);
  }
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr.toString().trim()}`);
  return stdout;
}

function runScript(name: string, args: readonly string[]): string {
  try {
    return execFileSync(join(here, name), args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 1 << 26,
    });
  } catch (error) {
    const { stderr, message } = error as { readonly stderr?: string; readonly message: string };
    throw new Error(stderr?.trim() || message, { cause: error });
  }
}

/** What to do where a program prints nothing for some seconds after it has printed `begins`. */
interface Silence {
  readonly seconds: number;
  readonly begins: string;
  readonly act: () => void;
}

function kill(pidFile: string): void {
  try {
    process.kill(Number(readFileSync(pidFile, 'utf8')));
  } catch {
    // It has just ended.
  }
}

function collect(
  name: string,
  args: readonly string[],
  silence?: Silence,
): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  return new Promise((done, failed) => {
    const child = spawn(join(here, name), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let watch: NodeJS.Timeout | undefined;
    // The console comes in pieces of a few bytes.
    let last = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout.push(chunk);
      if (watch !== undefined) watch.refresh();
      else if (silence !== undefined) {
        last = (last + chunk.toString('latin1')).slice(-1000);
        if (last.includes(silence.begins)) watch = setTimeout(silence.act, silence.seconds * 1000);
      }
    });
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', failed);
    child.on('close', status => {
      clearTimeout(watch);
      done({ status, stdout: Buffer.concat(stdout).toString('utf8'), stderr: Buffer.concat(stderr).toString('utf8') });
    });
  });
}

/** The firmware draws with escape sequences; the console ends lines with carriage returns. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal escape sequences begin with one
  return text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replace(/\r/g, '');
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .sort();
}

function existing(...paths: readonly string[]): string {
  const found = paths.find(path => existsSync(path));
  if (found === undefined) {
    throw new Error(
      `missing in the lab's cache: ${paths.join(' or ')}; remove the folder of its suite to fetch it again`,
    );
  }
  return found;
}

function only(folder: string, pattern: RegExp): string {
  const names = readdirSync(folder).filter(name => pattern.test(name));
  if (names.length !== 1) throw new Error(`${folder} has ${names.length} entries that match ${pattern}, one is wanted`);
  return join(folder, names[0]!);
}
