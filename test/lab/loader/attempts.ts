// A booted kernel that is asked to load modules, one after the other, and what it says to each. attempt.c does the asking
// and capture/ is the kernel module that keeps their code from running.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Boot, bootKernel, buildOnce, cacheFolder, type Generation, kernel } from '../harness/harness.ts';
import { type Answer, parseReport } from './report.ts';

/** Drivers without which the machine has no disks: they are loaded with their code, and before everything else. */
export const DISK_DRIVERS = [
  'virtio',
  'virtio_ring',
  'virtio_pci_legacy_dev',
  'virtio_pci_modern_dev',
  'virtio_pci',
  'virtio_blk',
] as const;

export interface Attempt {
  /** For the report; the kernel finds the module's own in the file. */
  readonly name: string;
  /** The file's bytes, or the path of the plain file. */
  readonly file: Uint8Array | string;
  /** As `insmod` passes them. */
  readonly parameters?: string;
}

export interface Session {
  readonly answers: readonly Answer[];
  /** All were tried. */
  readonly complete: boolean;
  readonly boot: Boot;
}

export interface SessionOptions {
  /** Unload each module after it was loaded; a kernel that warned of itself ends the session. */
  readonly unload?: boolean;
  /** Make the kernel forget, before each attempt, what it says only once. Needs its vmlinux to have symbols. */
  readonly forget?: boolean;
  /** Where to leave what capture.ko wrote; nothing is recorded without it. See dumps.ts. */
  readonly dump?: string;
  /** Where to leave /proc/kallsyms and dmesg. */
  readonly outFolder?: string;
  /** Loaded with their code before the others. */
  readonly before?: readonly string[];
  readonly timeoutSeconds?: number;
  readonly memory?: string;
}

