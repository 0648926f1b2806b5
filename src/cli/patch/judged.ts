/** Judging what the staged file holds, before it takes the output's place. */
import { crossCheck } from '../../cross-check/elf-tools.ts';
import { type ElfFile, readElf } from '../../elf/read.ts';
import type { StagedFile } from '../../io/atomic-write.ts';
import type { ObjectFile } from '../../io/read.ts';
import type { SecondReader } from '../../report/patch/document.ts';
import type { Expectation } from '../../verify/expectation.ts';
import { verifyMerge, withMerge } from '../../verify/merged/verify-merge.ts';
import { type Verification, verifyOutput } from '../../verify/verify.ts';
import type { SigningArguments } from '../commands/patch.ts';
import { badSignature, notAsWritten } from './complaints.ts';
import type { MergedModule } from './merge.ts';

/** What is to be written. */
export interface Output {
  /** Unpacked, with its signature. */
  readonly made: Uint8Array;
  /** Bytes in front of the signature. */
  readonly size: number;
  /** Packed as the input was. */
  readonly stored: Uint8Array;
  readonly signs: Signing | undefined;
}

/** Signing, and looking at what was signed. */
type Signing = Awaited<ReturnType<typeof signingWith>>;

export async function signingWith(how: SigningArguments) {
  const { readSigner, signatureFault, signatureOf, summaryOf } = await import('./signing.ts');
  const signer = await readSigner(how.key, how.certificate, how.hash);
  return {
    summary: summaryOf(signer),
    sign: (module: Uint8Array): Uint8Array => Buffer.concat([module, signatureOf(module, signer)]),
    fault: (file: Uint8Array) => signatureFault(file, signer.certificate.publicKey),
  };
}

interface JudgedInput {
  readonly elf: ElfFile;
  readonly input: ObjectFile;
  /** Where objects were merged first. */
  readonly merged: MergedModule | undefined;
}

export interface Verdict {
  readonly verification: Verification;
  /** Not asked about an output that has not passed verification. */
  readonly secondReader: SecondReader | undefined;
}

/**
 * Judges what the file holds that will take the output's place. A plain file is read again, and what comes back is what
 * everybody judges; a packed one is compared with the packed bytes, which are known to expand to `made`.
 */
export async function judge(
  { elf, input, merged }: JudgedInput,
  expected: Expectation,
  { made, size, stored, signs }: Output,
  staged: StagedFile,
): Promise<Verdict> {
  const { plan } = expected.planned;
  const reading = staged.readBack();
  // While the system reads; for a file of megabytes it takes as long.
  expected.hash();
  const back = await reading;
  const plain = input.form === 'plain';
  if (back !== undefined && !plain && Buffer.compare(back, stored) !== 0) throw notAsWritten();
  // What is proved is proved of the bytes that were made.
  const isProved = merged !== undefined || plan.actions.some(a => a.kind !== 'nop');
  if (isProved && plain && back !== undefined && Buffer.compare(back, made) !== 0) throw notAsWritten();
  const bytes = plain && back !== undefined ? back : made;
  const patched = verifyOutput(expected, signs === undefined ? bytes : bytes.subarray(0, size));
  const verification =
    merged === undefined
      ? patched
      : withMerge(verifyMerge({ module: elf, ...merged, patch: plan }, merged.middle.bytes), patched);
  const fault = signs?.fault(bytes);
  if (fault !== undefined) throw badSignature(fault);
  // Where the file was read again, the bytes that it was made of serve nobody any more: the package may have them.
  const secondReader = verification.ok ? await askSecondReader(bytes, bytes === made ? undefined : made) : undefined;
  return { verification, secondReader };
}

export async function askSecondReader(bytes: Uint8Array, copy: Uint8Array | undefined): Promise<SecondReader> {
  const { agreed, sections, differences, skipped } = await crossCheck(bytes, readElf(bytes), copy);
  return {
    agreed,
    sections,
    differences: differences.map(
      d => `section ${d.section ?? '-'}, ${d.field}: tocsin reads ${d.tocsin}, elf-tools ${d.elfTools}`,
    ),
    ...(skipped !== undefined && { skipped }),
  };
}
