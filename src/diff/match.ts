/**
 * Which item of one object is which of the other.
 *
 * By name first. Compilers number local names (`__func__.12`, `__UNIQUE_ID_license188`) and functions that they cloned
 * (`f.constprop.0`, `f.isra.0`), and another build numbers them otherwise; several files of one module may each have
 * their own static `init`. So passes go from the certain to the likely, and each takes what the ones before it left.
 */
import type { Item, ItemsBySection } from './items.ts';

export interface Pair {
  readonly number: number;
  readonly old: Item;
  readonly new: Item;
}

export interface Matched {
  readonly pairs: readonly Pair[];
  readonly removed: readonly Item[];
  readonly added: readonly Item[];
}

/** The name without what the compiler numbers or adds when it clones. `f.cold` and `f.part.0` stay parts of their own. */
export function normalisedName(name: string): string {
  if (name.startsWith('__UNIQUE_ID_')) return name.replace(/\d+$/, '');
  if (/^_note_\d+$/.test(name)) return '_note_';
  if (!name.includes('.')) return name;
  const plain = name.replaceAll(/\.(constprop|isra|lto_priv)(\.\d+)?(?=\.|$)/g, '').replace(/(\.\d+)+$/, '');
  return plain === '' ? name : plain;
}

type KeyOf = (item: Item) => string | undefined;

interface Pass {
  readonly key: KeyOf;
  /** Pair in order even when the numbers differ; else only where both sides have equally many. */
  readonly evenUnequal: boolean;
  /** Only where one item on each side has the key. */
  readonly uniqueOnly: boolean;
}

const kind = (item: Item) => (item.isCode ? 'c' : 'd');

const passes: readonly Pass[] = [
  { key: i => `${kind(i)} ${i.section.name} ${i.hash} ${i.name}`, evenUnequal: true, uniqueOnly: false },
  {
    key: i => {
      const name = normalisedName(i.name);
      return name === i.name ? undefined : `${kind(i)} ${i.section.name} ${i.hash} ${name}`;
    },
    evenUnequal: true,
    uniqueOnly: false,
  },
  { key: i => `${kind(i)} ${i.section.name} ${i.name}`, evenUnequal: true, uniqueOnly: false },
  { key: i => `${kind(i)} ${i.name}`, evenUnequal: true, uniqueOnly: false },
  { key: i => `${kind(i)} ${i.section.name} ${normalisedName(i.name)}`, evenUnequal: false, uniqueOnly: false },
  { key: i => `${kind(i)} ${normalisedName(i.name)}`, evenUnequal: false, uniqueOnly: true },
];

/** Values by key, in their order; those without one left out. */
export function groupBy<K, T>(values: Iterable<T>, key: (value: T) => K | undefined): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const k = key(value);
    if (k === undefined) continue;
    const list = groups.get(k);
    if (list === undefined) groups.set(k, [value]);
    else list.push(value);
  }
  return groups;
}

/** What has kept its name, its contents and its place in the row: nearly everything, where only a little was patched. */
function pairInPlace(oldItems: ItemsBySection, newItems: ItemsBySection, pair: (a: Item, b: Item) => void): void {
  const byName = new Map<string, readonly Item[]>();
  for (const items of oldItems.values()) if (items.length > 0) byName.set(items[0]!.section.name, items);
  for (const news of newItems.values()) {
    const olds = byName.get(news[0]?.section.name ?? '') ?? [];
    for (let i = 0; i < news.length && olds[i]?.name === news[i]!.name; i++) {
      const a = olds[i]!;
      const b = news[i]!;
      if (a.number === 0 && a.hash === b.hash && a.isCode === b.isCode) pair(a, b);
    }
  }
}

/** Pairs the items of two objects and gives every item its number: one for both of a pair. */
export function matchItems(oldItems: ItemsBySection, newItems: ItemsBySection): Matched {
  const pairs: Pair[] = [];
  let number = 0;
  const pair = (a: Item, b: Item) => {
    a.number = b.number = ++number;
    pairs.push({ number, old: a, new: b });
  };
  pairInPlace(oldItems, newItems, pair);
  let before = [...oldItems.values()].flat().filter(i => i.number === 0);
  let after = [...newItems.values()].flat().filter(i => i.number === 0);
  for (const pass of passes) {
    if (before.length === 0 || after.length === 0) break;
    const olds = groupBy(before, pass.key);
    for (const [key, news] of groupBy(after, pass.key)) {
      const candidates = olds.get(key);
      if (candidates === undefined) continue;
      if (!pass.evenUnequal && candidates.length !== news.length) continue;
      if (pass.uniqueOnly && (candidates.length !== 1 || news.length !== 1)) continue;
      for (let i = 0; i < Math.min(candidates.length, news.length); i++) pair(candidates[i]!, news[i]!);
    }
    before = before.filter(i => i.number === 0);
    after = after.filter(i => i.number === 0);
  }
  for (const item of before) item.number = ++number;
  for (const item of after) item.number = ++number;
  return { pairs, removed: before, added: after };
}
