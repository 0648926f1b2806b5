/** The code between a redirected function and its replacement, and what each strategy has to know first. */
import type { CustomTrampoline, SymbolRef } from '../plan/plan.ts';
import { directTemplate } from '../trampoline/direct.ts';
import { frame } from '../trampoline/frame.ts';
import { codeSection, trampolineSymbol } from '../trampoline/names.ts';
import { type Evidence, kernelPrototype, requireNone, stackArguments } from './arguments.ts';
import { planCustom } from './custom.ts';
import type { Draft } from './draft.ts';
import { planEpilogue } from './epilogue/redirect.ts';
import { longGround } from './long-branch.ts';
import type { Redirect, RedirectRequest } from './redirects.ts';
import { planShadow } from './shadow.ts';
import type { Code, Subject } from './subject.ts';
import { targetSymbol } from './targets.ts';

export interface LaidDown {
  /** Whom the branch leads to. */
  readonly symbol: SymbolRef;
  readonly custom?: CustomTrampoline;
}

/**
 * Lays down what the strategy needs.
 *
 * @param far how far its branch may have to go, where that is too far for one
 * @param nopped functions whose call sites go
 * @param grounds gets what the choice rests on, a sentence each
 * @throws RefusalError PAT011, PAT012
 */
export function layDownRedirect(
  subject: Subject,
  redirect: Redirect,
  far: string | undefined,
  nopped: ReadonlySet<number>,
  draft: Draft,
  grounds: string[],
): LaidDown {
  const { strategy, request, k, target } = redirect;
  if (far !== undefined) grounds.push(longGround(k, far));
  if (strategy === 'frame' || mayHideArguments(request)) grounds.push(...checkStackArguments(subject, redirect, draft));
  switch (strategy) {
    case 'direct':
      return { symbol: far === undefined ? planDirect(redirect, draft, grounds) : targetSymbol(target, draft) };
    case 'epilogue':
      return { symbol: planEpilogue(redirect, redirect.copy!, draft, grounds) };
    case 'frame':
      return { symbol: planFrame(redirect, draft, grounds) };
    case 'shadow':
      return { symbol: planShadow(subject, redirect, nopped, draft, grounds) };
    case 'custom':
      return planCustom(subject, redirect, nopped, draft, grounds);
  }
}

/** Whether the branch leads to the replacement, and not to code in front of it. */
export function isStraight({ request, strategy, target, k }: Redirect): boolean {
  if (strategy !== 'direct' || target.kind === 'elsewhere') return false;
  return directTemplate(k, target.k, request.at === 'global-entry').inPlace;
}

/** Whether a trampoline of the user's own may call with a frame of its own on top. */
function mayHideArguments({ custom }: RedirectRequest): boolean {
  if (custom?.movesStack !== true) return false;
  return custom.namesTarget || custom.places.some(p => p.stands === 'original');
}

function planDirect(redirect: Redirect, draft: Draft, grounds: string[]): SymbolRef {
  const { request, from, name, k, target } = redirect;
  const targetK = target.kind === 'here' ? target.k : 0;
  const symbol = targetSymbol(target, draft);
  const { inPlace, code } = directTemplate(k, targetK, request.at === 'global-entry');
  grounds.push(`${target.name} is defined in this object: one TOC for both`);
  if (inPlace) {
    grounds.push(
      k >= 2
        ? `${tocGround(redirect)}, and the branch enters ${target.name} at its local entry`
        : `${target.name} does not need r2`,
    );
    return symbol;
  }
  const known = anyTocGround(redirect);
  grounds.push(
    request.at === 'global-entry'
      ? `${known}: the trampoline computes this object's TOC and goes to ${target.name}`
      : `${known}: ${target.name} is entered at its global entry with its address in r12`,
  );
  return draft.addCode(codeSection(from.section.name), trampolineSymbol('direct', name), code, symbol);
}

/** Who has the home's TOC in r2 when the branch is met. */
function tocGround({ name, request }: Redirect): string {
  return request.at === 'local-entry'
    ? `whoever branches to the local entry of ${name} has this object's TOC in r2`
    : `${name} sets up r2 in front of its call site`;
}

function anyTocGround({ name, request }: Redirect): string {
  return request.at === 'global-entry'
    ? `${name} has not set up r2 yet at its global entry`
    : `${name} may be entered with any r2`;
}

function planFrame(redirect: Redirect, draft: Draft, grounds: string[]): SymbolRef {
  const { request, from, name, k, target } = redirect;
  grounds.push(
    k >= 2
      ? `${tocGround(redirect)}, so the stub to ${target.name} finds this object's TOC`
      : `${anyTocGround(redirect)}: the trampoline computes this object's TOC before the call`,
  );
  grounds.push(
    request.toc === 'recomputed'
      ? "on return r2 is computed from the trampoline's own address"
      : "on return r2 comes from the TOC save slot of the trampoline's own frame",
  );
  const symbol = targetSymbol(target, draft);
  return draft.addCode(codeSection(from.section.name), trampolineSymbol('frame', name), frame(k, request.toc), symbol);
}

/** @returns what was looked at, a sentence each. @throws RefusalError PAT011, PAT012 */
function checkStackArguments(subject: Subject, redirect: Redirect, draft: Draft): string[] {
  const { request, from, name, target } = redirect;
  const forced = request.isForced === true && request.strategy !== 'auto' ? draft : undefined;
  const none = (of: string, code: Code, evidence: Evidence) => requireNone(of, code, evidence, forced);
  const grounds = [none(name, from, stackArguments(subject, from, name))];
  if (target.kind === 'here')
    grounds.push(none(target.name, target.code, stackArguments(subject, target.code, target.name)));
  else {
    const known = kernelPrototype(subject, target.name);
    if (known.answer === 'unknown')
      grounds.push(`${target.name} is not in this object: it is taken to have the prototype of ${name}`);
    else grounds.push(none(target.name, from, known));
  }
  return grounds;
}
