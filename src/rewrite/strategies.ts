/** Which strategy a redirect gets, and what `auto` says of those that it did not take. */
import type { Strategy } from '../plan/plan.ts';
import { type Complaint, RefusalError } from '../util/errors.ts';
import type { RedirectRequest } from './redirects.ts';
import { refusal } from './refusals.ts';
import { parseFunctionName } from './subject.ts';
import type { Target } from './targets.ts';

/** What may be asked for by name; `epilogue` is never carried out, and docs/design.md says why. */
export type NamedStrategy = Strategy | 'epilogue';

/** A strategy that was not taken, and the code of docs/diagnostics.md that says why. */
export interface PassedOver {
  readonly strategy: NamedStrategy;
  readonly code: string;
  readonly why: string;
}

/** What `auto` tries, the cheapest first, and where each of them cannot be. */
const STRATEGIES: readonly {
  readonly strategy: Exclude<NamedStrategy, 'custom'>;
  readonly obstacle: (request: RedirectRequest, target: Target) => Omit<PassedOver, 'strategy'> | undefined;
}[] = [
  {
    strategy: 'direct',
    obstacle: (_, { kind, name }) =>
      kind === 'here' ? undefined : { code: 'PAT023', why: `${name} is not defined in this object` },
  },
  { strategy: 'epilogue', obstacle: (_, target) => ({ code: 'PAT078', why: whyNoEpilogue(target) }) },
  // What stands in the way of these is found where their code is laid down.
  { strategy: 'frame', obstacle: () => undefined },
  { strategy: 'shadow', obstacle: () => undefined },
];

/** What stands in the way of the strategy that `auto` has come to, for one of the requests: others may do. */
export class StrategyRefusal extends RefusalError {
  readonly request: RedirectRequest;
  readonly strategy: Strategy;

  constructor(complaint: Complaint, request: RedirectRequest, strategy: Strategy) {
    super(complaint);
    this.request = request;
    this.strategy = strategy;
  }
}

function whyNoEpilogue({ kind, name }: Target): string {
  return kind === 'here'
    ? `${name} has the same TOC, which its returns need not bring back`
    : `the returns of ${name} lie in a module that is loaded first, and nothing tells them the TOC of this one`;
}

/** @throws RefusalError PAT023, PAT030, PAT078 */
export function chooseStrategy(request: RedirectRequest, target: Target): Strategy {
  const { strategy } = request;
  const { name } = parseFunctionName(request.from);
  if (strategy === 'direct' && target.kind === 'elsewhere') throw refusal('PAT023', { name: target.name });
  if (strategy === 'epilogue') throw refusal('PAT078', { name, what: whyNoEpilogue(target) });
  if (strategy !== 'auto') return strategy;
  const out = passedOver(request, target);
  for (const { strategy: next } of STRATEGIES)
    if (next !== 'epilogue' && !out.some(p => p.strategy === next)) return next;
  throw refusal('PAT030', { name, why: out.map(p => `${p.strategy}: ${p.why} [${p.code}]`).join('; ') });
}

/** Strategies that `auto` does not take, in its order: those that the request names, and those in front of them that cannot be. */
export function passedOver(request: RedirectRequest, target: Target): PassedOver[] {
  const told = request.passedOver ?? [];
  if (request.strategy !== 'auto') return [...told];
  const out: PassedOver[] = [];
  for (const { strategy, obstacle } of STRATEGIES) {
    const known = told.find(p => p.strategy === strategy);
    const found = known ?? obstacle(request, target);
    // The first that nothing stands against is the one that is taken.
    if (found === undefined) break;
    out.push({ strategy, code: found.code, why: found.why });
  }
  return out;
}
