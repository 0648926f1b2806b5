/**
 * With symbol versions the loader compares a module's `vermagic` from its first blank on (`same_magic()` in
 * kernel/module/version.c): a module of another release passes as long as the checksums of its imports agree.
 */
import type { Findings } from '../finding.ts';
import type { Subject } from '../subject.ts';

export function auditVermagic(subject: Subject, findings: Findings): void {
  const own = subject.modinfo('vermagic')?.split(' ')[0];
  const { release } = subject.kernel;
  if (own === undefined || own === release) return;
  findings.add({
    code: 'MOD201',
    level: 'warning',
    message: `built for ${own}, not for ${release}: only the checksums of its imports say that the two agree`,
    section: '.modinfo',
  });
}

/** Says in what two version strings differ, for a module that the kernel refuses. */
export function vermagicDifference(module: string, kernel: string): string {
  const [ownRelease = '', ...own] = module.trim().split(' ');
  const [release = '', ...wanted] = kernel.trim().split(' ');
  const missing = wanted.filter(word => !own.includes(word));
  const extra = own.filter(word => !wanted.includes(word));
  const parts: string[] = [];
  if (ownRelease !== release) {
    const at = differenceAt(ownRelease, release);
    const isNear = majorMinor(ownRelease) !== '' && majorMinor(ownRelease) === majorMinor(release);
    parts.push(
      isNear
        ? `the releases differ only in their end ("${ownRelease.slice(at)}", "${release.slice(at)}")`
        : 'the releases differ',
    );
  }
  if (missing.length > 0) parts.push(`it lacks ${missing.join(', ')}`);
  if (extra.length > 0) parts.push(`it has ${extra.join(', ')}`);
  return parts.join('; ');
}

function majorMinor(release: string): string {
  return /^\d+\.\d+(?!\d)/.exec(release)?.[0] ?? '';
}

/** Where the first part that is not the same begins; parts are what stands between `.`, `-` and `+`. */
function differenceAt(a: string, b: string): number {
  let start = 0;
  for (let n = 0; n < a.length && a[n] === b[n]; n++) if (/[-.+]/.test(a[n]!)) start = n + 1;
  return start;
}
