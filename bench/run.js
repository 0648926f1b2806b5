// npm run bench: how long tocsin takes, each time beside a command that everybody knows, in the same run.
//
// Machines differ and drift; ratios drift less. Each pair runs alternately (A B A B ...), once to warm up and then five times;
// the ratio is the one of the medians. Nothing here fails for being slow: `limit` is what the project set itself, and the
// last column says whether it holds.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const RUNS = 5;
const root = new URL('..', import.meta.url).pathname;
const tocsin = join(root, 'bin/tocsin.js');
const cache = process.env.TOCSIN_LAB_CACHE ?? join(homedir(), '.cache/tocsin-lab');
const CROSS = 'powerpc64le-linux-gnu-';

/** Runs a command with its output thrown away. Gives seconds, and the peak of its memory in bytes. */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const started = process.hrtime.bigint();
    const child = spawn(command, args, { stdio: 'ignore' });
    let peak = 0;
    const look = () => {
      try {
        const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
        if (found !== null) peak = Math.max(peak, Number(found[1]) * 1024);
      } catch {
        // The process has just ended.
      }
    };
    const watch = setInterval(look, 10);
    child.on('error', error => {
      clearInterval(watch);
      reject(error);
    });
    child.on('exit', code => {
      clearInterval(watch);
      resolve({ seconds: Number(process.hrtime.bigint() - started) / 1e9, peak, code });
    });
  });
}

const median = values => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Seconds that Node takes to start and to end, with nothing to do. */
let bare = 0;

async function measureBare() {
  const times = [];
  for (let i = 0; i <= RUNS; i++) times.push((await run(node, ['-e', '0'])).seconds);
  bare = median(times.slice(1));
}

/** @param limit of the ratio @param memoryLimit bytes @param isApart print also what it would be without Node's own start */
async function compare(title, limit, ours, theirs, memoryLimit, isApart = false) {
  const times = [[], []];
  let peak = 0;
  for (let i = 0; i <= RUNS; i++)
    for (const [which, [command, args]] of [ours, theirs].entries()) {
      const result = await run(command, args);
      if (result.code !== 0) throw new Error(`${command} ${args.slice(0, 4).join(' ')}: exit code ${result.code}`);
      if (i === 0) continue;
      times[which].push(result.seconds);
      if (which === 0) peak = Math.max(peak, result.peak);
    }
  const [a, b] = times.map(median);
  const ratio = a / b;
  const holds = ratio <= limit && (memoryLimit === undefined || peak <= memoryLimit);
  const memory =
    memoryLimit === undefined ? '' : `, ${(peak / 1e6).toFixed(0)} MB of ${(memoryLimit / 1e6).toFixed(0)} MB`;
  const apart = isApart
    ? `, ${((a - bare) / b).toFixed(2)} without the ${(bare * 1000).toFixed(0)} ms of node -e 0`
    : '';
  console.log(
    `${title}: ${(a * 1000).toFixed(0)} ms against ${(b * 1000).toFixed(0)} ms, ratio ${ratio.toFixed(2)}${apart} (limit ${limit}${memory}) ${holds ? 'ok' : 'OVER'}`,
  );
  return holds;
}

function modulesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(e => e.isFile() && /\.ko(\.xz)?$/.test(e.name))
    .map(e => join(e.parentPath ?? e.path, e.name));
}

/** An index of the kernel, made once: what is measured is the check. */
function makeIndex(kernel, image) {
  const headers = join(
    kernel,
    'usr/src',
    readdirSync(join(kernel, 'usr/src')).find(n => /^linux-headers-.*le$/.test(n)),
  );
  const symvers = join(headers, 'Module.symvers');
  const index = join(scratch, 'kernel.index');
  const made = spawnSync(tocsin, ['kernel', image, '--symvers', symvers, '-o', index], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`tocsin kernel: ${made.stderr}`);
  return { index, symvers };
}

