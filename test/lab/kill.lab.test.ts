// A killed `tocsin patch` leaves the old output or the new one, never a part of it.

import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { kernel, samplesFolder } from './harness/harness.ts';
import { figure, randomNumbers } from './support/lab.ts';
import { tocsinProgram } from './support/programs.ts';

/** Kills at any moment of the run. */
const KILLS = 200;
/** Kills at any moment while the temporary file is there. */
const KILLS_WHILE_WRITING = 50;

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-kill-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The kernel's largest module that is not compressed. */
function largestModule(): string {
  return kernel('6.1').modules.reduce((a, b) => (statSync(b).size > statSync(a).size ? b : a));
}

const folder = join(scratch, 'out');
const target = join(folder, 'out.ko');
const old = join(samplesFolder, '6.1', 'tocsin_demo.ko');

interface Ended {
  /** The signal that ended the run, if one did. */
  readonly signal: NodeJS.Signals | null;
  readonly status: number | null;
  readonly milliseconds: number;
}

/** Runs the patch; `killer` may end it. */
async function patch(module: string, killer?: (kill: () => void) => Promise<void>): Promise<Ended> {
  const started = performance.now();
  const args = [tocsinProgram[1], 'patch', module, '-o', target, '--nop', '*', '--quiet'];
  const child = spawn(tocsinProgram[0], args, { stdio: 'ignore' });
  const ended = new Promise<Ended>((done, failed) => {
    child.on('error', failed);
    child.on('exit', (status, signal) => done({ status, signal, milliseconds: performance.now() - started }));
  });
  await Promise.race([killer?.(() => child.kill('SIGKILL')), ended].filter(Boolean));
  return ended;
}

const strays = () => readdirSync(folder).filter(name => name !== 'out.ko');

interface Tally {
  old: number;
  absent: number;
  new: number;
  partial: number;
  strays: number;
}

it('leaves the old output or the new one, and nothing that the next run does not clean up', async () => {
  const module = largestModule();
  mkdirSync(folder);
  await patch(module);
  const whole = await patch(module);
  expect([whole.status, strays()]).toEqual([0, []]);
  const expected = readFileSync(target);
  const before = readFileSync(old);
  expect(expected.equals(before)).toBe(false);

  const random = randomNumbers(20_260_101);
  const tally: Tally = { old: 0, absent: 0, new: 0, partial: 0, strays: 0 };
  const once = async (n: number, killer: (kill: () => void) => Promise<void>) => {
    const replaces = n % 2 === 0;
    rmSync(target, { force: true });
    if (replaces) copyFileSync(old, target);
    const known = strays().length;
    const ended = await patch(module, killer);
    tally[outcome(replaces, expected, before)]++;
    // Without a kill the run came to its end, and must have written its output.
    if (ended.signal === null) expect([ended.status, readFileSync(target).equals(expected)]).toEqual([0, true]);
    if (strays().length > known) tally.strays++;
    if (n % 25 === 24) await expectCleanUp(module, expected);
  };
  for (let n = 0; n < KILLS; n++) {
    const moment = ((random() % 1_000_000) / 1_000_000) * whole.milliseconds * 1.05;
    await once(n, async kill => {
      await sleep(moment);
      kill();
    });
  }
  figure('kill: at random moments of a run', `${KILLS} (a whole run takes ${Math.round(whole.milliseconds)} ms)`);
  for (let n = 0; n < KILLS_WHILE_WRITING; n++) {
    const delay = random() % 60;
    await once(n, async kill => {
      await temporaryAppears();
      await sleep(delay);
      kill();
    });
  }
  await expectCleanUp(module, expected);
  figure('kill: more while the temporary file was there', KILLS_WHILE_WRITING);
  figure(
    'kill: outcomes',
    `${tally.old} old, ${tally.absent} absent, ${tally.new} new, ${tally.partial} partial; ${tally.strays} left a temporary file`,
  );
  expect(tally.partial).toBe(0);
  // The kills have met all that they were to meet.
  expect(Math.min(tally.old, tally.absent, tally.new, tally.strays)).toBeGreaterThan(0);
});

function outcome(replaces: boolean, expected: Buffer, before: Buffer): keyof Tally {
  let found: Buffer;
  try {
    found = readFileSync(target);
  } catch {
    // Had there been a file, it must not be gone.
    return replaces ? 'partial' : 'absent';
  }
  if (found.equals(expected)) return 'new';
  return replaces && found.equals(before) ? 'old' : 'partial';
}

/** The next run that is left alone writes the output and removes what killed ones left. */
async function expectCleanUp(module: string, expected: Buffer): Promise<void> {
  const ended = await patch(module);
  expect(ended.status).toBe(0);
  expect(strays()).toEqual([]);
  expect(readFileSync(target).equals(expected)).toBe(true);
}

/** Resolves when a new temporary file is made. */
function temporaryAppears(): Promise<void> {
  const known = new Set(strays());
  return new Promise(done => {
    const watcher = watch(folder, (_event, name) => {
      if (name === null || name === 'out.ko' || known.has(name) || !name.endsWith('.tmp')) return;
      watcher.close();
      done();
    });
    // A run that ends without one must not wait for ever.
    setTimeout(() => {
      watcher.close();
      done();
    }, 20_000).unref();
  });
}
