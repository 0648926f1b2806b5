/**
 * Instructions executed by QEMU (user mode) against what the prover believes of them: registers, LR, CTR, fields of CR, memory of the
 * frame, and where branches lead. Each one is executed on a machine of which the prover knows something (r1 at entry plus a number in a
 * register, what slots of the frame hold); whatever it believes afterwards has to be so. Wants qemu-ppc64le (Debian: qemu-user) and a cross
 * compiler with its C library (gcc-powerpc64le-linux-gnu, libc6-dev-ppc64el-cross); without one of them it is left out, and says so.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { opcodeIndex, prefixedIndex } from '../../../src/ppc64/decode.ts';
import { instructions } from '../../../src/ppc64/instructions.ts';
import { FINE } from '../../../src/prove/faults.ts';
import { transfer } from '../../../src/prove/transfer.ts';
import { figure, full, randomNumbers, some } from '../support/lab.ts';
import { branches } from './words/branches.ts';
import {
  decode,
  encode,
  FOUND,
  GIVEN,
  type Machine,
  makeMachine,
  type Outcome,
  SLOT,
  spoiledFrame,
  surroundings,
  TRAP,
  wrongIn,
} from './words/machine.ts';

const WORDS = full ? 400_000 : 20_000;
const PREFIXED = full ? 200_000 : 8_000;
const BRANCHES = full ? 200_000 : 8_000;
/** Records that the program gets at once. */
const BATCH = 20_000;
const QEMU = 'qemu-ppc64le';
const GCC = 'powerpc64le-linux-gnu-gcc';
const hasTools = [QEMU, GCC].every(tool => spawnSync(tool, ['--version']).status === 0);
if (!hasTools)
  console.log(`left out: ${QEMU} and ${GCC} are needed (apt-get install qemu-user gcc-powerpc64le-linux-gnu)`);

const folder = mkdtempSync(join(tmpdir(), 'tocsin-words-'));
const program = join(folder, 'words');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Words that are followed as branches, end a path, or wait. */
function isControl(word: number): boolean {
  const primary = word >>> 26;
  const extended = (word >>> 1) & 0x3ff;
  if (primary === 19) return [16, 18, 50, 82, 274, 370, 402, 434, 466, 498, 528, 560].includes(extended);
  return [1, 2, 3, 16, 17, 18].includes(primary) || (primary === 31 && [4, 30, 68].includes(extended));
}

/** Words at which QEMU itself gives up: several registers in little-endian memory, and event-based branches. */
function endsQemu(word: number): boolean {
  const primary = word >>> 26;
  const extended = (word >>> 1) & 0x3ff;
  if (primary === 46 || primary === 47) return true;
  const special = ((word >>> 16) & 31) | ((word >>> 6) & 0x3e0);
  return (
    primary === 31 && ([533, 597, 661, 725].includes(extended) || ([339, 467].includes(extended) && special >= 256))
  );
}

type Random = () => number;

/** Half of those with a displacement stay near: most others lead out of all memory. */
function near(word: number, random: Random): number {
  const primary = word >>> 26;
  const hasDisplacement = primary === 6 || (primary >= 32 && primary !== 59 && primary !== 60 && primary !== 63);
  if (!hasDisplacement || random() % 4 === 0) return word;
  return ((word & 0xffff000f) | (((random() % 512) - 256) & 0xfff0)) >>> 0;
}

/** A third of them are any words, the others rows of the instruction table with any operands. */
function randomWord(random: Random): readonly [number, number] {
  const rows = instructions().filter(row => !row.prefixed);
  for (;;) {
    const any = random();
    const row = rows[random() % rows.length]!;
    const word = random() % 3 === 0 ? any : near(((any & ~row.mask) | row.value) >>> 0, random);
    if (!isControl(word) && !endsQemu(word)) return [word, TRAP];
  }
}

function randomPrefixed(random: Random): readonly [number, number] {
  const rows = instructions().filter(row => row.prefixed);
  const row = rows[random() % rows.length]!;
  let word = ((random() & ~row.prefixMask) | row.prefixValue) >>> 0;
  let next = ((random() & ~row.mask) | row.value) >>> 0;
  // From the address of the instruction nothing near is memory, and what would be is the program's code.
  if (((word >>> 20) & 1) === 0 && random() % 4 > 0 && (row.prefixMask & 0x3ffff) === 0) {
    const distance = (random() % 512) - 256;
    word = ((word & ~0x3ffff) | (distance < 0 ? 0x3ffff : 0)) >>> 0;
    next = ((next & 0xffff0000) | (distance & 0xffff)) >>> 0;
  }
  return [word, next];
}

