/** What the prover says, as counts and findings of a check. */
import type { Proof, ProofFinding } from '../proof/proof.ts';
import { type CheckFinding, type CheckLevel, type CheckResult, Findings, KEPT } from './finding.ts';

export interface ProofOptions {
  /** Compiled functions that are neither proved nor refuted become notes. */
  readonly allowUnproved?: boolean | undefined;
  /** `false`: paths are told of refuted functions alone. */
  readonly paths?: boolean | undefined;
  /** Name of a function whose verdict is to be derived. */
  readonly explain?: string | undefined;
}

export function withProof(result: CheckResult, proof: Proof, options: ProofOptions): CheckResult {
  const found = new Findings();
  for (const finding of proof.findings(KEPT, options.paths !== false))
    found.add(asFinding(finding, options, result.kind));
  const explanation = options.explain === undefined ? undefined : proof.explain(options.explain);
  return {
    ...result,
    toc: { ...proof.counts, judged: true, assembly: proof.assemblyCounts },
    findings: [...result.findings, ...found.all()],
    ...(explanation !== undefined && { explanation }),
  };
}

/** A module that loads, and of whose functions nothing could be said. That is no pass. */
export function withoutProof(result: CheckResult, reason: string, code = 'PRV103'): CheckResult {
  const message = `its functions could not be judged: ${reason}`;
  const finding: CheckFinding = { code, level: 'warning', verdict: 'unknown', message };
  return { ...result, findings: [...result.findings, finding] };
}

/**
 * Nobody can ask more of hand-written code than an honest answer: it switches stacks, and counts on what callees happen to keep.
 * A kernel's own has calling conventions of its own among itself, so what breaks the usual ones need not be wrong there.
 */
function levelOf(
  { verdict, isAssembly }: ProofFinding,
  { allowUnproved }: ProofOptions,
  kind: CheckResult['kind'],
): CheckLevel {
  if (verdict === 'refuted') return isAssembly && kind === 'vmlinux' ? 'warning' : 'error';
  return isAssembly || allowUnproved === true ? 'note' : 'warning';
}

function asFinding(finding: ProofFinding, options: ProofOptions, kind: CheckResult['kind']): CheckFinding {
  const { verdict, code, section, offset, path, isAssembly, callers } = finding;
  const asWritten = isAssembly ? ' (hand-written)' : '';
  const message = `${verdict === 'refuted' ? '' : 'not proved: '}${finding.message}${asWritten}`;
  return {
    code,
    level: levelOf(finding, options, kind),
    message,
    ...(section !== '' && { section, offset }),
    function: finding.function,
    verdict,
    ...(path.length > 0 && { path }),
    ...(verdict === 'refuted' && callers.length > 0 && { callers }),
  };
}
