/** The code between a redirected function and its replacement, and what each strategy has to know first. */
import type { CustomTrampoline, SymbolRef } from '../plan/plan.ts';
import { directTemplate } from '../trampoline/direct.ts';
import { frame } from '../trampoline/frame.ts';
import { trampolineSymbol } from '../trampoline/names.ts';
import { type Evidence, kernelPrototype, requireNone, stackArguments } from './arguments.ts';
import { planCustom } from './custom.ts';
import type { Draft } from './draft.ts';
import { planEpilogue } from './epilogue/redirect.ts';
import { besideGround, type Goal, goalOf, leadFromRoom } from './islands.ts';
import { longGround } from './long-branch.ts';
import type { Redirect, RedirectRequest } from './redirects.ts';
import { planShadow } from './shadow.ts';
import type { Room } from './spread.ts';
import type { Code, Subject } from './subject.ts';
import { targetSymbol } from './targets.ts';

export interface LaidDown {
  /** Whom the branch is to lead to. */
  readonly goal: Goal;
  readonly custom?: CustomTrampoline;
}

/**
 * Lays down what the strategy needs.
 *
 * @param near where new code is near the function; absent where nothing can be
 * @param isLong whether the branch will go by an address
 * @param nopped functions whose call sites go
 * @param grounds gets what the choice rests on, a sentence each
 * @throws RefusalError PAT011 to PAT013, PAT076, PAT083
 */
export function layDownRedirect(
  subject: Subject,
  redirect: Redirect,
  near: Room | undefined,
  isLong: boolean,
  nopped: ReadonlySet<number>,
  draft: Draft,
  grounds: string[],
): LaidDown {
  const { strategy, request, k, target, from, name, place } = redirect;
  const room = near ?? draft.spread.anywhere(from.section);
  if (isLong) grounds.push(longGround(k, draft.spread.size));
  if (strategy === 'frame' || mayHideArguments(request)) grounds.push(...checkStackArguments(subject, redirect, draft));
  const made = (symbol: SymbolRef) => {
    if (near !== undefined && draft.spread.isWide) grounds.push(besideGround(from.section, draft.spread));
    return { goal: { name, symbol, spot: room.edge } };
  };
  switch (strategy) {
    case 'direct': {
      if (isLong || isStraight(redirect)) {
        const goal = goalOf(target, draft);
        const isReached = place === undefined || !draft.spread.isFar(place, goal.spot);
        groundsOfDirect(redirect, isReached, grounds);
        return { goal };
      }
      return made(planDirect(redirect, room, draft, grounds));
    }
    case 'epilogue':
      return made(planEpilogue(redirect, redirect.copy!, room, draft, grounds));
    case 'frame':
      return made(planFrame(redirect, room, draft, grounds));
    case 'shadow':
      return made(planShadow(subject, redirect, nopped, draft, grounds));
    case 'custom': {
      const { symbol, custom } = planCustom(subject, redirect, nopped, draft, grounds);
      const symbols = subject.elf.symbols!;
      const section = subject.elf.sections[symbols.sectionOf(symbol.existing)]!;
      const spot = { section, offset: symbols.value(symbol.existing) };
      return { goal: { name, symbol, spot, isPiece: true }, custom };
    }
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

/** @param isReached whether the branch itself leads to the replacement */
function groundsOfDirect(redirect: Redirect, isReached: boolean, grounds: string[]): void {
  const { k, target } = redirect;
  grounds.push(`${target.name} is defined in this object: one TOC for both`);
  if (isStraight(redirect) && isReached)
    grounds.push(
      k >= 2
        ? `${tocGround(redirect)}, and the branch enters ${target.name} at its local entry`
        : `${target.name} does not need r2`,
    );
}

function planDirect(redirect: Redirect, room: Room, draft: Draft, grounds: string[]): SymbolRef {
  const { request, name, k, target } = redirect;
  const targetK = target.kind === 'here' ? target.k : 0;
  const isGlobal = request.at === 'global-entry';
  groundsOfDirect(redirect, true, grounds);
  const { code } = directTemplate(k, targetK, isGlobal);
  const known = anyTocGround(redirect);
  grounds.push(
    isGlobal
      ? `${known}: the trampoline computes this object's TOC and goes to ${target.name}`
      : `${known}: ${target.name} is entered at its global entry with its address in r12`,
  );
  const symbol = isGlobal ? leadFromRoom(room, target, draft) : targetSymbol(target, draft);
  return draft.addCode(room.home, trampolineSymbol('direct', name), code, symbol);
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

function planFrame(redirect: Redirect, room: Room, draft: Draft, grounds: string[]): SymbolRef {
  const { request, name, k, target } = redirect;
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
  const symbol = leadFromRoom(room, target, draft);
  return draft.addCode(room.home, trampolineSymbol('frame', name), frame(k, request.toc), symbol);
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
