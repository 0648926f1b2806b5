// Runs the lab: `npm run test:lab -- [--full] [--only NAME]`.
//
// Looks whether the programs that it needs are there, fetches kernels that are not in the cache yet, builds tocsin where
// its sources are newer, runs the tests, and ends with a summary of what was counted and how many tests passed.
// Compilers, busybox and perf are fetched by the scripts of harness/ when a test first needs them, one process at a time.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

const here = import.meta.dirname;
const root = resolve(here, '../..');
const cache = process.env.TOCSIN_LAB_CACHE ?? join(homedir(), '.cache/tocsin-lab');

const USAGE = `Usage: npm run test:lab -- [--full] [--only NAME]...

  --full       everything: all modules where a fixed sample is the default, 100,000 mutated inputs
  --only NAME  only test files whose path contains NAME: scan, roundtrip, boot, kill, fuzz, ...

Kernels, toolchains and logs are kept in ${cache} (TOCSIN_LAB_CACHE).`;

/** Program, and the Debian package that has it. */
const PROGRAMS = [
  ['powerpc64le-linux-gnu-readelf', 'binutils-powerpc64le-linux-gnu'],
  ['ld.lld', 'lld'],
  ['powerpc64le-linux-gnu-gcc', 'gcc-powerpc64le-linux-gnu'],
  ['qemu-system-ppc64', 'qemu-system-ppc'],
  ['depmod', 'kmod'],
  ['cpio', 'cpio'],
  ['make', 'make'],
  ['xz', 'xz-utils'],
  ['dpkg', 'dpkg'],
  ['openssl', 'openssl'],
  ['apt-get', 'apt'],
  ['flock', 'util-linux'],
  // File systems for the machine's disks (stress).
  ['mkfs.btrfs', 'btrfs-progs'],
  ['mkfs.erofs', 'erofs-utils'],
  ['mkfs.ext4', 'e2fsprogs'],
  ['mkfs.f2fs', 'f2fs-tools'],
  ['genisoimage', 'genisoimage'],
  ['mkfs.minix', 'util-linux'],
  ['mksquashfs', 'squashfs-tools'],
  ['mkudffs', 'udftools'],
  ['mkfs.vfat', 'dosfstools'],
  ['mkfs.xfs', 'xfsprogs'],
];

const GENERATIONS = [
  ['6.1', 'bookworm'],
  ['6.12', 'trixie'],
  ['7.2', 'sid'],
];

function parse(args) {
  const only = [];
  let full = false;
  for (let at = 0; at < args.length; at++) {
    if (args[at] === '--full') full = true;
    else if (args[at] === '--only' && args[at + 1] !== undefined) only.push(args[++at]);
    else {
      console.log(USAGE);
      process.exit(args[at] === '--help' ? 0 : 2);
    }
  }
  return { full, only };
}

function has(program) {
  return `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter).some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function checkPrograms() {
  const missing = PROGRAMS.filter(([program]) => !has(program));
  if (missing.length === 0) return;
  for (const [program, from] of missing) console.error(`The lab needs ${program}, from Debian's package ${from}.`);
  console.error(`As root: apt-get install ${[...new Set(missing.map(([, from]) => from))].join(' ')}`);
  process.exit(2);
}

/** Runs a program, its output shown; ends with its status where it fails. */
function run(program, args, options = {}) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  if (status !== 0) {
    console.error(`${program} ${args.join(' ')} ended with status ${status}`);
    process.exit(1);
  }
}

function step(what, work) {
  const started = performance.now();
  work();
  const seconds = (performance.now() - started) / 1000;
  if (seconds >= 1) console.log(`${what}: ${seconds.toFixed(0)} s`);
}

function newest(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((latest, entry) => Math.max(latest, statSync(join(entry.parentPath, entry.name)).mtimeMs), 0);
}

function prepare() {
  for (const [generation, suite] of GENERATIONS) {
    if (existsSync(join(cache, suite, 'usr/src'))) continue;
    step(`fetching kernel ${generation}`, () => run(join(here, 'harness/fetch-kernel'), [generation]));
  }
  const built = join(root, 'dist/cli.js');
  if (!existsSync(built) || statSync(built).mtimeMs < newest(join(root, 'src')))
    step('building tocsin', () => run('npm', ['run', '--silent', 'build']));
}

function readLines(file) {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
}

function summarize(figures, report, status, seconds) {
  console.log('\nCounted in this run:');
  for (const line of readLines(figures)) console.log(`  ${JSON.parse(line).join(': ')}`);
  const {
    numPassedTests: passed = 0,
    numFailedTests: failed = 0,
    numPendingTests: skipped = 0,
    testResults = [],
  } = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : {};
  console.log('\nTest files:');
  for (const { name, startTime, endTime, assertionResults: tests } of testResults) {
    const good = tests.filter(test => test.status === 'passed').length;
    const bad = tests.filter(test => test.status === 'failed').length;
    console.log(
      `  ${name.slice(root.length + 1)}: ${good} passed, ${bad} failed, ${((endTime - startTime) / 1000).toFixed(0)} s`,
    );
  }
  // A file that cannot even be loaded has no tests to fail.
  const lost = status !== 0 && failed === 0 ? 1 : 0;
  console.log(`\nLab: ${passed} passed, ${failed + lost} failed, ${skipped} skipped in ${seconds.toFixed(0)} s`);
}

const { full, only } = parse(process.argv.slice(2));
checkPrograms();
prepare();

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-run-'));
const figures = join(scratch, 'figures');
const report = process.env.TOCSIN_LAB_REPORT ?? join(scratch, 'report.json');
rmSync(report, { force: true });
const started = performance.now();
const { status } = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--config=test/lab/vitest.config.ts',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...only,
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, TOCSIN_LAB_FIGURES: figures, ...(full && { TOCSIN_LAB_FULL: '1' }) },
  },
);
summarize(figures, report, status, (performance.now() - started) / 1000);
rmSync(scratch, { recursive: true, force: true });
process.exitCode = status === 0 ? 0 : 1;
