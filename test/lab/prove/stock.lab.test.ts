// The proof of what Debian ships: no function of a stock module or kernel may be called wrong, and nearly all are proved.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { buildKernel } from '../../../src/kernel/knowledge/build.ts';
import { encodeIndex } from '../../../src/kernel/knowledge/store.ts';
import type { CheckDocument } from '../../../src/report/check/document.ts';
import { GENERATIONS, type Generation, kernel } from '../harness/harness.ts';
import { figure, sample, some } from '../support/lab.ts';
import { plainModulesOf } from '../support/plain.ts';
import { tocsinProgram } from '../support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-proof-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** One in so many modules, where not all are looked at. */
const ONE_IN = 20;

function check(args: readonly string[]): CheckDocument[] {
  const done = spawnSync(tocsinProgram[0], [tocsinProgram[1], 'check', '--format', 'ndjson', ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  if (done.error !== undefined) throw done.error;
  // 1: some function is unknown, which is counted here.
  if (done.status !== 0 && done.status !== 1) throw new Error(done.stderr);
  return done.stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as CheckDocument);
}

function indexOf(generation: Generation): string {
  const { vmlinux, config, symvers } = kernel(generation);
  const path = join(scratch, `${generation}.index`);
  writeFileSync(
    path,
    encodeIndex(
      buildKernel({ image: readFileSync(vmlinux), config: readFileSync(config), symvers: readFileSync(symvers) }),
    ),
  );
  return path;
}

/** `2 TOC012, 1 PRV002`: what is unknown, by code. */
function reasons(documents: readonly CheckDocument[]): string {
  const counts = new Map<string, number>();
  for (const { findings } of documents)
    for (const { verdict, code } of findings) if (verdict === 'unknown') counts.set(code, (counts.get(code) ?? 0) + 1);
  const list = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return list.length === 0 ? 'none' : list.map(([code, count]) => `${count} ${code}`).join(', ');
}

describe.each(GENERATIONS)('%s', generation => {
  it('proves the functions of modules, and refutes none', () => {
    const all = plainModulesOf(kernel(generation)).map(m => m.plain);
    const files = sample(all, Math.ceil(all.length / ONE_IN));
    const list = join(scratch, `files-${generation}`);
    writeFileSync(list, files.map(file => `${file}\n`).join(''));
    const folder = all[0]!.slice(0, all[0]!.indexOf('/kernel/'));
    const documents = check(['--kernel', indexOf(generation), '--modules', folder, '--files-from', list]);
    expect(documents).toHaveLength(files.length);
    expect(some(documents.filter(d => !d.loads || !d.toc.judged).map(d => d.file))).toEqual([]);
    const total = (key: 'functions' | 'proved' | 'refuted' | 'unknown') =>
      documents.reduce((sum, d) => sum + d.toc[key], 0);
    const wrong = documents.flatMap(d =>
      d.findings.filter(f => f.verdict === 'refuted').map(f => `${d.file}: ${f.message} [${f.code}]`),
    );
    expect(some(wrong)).toEqual([]);
    expect(total('refuted')).toBe(0);
    figure(`${generation}: functions of ${files.length} modules proved`, `${total('proved')} of ${total('functions')}`);
    figure(`${generation}: functions of modules unknown`, `${total('unknown')}: ${reasons(documents)}`);
    expect(total('functions')).toBeGreaterThan(files.length * 10);
    expect(total('proved') / total('functions')).toBeGreaterThanOrEqual(0.99);
    // Each unknown has a reason, and the first ones of a code a place.
    for (const { findings } of documents)
      for (const { verdict, code } of findings) if (verdict !== undefined) expect(code).toMatch(/^(TOC|PRV)\d{3}$/);
  }, 1_800_000);

  it('proves the functions of the kernel', () => {
    const [document] = check([kernel(generation).vmlinux]);
    const { toc } = document!;
    const { assembly } = toc;
    const compiled = {
      functions: toc.functions - assembly.functions,
      proved: toc.proved - assembly.proved,
      refuted: toc.refuted - assembly.refuted,
    };
    figure(`${generation}: compiled functions of the kernel proved`, `${compiled.proved} of ${compiled.functions}`);
    figure(
      `${generation}: hand-written functions of the kernel`,
      `${assembly.proved} of ${assembly.functions} proved, ${assembly.unknown} unknown, ${assembly.refuted} refuted`,
    );
    figure(`${generation}: functions of the kernel unknown`, reasons([document!]));
    expect(compiled.functions).toBeGreaterThan(20_000);
    expect(compiled.refuted).toBe(0);
    expect(compiled.proved / compiled.functions).toBeGreaterThanOrEqual(0.97);
  }, 300_000);
});