/** Bytes of code in a module: sections with SHF_EXECINSTR. */
function codeSize(file) {
  const bytes = readFileSync(file);
  const table = Number(bytes.readBigUInt64LE(40));
  let size = 0;
  for (let i = 0; i < bytes.readUInt16LE(60); i++)
    if ((bytes.readUInt32LE(table + i * 64 + 8) & 4) !== 0) size += Number(bytes.readBigUInt64LE(table + i * 64 + 32));
  return size;
}

/** Bytes of code that modules of one size have together, at least, where there are as many. */
const GROUP = 4e6;

/**
 * What the proof costs by the kilobyte, for modules of a size: the time of a check with it less the time of one without, in one
 * thread. Prints them, and says whether the largest module costs at most twice as much as modules of 10 to 50 KB.
 */
async function growth(modules, folder, index) {
  const sized = modules.map(file => ({ file, code: codeSize(file) })).sort((a, b) => a.code - b.code);
  const groups = [
    [10e3, 50e3],
    [50e3, 200e3],
    [200e3, 1e6],
    [1e6, sized.at(-1).code - 1],
    [sized.at(-1).code - 1, Number.POSITIVE_INFINITY],
  ].map(([from, to]) => {
    const all = sized.filter(m => m.code > from && m.code <= to);
    // Spread over the whole group.
    const step = Math.max(1, Math.floor(all.reduce((sum, m) => sum + m.code, 0) / GROUP));
    return all.filter((_, i) => i % step === 0);
  });
  const costs = [];
  for (const group of groups.filter(g => g.length > 0)) {
    const files = group.map(m => m.file);
    const args = ['check', ...files, '--kernel', index, '--modules', folder, '-j', '1', '--allow-unproved', '--quiet'];
    const times = [[], []];
    for (let i = 0; i < 3; i++)
      for (const which of [0, 1]) {
        const { seconds, code } = await run(tocsin, which === 0 ? args : [...args, '--no-proof']);
        if (code !== 0) throw new Error(`tocsin check: exit code ${code}`);
        times[which].push(seconds);
      }
    const bytes = group.reduce((sum, m) => sum + m.code, 0);
    const cost = ((median(times[0]) - median(times[1])) * 1e9) / bytes;
    costs.push(cost);
    console.log(
      `  proof of ${files.length} modules, ${(bytes / files.length / 1e3).toFixed(0)} KB of code each: ${cost.toFixed(0)} µs a KB`,
    );
  }
  const ratio = costs.at(-1) / costs[0];
  console.log(`growth of the proof with size: ratio ${ratio.toFixed(2)} (limit 2) ${ratio <= 2 ? 'ok' : 'OVER'}`);
  return ratio <= 2;
}

/** The largest module of each kernel that the lab has, the first one's among `modules`; objcopy cannot read compressed ones. */
function largestModules(modules) {
  const size = file => statSync(file).size;
  const largest = files => files.reduce((a, b) => (size(a) >= size(b) ? a : b));
  const found = [{ file: largest(modules), kernel: 'bookworm' }];
  for (const kernel of ['trixie', 'sid']) {
    const folder = join(cache, kernel, 'usr/lib/modules');
    if (!existsSync(folder)) {
      console.log(`the largest module of ${kernel} is left out: no kernel in ${folder}; "npm run test:lab" fetches it`);
      continue;
    }
    const file = join(scratch, `${kernel}.ko`);
    const { status, stdout } = spawnSync('xz', ['-dc', largest(modulesBelow(folder))], { maxBuffer: 1 << 28 });
    if (status !== 0) throw new Error(`xz: exit code ${status}`);
    writeFileSync(file, stdout);
    found.push({ file, kernel });
  }
  return found.map(({ file, kernel }) => ({
    file,
    title: `the largest module of ${kernel} (${(size(file) / 1e6).toFixed(1)} MB)`,
  }));
}

const has = command => spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;

// depmod is in sbin, which is not in everybody's PATH.
process.env.PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;

