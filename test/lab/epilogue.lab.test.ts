// Copies of functions that keep the r2 of whoever enters them: of all functions of the canary's module of replacements, exported, found
// by the kernels' own bisection, imported by checksum, and run from every side. And, of stock modules, how many functions get one.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { PlannedEpilogue } from '../../src/plan/plan.ts';
import type { PatchDocument } from '../../src/report/patch/document.ts';
import { runMachine } from './boot/machine.ts';
import { canaryCounts, loadModules, prelude, runCanary, troubles } from './boot/scripts.ts';
import { GENERATIONS, kernel, labModules } from './harness/harness.ts';
import { COLUMNS, TRACED } from './matrix/columns.ts';
import { figure, full } from './support/lab.ts';
import { tocsin, tocsinDone } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-epilogue-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const CALLS = full ? 100_000 : 2000;
/** Behind a frame: arguments on the stack would be hidden by it, whatever the copy does. */
const FUNCTIONS = ['add', 'leaf', 'eight', 'pair', 'recurse', 'ping', 'pong'] as const;

describe.each(GENERATIONS)('copies with an epilogue, kernel %s', generation => {
  it('are found, imported by checksum and right from every side', async () => {
    const { canary, canaryExt, canaryFix, symvers } = labModules(generation);
    const [fix, home] = [join(scratch, `${generation}-canary_fix.ko`), join(scratch, `${generation}-canary.ko`)];
    const made = await tocsin('patch', canaryFix, '-o', fix, '--epilogue', 'fix_*', '--format', 'json');
    expect([made.status, made.stderr]).toEqual([0, '']);
    const document = JSON.parse(made.stdout) as PatchDocument;
    const copies = document.actions.filter((a): a is PlannedEpilogue => a.kind === 'epilogue');
    expect(document.proof?.verdict).toBe('proved');
    const versions = join(scratch, `${generation}.symvers`);
    const lines = copies.map(
      c => `0x${c.crc.toString(16).padStart(8, '0')}\t${c.symbol}\tcanary_fix\tEXPORT_SYMBOL_GPL\t\n`,
    );
    writeFileSync(versions, lines.join(''));
    const redirects = FUNCTIONS.flatMap(f => ['--redirect', `home_${f}=__tocsin_epilogue_fix_${f}`]);
    const known = ['--symvers', versions, '--symvers', symvers, '--symvers', kernel(generation).symvers];
    await tocsinDone('patch', canary, '-o', home, ...redirects, '--strategy', 'frame', ...known, '--quiet');
    await tocsinDone('revert', fix, '-o', join(scratch, 'back.ko'), '--force', '--quiet');
    expect(readFileSync(join(scratch, 'back.ko')).equals(readFileSync(canaryFix))).toBe(true);
    const names = new Set<string>(FUNCTIONS.map(f => `home_${f}`));
    const columns = COLUMNS.filter(c => c.name !== TRACED && c.functions.every(f => names.has(f)));
    const runs = new Map(columns.flatMap(c => c.runs).map(r => [`${r.module}.${r.target}.${r.path}`, r]));
    const { exitStatus, found, said } = await runMachine(`epilogue-${generation}`, {
      generation,
      timeoutSeconds: 900,
      files: [fix, home, canaryExt],
      script: [
        prelude(),
        // Without the module that exports them the copies are unknown.
        `insmod /files/${generation}-canary.ko 2>/dev/null; result early $?\n`,
        'dmesg -c > /dev/null\n',
        loadModules([`${generation}-canary_fix.ko`, `${generation}-canary.ko`, 'canary_ext.ko']),
        ...[...runs.values()].map(r => runCanary(r.module, r.target, r.path, Math.ceil(CALLS / r.entries))),
        troubles(),
      ].join(''),
    });
    expect([exitStatus, found.get('troubles')], said).toEqual([0, '0']);
    expect(found.get('early')).not.toBe('0');
    let entries = 0;
    for (const [name, { entries: each }] of runs) {
      const counts = canaryCounts(found.get(`canary.${name}`));
      const lost = counts.r1 + counts.r2 + counts.lr + counts.nonvolatile + counts.cr;
      expect([name, counts.calls > 0, counts.replaced, lost]).toEqual([name, true, counts.calls, 0]);
      entries += counts.calls * each;
    }
    figure(`epilogue ${kernel(generation).release}: copies of the canary's replacements`, copies.length);
    figure(`epilogue ${kernel(generation).release}: entries of copies, nothing lost`, entries);
  });
});
