import type { Complaint } from '../../util/errors.ts';
import type { CheckFinding, CheckResult } from '../../verify/check/finding.ts';

import type { Derivation, ProofFinding } from '../../verify/proof/proof.ts';

/** One file of a check: what was found, or why it could not be read. */
export type CheckedFile =
  | { readonly file: string; readonly result: CheckResult }
  | { readonly file: string; readonly complaint: Complaint };

/** What all files of one run have in common. */
export interface CheckRun {
  /** Release of the kernel that was asked; empty where none was. */
  readonly release: string;
  readonly version: string;
  readonly files: readonly CheckedFile[];
}

/** The JSON object of one checked file (schema `tocsin.check/1`). */
export interface CheckDocument {
  readonly schema: 'tocsin.check/1';
  readonly file: string;
  readonly kind: CheckResult['kind'];
  /** Release; null for a kernel image that was checked without one. */
  readonly kernel: string | null;
  readonly loads: boolean;
  readonly errno: string | null;
  readonly kernelMessage: string | null;
  readonly toc: CheckResult['toc'];
  readonly findings: readonly CheckFinding[];
  /** Of the function that was asked for. */
  readonly explanation?: ExplanationDocument;
}

/** A derivation; its steps are the path of the finding. */
type ExplanationDocument = Omit<Derivation, 'finding'> & {
  readonly finding?: Pick<ProofFinding, 'code' | 'message' | 'section' | 'offset' | 'shown'>;
};

function explanationDocument({ finding, ...rest }: Derivation): ExplanationDocument {
  if (finding === undefined) return rest;
  const { code, message, section, offset, shown } = finding;
  return { ...rest, finding: { code, message, section, offset, shown } };
}

export function checkDocument(file: string, release: string, result: CheckResult): CheckDocument {
  return {
    schema: 'tocsin.check/1',
    file,
    kind: result.kind,
    kernel: release === '' ? null : release,
    loads: result.loads,
    errno: result.errno ?? null,
    kernelMessage: result.kernelMessage ?? null,
    toc: result.toc,
    findings: result.findings,
    ...(result.explanation !== undefined && { explanation: explanationDocument(result.explanation) }),
  };
}

/** The files that could be read, as JSON objects. */
export function checkDocuments(run: CheckRun): CheckDocument[] {
  return run.files.flatMap(f => ('result' in f ? [checkDocument(f.file, run.release, f.result)] : []));
}

/** `.text+0x18 (demo_add)`, or as much of it as is known. */
export function placeOf(finding: CheckFinding): string {
  const { section, offset } = finding;
  const at = offset === undefined ? '' : `+0x${offset.toString(16)}`;
  const place = section === undefined ? at.slice(1) : `${section}${at}`;
  if (finding.function === undefined) return place;
  return place === '' ? finding.function : `${place} (${finding.function})`;
}
