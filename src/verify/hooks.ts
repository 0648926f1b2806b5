/** Hooked functions: their branches lead to code that calls whom the plan names, and goes on in the function. */
import type { PlannedHook } from '../plan/plan.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import type { ActionPlaces, Placed } from './action-places.ts';
import { HookFollower } from './hook-follow.ts';
import type { Pairing } from './pairing.ts';
import { type BranchTarget, type Relocation, relocationsOn } from './places.ts';
import { count } from './verification.ts';

export function judgeHooks(places: ActionPlaces, hooks: readonly Placed<PlannedHook>[]): string {
  const { report } = places;
  const { input } = places.pair;
  const before = wordsBefore(places.pair, hooks);
  for (const hook of hooks) {
    const { action, section, function: f } = hook;
    const target = places.branchOf(hook);
    places.checkWayIn(hook);
    if (target === undefined) continue;
    if (!places.pair.code.includes(target.section)) {
      report.error('VER090', `the branch leads to ${target.name}, not to new code`, section, action.offset, f.name);
      continue;
    }
    const { code, reached } = places.enteredCode(target.section);
    places.checkLifetime(section, code.section, f.name);
    const from = places.pair.from(section.index);
    const was = input.sections[from];
    const hooked = {
      section: section.index,
      name: f.name,
      k: f.k,
      word: (was && input.sectionWords(was)[action.offset >>> 2]) ?? 0,
      relocations: before.get(from)?.get(action.offset) ?? [],
    };
    const isNamed = (name: string, other: BranchTarget) => places.isNamed(name, other);
    new HookFollower(report, code, action, hooked, reached, isNamed).follow(target.offset);
  }
  return count(hooks.length, 'hook');
}

/** The input's relocations on the words that hooks take the place of, by section and place. */
function wordsBefore(
  pair: Pairing,
  hooks: readonly Placed<PlannedHook>[],
): ReadonlyMap<SectionIndex, ReadonlyMap<SectionOffset, Relocation[]>> {
  const wanted = new Map<SectionIndex, Set<SectionOffset>>();
  for (const { action, section } of hooks) {
    const from = pair.from(section.index);
    const set = wanted.get(from);
    if (set === undefined) wanted.set(from, new Set([action.offset]));
    else set.add(action.offset);
  }
  return new Map([...wanted].map(([from, set]) => [from, relocationsOn(pair.input, from, set)]));
}
