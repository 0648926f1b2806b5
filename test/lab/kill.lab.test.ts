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
/** Kills aimed at each of the late steps, when the temporary file is seen to have got there. */
const KILLS_AIMED = 12;

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

/**
 * How far a run had come that was killed, as its temporary file shows: none yet (node starts, the module is read); empty (plan); written
 * in part; whole but without the hash of the input, which comes last (read back); whole (judged and flushed); renamed.
 */
const STEPS = ['start', 'plan', 'write', 'read back', 'judge and flush', 'renamed'] as const;
type Step = (typeof STEPS)[number];

function stepOf(temporary: string | undefined, found: keyof Tally, expected: Buffer): Step {
  if (found === 'new') return 'renamed';
  if (temporary === undefined) return 'start';
  const bytes = readFileSync(join(folder, temporary));
  if (bytes.length === 0) return 'plan';
  if (bytes.length < expected.length) return 'write';
  return bytes.equals(expected) ? 'judge and flush' : 'read back';
}

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
  const steps = new Map<Step, number>(STEPS.map(step => [step, 0]));
  const once = async (n: number, killer: (kill: () => void) => Promise<void>) => {
    const replaces = n % 2 === 0;
    rmSync(target, { force: true });
    if (replaces) copyFileSync(old, target);
    const known = strays();
    const ended = await patch(module, killer);
    const found = outcome(replaces, expected, before);
    tally[found]++;
    const left = strays().filter(name => !known.includes(name));
    if (ended.signal !== null) {
      const step = stepOf(left[0], found, expected);
      steps.set(step, steps.get(step)! + 1);
    }
    // Without a kill the run came to its end, and must have written its output.
    if (ended.signal === null) expect([ended.status, readFileSync(target).equals(expected)]).toEqual([0, true]);
    if (left.length > 0) tally.strays++;
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
  for (let n = 0; n < KILLS_AIMED * AIMS.length; n++)
    await once(n, async kill => {
      await temporaryIs(AIMS[n % AIMS.length]!(expected.length));
      await sleep(random() % 12);
      kill();
    });
  await expectCleanUp(module, expected);
  figure('kill: more while the temporary file was there', KILLS_WHILE_WRITING);
  figure('kill: aimed at late steps', KILLS_AIMED * AIMS.length);
  figure('kill: steps', STEPS.map(step => `${steps.get(step)} ${step}`).join(', '));
  figure(
    'kill: outcomes',
    `${tally.old} old, ${tally.absent} absent, ${tally.new} new, ${tally.partial} partial; ${tally.strays} left a temporary file`,
  );
  expect(tally.partial).toBe(0);
  // The kills have met all that they were to meet.
  expect(Math.min(tally.old, tally.absent, tally.new, tally.strays)).toBeGreaterThan(0);
  // A write into memory takes few milliseconds: no kill need land in the middle of it.
  for (const step of STEPS) if (step !== 'write') expect(steps.get(step), step).toBeGreaterThan(2);
});

/** What a temporary file of `size` bytes in the end has to be like, from its length so far; behind -1, that it is there. */
const AIMS: readonly ((size: number) => (length: number) => boolean)[] = [
  () => length => length > 0,
  size => length => length >= size,
  // Renamed, or about to be: the name is gone.
  () => length => length < 0,
];

/** Resolves when a temporary file that was not there before is seen to be so. */
async function temporaryIs(isReached: (length: number) => boolean): Promise<void> {
  const known = new Set(strays());
  const deadline = performance.now() + 20_000;
  let seen: string | undefined;
  while (performance.now() < deadline) {
    seen ??= strays().find(name => !known.has(name));
    if (seen !== undefined && isReached(lengthOf(join(folder, seen)))) return;
    await new Promise(setImmediate);
  }
}

/** Bytes; -1 where there is no file. */
function lengthOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? -1;
}

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
