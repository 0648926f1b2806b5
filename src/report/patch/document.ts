/** What `tocsin patch` did, or would do, as one document; text and JSON are made from it. */
import type { ElfFile } from '../../elf/read.ts';
import type { ImagePlan } from '../../plan/image.ts';
import type { PatchPlan, PlannedAction, Strategy } from '../../plan/plan.ts';
import type { SignatureSummary } from '../../sign/sign-module.ts';
import { aligned, wordsOf } from '../../util/bytes.ts';
import type { PatchProof } from '../../verify/patched/prove-patched.ts';
import type { PathStep } from '../../verify/proof/proof.ts';
import type { Verification } from '../../verify/verification.ts';
import { disassembleNow } from '../disassembly/disassemble.ts';
import type { MergedDocument } from './merged.ts';
import { collapse, hexWord, nameOf, type PatchedWord, relocationText } from './words.ts';

/** What the independent second reader said. */
export interface SecondReader {
  readonly agreed: boolean;
  readonly sections: number;
  readonly differences: readonly string[];
  /** Why it was not asked. */
  readonly skipped?: string;
}

export interface NewCodeListing {
  readonly section: string;
  readonly size: number;
  readonly lines: readonly {
    readonly offset: number;
    readonly word: string;
    readonly text: string;
    readonly relocation?: string;
  }[];
}

/** A strategy that `--strategy auto` did not take. */
export interface PassedOverStrategy {
  readonly function: string;
  readonly strategy: Strategy;
  readonly code: string;
  readonly message: string;
  /** Instructions on the way to what is wrong. */
  readonly path?: readonly PathStep[];
}

/** What the prover says of the result. */
export interface ProofDocument extends Omit<PatchProof, 'obstacle'> {
  /** Why nothing could be judged. */
  readonly obstacle?: { readonly code: string; readonly message: string };
  readonly passedOver: readonly PassedOverStrategy[];
}

/** What the author of a plan file wrote beside its entries. */
export interface PlanComments {
  /** Of the whole plan, and of this module. */
  readonly comments: readonly string[];
  /** By entry: what it names, and what is said of it. */
  readonly entries: readonly { readonly entry: string; readonly comment: string }[];
}

export interface PatchDocument {
  readonly schema: 'tocsin.patch/1';
  readonly file: string;
  /** Absent where nothing was to be written. */
  readonly output?: string;
  readonly dryRun: boolean;
  readonly written: boolean;
  /** The plan file, where there was one. */
  readonly plan?: { readonly file: string } & PlanComments;
  /** Objects that became part of the module first; absent where there were none. */
  readonly merged?: MergedDocument;
  readonly actions: readonly PlannedAction[];
  /** Left out where nobody asked for them. */
  readonly words?: readonly PatchedWord[];
  readonly newCode: readonly NewCodeListing[];
  readonly removed: { readonly relocations: number; readonly records: number };
  readonly importedVersions: readonly { readonly name: string; readonly crc: string }[];
  readonly warnings: readonly string[];
  readonly original?: { readonly size: number; readonly sha256: string };
  readonly proof?: ProofDocument;
  readonly verification?: Verification;
  readonly secondReader?: SecondReader;
  /** Who signed the output; absent where nobody did. */
  readonly signature?: SignatureSummary;
}

export function proofDocument(proof: PatchProof, passedOver: readonly PassedOverStrategy[]): ProofDocument {
  const { obstacle, ...rest } = proof;
  return {
    ...rest,
    ...(obstacle !== undefined && { obstacle: { code: obstacle.code, message: obstacle.message } }),
    passedOver,
  };
}

/** New code of a linked image, at the addresses that it has. */
export function codeOfImage(plan: ImagePlan): NewCodeListing[] {
  return plan.parts.flatMap(({ name, kind, address, bytes }) => {
    if (kind !== 'code') return [];
    const words = wordsOf(aligned(bytes));
    const lines = disassembleNow(words, address).lines.map(line => ({
      offset: line.offset,
      word: line.words.map(hexWord).join(' '),
      text: collapse(line.text),
    }));
    return [{ section: name, size: bytes.length, lines }];
  });
}

/** @param elf what the plan is for */
export function codeOfPlan(plan: PatchPlan, elf: ElfFile): NewCodeListing[] {
  return plan.newCode.map(code => {
    const { lines } = disassembleNow(code.words, 0n);
    return {
      section: code.name,
      size: code.words.length * 4,
      lines: lines.map(line => {
        const relocation = code.relocations.find(r => r.offset === line.offset);
        return {
          offset: line.offset,
          word: line.words.map(hexWord).join(' '),
          text: collapse(line.text),
          ...(relocation !== undefined && {
            relocation: relocationText(relocation.type, nameOf(elf, plan, relocation.symbol), relocation.addend),
          }),
        };
      }),
    };
  });
}
