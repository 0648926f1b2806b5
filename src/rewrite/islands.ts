/** Whom a branch has to lead to: its target, or an island near it (trampoline/island.ts). */
import { STT_FUNC, STT_NOTYPE } from '../elf/constants.ts';
import type { Section } from '../elf/section.ts';
import type { SymbolRef } from '../plan/plan.ts';
import { islandCode } from '../trampoline/island.ts';
import { trampolineSymbol } from '../trampoline/names.ts';
import type { Draft } from './draft.ts';
import type { Room, Spot, Spread } from './spread.ts';
import { type Target, targetSymbol } from './targets.ts';

/** What a branch is to lead to in the end. */
export interface Goal {
  readonly name: string;
  readonly symbol: SymbolRef;
  /** Absent where nobody knows how far it is; of what other objects define, where the loader's stub is. */
  readonly spot: Spot | undefined;
  /** A piece of a function, and no function of its own. */
  readonly isPiece?: boolean;
}

export interface Lead {
  readonly symbol: SymbolRef;
  readonly isIsland: boolean;
}

export function goalOf(target: Target, draft: Draft): Goal & { readonly spot: Spot } {
  if (target.kind === 'elsewhere') throw new Error('what lies elsewhere is reached by a stub');
  const spot = { section: target.code.section, offset: target.code.names[0]!.local };
  return { name: target.name, symbol: targetSymbol(target, draft), spot };
}

/**
 * @param from where a branch of the input stands
 * @param isHome whether r2 has the home's TOC there
 * @throws RefusalError PAT013
 */
export function leadFrom(from: Spot, goal: Goal, isHome: boolean, draft: Draft): Lead {
  const { spread } = draft;
  if (!spread.isWide || (goal.spot !== undefined && !spread.isFar(from, goal.spot)))
    return { symbol: goal.symbol, isIsland: false };
  return { symbol: islandTo(draft.spread.requireNear(from), goal, isHome, draft), isIsland: true };
}

/** Whom a branch in new code, with the home's TOC in r2, has to lead to. */
export function leadFromRoom(room: Room, target: Target, draft: Draft): SymbolRef {
  if (target.kind === 'elsewhere' || !draft.spread.isWide) return targetSymbol(target, draft);
  const goal = goalOf(target, draft);
  if (room.edge !== undefined && !draft.spread.isFar(room.edge, goal.spot)) return goal.symbol;
  return islandTo(room, goal, true, draft);
}

/** What new code is told as that lies near a function. */
export function besideGround({ name }: Section, { size }: Spread): string {
  return `branches may not reach across the module (${size}): the new code lies beside ${name}`;
}

/** What an island is told as. */
export function islandGround({ size }: Spread): string {
  return `a branch may have to go further than 32 MB (${size}): it leads to an island beside its section, which goes on through r12 and CTR`;
}

function islandTo({ home }: Room, { name, symbol, isPiece = false }: Goal, isHome: boolean, draft: Draft): SymbolRef {
  const { code, k } = islandCode(isHome, isPiece);
  const key = [home.name, home.before, JSON.stringify(symbol), isHome, isPiece].join();
  return draft.once(key, () =>
    draft.addCode(home, trampolineSymbol('island', name), code, symbol, isPiece ? STT_NOTYPE : STT_FUNC, k),
  );
}
