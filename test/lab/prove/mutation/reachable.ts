/** Where control may go in a function, told from words and tables alone: for mutants that no run comes to. */
import type { World, WorldFunction } from '../../../support/interpreter/world.ts';

/** Whether a call of what lies at an address never comes back. */
export type IsEnd = (call: bigint) => boolean;

/** @returns addresses that may come next; `undefined` where a jump through a register leaves it open */
function next(world: World, f: WorldFunction, pc: bigint, isEnd: IsEnd): bigint[] | undefined {
  const word = world.word(pc);
  if (word === undefined) return [];
  const feature = world.features.get(pc);
  const ways = [world.fixups.get(pc), world.labels.get(pc), feature?.alternative, feature?.end].filter(
    w => w !== undefined,
  );
  const opcode = word >>> 26;
  const behind = pc + (opcode === 1 ? 8n : 4n);
  const on = world.alternativeEnds.get(behind) ?? behind;
  const isTrap = (word & 0xffe007fe) >>> 0 === 0x7fe00008;
  if (isTrap) return world.warnings.has(pc) ? [...ways, on] : ways;
  if (opcode === 18 || opcode === 16) {
    const target = pc + BigInt(opcode === 18 ? ((word << 6) >> 6) & ~3 : ((word & 0xfffc) << 16) >> 16);
    const isCall = (word & 1) === 1;
    if (!isCall || world.functionAt(target) === undefined) ways.push(target);
    if (opcode === 16 || (isCall && !isEnd(target)) || world.labels.has(pc)) ways.push(on);
    return ways;
  }
  const extended = opcode === 19 ? (word >>> 1) & 0x3ff : -1;
  if (extended === 16) return (word & 0x02800000) === 0x02800000 ? ways : [...ways, on];
  if (extended === 528) {
    if ((word & 1) === 1) return [...ways, on];
    return pc >= f.global && pc < f.end ? undefined : ways;
  }
  return [...ways, on];
}

export interface Ways {
  /** Addresses that control may come to. */
  readonly reached: ReadonlySet<bigint>;
  /** Addresses from which it may come to one that is wanted. */
  readonly leading: ReadonlySet<bigint>;
  /** A jump through a register leaves open where it goes: there may be more of both. */
  readonly isOpen: boolean;
}

export function waysTo(world: World, f: WorldFunction, wanted: ReadonlySet<bigint>, isEnd: IsEnd): Ways {
  const before = new Map<bigint, bigint[]>();
  const reached = new Set<bigint>();
  let isOpen = false;
  const left = [f.global, f.local];
  for (let pc = left.pop(); pc !== undefined; pc = left.pop()) {
    if (reached.has(pc)) continue;
    reached.add(pc);
    const ways = next(world, f, pc, isEnd);
    if (ways === undefined) {
      isOpen = true;
      // Anywhere in the function.
      for (let at = f.local; at < f.end; at += 4n) {
        left.push(at);
        before.set(at, [...(before.get(at) ?? []), pc]);
      }
      continue;
    }
    for (const way of ways) {
      left.push(way);
      before.set(way, [...(before.get(way) ?? []), pc]);
    }
  }
  const leading = new Set<bigint>();
  const back = [...wanted];
  for (let pc = back.pop(); pc !== undefined; pc = back.pop()) {
    if (leading.has(pc)) continue;
    leading.add(pc);
    back.push(...(before.get(pc) ?? []));
  }
  return { reached, leading, isOpen };
}
