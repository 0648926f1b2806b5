/** The twin's answer and the audits as one result. Each audit looks for one thing that the kernel does not. */
import { readElf } from '../../elf/read.ts';
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import type { LoadedModule, LoadOutcome } from '../../loader/model.ts';
import { type Complaint, InputError } from '../../util/errors.ts';
import { auditBranches } from './audits/branches.ts';
import { auditEntryBits } from './audits/entry-bits.ts';
import { auditLivepatch } from './audits/livepatch.ts';
import { auditPatched } from './audits/patched.ts';
import { auditVermagic } from './audits/vermagic.ts';
import { type CheckResult, Findings, notJudged } from './finding.ts';
import { knownMessage } from './kernel-messages.ts';
import { tellOutcome } from './refusal.ts';
import { screenAccepted } from './screen.ts';
import { type Subject, subjectOf } from './subject.ts';

/** What was asked, of whom. */
export interface Judged {
  /** The module, unpacked; never changed. */
  readonly bytes: Uint8Array;
  readonly kernel: KernelKnowledge;
  /** Which module, loaded before, exports a symbol that the kernel does not. */
  readonly exporterOf: (symbol: string) => LoadedModule | undefined;
}

type Audit = (subject: Subject, findings: Findings) => void;

const AUDITS: readonly Audit[] = [auditBranches, auditEntryBits, auditLivepatch, auditPatched];
/** Of those that the kernel accepts: a refusal says it already. */
const AUDITS_OF_ACCEPTED: readonly Audit[] = [auditVermagic];

export function judge(outcome: LoadOutcome, { bytes, kernel, exporterOf }: Judged): CheckResult {
  const findings = new Findings();
  const screened = outcome.loads ? screenAccepted(bytes, kernel.release) : -1;
  const doubts = doubtsOf(outcome, kernel);
  if (screened >= 0 && doubts.length === 0 && !hasMore(outcome)) return clean(outcome, screened);
  const read = tryRead(bytes, kernel);
  const subject = 'subject' in read ? read.subject : undefined;
  const kernelMessage = tellOutcome(outcome, { kernel, exporterOf, subject }, findings);
  for (const remark of outcome.remarks) findings.add(remark);
  if (outcome.dangerous && !findings.hasErrors)
    findings.add({
      code: 'MOD391',
      level: 'error',
      message: 'loading it may crash or corrupt the kernel: the loader does not check what it reads from this file',
    });
  // A kernel that enforces nothing loads the module whatever its signature is worth.
  for (const reason of doubts) findings.add({ code: 'MOD392', level: 'warning', message: `not sure: ${reason}` });
  if (subject !== undefined) audit(subject, outcome, findings);
  else if (outcome.loads && 'complaint' in read) findings.add(unreadable(read.complaint));
  return {
    kind: 'module',
    loads: outcome.loads,
    ...(outcome.errno !== undefined && { errno: outcome.errno.name }),
    ...(kernelMessage !== undefined && { kernelMessage }),
    toc: notJudged(subject?.functions ?? 0),
    findings: findings.all(),
    log: outcome.log.map(line => line.text),
    module: outcome.name,
    uses: [...outcome.uses],
  };
}

/** What only the running kernel knows. A kernel that enforces nothing loads a module whatever its signature is worth. */
function doubtsOf({ unknown }: LoadOutcome, kernel: KernelKnowledge): readonly string[] {
  return kernel.options.moduleSigForce ? unknown : unknown.filter(reason => !reason.includes('signature'));
}

/** Whether the twin itself has something to tell. */
function hasMore({ log, remarks, dangerous }: LoadOutcome): boolean {
  return dangerous || remarks.length > 0 || log.some(line => knownMessage(line.text) !== undefined);
}

function clean(outcome: LoadOutcome, functions: number): CheckResult {
  return {
    kind: 'module',
    loads: true,
    toc: notJudged(functions),
    findings: [],
    log: outcome.log.map(line => line.text),
    module: outcome.name,
    uses: [...outcome.uses],
  };
}

function tryRead(
  bytes: Uint8Array,
  kernel: KernelKnowledge,
): { readonly subject: Subject } | { readonly complaint: Complaint } {
  try {
    return { subject: subjectOf(readElf(bytes), kernel) };
  } catch (error) {
    if (error instanceof InputError) return { complaint: error.complaint };
    throw error;
  }
}

/** An audit that meets something which tocsin's reader refuses ends there; that is a finding where the kernel takes it. */
function audit(subject: Subject, outcome: LoadOutcome, findings: Findings): void {
  for (const run of outcome.loads ? [...AUDITS, ...AUDITS_OF_ACCEPTED] : AUDITS) {
    try {
      run(subject, findings);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      if (outcome.loads && !findings.has('ELF201')) findings.add(unreadable(error.complaint));
    }
  }
}

function unreadable({ code, message, section, offset, expected, found }: Complaint) {
  const detail = expected === undefined ? '' : `, expected ${expected}, found ${found}`;
  return {
    code: 'ELF201',
    level: 'warning' as const,
    message: `the kernel takes the file, but it breaks a rule of the format: ${message} (${code}${detail}); not everything could be looked at`,
    ...(section !== undefined && { section }),
    ...(offset !== undefined && { offset }),
  };
}
