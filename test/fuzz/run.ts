/**
 * One process of a campaign (campaign.ts): damages and exercises the inputs of a range of seeds, and tells the parent which
 * one it is at, so that one that never comes back can be named.
 *
 *     run ROOT FIRST COUNT
 */

import { type Ends, exercise } from './exercise.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { fuzzSubjects } from './subjects.ts';

export type Message =
  | { readonly kind: 'at'; readonly seed: number; readonly subject: string; readonly mutations: readonly string[] }
  | { readonly kind: 'violation'; readonly seed: number; readonly step: string; readonly problem: string }
  | {
      readonly kind: 'done';
      readonly ends: Readonly<Record<string, number>>;
      readonly slowest: number;
      readonly slowestSeed: number;
      readonly memory: number;
    };

const MOST_MS = 5000;
const MOST_BYTES = 1e9;
/** Disassembling both sides takes longer than all else; one input in so many is enough. */
const REPORTS_ONE_IN = 8;

const [root, first, count] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])];
const send = (message: Message) => process.send?.(message);

const subjects = fuzzSubjects(root);
const ends: Ends = new Map();
let slowest = 0;
let slowestSeed = first;
let memory = 0;
for (let seed = first; seed < first + count; seed++) {
  const random = new Random(seed ^ 0x5eed);
  const subject = random.pick(subjects);
  const { bytes, mutations } = mutate(subject, seed);
  send({ kind: 'at', seed, subject: subject.name, mutations });
  const start = performance.now();
  const findings = await exercise(
    bytes,
    subject.bytes,
    random.pick(subject.requests),
    random.chance(REPORTS_ONE_IN),
    ends,
  );
  const took = performance.now() - start;
  if (took > MOST_MS) findings.push({ step: 'time', problem: `${Math.round(took)} ms` });
  if (took > slowest) [slowest, slowestSeed] = [took, seed];
  const peak = process.resourceUsage().maxRSS * 1024;
  if (peak > MOST_BYTES && memory <= MOST_BYTES)
    findings.push({ step: 'memory', problem: `${Math.round(peak / 1e6)} MB` });
  memory = Math.max(memory, peak);
  for (const { step, problem } of findings) send({ kind: 'violation', seed, step, problem });
}
send({ kind: 'done', ends: Object.fromEntries(ends), slowest, slowestSeed, memory });
process.disconnect?.();
