/**
 * What follows from the input and the plan alone. Whoever waits for an output that is still being written may have it worked out
 * meanwhile.
 */
import { createHash } from 'node:crypto';
import type { ElfFile } from '../elf/read.ts';
import type { PatchPlan } from '../plan/plan.ts';
import { arrange, type Checksums, type Planned } from './planned.ts';

/** The file that was patched. `bytes` is the whole of it, an appended signature included. */
export interface VerifiedInput {
  readonly elf: ElfFile;
  readonly bytes: Uint8Array;
}

export class Expectation {
  readonly input: VerifiedInput;
  readonly planned: Planned;
  /** The plan's actions as the note has them: JSON. */
  readonly actions: string;
  /** What is known of those who export new imports. */
  readonly checksums: Checksums | undefined;
  #hash: string | undefined;

  constructor(input: VerifiedInput, plan: PatchPlan, checksums?: Checksums) {
    this.checksums = checksums;
    this.input = input;
    this.planned = arrange(plan, input.elf);
    this.actions = JSON.stringify(plan.actions);
  }

  /** SHA-256 of the input's bytes, lower-case hexadecimal; worked out when it is first asked for. */
  hash(): string {
    this.#hash ??= createHash('sha256').update(this.input.bytes).digest('hex');
    return this.#hash;
  }
}
