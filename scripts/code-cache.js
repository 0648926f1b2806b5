// Leaves V8's data about the bundles that commands start with beside them (bin/tocsin.js reads it): each bundle does
// its plainest work once, so that what it needs is compiled, and is asked then.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const sample = `${root}samples/6.1/tocsin_demo.ko`;
const kernel = `${root}samples/6.1/kernel`;

const RUN = `
const { writeFileSync } = require('node:fs');
const [loader, dist, first, ...args] = process.argv.slice(1);
const { loadBundle, loaded } = require(loader);
loadBundle(first, '/dev/null').exports.start(args).then(() => {
  for (const [name, { cache }] of loaded) writeFileSync(dist + name + '.cache', cache());
});
`;

/** For the bundles in dist/. A cache that cannot be made is left out: everything works without. */
export default function makeCodeCache() {
  const scratch = mkdtempSync(join(tmpdir(), 'tocsin-build-'));
  try {
    const index = join(scratch, 'index');
    const pieces = ['--system-map', `${kernel}/System.map`, '--symvers', `${kernel}/Module.symvers`];
    node([
      `${root}bin/tocsin.js`,
      'kernel',
      ...pieces,
      '--config',
      `${kernel}/config`,
      '--module',
      sample,
      '-o',
      index,
    ]);
    const runs = {
      'start-scan': ['scan', sample],
      'start-patch': ['patch', sample, '-o', join(scratch, 'out.ko'), '--nop', '*'],
      'start-nops': ['patch', sample, '-o', join(scratch, 'nops.ko'), '--nop', '*'],
      'start-check': ['check', sample, '--kernel', index],
    };
    for (const [name, args] of Object.entries(runs))
      node(['-e', RUN, '--', `${root}bin/tocsin.js`, `${root}dist/`, name, ...args]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function node(args) {
  const done = spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  if (done.status !== 0) console.error(`no code cache: ${done.stderr}`);
}
