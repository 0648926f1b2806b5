// npm run demo: scan, check, patch, diff and revert of a sample module, each command shown before its output.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'tocsin-demo-'));
const sample = 'samples/6.1/tocsin_demo.ko';

/** Runs tocsin, with OUT in its arguments standing for the scratch folder. Ends with another exit code than `expected`. */
function tocsin(expected, ...args) {
  console.log(`\n$ tocsin ${args.join(' ')}`);
  const paths = args.map(a => a.replace('OUT', folder));
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'bin/tocsin.js'), ...paths], {
    cwd: root,
    encoding: 'utf8',
  });
  process.stdout.write(`${stdout}${stderr}`.replaceAll(folder, 'OUT'));
  if (status === expected) return;
  console.error(`exit code ${status}, expected ${expected}`);
  process.exitCode = 1;
}

try {
  tocsin(0, 'scan', sample);
  tocsin(
    0,
    'kernel',
    '--system-map',
    'samples/6.1/kernel/System.map',
    '--symvers',
    'samples/6.1/kernel/Module.symvers',
    '--config',
    'samples/6.1/kernel/config',
    '--module',
    sample,
    '-o',
    'OUT/kernel.index',
  );
  tocsin(0, 'check', sample, 'samples/6.1/tocsin_fix.ko', '--kernel', 'OUT/kernel.index', '--verbose');
  tocsin(
    0,
    'patch',
    sample,
    '-o',
    'OUT/patched.ko',
    '--nop',
    'demo_alarm',
    '--redirect',
    'demo_in_range=fix_in_range',
    '--symvers',
    'samples/6.1/Module.symvers',
  );
  tocsin(0, 'check', 'OUT/patched.ko', 'samples/6.1/tocsin_fix.ko', '--kernel', 'OUT/kernel.index', '--verbose');
  tocsin(1, 'diff', sample, 'OUT/patched.ko');
  tocsin(0, 'revert', 'OUT/patched.ko', '-o', 'OUT/reverted.ko');
  const same = readFileSync(join(folder, 'reverted.ko')).equals(readFileSync(join(root, sample)));
  console.log(`\nthe reverted file ${same ? 'is the original, bit for bit' : 'DIFFERS from the original'}`);
  if (!same) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
