/** `shadow`: the trampoline, and the data that it needs, which has been merged in (runtime/shadow.S). */
import { SHN_UNDEF, STT_FUNC, STT_NOTYPE } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { SymbolRef, TocRecovery } from '../plan/plan.ts';
import { goOn } from '../trampoline/hook.ts';
import { trampolineSymbol } from '../trampoline/names.ts';
import { enter, enterWithToc, shadowTemplate } from '../trampoline/shadow.ts';
import { shadowStackTemplate } from '../trampoline/shadow-stack.ts';
import type { Role, Template } from '../trampoline/template.ts';
import type { Draft } from './draft.ts';
import type { Redirect, RedirectRequest } from './redirects.ts';
import { refusal } from './refusals.ts';
import { restOfFunction } from './rest.ts';
import type { Subject } from './subject.ts';
import { targetSymbol } from './targets.ts';

const STATE = '__tocsin_shadow_state';
const TABLE = '__tocsin_shadow_table';
/** Of redirects that use the task's second stack. */
const STACK_STATE = '__tocsin_shadow_stack_state';
/** Calls, live, high, overflows, limit. */
const STATE_SIZE = 40;

function find({ symbols }: ElfFile, name: string): number {
  return symbols?.find(name, i => symbols.rawSection(i) !== SHN_UNDEF) ?? -1;
}

/** Whether a module has the data that `shadow` needs, and as much of it. */
export function hasShadowData(elf: ElfFile, usesStack: boolean): boolean {
  const state = find(elf, usesStack ? STACK_STATE : STATE);
  return state >= 0 && elf.symbols!.size(state) === STATE_SIZE && (usesStack || find(elf, TABLE) >= 0);
}

/**
 * F itself, where it runs, leaves r2 as it was if it has k = 0: then G has to do the same. At the global entry r2 is anybody's, and F
 * owes the home's TOC.
 */
export function shadowToc(k: number, { at, toc }: Pick<RedirectRequest, 'at' | 'toc'>): TocRecovery {
  if (at === 'global-entry') return 'recomputed';
  return k === 0 ? 'saved' : toc;
}

/** How F runs where there is no room, and whether the code in front of it is a function of its own. */
function restOf(
  subject: Subject,
  redirect: Redirect,
  nopped: ReadonlySet<number>,
  draft: Draft,
): { readonly rest: Template; readonly roles: Partial<Record<Role, SymbolRef>>; readonly isFunction: boolean } {
  const { request, from, name, k } = redirect;
  if (request.at === 'after-site' || request.at === 'site') {
    const { shape, roles } = restOfFunction(subject, redirect, nopped, draft);
    return { rest: goOn(shape), roles, isFunction: false };
  }
  const roles = { function: targetSymbol({ kind: 'here', name, code: from, k }, draft) };
  return { rest: request.at === 'global-entry' ? enterWithToc : enter, roles, isFunction: true };
}

/** @throws RefusalError PAT083, and what restOfFunction throws */
export function planShadow(
  subject: Subject,
  redirect: Redirect,
  nopped: ReadonlySet<number>,
  draft: Draft,
  grounds: string[],
): SymbolRef {
  const { request, from, name, k, target } = redirect;
  const { stack } = request;
  const toc = shadowToc(k, request);
  const { rest, roles, isFunction } = restOf(subject, redirect, nopped, draft);
  if (!hasShadowData(subject.elf, stack !== undefined))
    throw refusal('PAT083', {}, { section: from.section, function: name });
  grounds.push(
    `${target.name} is called without a frame: it finds the arguments that ${name}'s callers have put on the stack`,
  );
  grounds.push(
    stack === undefined
      ? `where no slot of the shadow table is free, ${name} itself runs`
      : `what has to come back waits on the task's livepatch stack (${stack.threadInfo}(r13), ${stack.sp}); where too much of it is in use, ${name} itself runs`,
  );
  const where = stack === undefined ? 'slot' : 'entry on that stack';
  grounds.push(
    toc === 'recomputed'
      ? "on return r2 is computed from the trampoline's own address"
      : `on return r2 comes from the ${where}`,
  );
  const existing = (symbol: string) => ({ existing: find(subject.elf, symbol) });
  const spot = { section: from.section, offset: redirect.place?.offset ?? from.global };
  return draft.addCode(
    draft.spread.requireNear(spot, name).home,
    trampolineSymbol('shadow', name),
    stack === undefined ? shadowTemplate(toc, rest) : shadowStackTemplate(toc, stack, rest),
    {
      ...roles,
      target: targetSymbol(target, draft),
      ...(stack === undefined ? { state: existing(STATE), table: existing(TABLE) } : { state: existing(STACK_STATE) }),
    },
    isFunction ? STT_FUNC : STT_NOTYPE,
  );
}
