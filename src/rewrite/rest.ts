/** How a redirected function goes on behind its branch, for trampolines that let it. */
import type { SymbolRef } from '../plan/plan.ts';
import type { RestShape } from '../trampoline/hook.ts';
import type { Draft } from './draft.ts';
import { HookPlaces, movedWord } from './hook-places.ts';
import type { Redirect } from './redirects.ts';
import { refusal } from './refusals.ts';
import type { Subject } from './subject.ts';
import { targetSymbol } from './targets.ts';

export interface Rest {
  readonly shape: RestShape;
  /** What the templates' relocations refer to. */
  readonly roles: { readonly function: SymbolRef; readonly moved?: SymbolRef };
}

/**
 * @param nopped functions whose call sites go
 * @throws RefusalError PAT007 to PAT010, PAT016, PAT021, PAT062, PAT076
 */
export function restOfFunction(
  subject: Subject,
  { request, from, name, k, place }: Redirect,
  nopped: ReadonlySet<number>,
  draft: Draft,
): Rest {
  const { at } = request;
  const [site] = from.sites;
  if (site === undefined || place === undefined || at === 'global-entry' || at === 'local-entry')
    throw refusal('PAT076', { at }, { section: from.section, offset: from.global, function: name });
  const chosen = new HookPlaces(subject, nopped).choose(from, name, site, at).place;
  const symbol = targetSymbol({ kind: 'here', name, code: from, k }, draft);
  return {
    shape: {
      tocOnEntry: k >= 2,
      resume: place.offset + 4 - from.names[0]!.local,
      moved: chosen.at === 'site' ? undefined : movedWord(chosen),
      siteSavesLink: site.form === 'mprofile-kernel-lr',
    },
    roles: { function: symbol, ...(chosen.moved !== undefined && { moved: chosen.moved.symbol }) },
  };
}
