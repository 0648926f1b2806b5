/** The code of one hook: what the templates give, and what of the function has to change for it. */
import { STT_FUNC, STT_NOTYPE } from '../elf/constants.ts';
import type { PlannedHook, SymbolRef } from '../plan/plan.ts';
import type { CallSite } from '../sites/call-sites.ts';
import { bodyEntryCode, hookTemplates } from '../trampoline/hook.ts';
import { trampolineSymbol } from '../trampoline/names.ts';
import { BRANCH, R_PPC64_REL24 } from '../trampoline/template.ts';
import type { SectionOffset } from '../util/indexes.ts';
import type { Draft } from './draft.ts';
import { type HookPlace, movedWord } from './hook-places.ts';
import { besideGround, leadFromRoom } from './islands.ts';
import type { Code } from './subject.ts';
import { type Target, targetSymbol } from './targets.ts';

/** A function that is hooked, with everything decided. */
export interface Hook {
  readonly code: Code;
  readonly name: string;
  readonly k: number;
  readonly site: CallSite;
  readonly before: Target | undefined;
  readonly after: Target | undefined;
  readonly toc: PlannedHook['toc'];
  readonly place: HookPlace;
  readonly grounds: readonly string[];
}

/** What the tracer would give as `ip`: the word that becomes its call. */
function ipOf(site: CallSite): SectionOffset {
  return site.offset + (site.form === 'patchable' ? 4 : 0);
}

/** Adds a hook to the plan. @throws RefusalError PAT013 */
export function layDown(hook: Hook, draft: Draft): void {
  const { code, name, k, site, before, after, toc, place, grounds } = hook;
  const { global, local } = code.names[0]!;
  const ip = ipOf(site);
  const { hook: trampoline, body } = hookTemplates({
    before: before && { external: before.kind === 'elsewhere' },
    after: after && { external: after.kind === 'elsewhere' },
    tocOnEntry: k >= 2,
    toc: toc === 'recomputed' ? 'recomputed' : 'saved',
    ip: ip - global,
    resume: place.offset + 4 - local,
    moved: place.at === 'site' ? undefined : movedWord(place),
    siteSavesLink: site.form === 'mprofile-kernel-lr',
  });
  const room = draft.spread.requireNear({ section: code.section, offset: place.offset }, name);
  const roles: Record<string, SymbolRef> = { function: targetSymbol({ kind: 'here', name, code, k }, draft) };
  if (before !== undefined) roles.before = leadFromRoom(room, before, draft);
  if (after !== undefined) roles.after = leadFromRoom(room, after, draft);
  if (place.moved !== undefined) roles.moved = place.moved.symbol;
  if (body !== undefined)
    roles.body = draft.addCode(room.home, trampolineSymbol('body', name), body, roles, STT_FUNC, bodyEntryCode(k >= 2));
  const branchTo = draft.addCode(room.home, trampolineSymbol('hook', name), trampoline, roles, STT_NOTYPE);
  const recordRemoved = place.at === 'site' && draft.dropRecord(site);
  draft.words.push({ section: code.section.index, offset: place.offset, before: place.word, after: BRANCH.word });
  draft.removedRelocations.push(...place.relocations);
  draft.addedRelocations.push({
    section: code.section.index,
    offset: place.offset,
    type: R_PPC64_REL24,
    symbol: branchTo,
    addend: 0,
  });
  draft.actions.push({
    kind: 'hook',
    function: name,
    aliases: code.names.map(f => f.name).filter(other => other !== name),
    ...(before !== undefined && { before: before.name }),
    ...(after !== undefined && { after: after.name }),
    at: place.at,
    section: code.section.name,
    offset: place.offset,
    ip,
    form: site.form,
    recordRemoved,
    toc,
    grounds: draft.spread.isWide ? [...grounds, besideGround(code.section, draft.spread)] : grounds,
  });
}
