/** Which strategy a redirect gets, and what `auto` says of those that it did not take. */
import type { Strategy } from '../plan/plan.ts';
import type { RedirectRequest } from './redirects.ts';
import { refusal } from './refusals.ts';
import { parseFunctionName } from './subject.ts';
import type { Target } from './targets.ts';

/** A strategy that was not taken, and the code of docs/diagnostics.md that says why. */
export interface PassedOver {
  readonly strategy: Strategy;
  readonly code: string;
  readonly why: string;
}

/** What `auto` tries, the cheapest first. */
const STRATEGIES: readonly Exclude<Strategy, 'custom'>[] = ['direct', 'frame'];

/** @throws RefusalError PAT023, PAT030 */
export function chooseStrategy(request: RedirectRequest, target: Target): Strategy {
  if (request.strategy === 'direct' && target.kind === 'elsewhere') throw refusal('PAT023', { name: target.name });
  if (request.strategy !== 'auto') return request.strategy;
  const out = passedOver(request, target);
  const chosen = STRATEGIES.find(strategy => !out.some(p => p.strategy === strategy));
  if (chosen !== undefined) return chosen;
  const why = out.map(p => `${p.strategy}: ${p.why} [${p.code}]`).join('; ');
  throw refusal('PAT030', { name: parseFunctionName(request.from).name, why });
}

/** Strategies that `auto` does not take: those that the request names, and those that cannot be. */
export function passedOver(request: RedirectRequest, target: Target): PassedOver[] {
  const out = [...(request.passedOver ?? [])];
  if (request.strategy === 'auto' && target.kind === 'elsewhere' && !out.some(p => p.strategy === 'direct'))
    out.unshift({ strategy: 'direct', code: 'PAT023', why: `${target.name} is not defined in this object` });
  return out;
}
