import { readElf } from '../../../../src/elf/read.ts';
import type { KernelKnowledge } from '../../../../src/kernel/knowledge/model.ts';
import type { LoadedModule, LoadOutcome, LogLine } from '../../../../src/loader/model.ts';
import { type CheckFinding, type CheckResult, Findings } from '../../../../src/verify/check/finding.ts';
import { judge } from '../../../../src/verify/check/judge.ts';
import { type Subject, subjectOf } from '../../../../src/verify/check/subject.ts';
import { knowledge } from '../../../support/kernel-knowledge.ts';

/** What one audit finds in a file. */
export function audited(
  audit: (subject: Subject, findings: Findings) => void,
  bytes: Uint8Array,
  kernel: KernelKnowledge = knowledge(),
): readonly CheckFinding[] {
  const findings = new Findings();
  audit(subjectOf(readElf(bytes), kernel), findings);
  return findings.all();
}

export const codesOf = (findings: readonly CheckFinding[]) => findings.map(f => `${f.level} ${f.code}`);

/** An outcome of the twin, made up. */
export function outcome(parts: Partial<LoadOutcome> & { readonly lines?: readonly string[] } = {}): LoadOutcome {
  const { lines = [], ...rest } = parts;
  const log: LogLine[] = lines.map(text => ({ level: 'err', text }));
  return {
    loads: rest.errno === undefined,
    log,
    remarks: [],
    dangerous: false,
    unknown: [],
    taints: new Set(),
    exports: new Map(),
    uses: new Set(),
    gplCompatible: true,
    name: 'demo',
    ...rest,
  };
}

export const ENOEXEC = { name: 'ENOEXEC', number: 8 } as const;

export function judged(
  made: LoadOutcome,
  bytes: Uint8Array,
  kernel: KernelKnowledge = knowledge(),
  exporterOf: (symbol: string) => LoadedModule | undefined = () => undefined,
): CheckResult {
  return judge(made, { bytes, kernel, exporterOf });
}

/** `.modinfo` of these entries. */
export function modinfo(entries: Readonly<Record<string, string>>): Uint8Array {
  return Buffer.from(
    Object.entries(entries)
      .map(([key, value]) => `${key}=${value}\0`)
      .join(''),
  );
}