function execute(machines: readonly Machine[]): readonly Outcome[] {
  const input = new DataView(new ArrayBuffer(machines.length * GIVEN));
  machines.forEach((machine, i) => {
    encode(machine, input, i * GIVEN);
  });
  const ran = spawnSync(QEMU, ['-cpu', 'power10', program], {
    input: new Uint8Array(input.buffer),
    maxBuffer: 2 ** 30,
  });
  expect([ran.status, ran.stdout.length], ran.stderr.toString()).toEqual([0, machines.length * FOUND]);
  const output = new DataView(ran.stdout.buffer, ran.stdout.byteOffset, ran.stdout.length);
  return machines.map((_, i) => decode(output, i * FOUND));
}

const hex = (word: number) => word.toString(16).padStart(8, '0');

/**
 * @param judged what is wrong with an instruction that was executed; `undefined` where the prover does not go on
 * @returns how many were executed, judged, and the complaints
 */
function compare(
  count: number,
  make: (random: Random) => Machine,
  judged: (machine: Machine, outcome: Outcome) => readonly string[] | undefined,
) {
  const random = randomNumbers(20_261_123);
  const counts = { executed: 0, judged: 0 };
  const wrong: string[] = [];
  for (let left = count; left > 0; left -= BATCH) {
    const machines = Array.from({ length: Math.min(left, BATCH) }, () => make(random));
    for (const [i, outcome] of execute(machines).entries()) {
      const machine = machines[i]!;
      if (outcome.next === SLOT) continue;
      counts.executed++;
      const found = judged(machine, outcome);
      if (found === undefined) continue;
      counts.judged++;
      const row = instructions()[indexOf(machine)];
      for (const what of found) wrong.push(`${hex(machine.word)} ${hex(machine.next)} ${row?.mnemonic}: ${what}`);
    }
  }
  return { ...counts, wrong };
}

const indexOf = ({ word, next }: Machine) => (word >>> 26 === 1 ? prefixedIndex(word, next) : opcodeIndex(word));

/** What is wrong after an instruction that goes on behind itself. */
function after(machine: Machine, outcome: Outcome): readonly string[] | undefined {
  const { state, word, next } = machine;
  const around = surroundings();
  if (instructions()[indexOf(machine)] === undefined || transfer(around, state, word, next, 0) !== FINE)
    return undefined;
  const wrong = [
    ...wrongIn(state, machine, outcome),
    ...spoiledFrame(machine, outcome, around.areas.use(0)?.writeEnd ?? 0),
  ];
  return outcome.next === SLOT + (word >>> 26 === 1 ? 8n : 4n) ? wrong : [...wrong, 'goes elsewhere'];
}

describe.runIf(hasTools)('nothing is otherwise than the prover believes after', { timeout: 900_000 }, () => {
  beforeAll(() => {
    const source = new URL('./words/main.c', import.meta.url).pathname;
    const built = spawnSync(GCC, ['-O1', '-static', '-no-pie', '-fno-stack-protector', '-o', program, source]);
    expect(built.stderr.toString()).toBe('');
  });

  it.each([
    ['words', WORDS, randomWord, 1 / 8],
    ['prefixed instructions', PREFIXED, randomPrefixed, 1 / 8],
  ] as const)('%s', (name, count, make, least) => {
    const machine = (random: Random) => makeMachine(...make(random), random, SLOT, 0x1000);
    const { executed, judged, wrong } = compare(count, machine, after);
    figure(`${name} executed by QEMU`, executed);
    figure(`${name}: of them, gone on behind by the prover`, judged);
    figure(`${name}: registers and places of the frame that are not what the prover believes`, wrong.length);
    expect(some(wrong)).toEqual([]);
    expect(judged).toBeGreaterThan(count * least);
  });

  it('branches', () => {
    const { make, after } = branches();
    const { executed, judged, wrong } = compare(BRANCHES, make, after);
    figure('branches executed by QEMU', executed);
    figure('branches: of them, followed by the prover', judged);
    figure('branches: that lead elsewhere, or where something is not what the prover believes', wrong.length);
    expect(some(wrong)).toEqual([]);
    expect(judged).toBeGreaterThan(BRANCHES / 4);
  });
});
