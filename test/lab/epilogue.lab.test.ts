// Copies of functions that keep the r2 of whoever enters them: of all functions of the canary's module of replacements, exported, found
// by the kernels' own bisection, imported by checksum, and run from every side: by `frame`, and by `epilogue`, which goes to them without a
// frame. What `epilogue` refuses is written all the same, and r2 is lost.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readElf } from '../../src/elf/read.ts';
import { functionsOf } from '../../src/kernel/functions.ts';
import type { PlannedEpilogue } from '../../src/plan/plan.ts';
import type { PatchDocument } from '../../src/report/patch/document.ts';
import { clean, runMachine } from './boot/machine.ts';
import { canaryCounts, loadModules, prelude, runCanary, troubles, unloadModules } from './boot/scripts.ts';
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

  it('are gone on in without a frame where they are proved, and lose r2 where they are not', async () => {
    const of = kernel(generation);
    const { canary, canaryExt, canaryFix } = labModules(generation);
    const name = (part: string) => join(scratch, `${generation}-${part}.ko`);
    const [fix, home, bad, forced] = [name('fix'), name('home'), name('bad'), name('forced')];
    await tocsinDone('patch', canaryFix, '-o', fix, '--epilogue', 'fix_*', '--quiet');
    const asked = ['--redirect', 'home_add=fix_add', '--strategy', 'epilogue', '--quiet'];
    await tocsinDone('patch', canary, '-o', home, ...asked, '--at', 'site', '--modules', fix);
    const check = (...files: readonly string[]) =>
      tocsin('check', ...files, '--kernel', of.vmlinux, '--no-signatures', '--format', 'ndjson');
    const told = (await check(home, fix, canaryExt)).stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    expect(told.map(t => t.loads)).toEqual([true, true, true]);
    // Of what the canary has by hand, not all is proved.
    const unproved = told.flatMap(t => t.findings).map(f => f.function);
    expect(unproved.filter(f => f === 'home_add' || /__tocsin/.test(f))).toEqual([]);
    expect((await check(home)).stdout).toContain('SYM301');
    // A copy that does not bring r2 back, with the checksum of the good one.
    const bytes = readFileSync(fix);
    const elf = readElf(bytes);
    const copy = functionsOf(elf).find(f => f.name === '__tocsin_epilogue_fix_add')!;
    const start = copy.section.sh_offset + copy.global;
    for (let at = start; at < start + copy.size; at += 4)
      if (bytes.readUInt32LE(at) === 0xe841fff8) bytes.writeUInt32LE(0x60000000, at);
    writeFileSync(bad, bytes);
    const no = await tocsin('patch', canary, '-o', forced, ...asked, '--modules', bad);
    expect([no.status, /\[(\w+)\]/.exec(no.stderr)?.[1]]).toEqual([1, 'PRV014']);
    await tocsinDone('patch', canary, '-o', forced, ...asked, '--modules', bad, '--allow-unproved');
    const worse = await check(forced, bad);
    expect([worse.status, worse.stdout.includes('PRV014')]).toEqual([1, true]);
    const runs = (label: string) =>
      [
        runCanary('canary', 'add', 'local', 1000, label),
        runCanary('canary', 'sibling', 'local', 1000, label),
        runCanary('canary_ext', 'sibling', 'external', 1000, label),
      ].join('');
    const { exitStatus, found, said } = await runMachine(`epilogue-forced-${generation}`, {
      generation,
      timeoutSeconds: 900,
      files: [fix, home, bad, forced, canaryExt],
      script: [
        prelude(),
        loadModules([fix, home, canaryExt].map(f => basename(f))),
        runs('good'),
        unloadModules(['canary_ext', 'canary', 'canary_fix']),
        loadModules([bad, forced, canaryExt].map(f => basename(f))),
        runs('forced'),
        troubles(),
      ].join(''),
    });
    expect([exitStatus, found.get('troubles')], said).toEqual([0, '0']);
    const counts = (run: string) => canaryCounts(found.get(`canary.${run}`));
    for (const run of ['canary.add.local', 'canary.sibling.local', 'canary_ext.sibling.external'])
      expect([run, counts(`${run}.good`)]).toEqual([run, clean(1000, 'replaced')]);
    expect(counts('canary.add.local.forced').r2).toBe(1000);
    expect(counts('canary.sibling.local.forced').r2).toBe(1000);
    figure(`epilogue ${of.release}: calls that lost r2 where an unproved copy was forced, of 2,000`, 2000);
  });
});
