/** Which strategy a redirect gets, and what `auto` says of those that it did not take. */
import type { ImportedCopy, Strategy } from '../plan/plan.ts';
import { type Complaint, RefusalError } from '../util/errors.ts';
import { epilogueName } from './epilogue/names.ts';
import type { GivenCopies } from './imports.ts';
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

/** What `auto` tries, the cheapest first, and where each of them cannot be. */
const STRATEGIES: readonly {
  readonly strategy: Exclude<Strategy, 'custom'>;
  readonly obstacle: (target: Target, copies: GivenCopies) => Omit<PassedOver, 'strategy'> | undefined;
}[] = [
  {
    strategy: 'direct',
    obstacle: ({ kind, name }) =>
      kind === 'here' ? undefined : { code: 'PAT023', why: `${name} is not defined in this object` },
  },
  {
    strategy: 'epilogue',
    obstacle: (target, copies) => {
      const why = whyNoEpilogue(target, copies);
      return why === undefined ? undefined : { code: 'PAT078', why };
    },
  },
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

/** The copy that stands for a target: the one that is named, or that of the function that is named. */
export function copyOfTarget({ kind, name }: Target, copies: GivenCopies): ImportedCopy | undefined {
  return kind === 'here' ? undefined : (copies.get(name) ?? copies.get(epilogueName(name)));
}

function whyNoEpilogue(target: Target, copies: GivenCopies): string | undefined {
  if (target.kind === 'here') return `${target.name} has the same TOC, which its returns need not bring back`;
  if (copyOfTarget(target, copies) !== undefined) return undefined;
  return `no module was given that exports ${epilogueName(target.name)}`;
}

/** @throws RefusalError PAT023, PAT030, PAT078 */
export function chooseStrategy(request: RedirectRequest, target: Target, copies: GivenCopies): Strategy {
  const { strategy } = request;
  const { name } = parseFunctionName(request.from);
  if (strategy === 'direct' && target.kind === 'elsewhere') throw refusal('PAT023', { name: target.name });
  const why = strategy === 'epilogue' ? whyNoEpilogue(target, copies) : undefined;
  if (why !== undefined) throw refusal('PAT078', { name, what: why });
  if (strategy !== 'auto') return strategy;
  const out = passedOver(request, target, copies);
  for (const { strategy: next } of STRATEGIES) if (!out.some(p => p.strategy === next)) return next;
  throw refusal('PAT030', { name, why: out.map(p => `${p.strategy}: ${p.why} [${p.code}]`).join('; ') });
}

/** Strategies that `auto` does not take, in its order: those that the request names, and those in front of them that cannot be. */
export function passedOver(request: RedirectRequest, target: Target, copies: GivenCopies): PassedOver[] {
  const told = request.passedOver ?? [];
  if (request.strategy !== 'auto') return [...told];
  const out: PassedOver[] = [];
  for (const { strategy, obstacle } of STRATEGIES) {
    const known = told.find(p => p.strategy === strategy);
    const found = known ?? obstacle(target, copies);
    // The first that nothing stands against is the one that is taken.
    if (found === undefined) break;
    out.push({ strategy, code: found.code, why: found.why });
  }
  return out;
}
