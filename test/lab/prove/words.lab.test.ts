/**
 * Instruction words executed by QEMU (user mode) against what the prover believes of them: a register, LR, CTR or field of CR that
 * changed, and that the prover takes for what it was. Wants qemu-ppc64le (Debian: qemu-user) and a cross compiler with its C library
 * (gcc-powerpc64le-linux-gnu, libc6-dev-ppc64el-cross); without one of them it is left out, and says so.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { opcodeIndex } from '../../../src/ppc64/decode.ts';
import { instructions } from '../../../src/ppc64/instructions.ts';
import { FINE } from '../../../src/prove/faults.ts';
import { ParameterAreas } from '../../../src/prove/parameters.ts';
import { State } from '../../../src/prove/state.ts';
import { transfer } from '../../../src/prove/transfer.ts';
import { entry, PLACES, placeName, stack, UNKNOWN } from '../../../src/prove/values.ts';
import { figure, full, randomNumbers } from '../support/lab.ts';

const WORDS = full ? 400_000 : 20_000;
const QEMU = 'qemu-ppc64le';
const GCC = 'powerpc64le-linux-gnu-gcc';
const SOURCES = new URL('./words/', import.meta.url).pathname;
const hasTools = [QEMU, GCC].every(tool => spawnSync(tool, ['--version']).status === 0);
if (!hasTools)
  console.log(`left out: ${QEMU} and ${GCC} are needed (apt-get install qemu-user gcc-powerpc64le-linux-gnu)`);

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

/** Half of them are any words, half rows of the instruction table with any operands. */
function* randomWords(): Generator<number> {
  const random = randomNumbers(20_261_123);
  const rows = instructions().filter(row => row.value >>> 26 !== 1);
  for (let made = 0; made < WORDS; ) {
    const any = random() >>> 0;
    const row = rows[(random() >>> 0) % rows.length]!;
    const word = made % 2 === 0 ? any : ((any & ~row.mask) | row.value) >>> 0;
    if (isControl(word) || endsQemu(word)) continue;
    made++;
    yield word;
  }
}

/** Places that the prover takes for what they were; `undefined` where it does not go on behind the word. */
function kept(word: number): readonly number[] | undefined {
  const around = {
    home: UNKNOWN,
    pacaToc: undefined,
    constant: () => UNKNOWN,
    areas: new ParameterAreas(new Uint8Array(1)),
  };
  const state = new State();
  const before = (place: number) => (place === 1 ? stack(0) : entry(place));
  for (let place = 0; place < PLACES; place++) state.places[place] = before(place);
  if (instructions()[opcodeIndex(word)] === undefined || transfer(around, state, word, 0, 0) !== FINE) return undefined;
  return Array.from({ length: PLACES }, (_, place) => place).filter(place => state.places[place] === before(place));
}

it.runIf(hasTools)('no word changes what the prover takes for unchanged', { timeout: 900_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-words-'));
  try {
    const program = join(folder, 'words');
    const built = spawnSync(GCC, ['-O1', '-static', '-no-pie', '-o', program, `${SOURCES}main.c`, `${SOURCES}run.S`]);
    expect(built.stderr.toString()).toBe('');
    const words = Uint32Array.from(randomWords());
    const ran = spawnSync(QEMU, ['-cpu', 'power10', program], { input: Buffer.from(words.buffer), maxBuffer: 2 ** 28 });
    expect([ran.status, ran.stdout.length]).toEqual([0, words.length * 8]);
    let executed = 0;
    let judged = 0;
    const wrong: string[] = [];
    words.forEach((word, i) => {
      const changed = ran.stdout.readBigUInt64LE(i * 8);
      if (changed >> 63n === 0n) return;
      executed++;
      const same = kept(word);
      if (same === undefined) return;
      judged++;
      for (const place of same)
        if ((changed >> BigInt(place)) & 1n)
          wrong.push(
            `${word.toString(16).padStart(8, '0')} ${instructions()[opcodeIndex(word)]!.mnemonic} changes ${placeName(place)}`,
          );
    });
    figure('words executed by QEMU', executed);
    figure('of them, gone on behind by the prover', judged);
    figure('registers that changed, and the prover takes for unchanged', wrong.length);
    expect(wrong).toEqual([]);
    expect(judged).toBeGreaterThan(words.length / 8);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