// Node reads these certificates whenever it starts, for a program that may never open a connection. Where a machine sets the
// variable, as some behind a proxy do, that takes longer than starting Node, and would be all that is measured of short runs.
delete process.env.NODE_EXTRA_CA_CERTS;

const node = process.execPath;
const scratch = mkdtempSync(join(tmpdir(), 'tocsin-bench-'));
const held = [];
try {
  held.push(await compare('tocsin --version against node -e 0', 1.3, [tocsin, ['--version']], [node, ['-e', '0']]));
  const sample = join(root, 'samples/6.1/tocsin_demo.ko');
  held.push(
    await compare('tocsin scan of one sample against node -e 0', 2.2, [tocsin, ['scan', sample]], [node, ['-e', '0']]),
  );

  const kernel = join(cache, 'bookworm');
  if (!existsSync(join(kernel, 'lib/modules')))
    console.log(`the rest is left out: no kernel in ${kernel}; "npm run test:lab" fetches it`);
  else if (!has(`${CROSS}readelf`))
    console.log(`the rest is left out: ${CROSS}readelf is missing; apt-get install binutils-powerpc64le-linux-gnu`);
  else {
    const modules = modulesBelow(join(kernel, 'lib/modules'));
    const folder = join(kernel, 'lib/modules');
    held.push(
      await compare(
        `tocsin scan --summary of ${modules.length} modules against cat`,
        1.5,
        [tocsin, ['scan', '--summary', folder]],
        ['cat', modules],
        250e6,
      ),
    );
    const vmlinux = readdirSync(join(kernel, 'boot')).find(name => name.startsWith('vmlinux-'));
    const image = join(kernel, 'boot', vmlinux);
    held.push(
      await compare(
        'tocsin scan --summary of vmlinux against readelf -sW',
        3,
        [tocsin, ['scan', '--summary', image]],
        [`${CROSS}readelf`, ['-sW', image]],
      ),
    );
    const { index, symvers } = makeIndex(kernel, image);
    held.push(
      await compare(
        'tocsin check --no-proof of one sample against node -e 0',
        3,
        [tocsin, ['check', sample, '--kernel', index, '--no-proof']],
        [node, ['-e', '0']],
      ),
    );
    if (!has('depmod')) console.log('check of all modules is left out: depmod is missing; apt-get install kmod');
    else {
      // -e and -E resolve every import and compare no more than names; -n writes nothing.
      const depmod = ['depmod', ['-b', kernel, '-e', '-E', symvers, '-n', vmlinux.slice('vmlinux-'.length)]];
      held.push(
        await compare(
          `tocsin check --no-proof --no-signatures of ${modules.length} modules against depmod -e`,
          1,
          [tocsin, ['check', folder, '--kernel', index, '--no-proof', '--no-signatures']],
          depmod,
          400e6,
        ),
      );
      // A handful of functions of this kernel are unknown, and would make it fail.
      held.push(
        await compare(
          `tocsin check --no-signatures with the proof of all functions of ${modules.length} modules against depmod -e`,
          6,
          [tocsin, ['check', folder, '--kernel', index, '--allow-unproved', '--no-signatures']],
          depmod,
          1e9,
        ),
      );
    }
    held.push(await growth(modules, folder, index));
    await measureBare();
    for (const { file, title } of largestModules(modules)) {
      // Taken again with a section added, as patching adds one.
      const added = join(scratch, 'added');
      writeFileSync(added, 'x');
      const copied = join(scratch, 'copied.ko');
      const patch = [tocsin, ['patch', file, '--nop', '*', '-o', join(scratch, 'patched.ko')]];
      for (const [tool, args] of [
        ['objcopy', []],
        ['objcopy --add-section', ['--add-section', `.tocsin=${added}`]],
      ])
        held.push(
          await compare(
            `tocsin patch of every site of ${title} against ${tool}`,
            2,
            patch,
            [`${CROSS}objcopy`, [...args, file, copied]],
            10 * statSync(file).size,
            true,
          ),
        );
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`${held.filter(Boolean).length} of ${held.length} within their limits`);
