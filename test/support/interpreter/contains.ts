/** Whether what the prover holds for possible before an instruction contains what the machine is in. */
import type { State } from '../../../src/prove/state.ts';
import type { ProofSubject } from '../../../src/prove/subject.ts';
import {
  ADDRESS,
  CR2,
  CR4,
  CTR,
  EXTERNAL,
  entryOf,
  kindOf,
  LR,
  NUMBER,
  PLACES,
  payloadOf,
  placeName,
  SAVED,
  STACK,
  type Value,
} from '../../../src/prove/values.ts';
import type { Run } from './run.ts';

/** What a run has of the place that the prover knows by number; a CR field has four bits. */
function placeOf(run: Run, place: number): bigint {
  const { machine: m } = run;
  if (place === LR) return m.lr;
  if (place === CTR) return m.ctr;
  return place >= CR2 ? BigInt(m.field(place - CR2 + 2)) : m.r[place]!;
}

function atEntry(run: Run, place: number): bigint {
  const { entry } = run;
  if (place === LR) return entry.lr;
  if (place === CTR) return entry.ctr;
  return place >= CR2 && place <= CR4 ? BigInt((entry.cr >>> (28 - 4 * (place - CR2 + 2))) & 15) : entry.r[place]!;
}

/** @returns whether `actual` may be there where `value` is known; unknown things may be anything */
function fits(run: Run, subject: ProofSubject, origin: bigint, value: Value, actual: bigint, bits: number): boolean {
  const expected = (number: bigint) => actual === BigInt.asUintN(bits, number);
  const from = entryOf(value);
  if (from >= 0) return expected(atEntry(run, from));
  const payload = payloadOf(value);
  switch (kindOf(value)) {
    case STACK:
      return expected(run.entry.r[1]! + BigInt(payload));
    case ADDRESS:
      return expected(origin + BigInt(payload));
    case NUMBER:
      return expected(BigInt(payload));
    case EXTERNAL: {
      const name = subject.nameOf(value);
      return name.startsWith('0x') ? expected(BigInt(name)) : run.world.imports.get(actual) === name;
    }
    case SAVED:
      for (let i = 0; i < 3; i++) {
        const shift = 28 - 4 * (i + 2);
        const differs = ((Number(BigInt.asUintN(32, actual)) ^ run.entry.cr) >>> shift) & 15;
        if (((payload >>> i) & 1) === 1 && differs !== 0) return false;
      }
      return true;
  }
  return true;
}

/** What does not fit, in words; nothing where all does. */
export function outside(run: Run, subject: ProofSubject, origin: bigint, state: State): string[] {
  const wrong: string[] = [];
  const { machine: m } = run;
  for (let place = 0; place < PLACES; place++) {
    const actual = placeOf(run, place);
    if (!fits(run, subject, origin, state.places[place]!, actual, 64))
      wrong.push(`${placeName(place)} is 0x${actual.toString(16)}, not ${describe(state.places[place]!)}`);
    if (place >= 32) continue;
    if (((state.sameAsCtr >>> place) & 1) === 1 && actual !== m.ctr) wrong.push(`r${place} is not CTR`);
    if (((state.sameAsR12 >>> place) & 1) === 1 && actual !== m.r[12]) wrong.push(`r${place} is not r12`);
  }
  const top = run.entry.r[1]!;
  for (const { offset, width, value } of state.slots.all()) {
    const actual = m.memory.read(BigInt.asUintN(64, top + BigInt(offset)), width);
    if (!fits(run, subject, origin, value, actual, width * 8))
      wrong.push(`the slot at ${offset} holds 0x${actual.toString(16)}, not ${describe(value)}`);
  }
  return wrong;
}

function describe(value: Value): string {
  const from = entryOf(value);
  return from >= 0
    ? `entry(${placeName(from)})`
    : `${['', 'stack', 'address', 'number', 'external', 'table', 'label', 'saved'][kindOf(value)]}(${payloadOf(value)})`;
}
