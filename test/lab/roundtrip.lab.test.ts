// Nothing is lost: a rewrite that changes nothing gives the same bytes, and a patch can be undone bit for bit.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { crossCheck } from '../../src/cross-check/elf-tools.ts';
import { ElfEditor } from '../../src/elf/editor.ts';
import { layOut } from '../../src/elf/layout.ts';
import { type ElfFile, readElf } from '../../src/elf/read.ts';
import { readObject } from '../../src/io/read.ts';
import { applyPlan } from '../../src/rewrite/apply.ts';
import { makePlan } from '../../src/rewrite/plan.ts';
import { revert } from '../../src/rewrite/revert.ts';
import { summarize } from '../../src/sites/scan.ts';
import { verifyPatched } from '../../src/verify/verify.ts';
import { Quick, TOOL } from '../unit/rewrite/support/quick.ts';
import { GENERATIONS, kernel } from './harness/harness.ts';
import { figure, full, some, spread } from './support/lab.ts';
import { type PlainModule, plainModulesOf } from './support/plain.ts';
import { runProgram, tocsinDone } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-roundtrip-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Modules that have call sites, spread evenly over all that there are. */
function withSites(modules: readonly PlainModule[], count: number): readonly PlainModule[] {
  const traced = modules.filter(m => summarize(readElf(readFileSync(m.plain))).counts.callSites > 0);
  return full && count >= 300 ? traced : spread(traced, count);
}

/** The input with every call site taken out, as the library makes it; null where it is as it should be. */
async function patchAll(elf: ElfFile, bytes: Uint8Array, complain: (what: string) => void): Promise<Uint8Array> {
  const plan = makePlan(elf, { nops: ['*'], redirects: [] });
  const patched = applyPlan(elf, plan, { toolVersion: 'lab' }).bytes;
  const verdict = verifyPatched({ elf, bytes }, patched, plan);
  if (!verdict.ok) complain(`not verified: ${verdict.findings.map(f => `${f.code} ${f.message}`).slice(0, 3)}`);
  const second = await crossCheck(patched);
  if (!second.agreed) complain(`the second reader does not agree: ${second.differences.slice(0, 3)}`);
  const after = summarize(readElf(patched));
  if (after.counts.callSites !== 0) complain(`${after.counts.callSites} call sites are left`);
  if (after.strayRecords !== 0) complain(`${after.strayRecords} records without a site are left`);
  if (!same(bytes, revert(patched).original)) complain('revert does not give the input back');
  return patched;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** readelf's warnings about each file, with the name of the file left out. */
async function warnings(files: readonly string[]): Promise<readonly string[]> {
  const { stderr } = await runProgram('powerpc64le-linux-gnu-readelf', ['-aW', ...files]);
  return stderr
    .split('\n')
    .filter(line => line !== '')
    .map(line => files.reduce((text, file) => text.replaceAll(file, basename(file)), line));
}

describe.each(GENERATIONS)('round trips, kernel %s', generation => {
  const of = kernel(generation);

  it('rewrites every module to the same bytes when nothing changes', async () => {
    const complaints: string[] = [];
    const modules = plainModulesOf(of);
    let total = 0;
    for (const { plain } of modules) {
      const bytes = readFileSync(plain);
      total += bytes.length;
      if (!same(bytes, layOut(new ElfEditor(readElf(bytes))).bytes)) complaints.push(plain);
    }
    expect(some(complaints)).toEqual([]);
    figure(`no-op rewrite ${of.release}: modules that stay the same to the byte`, modules.length);
    figure(`no-op rewrite ${of.release}: bytes in them`, total);
  });

  it('expands modules as xz does', async () => {
    const modules = full ? plainModulesOf(of) : spread(plainModulesOf(of), 300);
    const complaints: string[] = [];
    for (const { packed, plain } of modules)
      if (!same((await readObject(packed)).bytes, readFileSync(plain))) complaints.push(packed);
    expect(some(complaints)).toEqual([]);
  });

  it('patches every call site away and back again', async () => {
    const modules = withSites(plainModulesOf(of), 300);
    const complaints: string[] = [];
    const folder = join(scratch, generation);
    mkdirSync(folder);
    const pairs: (readonly [original: string, patched: string])[] = [];
    let sites = 0;
    for (const [at, { plain }] of modules.entries()) {
      const bytes = readFileSync(plain);
      const elf = readElf(bytes);
      sites += summarize(elf).counts.callSites;
      const patched = await patchAll(elf, bytes, what => complaints.push(`${plain}: ${what}`));
      const kept = join(folder, String(at), basename(plain));
      mkdirSync(join(folder, String(at)));
      writeFileSync(kept, patched);
      pairs.push([plain, kept]);
    }
    expect(some(complaints)).toEqual([]);
    expect(modules.length).toBeGreaterThanOrEqual(300);
    const before = await warnings(pairs.map(([original]) => original));
    expect(await warnings(pairs.map(([, patched]) => patched))).toEqual(before);
    figure(`patch and revert ${of.release}: modules`, modules.length);
    figure(`patch and revert ${of.release}: call sites taken out`, sites);
  });

  it('takes call sites out the quick way to the same bytes, with the same counts', () => {
    const modules = withSites(plainModulesOf(of), 300);
    const complaints: string[] = [];
    const left: string[] = [];
    for (const { plain } of modules) {
      const bytes = readFileSync(plain);
      const elf = readElf(bytes);
      const quick = new Quick(bytes);
      const made = quick.take();
      const judged = made && quick.judge(made.plan.table, made.output);
      if (made === undefined || judged === undefined) {
        left.push(basename(plain));
        continue;
      }
      const plan = makePlan(elf, { nops: ['*'], redirects: [] });
      const { bytes: patched } = applyPlan(elf, plan, { toolVersion: TOOL });
      if (!same(made.output, patched)) complaints.push(`${plain}: other bytes`);
      if (`${made.plan.warnings}` !== `${plan.warnings}`) complaints.push(`${plain}: other warnings`);
      const { checks, compared, relocations } = verifyPatched({ elf, bytes }, patched, plan);
      const { checked, undecided } = relocations;
      const wanted = { checks: checks.map(c => c.name), compared, relocations: { checked, undecided } };
      if (!isDeepStrictEqual(judged, wanted)) complaints.push(`${plain}: other counts`);
    }
    expect(some(complaints)).toEqual([]);
    // Much of it is assembly, and not laid out as compilers do.
    expect(left.filter(name => name !== 'kvm.ko')).toEqual([]);
    figure(`quick patch ${of.release}: modules that become the same to the byte`, modules.length - left.length);
  });

  it('does the same from the command line', async () => {
    const modules = withSites(plainModulesOf(of), 20);
    const patched = join(scratch, `patched-${generation}`);
    const restored = join(scratch, `restored-${generation}`);
    for (const { packed, plain } of modules) {
      await tocsinDone('patch', packed, '-o', patched, '--nop', '*', '--quiet');
      expect((await readObject(patched)).form).toBe(packed.endsWith('.xz') ? 'xz' : 'plain');
      await tocsinDone('revert', patched, '-o', restored, '--quiet');
      expect(same((await readObject(restored)).bytes, readFileSync(plain)), packed).toBe(true);
    }
    figure(`patch and revert ${of.release}: modules from the command line`, modules.length);
  });
});
