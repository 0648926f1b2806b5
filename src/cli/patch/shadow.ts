/**
 * `auto` and `shadow`, the last of its strategies: where a function takes arguments on the stack, which a frame would hide. The
 * table that it needs is merged into the module, so this is decided before anything is planned.
 */
import { refusal } from '../../rewrite/refusals.ts';
import { type Complaint, RefusalError } from '../../util/errors.ts';
import type { WrittenRedirect } from './custom.ts';

/** What a frame stands in the way of. */
const HIDDEN: ReadonlySet<string> = new Set(['PAT011', 'PAT012']);

/**
 * Runs `attempt`; a redirect whose strategy may be chosen, and for which `frame` is refused, gets `shadow` in the next run.
 *
 * @throws RefusalError PAT030 where shadow is not possible either
 */
export async function withShadows<T>(
  written: readonly WrittenRedirect[],
  attempt: (redirects: readonly WrittenRedirect[]) => Promise<T>,
): Promise<T> {
  let redirects = written;
  let last: WrittenRedirect | undefined;
  for (;;) {
    try {
      return await attempt(redirects);
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      const found = HIDDEN.has(error.code) ? redirects.find(r => isMeant(r, error.complaint)) : undefined;
      if (found === undefined && last?.because !== undefined) throw impossible(last.from, last.because, error);
      if (found === undefined) throw error;
      last = { ...found, strategy: 'shadow', because: error.complaint };
      redirects = redirects.map(r => (r === found ? last! : r));
    }
  }
}

/** Whether a refusal speaks of a redirect that may get another strategy: of its function, or of its replacement. */
function isMeant({ from, to, strategy, at }: WrittenRedirect, { function: name, message }: Complaint): boolean {
  if (strategy !== 'auto' || (at !== 'after-site' && at !== 'site')) return false;
  return [from, to].map(text => text.split('@')[0]!).some(own => own === name || message.includes(`${own} takes `));
}

function impossible(name: string, frame: Complaint, { complaint: shadow }: RefusalError): RefusalError {
  const why = [`frame: ${frame.message} [${frame.code}]`, `shadow: ${shadow.message} [${shadow.code}]`].join('; ');
  return refusal('PAT030', { name, why });
}
