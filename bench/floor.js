// node bench/floor.js MODULE: what a patch of MODULE costs in Node before anything of it is tocsin's, part by part.
//
// Each part is measured in a process of its own, five times after once to warm up; the median counts. What can go on in other threads
// beside the part in front of it is marked. The sum of the others is a floor under `tocsin patch MODULE --nop '*'` on two cores.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const RUNS = 5;
const file = process.argv[2];
if (file === undefined) throw new Error('give a module');
// As in run.js.
delete process.env.NODE_EXTRA_CA_CERTS;
const scratch = mkdtempSync(join(tmpdir(), 'tocsin-floor-'));

const BEFORE = `
const fs = require('fs');
const [file, scratch] = process.argv.slice(1);
const staged = scratch + '/staged', target = scratch + '/target';
const memory = new Uint8Array(new WebAssembly.Memory({ initial: 1024 }).buffer);
let started;
const start = () => { started = process.hrtime.bigint(); };
const end = () => { fs.writeSync(1, String(process.hrtime.bigint() - started)); };
const { size } = fs.statSync(file);
const input = () => fs.readSync(fs.openSync(file), memory, 0, size, 0);
const write = () => { const fd = fs.openSync(staged, 'w+'); fs.writeSync(fd, memory, 0, size, 0); return fd; };
`;

/** Title, code, and whether other threads can do it meanwhile. */
const PARTS = [
  ['load node:crypto and node:v8', "start(); require('crypto'); require('v8'); end();"],
  ['read the module into fresh memory', 'start(); input(); end();', true],
  [
    'SHA-256 of it, for the note',
    "const { createHash } = require('crypto'); input(); start(); createHash('sha256').update(memory.subarray(0, size)).digest(); end();",
  ],
  ['read it once more, for the judge', 'start(); input(); end();', true],
  ['write the output', 'input(); start(); write(); end();', true],
  ['read it back', 'input(); const fd = write(); start(); fs.readSync(fd, memory, 0, size, 0); end();', true],
  ['flush it', 'input(); const fd = write(); start(); fs.fsyncSync(fd); end();', true],
  [
    'compare every byte once',
    'input(); memory.copyWithin(size, 0, size); start(); Buffer.compare(memory.subarray(0, size), memory.subarray(size, 2 * size)); end();',
  ],
  [
    'put it into the place of an older output, and flush the folder',
    `input(); fs.fsyncSync(write()); fs.copyFileSync(staged, target);
start(); fs.renameSync(staged, target); fs.fsyncSync(fs.openSync(scratch)); end();`,
  ],
];

const median = values => [...values].sort((a, b) => a - b)[values.length >> 1];

function milliseconds(run) {
  run();
  return median(Array.from({ length: RUNS }, run));
}

function inside(code) {
  const done = spawnSync(process.execPath, ['-e', BEFORE + code, '--', file, scratch], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stderr);
  return Number(done.stdout) / 1e6;
}

function whole(code) {
  const started = process.hrtime.bigint();
  spawnSync(process.execPath, ['-e', code, '--', file, scratch], { stdio: 'ignore' });
  return Number(process.hrtime.bigint() - started) / 1e6;
}

let sum = 0;
function tell(title, time, isBeside = false) {
  if (!isBeside) sum += time;
  console.log(`${time.toFixed(1).padStart(6)} ms  ${title}${isBeside ? ' (beside others)' : ''}`);
}

try {
  copyFileSync(file, join(scratch, 'target'));
  const empty = milliseconds(() => whole('0'));
  tell('start Node, and end it', empty);
  for (const [title, code, isBeside] of PARTS)
    tell(
      title,
      milliseconds(() => inside(code)),
      isBeside,
    );
  const touch =
    'const b = new Uint8Array(new WebAssembly.Memory({ initial: 500 }).buffer); for (let i = 0; i < b.length; i += 4096) b[i] = 1;';
  const before = milliseconds(() => inside(`start(); ${touch} end();`));
  tell('give the memory back at the end', Math.max(0, milliseconds(() => whole(touch)) - empty - before));
  console.log(`${sum.toFixed(1).padStart(6)} ms  together, one after the other`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
