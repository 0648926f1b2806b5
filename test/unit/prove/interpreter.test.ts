/** The second opinion: the samples' functions are executed, and no step is in a state that the proof excludes. */
import { describe, expect, it } from 'vitest';
import { encodeInstruction } from '../../../src/ppc64/encode.ts';
import { instructionsNamed } from '../../../src/ppc64/instructions.ts';
import { PROVED, Prover } from '../../../src/prove/prover.ts';
import { moduleSubject } from '../../../src/verify/proof/module-image.ts';
import { execute } from '../../support/interpreter/execute.ts';
import { Machine, Memory, Random } from '../../support/interpreter/machine.ts';
import { adopt, opinionOf, originOf } from '../../support/interpreter/opinion.ts';
import { sampleImages } from '../../support/interpreter/samples.ts';
import { World } from '../../support/interpreter/world.ts';

describe('the proof and the interpreter', () => {
  it('agree about the samples', () => {
    const wrong: string[] = [];
    let functions = 0;
    let visited = 0;
    let places = 0;
    for (const { name, image, isPatched } of sampleImages()) {
      const { subject } = moduleSubject(image);
      const prover = new Prover(subject);
      prover.proveAll();
      const world = new World(image);
      const origin = originOf(image);
      adopt(world, prover, origin);
      for (let index = 0; index < subject.functions.count; index++) {
        const f = world.functionAt(origin + BigInt(subject.functions.global[index]!));
        if (f === undefined || f.isPart || prover.verdict[index] !== PROVED) continue;
        // The others are as in the plain sample.
        if (isPatched && !/^(__tocsin_|demo_(in_range|parity))/.test(f.name)) continue;
        const opinion = opinionOf(prover, index, world, f, origin, { runs: 16, limit: 400, seed: functions++ });
        visited += opinion.visited;
        places += opinion.places;
        wrong.push(...opinion.wrong.map(text => `${name} ${f.name} ${text}`));
      }
    }
    expect(wrong).toEqual([]);
    expect(functions).toBeGreaterThan(120);
    expect(visited).toBeGreaterThan(0.7 * places);
  });
});

/** r3 after an instruction, with r4 and r5 as told and r3 = -1. */
function result(mnemonic: string, operands: readonly number[], r4: bigint, r5 = 0n): bigint {
  const machine = new Machine(new Memory(() => 0n), new Random(1));
  machine.carry = 1n;
  machine.r[3] = (1n << 64n) - 1n;
  machine.r[4] = BigInt.asUintN(64, r4);
  machine.r[5] = BigInt.asUintN(64, r5);
  const words = instructionsNamed(mnemonic)
    .map(row =>
      encodeInstruction(row, [...operands, ...row.operands.slice(operands.length).map(o => o.omittedAt ?? o.literal)]),
    )
    .find(w => w !== null);
  expect(words).toBeDefined();
  expect(execute(machine, words![0]!, words![1] ?? 0, 0n)).toBe(true);
  return BigInt.asIntN(64, machine.r[3]!);
}

describe('the interpreter', () => {
  // Worked out by hand from the manual's definitions.
  it.each<readonly [string, readonly number[], bigint, bigint, bigint]>([
    ['addi', [3, 4, -5], 3n, 0n, -2n],
    ['addis', [3, 4, 1], 3n, 0n, 0x10003n],
    ['subf', [3, 4, 5], 3n, 10n, 7n],
    ['subfic', [3, 4, 10], 3n, 0n, 7n],
    ['adde', [3, 4, 5], 3n, 10n, 14n],
    ['subfe', [3, 4, 5], 3n, 10n, 7n],
    ['mulld', [3, 4, 5], -3n, 10n, -30n],
    ['mulhdu', [3, 4, 5], 1n << 63n, 4n, 2n],
    ['divd', [3, 4, 5], -30n, 7n, -4n],
    ['divwu', [3, 4, 5], 0xffff_ffff_0000_0010n, 3n, 5n],
    ['neg', [3, 4], 5n, 0n, -5n],
    ['rldicl', [3, 4, 8, 56], 0x1122334455667788n, 0n, 0x11n],
    ['rldicr', [3, 4, 8, 7], 0x1122334455667788n, 0n, 0x2200_0000_0000_0000n],
    ['rldic', [3, 4, 2, 30], 0xffff_ffff_8000_0003n, 0n, 0x2_0000_000cn],
    ['rlwinm', [3, 4, 8, 24, 31], 0x55667788n, 0n, 0x55n],
    // Around the end: the upper half is a copy of the lower one.
    ['rlwinm', [3, 4, 0, 31, 0], 0x80000001n, 0n, BigInt.asIntN(64, 0x8000_0001_8000_0001n)],
    ['rlwimi', [3, 4, 16, 0, 15], 0x1234n, 0n, BigInt.asIntN(64, 0xffff_ffff_1234_ffffn)],
    ['sradi', [3, 4, 2], -7n, 0n, -2n],
    ['srawi', [3, 4, 2], 0x8000_0000n, 0n, -0x2000_0000n],
    ['srd', [3, 4, 5], -1n, 63n, 1n],
    ['sld', [3, 4, 5], 1n, 64n, 0n],
    ['slw', [3, 4, 5], 0xff00_0001n, 4n, 0xf000_0010n],
    ['cntlzd', [3, 4], 1n, 0n, 63n],
    ['cntlzw', [3, 4], 1n, 0n, 31n],
    ['cnttzd', [3, 4], 8n, 0n, 3n],
    ['popcntd', [3, 4], 255n, 0n, 8n],
    ['extsb', [3, 4], 0x80n, 0n, -128n],
    ['extsw', [3, 4], 0x8000_0000n, 0n, -0x8000_0000n],
    ['andc', [3, 4, 5], 15n, 3n, 12n],
    ['nor', [3, 4, 5], 0n, 1n, -2n],
    ['orc', [3, 4, 5], 1n, -1n, 1n],
    ['eqv', [3, 4, 5], 5n, 5n, -1n],
    ['maddld', [3, 4, 5, 4], 3n, 5n, 18n],
  ])('%s %j', (mnemonic, operands, r4, r5, expected) => {
    expect(result(mnemonic, operands, r4, r5)).toBe(expected);
  });
});
