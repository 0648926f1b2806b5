/**
 * `custom`: code of the user's own is the trampoline. It has been merged into the module (merge/custom.ts), where the places that
 * name the rest of the function F name F itself. Here they get what they stand for:
 *
 * - `__tocsin_continue` is the instruction that F's branch took the place of, and the way back behind it.
 * - `__tocsin_original` is F as a function of its own: its contract is F's, and it can be called and jumped to.
 */
import { STT_FUNC, STT_NOTYPE } from '../elf/constants.ts';
import type { CustomTrampoline, SymbolRef } from '../plan/plan.ts';
import { bodyEntryCode, bodyTemplate, goOn } from '../trampoline/hook.ts';
import { codeSection, trampolineSymbol } from '../trampoline/names.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import type { Draft } from './draft.ts';
import type { Redirect } from './redirects.ts';
import { refusal } from './refusals.ts';
import { type Rest, restOfFunction } from './rest.ts';
import type { Subject } from './subject.ts';

/** A trampoline of the user's own as the merged module has it. */
export interface CustomRequest {
  readonly object: string;
  /** Of the object as the user gave it. */
  readonly sha256: string;
  /** The symbol that the branch is to lead to. */
  readonly entry: string;
  /** Relocations that name the rest of the function. */
  readonly places: readonly {
    readonly section: SectionIndex;
    readonly offset: SectionOffset;
    readonly stands: 'original' | 'continue';
  }[];
  readonly namesTarget: boolean;
  /** Whether some instruction of it changes r1: then it may call with a frame of its own on top. */
  readonly movesStack: boolean;
}

/** @throws RefusalError PAT007 to PAT010, PAT016, PAT021, PAT062, PAT082 */
export function planCustom(
  subject: Subject,
  redirect: Redirect,
  nopped: ReadonlySet<number>,
  draft: Draft,
  grounds: string[],
): { readonly symbol: SymbolRef; readonly custom: CustomTrampoline } {
  const { request, from, name } = redirect;
  const { object, sha256, entry, places } = request.custom!;
  const { sections, symbols } = subject.elf;
  if (/^\.(init|exit)/.test(from.section.name)) throw refusal('PAT082', { name, section: from.section.name });
  const symbol = { existing: symbols!.find(entry) };
  const rest = restOf(subject, redirect, nopped, draft);
  for (const { section, offset, stands } of places) {
    if (!subject.elf.isRelocatable) {
      draft.rests.push({ section, offset, stands, symbol: rest(stands) });
      continue;
    }
    const found = relocationsOf(subject, section, offset, redirect);
    for (const { table, entry, type, addend } of found) {
      draft.removedRelocations.push({ table, entry });
      draft.addedRelocations.push({ section, offset, type, symbol: rest(stands), addend });
    }
  }
  grounds.push(`${object} is code of your own: what is known of it is what the prover found`);
  const told = places.map(p => ({ section: sections[p.section]!.name, offset: p.offset, stands: p.stands }));
  return { symbol, custom: { object, sha256, entry, places: told } };
}

/** Makes the code that stands for the rest of the function, each kind once. */
function restOf(subject: Subject, redirect: Redirect, nopped: ReadonlySet<number>, draft: Draft) {
  const { from, name, k } = redirect;
  const made = new Map<string, SymbolRef>();
  let rest: Rest | undefined;
  return (stands: 'original' | 'continue'): SymbolRef => {
    const known = made.get(stands);
    if (known !== undefined) return known;
    rest ??= restOfFunction(subject, redirect, nopped, draft);
    const { shape, roles } = rest;
    const section = codeSection(from.section.name);
    const symbol =
      stands === 'continue'
        ? draft.addCode(section, trampolineSymbol('continue', name), goOn(shape), roles, STT_NOTYPE)
        : draft.addCode(
            section,
            trampolineSymbol('body', name),
            bodyTemplate(shape),
            roles,
            STT_FUNC,
            bodyEntryCode(k >= 2),
          );
    made.set(stands, symbol);
    return symbol;
  };
}

/** Relocations at a place of merged code that name the function. */
function relocationsOf(subject: Subject, section: SectionIndex, offset: SectionOffset, { from }: Redirect) {
  const symbols = subject.elf.symbols!;
  const found: { table: SectionIndex; entry: number; type: number; addend: number }[] = [];
  for (const table of subject.relocationTablesFor(section)) {
    const relocations = subject.elf.relocations(table);
    for (let i = 0; i < relocations.count; i++) {
      if (relocations.offset(i) !== offset) continue;
      const symbol = relocations.symbol(i);
      if (symbols.sectionOf(symbol) !== from.section.index || symbols.value(symbol) !== from.global) continue;
      found.push({ table: table.index, entry: i, type: relocations.type(i), addend: relocations.addend(i) });
    }
  }
  return found;
}
