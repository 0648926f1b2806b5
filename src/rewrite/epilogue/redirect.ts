/** `--strategy epilogue`: the way from a function to a copy of its replacement, which another module exports. */
import type { ImportedCopy, RedirectAt, SymbolRef, TocRecovery } from '../../plan/plan.ts';
import { epilogueTemplate } from '../../trampoline/epilogue.ts';
import { trampolineSymbol } from '../../trampoline/names.ts';
import type { Draft } from '../draft.ts';
import type { Redirect } from '../redirects.ts';
import type { Room } from '../spread.ts';

/** The r2 of whoever enters a function with one entry is owed back; at a global entry nobody's is any good. */
export function epilogueToc(k: number, at: RedirectAt, toc: TocRecovery): TocRecovery {
  if (at === 'global-entry') return 'recomputed';
  return k === 0 ? 'saved' : toc;
}

export function planEpilogue(
  redirect: Redirect,
  copy: ImportedCopy,
  { home }: Room,
  draft: Draft,
  grounds: string[],
): SymbolRef {
  const { request, name, k } = redirect;
  const toc = epilogueToc(k, request.at, request.toc);
  grounds.push(`${copy.symbol} of ${copy.module} brings back the r2 that it was entered with, and needs none`);
  grounds.push(
    'it is entered without a frame, by its address: arguments on the stack stay in place, and no stub stores r2',
  );
  grounds.push(
    toc === 'recomputed'
      ? "it is entered with this object's TOC in r2, computed from the trampoline's own address"
      : k >= 2
        ? `it is entered with the r2 of ${name}, this object's TOC`
        : `it is entered with whatever r2 ${name} was entered with, which ${name} owes`,
  );
  const template = epilogueTemplate(k >= 2, toc === 'recomputed');
  const target = draft.undefinedSymbol(copy.symbol);
  return draft.addCode(home, trampolineSymbol('enter', name), template, target);
}