/** Boots a kernel and has it try to load these modules in this order. One session ends with the machine. */
export async function session(
  generation: Generation,
  attempts: readonly Attempt[],
  options: SessionOptions = {},
  firstIndex = 0,
): Promise<Session> {
  const scratch = mkdtempSync(join(tmpdir(), 'tocsin-attempts-'));
  try {
    const input = join(scratch, 'input');
    const report = join(scratch, 'report');
    const list = join(scratch, 'list');
    writeFileSync(list, writeInput(input, attempts, firstIndex));
    writeFileSync(report, '');
    // Room for a megabyte of text for each of the first thousand; the files are sparse.
    truncateSync(report, 1 << 30);
    const disks = [input, report];
    if (options.dump !== undefined) {
      writeFileSync(options.dump, '');
      truncateSync(options.dump, 8 * 1024 ** 3);
      disks.push(options.dump);
    }
    const before = options.before ?? [];
    const pidFile = join(scratch, 'pid');
    const stop = watch(report, pidFile, options.unload ? 'broken' : 'good');
    const boot = await bootKernel({
      generation,
      script: script(generation, options, before.length),
      files: [captureModule(generation), attemptProgram(scratch), list, ...numbered(before, scratch)],
      disks,
      ...(options.outFolder !== undefined && { outFolder: options.outFolder }),
      pidFile,
      timeoutSeconds: options.timeoutSeconds ?? 600,
      memory: options.memory ?? '2G',
      // What a machine says that goes down is on the console only.
      logLevel: options.unload ? 3 : 1,
      kernelArguments: `log_buf_len=16M printk.devkmsg=on ${options.unload ? LOCKUP : 'nowatchdog'}`,
    }).finally(stop);
    const text = readText(report);
    if (options.dump !== undefined) truncateSync(options.dump, recorded(boot));
    return { answers: parseReport(text), complete: /^@end$/m.test(text), boot };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A broken module that keeps the processor ends the machine with a trace of where it was, after 40 s. */
const LOCKUP = 'softlockup_panic=1 watchdog_thresh=20';

/** Real seconds in which the machine must have said something new: until it begins, and then. attempt.c has its own. */
const PATIENCE = { booting: 180, broken: 75, good: 400 } as const;

/** Ends a machine that hangs. @returns what ends the watch */
function watch(report: string, pidFile: string, modules: 'broken' | 'good'): () => void {
  let last = -1;
  let since = performance.now();
  const timer = setInterval(() => {
    const length = readText(report).length;
    if (length !== last) since = performance.now();
    last = length;
    const patience = PATIENCE[length === 0 ? 'booting' : modules];
    if (performance.now() - since < patience * 1000 || !existsSync(pidFile)) return;
    process.kill(Number(readFileSync(pidFile, 'utf8')));
    clearInterval(timer);
  }, 2000);
  return () => clearInterval(timer);
}

/** The module that keeps others' code from running, built for a kernel once. */
export function captureModule(generation: Generation): string {
  const source = join(import.meta.dirname, 'capture');
  const digest = createHash('sha256').update(kernel(generation).release);
  for (const name of ['capture.c', 'Kbuild']) digest.update(readFileSync(join(source, name)));
  const folder = join(cacheFolder, 'modules', `capture-${generation}-${digest.digest('hex').slice(0, 12)}`);
  buildOnce(generation, source, folder);
  return join(folder, 'capture.ko');
}

function attemptProgram(folder: string): string {
  const program = join(folder, 'attempt');
  execFileSync('powerpc64le-linux-gnu-gcc', ['-O2', '-static', '-o', program, join(import.meta.dirname, 'attempt.c')]);
  return program;
}

/** Copies whose names say the order. */
function numbered(paths: readonly string[], folder: string): readonly string[] {
  return paths.map((path, at) => {
    const copy = join(folder, `before-${at}.ko`);
    copyFileSync(path, copy);
    return copy;
  });
}

function script(generation: Generation, options: SessionOptions, before: number): string {
  const memory = options.forget ? forgetful(generation) : '';
  return `
insmod /files/capture.ko keep=${DISK_DRIVERS.join(',')} record=${options.dump === undefined ? 0 : 1} place=${options.unload ? 1 : 0} || exit 3
for driver in /drivers/*.ko; do [ ! -f "$driver" ] || insmod "$driver"; done
for wait in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/vdb ] && break; sleep 0.3; done
sections() {
  echo "EARLY $1"
  (cd "/sys/module/$1/sections" && for s in .[!.]* [!.]*; do [ ! -f "$s" ] || echo "EARLY $1 $s $(cat "$s")"; done)
}
for name in ${DISK_DRIVERS.join(' ')}; do [ ! -d /sys/module/$name/sections ] || sections $name; done
${options.dump === undefined ? '' : 'echo /dev/vdc > /sys/module/capture/parameters/output'}
${Array.from({ length: before }, (_, at) => `insmod /files/before-${at}.ko`).join('\n')}
/files/attempt /files/list /dev/vda /dev/vdb ${options.unload ? 'unload' : ''} ${memory}
status=$?
sync
echo "RECORDED $(cat /sys/module/capture/parameters/output)"
cat /proc/kallsyms > /out/kallsyms
dmesg > /out/dmesg
exit $status
`;
}

function recorded(boot: Boot): number {
  return Number(/^RECORDED (\d+)$/m.exec(boot.console)?.[1] ?? 0);
}

const forgetfulness = new Map<Generation, string>();

/** What capture.ko's parameter `forget` wants: where the flags of messages said once lie, the taint mask, and what says that the tracer failed. */
function forgetful(generation: Generation): string {
  const known = forgetfulness.get(generation);
  if (known !== undefined) return known;
  const symbols = execFileSync('powerpc64le-linux-gnu-nm', [kernel(generation).vmlinux], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const address = (name: string): bigint => {
    const found = new RegExp(`^([0-9a-f]{16}) \\S ${name}$`, 'm').exec(symbols);
    if (!found) throw new Error(`the kernel image of ${generation} has no symbol ${name}`);
    return BigInt(`0x${found[1]}`);
  };
  const start = address('__start_once');
  const bytes = address('__end_once') - start;
  const value = [start, bytes, address('tainted_mask'), address('ftrace_disabled')]
    .map(number => number.toString(16))
    .join(',');
  forgetfulness.set(generation, value);
  return value;
}

/** Writes the files one after the other. @returns attempt.c's list of them */
function writeInput(path: string, attempts: readonly Attempt[], firstIndex: number): string {
  const output = openSync(path, 'w');
  let offset = 0;
  const lines = attempts.map((attempt, at) => {
    const bytes = typeof attempt.file === 'string' ? readFileSync(attempt.file) : attempt.file;
    writeSync(output, bytes, 0, bytes.length, offset);
    const line = `${firstIndex + at} ${offset} ${bytes.length} ${attempt.name.replace(/\s/g, '_')} ${attempt.parameters ?? ''}\n`;
    offset = Math.ceil((offset + bytes.length) / 512) * 512;
    return line;
  });
  closeSync(output);
  truncateSync(path, Math.max(offset, 512));
  return lines.join('');
}

/** The text at the start of a disk, up to its first zero byte. */
function readText(path: string): string {
  const size = statSync(path).size;
  const file = openSync(path, 'r');
  const parts: Buffer[] = [];
  for (let at = 0; at < size; at += 1 << 20) {
    const part = Buffer.alloc(1 << 20);
    const got = readSync(file, part, 0, part.length, at);
    const end = part.indexOf(0);
    parts.push(part.subarray(0, end === -1 ? got : end));
    if (end !== -1) break;
  }
  closeSync(file);
  return Buffer.concat(parts).toString('latin1');
}

/** Section addresses of the disk drivers, which are loaded before attempt.c can run: the console has them. */
export function earlySections(boot: Boot): ReadonlyMap<string, ReadonlyMap<string, bigint>> {
  const modules = new Map<string, Map<string, bigint>>();
  for (const [, name, section, address] of boot.console.matchAll(/^EARLY (\S+)(?: (\S+) (0x[0-9a-f]+))?$/gm)) {
    if (section === undefined) modules.set(name!, new Map());
    else modules.get(name!)?.set(section, BigInt(address!));
  }
  return modules;
}
