/** Why `tocsin patch` writes nothing, though there is a plan. */
import type { ElfFile } from '../../elf/read.ts';
import type { PassedOverStrategy, SecondReader } from '../../report/patch/document.ts';
import { type Complaint, InputError, RefusalError } from '../../util/errors.ts';
import type { PatchProof } from '../../verify/patched/prove-patched.ts';
import { type Verification, verifyObject } from '../../verify/verify.ts';

/** Why a result that is not proved is not written; `undefined` where it may be. */
export function unprovedComplaint(
  { obstacle, kernel, functions }: PatchProof,
  passedOver: readonly PassedOverStrategy[],
  isAllowed: boolean,
): Complaint | undefined {
  if (obstacle?.isRefusal === true)
    return {
      code: obstacle.code,
      message: `the kernel ${kernel} would refuse the result, nothing is written: ${obstacle.message}`,
      remedy: 'look the code up with tocsin explain, or see what the kernel says of the input with tocsin check',
    };
  if (isAllowed) return undefined;
  const remedy = 'choose another strategy or replacement; --allow-unproved writes all the same';
  if (obstacle !== undefined)
    return {
      code: obstacle.code,
      message: `the result cannot be proved right, nothing is written: ${obstacle.message}`,
      remedy,
    };
  const wrong = functions.find(f => f.verdict !== 'proved');
  if (wrong === undefined) return undefined;
  const others = passedOver.map(p => `; ${p.strategy}: ${p.message} [${p.code}]`).join('');
  return {
    code: wrong.code!,
    message: `the result is ${wrong.verdict === 'refuted' ? 'wrong' : 'not proved right'}, nothing is written: ${wrong.message}${others}`,
    section: wrong.section,
    offset: wrong.offset,
    function: wrong.function,
    remedy,
  };
}

/** Why an output was not let through: the input broke a rule already, or tocsin made a mistake. */
export function unverified(
  elf: ElfFile,
  verification: Verification,
  second: SecondReader | undefined,
): InputError | RefusalError {
  const errors = verification.findings.filter(f => f.level === 'error');
  const before = verifyObject(elf).findings.find(f => f.level === 'error' && errors.some(e => e.code === f.code));
  const finding = before ?? errors[0];
  const place = { section: finding?.section, offset: finding?.offset, function: finding?.function };
  const code = finding?.code ?? 'VER900';
  if (before !== undefined)
    return new InputError({
      code,
      message: `the input breaks a rule already, so nothing is written: ${before.message}`,
      ...place,
      remedy: 'build or copy the file again; a kernel would refuse it or run it wrong',
    });
  return new RefusalError({
    code,
    message: `the result did not pass its own verification, nothing is written: ${finding?.message ?? second?.differences[0] ?? ''}`,
    ...place,
    remedy: 'this is a fault of tocsin or an input that it does not understand: please report it with the input',
  });
}

export function badSignature(fault: string): RefusalError {
  return new RefusalError({
    code: 'VER902',
    message: `the signature of the result does not verify, nothing is written: ${fault}`,
    remedy: 'this is a fault of tocsin: please report it with the input',
  });
}

export function notAsWritten(): RefusalError {
  return new RefusalError({
    code: 'VER901',
    message: 'the file does not hold what was written to it; nothing is put into place',
    remedy: 'look for messages about the disk in the kernel log, and write to another disk',
  });
}
