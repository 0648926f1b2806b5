/**
 * From requests to a result that is proved, or is known not to be. With `--strategy auto` the strategies are tried one after the
 * other, the cheapest first, until the whole of the result is proved.
 */
import { type ElfFile, readElf } from '../../elf/read.ts';
import type { PatchPlan, PlannedAction, PlannedRedirect, Unproved } from '../../plan/plan.ts';
import type { PassedOverStrategy } from '../../report/patch/document.ts';
import { type Applied, type ApplyOptions, applyPlan } from '../../rewrite/apply.ts';
import { makePlan, type PatchRequest } from '../../rewrite/plan.ts';
import type { RedirectRequest } from '../../rewrite/redirects.ts';
import { type PassedOver, StrategyRefusal } from '../../rewrite/strategies.ts';
import { parseFunctionName } from '../../rewrite/subject.ts';
import { type Complaint, RefusalError } from '../../util/errors.ts';
import type { PatchProof, ProvedFunction, RedirectPlace } from '../../verify/patched/prove-patched.ts';
import type { MergedModule } from './merge.ts';

/** What says whether a result is right; see verify/patched/prove-patched.ts. */
export interface Judge {
  prove(after: ElfFile, redirects: readonly RedirectPlace[]): PatchProof;
}

export interface Attempt {
  readonly plan: PatchPlan;
  readonly applied: Applied;
  readonly proof: PatchProof;
  /** Strategies that were tried before, or could not be, and why each was not taken. */
  readonly passedOver: readonly PassedOverStrategy[];
  /** Where objects were merged first: the plan is for what came out of that. */
  readonly merged?: MergedModule | undefined;
  /** What others export, as far as the user has told of it. */
  readonly exports?: PatchRequest['exports'];
}

/** A result, with what the plan is for. */
export interface Tried extends Attempt {
  readonly world: World;
}

/** What a patch starts from. */
export interface World {
  /** The input, or the merged module. */
  readonly elf: ElfFile;
  readonly request: PatchRequest;
  readonly options: ApplyOptions;
  /** Where objects were merged first. */
  readonly merged?: MergedModule | undefined;
}

/** What the code of `shadow` needs is not in the module. */
const NO_SHADOW_DATA = 'PAT083';
const NO_STRATEGY = 'PAT030';

/** A strategy that is not possible, and for which redirect, by number. */
interface Refused {
  readonly error: StrategyRefusal;
  readonly index: number;
}

/**
 * @param withShadowData the same with the data merged in that `shadow` needs; asked for when no other strategy is left
 * @throws RefusalError PAT001 to PAT030
 */
export function attempt(given: World, prover: Judge, withShadowData?: () => World): Tried {
  let world = given;
  /** For whom the data was merged in. */
  let asked: Refused | undefined;
  /** By number of the redirect. */
  const told: PassedOver[][] = given.request.redirects.map(r => [...(r.passedOver ?? [])]);
  const passedOver: PassedOverStrategy[] = [];
  let best: Tried | undefined;
  for (;;) {
    const { elf, request, options } = world;
    const redirects: readonly RedirectRequest[] = request.redirects.map((r, i) => ({ ...r, passedOver: told[i]! }));
    const refuse = ({ error: { strategy, request: of }, index }: Refused, { code, message }: Complaint) => {
      told[index]!.push({ strategy, code, why: message });
      passedOver.push({ function: parseFunctionName(of.from).name, strategy, code, message });
    };
    let plan: PatchPlan;
    try {
      plan = makePlan(elf, { ...request, redirects });
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      if (error instanceof StrategyRefusal) {
        const wanted = { error, index: redirects.indexOf(error.request) };
        if (error.code !== NO_SHADOW_DATA || withShadowData === undefined || asked !== undefined)
          refuse(wanted, error.complaint);
        else {
          asked = wanted;
          world = tryMerging(withShadowData, why => refuse(wanted, why)) ?? given;
        }
        continue;
      }
      if (asked !== undefined && world !== given && error.code !== NO_STRATEGY) {
        // The data is in the way, not what it is for.
        refuse(asked, error.complaint);
        world = given;
        continue;
      }
      // With no strategy left, what was found wrong with the cheapest one counts.
      if (best === undefined) throw error;
      return { ...best, passedOver: besides(best, passedOver) };
    }
    const applied = applyPlan(elf, plan, options);
    const actions = plan.actions.filter(a => a.kind === 'redirect');
    const proof = withOverruled(plan, prover.prove(readElf(applied.bytes), plan.actions.flatMap(placeOf)));
    const tried = { plan, applied, proof, world, merged: world.merged, exports: request.exports };
    if (proof.verdict === 'proved') return { ...tried, passedOver };
    if (best === undefined || (best.proof.verdict === 'refuted' && proof.verdict === 'unknown'))
      best = { ...tried, passedOver: [] };
    if (proof.obstacle !== undefined) return { ...best, passedOver: besides(best, passedOver) };
    const suspects = suspectsOf(actions, redirects, proof);
    if (suspects.size === 0) return { ...best, passedOver: besides(best, passedOver) };
    for (const [i, found] of suspects) {
      const { strategy, function: name } = actions[i]!;
      passedOver.push({ function: name, strategy, ...explained(found) });
      told[i]!.push({ strategy, code: found.code!, why: found.message! });
    }
  }
}

