/** The twin's answer and the audits as one result. Each audit looks for one thing that the kernel does not. */
import { readElf } from '../../elf/read.ts';
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import type { LoadedModule, LoadOutcome } from '../../loader/model.ts';
import { type Complaint, InputError } from '../../util/errors.ts';
import { auditBranches } from './audits/branches.ts';
import { auditEntryBits } from './audits/entry-bits.ts';
import { auditLivepatch } from './audits/livepatch.ts';
import { auditNote } from './audits/note.ts';
import { auditPatched } from './audits/patched.ts';
import { auditVermagic } from './audits/vermagic.ts';
import { type CheckFinding, type CheckResult, Findings, notJudged } from './finding.ts';
import { knownMessage } from './kernel-messages.ts';
import { tellOutcome } from './refusal.ts';
import { screenAccepted } from './screen.ts';
import { type Subject, type SymbolCount, subjectOf } from './subject.ts';

/** What was asked, of whom. */
export interface Judged {
  /** The module, unpacked; never changed. */
  readonly bytes: Uint8Array;
  readonly kernel: KernelKnowledge;
  /** Which module, loaded before, exports a symbol that the kernel does not. */
  readonly exporterOf: (symbol: string) => LoadedModule | undefined;
  /** `false`: signatures are not verified, and nothing is said of that. */
  readonly signatures?: boolean | undefined;
  readonly symbolsOfModule?: SymbolCount | undefined;
}

type Audit = (subject: Subject, findings: Findings) => void;

const AUDITS: readonly Audit[] = [auditBranches, auditEntryBits, auditLivepatch, auditPatched, auditNote];
/** Of those that the kernel accepts: a refusal says it already. */
const AUDITS_OF_ACCEPTED: readonly Audit[] = [auditVermagic];

export function judge(outcome: LoadOutcome, request: Judged): CheckResult {
  const { bytes, kernel, exporterOf, signatures, symbolsOfModule } = request;
  const findings = new Findings();
  const screened = outcome.loads ? screenAccepted(bytes, kernel.release) : -1;
  const doubts = doubtsOf(outcome, kernel, signatures);
  if (screened >= 0 && doubts.length === 0 && !hasMore(outcome)) return clean(outcome, screened);
  const read = tryRead(bytes, kernel, symbolsOfModule);
  const subject = 'subject' in read ? read.subject : undefined;
  const kernelMessage = tellOutcome(outcome, { kernel, exporterOf, subject }, findings);
  for (const remark of outcome.remarks) findings.add(remark);
  if (outcome.dangerous && !findings.hasErrors)
    findings.add({
      code: 'MOD391',
      level: 'error',
      message: 'loading it may crash or corrupt the kernel: the loader does not check what it reads from this file',
    });
  for (const finding of doubts) findings.add(finding);
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

/** What only the running kernel knows. One that enforces no signatures takes almost any, so that is worth a note only. */
function doubtsOf(
  { unknown, loads }: LoadOutcome,
  kernel: KernelKnowledge,
  signatures: boolean | undefined,
): readonly CheckFinding[] {
  return unknown.flatMap((reason): CheckFinding[] => {
    if (kernel.options.moduleSigForce || !reason.includes('signature'))
      return [{ code: 'MOD392', level: 'warning', message: `not sure: ${reason}` }];
    return signatures === false || !loads ? [] : [{ code: 'SIG302', level: 'note', message: reason }];
  });
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
  symbolsOfModule: SymbolCount | undefined,
): { readonly subject: Subject } | { readonly complaint: Complaint } {
  try {
    return { subject: subjectOf(readElf(bytes), kernel, symbolsOfModule) };
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
