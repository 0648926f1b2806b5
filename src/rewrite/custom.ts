/**
 * `custom`: code of the user's own is the trampoline. It has been merged into the module (merge/custom.ts), where the places that
 * name the rest of the function F name F itself. Here they get what they stand for:
 *
 * - `__tocsin_continue` is the instruction that F's branch took the place of, and the way back behind it.
 * - `__tocsin_original` is F as a function of its own: its contract is F's, and it can be called and jumped to.
 *
 * Where its branches may not reach, to these or to G, they lead to islands.
 */
import { STT_FUNC, STT_NOTYPE } from '../elf/constants.ts';
import type { CustomTrampoline, RemovedRelocation } from '../plan/plan.ts';
import { bodyEntryCode, bodyTemplate, goOn } from '../trampoline/hook.ts';
import { trampolineSymbol } from '../trampoline/names.ts';
import { R_PPC64_REL24 } from '../trampoline/template.ts';
import type { SectionIndex, SectionOffset, SymbolIndex } from '../util/indexes.ts';
import type { Draft } from './draft.ts';
import { type Goal, goalOf, leadFrom } from './islands.ts';
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

/** @throws RefusalError PAT007 to PAT010, PAT013, PAT016, PAT021, PAT062, PAT082 */
export function planCustom(
  subject: Subject,
  redirect: Redirect,
  nopped: ReadonlySet<number>,
  draft: Draft,
  grounds: string[],
): { readonly symbol: { readonly existing: SymbolIndex }; readonly custom: CustomTrampoline } {
  const { request, from, name } = redirect;
  const { object, sha256, entry, places } = request.custom!;
  const { sections, symbols } = subject.elf;
  if (/^\.(init|exit)/.test(from.section.name)) throw refusal('PAT082', { name, section: from.section.name });
  const symbol = { existing: symbols!.find(entry) };
  const rest = restOf(subject, redirect, nopped, draft);
  for (const { section, offset, stands } of places) {
    const goal = rest(stands);
    if (!subject.elf.isRelocatable) draft.rests.push({ section, offset, stands, symbol: goal.symbol });
    else
      for (const found of relocationsOf(subject, section, redirect, at => at === offset))
        lead(subject, section, found, goal, redirect.k >= 2, draft);
  }
  grounds.push(`${object} is code of your own: what is known of it is what the prover found`);
  const far = leadToTarget(subject, symbols!.sectionOf(symbol.existing), redirect, draft);
  const told = [...places, ...far].map(p => ({ ...p, section: sections[p.section]!.name }));
  return { symbol, custom: { object, sha256, entry, places: told } };
}

/** A relocation of merged code, and its place in its table. */
interface Found extends RemovedRelocation {
  readonly offset: SectionOffset;
  readonly type: number;
  readonly addend: number;
}

/** Puts a relocation in the place of another, to what stands for its target, or to an island where a branch may not reach that. */
function lead(
  subject: Subject,
  section: SectionIndex,
  { table, entry, offset, type, addend }: Found,
  goal: Goal,
  isHome: boolean,
  draft: Draft,
): void {
  const from = { section: subject.elf.sections[section]!, offset };
  const symbol = type === R_PPC64_REL24 ? leadFrom(from, goal, isHome, draft).symbol : goal.symbol;
  draft.removedRelocations.push({ table, entry });
  draft.addedRelocations.push({ section, offset, type, symbol, addend });
}

/** Leads branches of the trampoline's section that may not reach the target to islands: the module as it was had no such branches. */
function leadToTarget(subject: Subject, section: SectionIndex, { target }: Redirect, draft: Draft) {
  if (target.kind === 'elsewhere' || !draft.spread.isWide) return [];
  const goal = goalOf(target, draft);
  const home = subject.elf.sections[section]!;
  const gone = new Set(draft.removedRelocations.map(r => `${r.table} ${r.entry}`));
  const far = relocationsOf(subject, section, { from: target.code }).filter(
    ({ table, entry, type, offset }) =>
      type === R_PPC64_REL24 &&
      !gone.has(`${table} ${entry}`) &&
      draft.spread.isFar({ section: home, offset }, goal.spot),
  );
  for (const found of far) lead(subject, section, found, goal, target.k >= 2, draft);
  return far.map(({ offset }) => ({ section, offset, stands: 'target' as const }));
}

/** Makes the code that stands for the rest of the function, each kind once. */
function restOf(subject: Subject, redirect: Redirect, nopped: ReadonlySet<number>, draft: Draft) {
  const { name, k, place } = redirect;
  const made = new Map<string, Goal>();
  let rest: Rest | undefined;
  return (stands: 'original' | 'continue'): Goal => {
    const known = made.get(stands);
    if (known !== undefined) return known;
    rest ??= restOfFunction(subject, redirect, nopped, draft);
    const { shape, roles } = rest;
    const { home, edge } = draft.spread.requireNear(place!, name);
    const isPiece = stands === 'continue';
    const symbol = isPiece
      ? draft.addCode(home, trampolineSymbol('continue', name), goOn(shape), roles, STT_NOTYPE)
      : draft.addCode(
          home,
          trampolineSymbol('body', name),
          bodyTemplate(shape),
          roles,
          STT_FUNC,
          bodyEntryCode(k >= 2),
        );
    const goal = { name, symbol, spot: edge, isPiece };
    made.set(stands, goal);
    return goal;
  };
}

/** Relocations of merged code that name a function. */
function relocationsOf(
  subject: Subject,
  section: SectionIndex,
  { from }: Pick<Redirect, 'from'>,
  isWanted: (offset: SectionOffset) => boolean = () => true,
): Found[] {
  const symbols = subject.elf.symbols!;
  const found: Found[] = [];
  for (const table of subject.relocationTablesFor(section)) {
    const relocations = subject.elf.relocations(table);
    for (let i = 0; i < relocations.count; i++) {
      const offset = relocations.offset(i);
      if (!isWanted(offset)) continue;
      const symbol = relocations.symbol(i);
      if (symbols.sectionOf(symbol) !== from.section.index || symbols.value(symbol) !== from.global) continue;
      found.push({ table: table.index, entry: i, offset, type: relocations.type(i), addend: relocations.addend(i) });
    }
  }
  return found;
}