function tryMerging(merge: () => World, refuse: (why: Complaint) => void): World | undefined {
  try {
    return merge();
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    refuse(error.complaint);
    return undefined;
  }
}

/** Refusals that the user overruled count as much as what the prover finds. */
function withOverruled({ unproved = [] }: PatchPlan, proof: PatchProof): PatchProof {
  if (unproved.length === 0) return proof;
  const told = unproved.map(u => ({ ...u, role: 'redirected' }) as const);
  const isRefuted = proof.verdict === 'refuted' || told.some(u => u.verdict === 'refuted');
  return { ...proof, verdict: isRefuted ? 'refuted' : 'unknown', functions: [...told, ...proof.functions] };
}

/** What the prover is told of an action: its place, and of hooks and calls whom they are made to. */
export function placeOf(action: PlannedAction): RedirectPlace[] {
  const { section, offset } = action;
  switch (action.kind) {
    case 'nop':
    case 'epilogue':
      return [];
    case 'redirect':
      if (action.branches !== undefined)
        return action.branches.map(b => ({ ...b, leadsTo: [action.to], to: action.to, isCaller: true, isCall: true }));
      // The function still runs for its local callers, and calls whom it called.
      return [{ section, offset, to: action.to, ...(action.at === 'global-entry' && { leadsTo: [action.to] }) }];
    case 'hook':
      return [{ section, offset, leadsTo: [action.before, action.after].filter(name => name !== undefined) }];
    case 'retarget':
      return [{ section, offset, leadsTo: [action.to], isCall: true }];
  }
}

/** Of strategies that were tried, those that the result does not use all the same. */
function besides({ plan }: Attempt, tried: readonly PassedOverStrategy[]): PassedOverStrategy[] {
  const isUsed = (p: PassedOverStrategy) =>
    plan.actions.some(a => a.kind === 'redirect' && a.function === p.function && a.strategy === p.strategy);
  return tried.filter(p => !isUsed(p));
}

function explained({ code, message, path }: ProvedFunction) {
  return { code: code!, message: message!, ...(path !== undefined && { path }) };
}

/** Redirects whose strategy may be to blame, by number, with the finding; all that can be changed where none is named. */
function suspectsOf(
  actions: readonly PlannedRedirect[],
  redirects: readonly RedirectRequest[],
  proof: PatchProof,
): ReadonlyMap<number, ProvedFunction> {
  const wrong = proof.functions.filter(f => f.verdict !== 'proved');
  const suspects = new Map<number, ProvedFunction>();
  const isAuto = (i: number) => redirects[i]!.strategy === 'auto';
  actions.forEach((action, i) => {
    const code = action.strategy === 'epilogue' ? 'enter' : action.strategy;
    const names = [action.function, ...action.aliases, action.to, `__tocsin_${code}_${action.function}`];
    const found = wrong.find(f => names.includes(f.function));
    if (isAuto(i) && found !== undefined) suspects.set(i, found);
  });
  if (suspects.size === 0)
    actions.forEach((_, i) => {
      if (isAuto(i)) suspects.set(i, wrong[0]!);
    });
  return suspects;
}

/** What the note says of a result that is written without a proof. */
export function unprovedOf({ functions, obstacle }: PatchProof): Unproved[] {
  const found = functions.flatMap(f =>
    f.verdict === 'proved' ? [] : [{ function: f.function, verdict: f.verdict, code: f.code! }],
  );
  return obstacle === undefined ? found : [{ function: '', verdict: 'unknown', code: obstacle.code }, ...found];
}

/** The same result with a note that tells what is not proved. */
export function marked(found: Tried): Attempt {
  const { elf, options } = found.world;
  const plan = Object.freeze({ ...found.plan, unproved: Object.freeze(unprovedOf(found.proof)) });
  return { ...found, plan, applied: applyPlan(elf, plan, options) };
}
