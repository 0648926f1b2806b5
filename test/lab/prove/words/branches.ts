/** Branches and traps as the prover's walker follows them: where they may lead, and what is believed there. */
import { ObjectCode } from '../../../../src/prove/object-code.ts';
import { State } from '../../../../src/prove/state.ts';
import { CODE, type ProofSubject } from '../../../../src/prove/subject.ts';
import { CTR, LR, UNKNOWN } from '../../../../src/prove/values.ts';
import { type Guide, Walker } from '../../../../src/prove/walker.ts';
import { type Machine, makeMachine, type Outcome, SLOT, TRAP, wrongIn } from './machine.ts';

/** Bytes of the code, in whose middle the branch lies, and where it begins. */
const SIZE = 0x1_0000;
const MIDDLE = SIZE / 2;
const ORIGIN = SLOT - BigInt(MIDDLE);
const NOP = 0x60000000;

type Random = () => number;

function randomBranch(random: Random): number {
  const any = random();
  const link = any & 1;
  const absolute = random() % 16 === 0 ? 2 : 0;
  switch (random() % 8) {
    case 0:
    case 1: {
      const distance = (random() % (SIZE / 4)) * 4 - MIDDLE;
      return (0x48000000 | ((random() % 8 === 0 ? any : distance) & 0x3fffffc) | absolute | link) >>> 0;
    }
    case 2:
    case 3:
    case 4:
      return (0x40000000 | (any & 0x3fffffc) | absolute | link) >>> 0;
    case 5: // bclr, bcctr
    case 6:
      return (0x4c000000 | (any & 0x3ffe000) | (random() % 2 === 0 ? 0x20 : 0x420) | link) >>> 0;
    default: // tw, td, twi, tdi
      return [0x7c000008, 0x7c000088, 0x0c000000, 0x08000000].map(
        form => (form | (any & (form >>> 28 === 7 ? 0x3fff800 : 0x3ffffff))) >>> 0,
      )[random() % 4]!;
  }
}

/** A branch to itself never ends, and the first word is the function's entry. */
function isOdd(word: number): boolean {
  if (![16, 18].includes(word >>> 26)) return false;
  const distance = word >>> 26 === 18 ? (word << 6) >> 6 : (word << 16) >> 16;
  return [0, -MIDDLE].includes(distance & ~3);
}

/** One function, of nothing but nops and the branch. */
function emptyObject(): ObjectCode {
  const one = (value: number) => Int32Array.of(value);
  const subject: ProofSubject = {
    code: new Uint32Array(SIZE / 4).fill(NOP),
    marks: new Uint8Array(SIZE / 4).fill(CODE),
    functions: {
      ...{
        count: 1,
        global: one(0),
        local: one(0),
        end: one(SIZE),
        part: new Uint8Array(1),
        entryCode: Uint8Array.of(3),
      },
      ...{ assembly: new Uint8Array(1), name: () => 'f' },
    },
    ...{ toc: 0x80_0000, edges: new Map(), constant: () => UNKNOWN, labels: () => undefined, isExposed: () => false },
    ...{ isImported: () => false, noReturn: () => false, nameOf: () => '', pacaToc: undefined, lrIsSavedAtSite: false },
  };
  return new ObjectCode(subject);
}

export function branches() {
  const object = emptyObject();
  let reached: { readonly at: bigint; readonly state: State }[] = [];
  let hasFailed = false;
  let returns = false;
  const come = (offset: number, from: State) => {
    const state = new State();
    state.copyFrom(from);
    reached.push({ at: ORIGIN + BigInt(offset), state });
    return false;
  };
  const guide: Guide = {
    isWatched: true,
    reach: come,
    fallInto: come,
    step: (pc, state) => pc === MIDDLE || come(pc, state),
    fail: () => {
      hasFailed = true;
    },
    relyOn: () => {},
    comesBack: () => {
      returns = true;
    },
  };
  const walker = new Walker(object, guide);

  const make = (random: Random): Machine => {
    for (;;) {
      const word = randomBranch(random);
      if (isOdd(word)) continue;
      const machine = makeMachine(word, TRAP, random, ORIGIN, SIZE);
      // Through LR or CTR to itself.
      if (![LR, CTR].some(place => machine.registers[place] === SLOT)) return machine;
    }
  };
  const after = (machine: Machine, outcome: Outcome): readonly string[] | undefined => {
    const { word, state, atEntry } = machine;
    const { subject } = object;
    reached = [];
    hasFailed = false;
    returns = false;
    subject.code[MIDDLE / 4] = word;
    subject.marks.fill(CODE, MIDDLE / 4, MIDDLE / 4 + 2);
    walker.follow(0);
    walker.block(MIDDLE, state);
    if (hasFailed) return undefined;
    const to = outcome.next;
    if (returns && to === (atEntry[LR]! & ~3n)) return [];
    // What is called through CTR comes back behind the call.
    const isCall = (word & 0xfc0007ff) >>> 0 === 0x4c000421;
    if (isCall && to === (machine.registers[CTR]! & ~3n))
      return outcome.registers[LR] === SLOT + 4n ? [] : ['LR of a call'];
    const wrong = reached.filter(r => r.at === to).map(r => wrongIn(r.state, machine, outcome));
    if (wrong.length === 0) return [`leads to 0x${to.toString(16)}`];
    return wrong.some(list => list.length === 0) ? [] : wrong[0];
  };
  return { make, after };
}
