// Who counts on more than the ABI promises of a callee, in stock modules: hand-written functions of a few, and hardly a compiled one.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { NOT_TOLD, PrivateCalls } from '../../../src/verify/patched/private-calls.ts';
import { GENERATIONS, kernel } from '../harness/harness.ts';
import { figure, sample } from '../support/lab.ts';
import { plainModulesOf } from '../support/plain.ts';

const HAND_WRITTEN = /\/(?:arch\/powerpc\/crypto|crypto\/vmx|lib\/crypto|lib\/raid6)\//;
const BL = 0x48000001;

it.each(GENERATIONS)('private calls in modules of kernel %s', generation => {
  const all = plainModulesOf(kernel(generation)).map(module => module.plain);
  const chosen = new Set([...sample(all, 60), ...all.filter(path => HAND_WRITTEN.test(path))]);
  const found: string[] = [];
  const taking: string[] = [];
  let calls = 0;
  for (const path of chosen) {
    const elf = readElf(new Uint8Array(readFileSync(path)));
    const places = elf.sections
      .filter(section => section.isAllocated && section.isCode)
      .flatMap(section => {
        const offsets = [...elf.sectionWords(section).keys()].map(i => i * 4);
        return offsets
          .filter(at => (elf.sectionWords(section)[at / 4]! & 0xfc000003) >>> 0 === BL)
          .map(offset => ({ section: section.name, offset }));
      });
    calls += places.length;
    for (const call of new PrivateCalls(elf).behind(places))
      (call.isTaken ? taking : found).push(`${basename(path)} ${call.function} ${call.register}`);
  }
  figure(`${generation}: calls looked at for what their callers count on`, calls);
  figure(`${generation}: functions that count on more than the ABI promises`, found.join(', ') || 'none');
  figure(
    `${generation}: functions that take something in registers that are for no argument`,
    taking.join(', ') || 'none',
  );
  const isTold = (line: string) => !line.endsWith(NOT_TOLD);
  // Compiled ones: results in f1, and functions without a place for the tracer whose registers their callers know of.
  expect(found.filter(line => isTold(line) && !/^vmx[-_]crypto\.ko /.test(line)).length).toBeLessThanOrEqual(3);
  // Compiled functions without a place for the tracer that have a jump table behind a call.
  expect(found.filter(line => !isTold(line)).length).toBeLessThan(Math.max(2, calls / 50_000));
  // A part of one function that runs as often as CTR says, and one that saves CR elsewhere than compilers do.
  expect(
    taking.filter(
      line => !/^(?:vmx[-_]crypto\.ko aes_p8_xts_decrypt CTR|kvm[-_]hv\.ko __kvmppc_vcore_entry CR0)$/.test(line),
    ),
  ).toEqual([]);
  const known = ['6.1', '6.12'].includes(generation)
    ? [
        'vmx-crypto.ko aes_p8_set_decrypt_key r10',
        'vmx-crypto.ko aes_p8_set_encrypt_key r11',
        'vmx-crypto.ko aes_p8_xts_decrypt vector or floating-point registers',
      ]
    : [];
  expect(found).toEqual(expect.arrayContaining(known));
});
