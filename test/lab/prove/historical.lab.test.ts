// Ways of redirecting calls that have gone wrong somewhere: each is loaded without a word, each fails in the booted kernel, and
// of none does the prover say that it is proved.

import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Proof } from '../../../src/verify/proof/proof.ts';
import {
  type CanaryCounts,
  type CanaryPath,
  canaryCounts,
  loadModules,
  prelude,
  results,
  runCanary,
  troubles,
} from '../boot/scripts.ts';
import { type Boot, bootKernel, GENERATIONS } from '../harness/harness.ts';
import { figure } from '../support/lab.ts';
import { proverModules, TwinKernel } from './modules.ts';

const CALLS = 1000;

type Counter = 'r1' | 'r2' | 'lr' | 'nonvolatile' | 'cr' | 'other';

interface Run {
  readonly target: string;
  readonly path: CanaryPath;
  /** What every call loses; nothing at all where it is left out, because this caller happens to be lucky. */
  readonly loses?: Counter;
}

interface Case {
  readonly name: string;
  /** The function in modules/historical_list.h that the prover must not call proved. */
  readonly function: string;
  readonly verdict: 'refuted' | 'unknown';
  readonly code: string;
  readonly runs: readonly Run[];
}

const CASES: readonly Case[] = [
  {
    name: "a plain branch to another module's function",
    function: 'historical_plain',
    verdict: 'refuted',
    code: 'TOC006',
    runs: [
      { target: 'plain', path: 'local', loses: 'r2' },
      // The stub stored this module's TOC in the slot that the caller then restores from.
      { target: 'plain', path: 'foreign', loses: 'r2' },
      { target: 'plain', path: 'pointer' },
    ],
  },
  {
    name: 'a frame under ten arguments',
    function: 'historical_ten',
    verdict: 'refuted',
    code: 'TOC018',
    runs: [
      { target: 'ten', path: 'local', loses: 'other' },
      { target: 'ten', path: 'foreign', loses: 'other' },
    ],
  },
  {
    name: "the TOC saved in the caller's slot",
    function: 'historical_slot',
    verdict: 'refuted',
    code: 'TOC005',
    runs: [
      { target: 'slot', path: 'local' },
      { target: 'slot_sibling', path: 'local' },
      { target: 'slot_sibling', path: 'foreign', loses: 'r2' },
    ],
  },
  {
    name: 'local callers told by their distance',
    function: 'historical_distance',
    verdict: 'refuted',
    code: 'TOC006',
    runs: [
      { target: 'near', path: 'local' },
      { target: 'far', path: 'local', loses: 'r2' },
      { target: 'near', path: 'foreign', loses: 'r2' },
    ],
  },
  {
    name: 'local callers told by their r2',
    function: 'historical_compare',
    verdict: 'refuted',
    code: 'TOC006',
    runs: [
      { target: 'by_toc', path: 'local' },
      { target: 'by_toc', path: 'pointer' },
      { target: 'by_toc', path: 'foreign', loses: 'r2' },
    ],
  },
  {
    name: 'a call through a stub without a frame',
    function: 'historical_frameless',
    verdict: 'refuted',
    code: 'TOC005',
    runs: [
      { target: 'frameless', path: 'local' },
      { target: 'frameless', path: 'foreign', loses: 'r2' },
    ],
  },
  {
    name: 'a return address where the callee puts its own',
    function: 'historical_callee',
    verdict: 'refuted',
    code: 'TOC011',
    runs: [{ target: 'callee', path: 'local', loses: 'other' }],
  },
  {
    name: 'a local entry behind the save',
    function: 'historical_skipped',
    verdict: 'refuted',
    code: 'TOC011',
    runs: [
      { target: 'skipped', path: 'pointer' },
      { target: 'prepared', path: 'local', loses: 'other' },
    ],
  },
  {
    // What comes out of memory that is not the frame is never known, so the prover can tell neither a good stack of return
    // addresses from a bad one.
    name: 'the oldest return address of a shadow stack',
    function: 'historical_oldest',
    verdict: 'unknown',
    code: 'TOC011',
    runs: [
      { target: 'once', path: 'local' },
      { target: 'oldest', path: 'local', loses: 'r1' },
    ],
  },
  {
    name: 'a branch into the middle of a prologue',
    function: 'historical_middle',
    verdict: 'refuted',
    code: 'TOC010',
    runs: [{ target: 'middle', path: 'local', loses: 'r1' }],
  },
];

const LOST: readonly Counter[] = ['r1', 'r2', 'lr', 'nonvolatile', 'cr', 'other'];

function losses(counts: CanaryCounts): Partial<Record<Counter, number>> {
  return Object.fromEntries(LOST.filter(name => counts[name] > 0).map(name => [name, counts[name]]));
}

describe.each(GENERATIONS)('what has gone wrong elsewhere, kernel %s', generation => {
  let machine: Boot;
  let found: ReadonlyMap<string, string>;
  let proof: Proof;

  beforeAll(async () => {
    const { fix, probe, historical } = proverModules(generation);
    proof = new TwinKernel(generation, [fix, probe]).prove(readFileSync(historical));
    machine = await bootKernel({
      generation,
      timeoutSeconds: 300,
      files: [fix, probe, historical],
      script: [
        prelude(),
        loadModules(['canary_fix.ko', 'probe.ko', 'historical.ko']),
        ...CASES.flatMap(one => one.runs.map(run => runCanary('historical', run.target, run.path, CALLS))),
        troubles(),
      ].join(''),
    });
    found = results(machine.console);
    figure(`${generation}: seconds for all of them`, Math.round(machine.seconds));
  });

  const counts = (run: Run): CanaryCounts => canaryCounts(found.get(`canary.historical.${run.target}.${run.path}`));

  it('loads without a word', () => {
    expect(machine.exitStatus, machine.console.slice(-4000)).toBe(0);
    expect([found.get('load.historical'), found.get('message.historical'), found.get('troubles')]).toEqual([
      '0',
      undefined,
      '0',
    ]);
  });

  it.each(CASES)('fails in the machine: $name', ({ name, runs }) => {
    for (const run of runs) {
      const lost = losses(counts(run));
      if (run.loses === undefined) expect([run, lost]).toEqual([run, {}]);
      else expect([run, lost[run.loses]]).toEqual([run, CALLS]);
      if (run.loses !== undefined)
        figure(
          `${generation}: ${name}, ${run.path} caller of ${run.target}`,
          `${run.loses} wrong in ${lost[run.loses]} of ${CALLS} calls`,
        );
    }
  });

  it.each(CASES)('is not proved: $name', one => {
    const finding = proof.findings().find(f => f.function === one.function);
    expect([one.function, finding?.verdict, finding?.code]).toEqual([one.function, one.verdict, one.code]);
    expect(finding!.path.length).toBeGreaterThan(0);
    expect(finding!.shown || one.verdict === 'unknown').toBe(true);
  });

  it('leaves the rest of the module proved', () => {
    const bad = new Set(CASES.map(one => one.function));
    // The canary's own entries take r1 out of memory.
    const entries = CASES.flatMap(one => one.runs.map(run => `canary_${run.target}`));
    const expected = new Set([...bad, ...entries, 'canary_pointer']);
    // A function relies on the contracts of those that it calls: one that is wrong does not take its callers with it.
    const others = proof
      .findings(0)
      .map(f => f.function)
      .filter(name => !expected.has(name));
    expect(others).toEqual([]);
  });
});
