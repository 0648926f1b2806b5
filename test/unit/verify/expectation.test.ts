import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodePatchNote } from '../../../src/kernel/patch-note.ts';
import { applyPlan } from '../../../src/rewrite/apply.ts';
import { makePlan } from '../../../src/rewrite/plan.ts';
import { Expectation } from '../../../src/verify/expectation.ts';
import { verifyOutput, verifyPatched } from '../../../src/verify/verify.ts';
import { ModuleBuilder } from '../rewrite/support/module.ts';

const elf = new ModuleBuilder('mprofile-kernel', [{ name: 'a' }, { name: 'b' }]).elf();
const input = { elf, bytes: elf.bytes };
const plan = makePlan(elf, { nops: ['*'], redirects: [] });
const { bytes, record } = applyPlan(elf, plan, { toolVersion: 'test' });

describe('what input and plan ask for, worked out beforehand', () => {
  it('gives the same verdict, for several outputs too', () => {
    const expected = new Expectation(input, plan);
    const damaged = bytes.slice();
    damaged[elf.sectionNamed('.text')!.sh_offset]! ^= 1;
    for (const output of [bytes, damaged, bytes])
      expect(verifyOutput(expected, output)).toEqual(verifyPatched(input, output, plan));
    expect(verifyOutput(expected, bytes).ok).toBe(true);
    expect(verifyOutput(expected, damaged).ok).toBe(false);
  });

  it('hashes the input as it is when the hash is asked for', () => {
    const changing = elf.bytes.slice();
    const expected = new Expectation({ elf, bytes: changing }, plan);
    changing[changing.length - 1]! ^= 1;
    expect(expected.hash()).toBe(createHash('sha256').update(changing).digest('hex'));
    expect(verifyOutput(expected, bytes).findings.map(f => f.code)).toContain('VER046');
  });

  it('has the actions as the note has them', () => {
    const script = new Uint8Array(4);
    const { actions } = new Expectation(input, plan);
    expect(encodePatchNote(record, script, actions)).toEqual(encodePatchNote(record, script));
  });
});
