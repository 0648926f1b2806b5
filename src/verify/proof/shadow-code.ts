/**
 * The code of `patch --strategy shadow`, as the judge knows it: word by word, and what follows from it. A function F that goes
 * through it has its return address, and with `saved` its r2, in a slot of a table or on the second stack of its task while another
 * function G runs, and gets them back from there (docs/proof.md says why). The code is known by its words, wherever it lies and
 * whatever it is called.
 */
import { STACK_LISTING, TABLE_LISTING } from './shadow-listings.ts';

/** What a pair of `addis` and `addi` makes the address of. */
export type ShadowAddress = 'state' | 'state+8' | 'table' | 'toc';

export interface ShadowRow {
  /** Without the displacement, where there is one that depends on the place. */
  readonly word: number;
  readonly address?: { readonly of: ShadowAddress; readonly half: 'ha' | 'lo' };
  /** The displacement says where the second stack is. */
  readonly field?: keyof StackOffsets;
  /** The load of G's address, which lies behind the code. */
  readonly isTarget: boolean;
  /** Instruction that puts LR into the slot; that takes what has come back. */
  readonly mark: 'keeps' | 'gives' | undefined;
}

/** Where the second stack of a task is, bytes: from r13, and from where that leads. */
export interface StackOffsets {
  readonly threadInfo: number;
  readonly sp: number;
}

/** Slots of the table that one activation may have, where they begin, and bytes of a slot. */
const SLOT = 32;
export const TABLE_SIZE = SLOT * (1024 + 31);
/** Calls, live, high, overflows, limit. */
export const STATE_SIZE = 40;

function rows(listing: string, saved: boolean): readonly ShadowRow[] {
  const found: ShadowRow[] = [];
  for (const line of listing.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [word, ...says] = line.split(' ');
    if (says.includes(saved ? 'recomputed' : 'saved')) continue;
    const [of, half] = says.find(s => s.includes('.'))?.split('.') ?? [];
    const field = (['threadInfo', 'sp'] as const).find(name => says.includes(name));
    found.push({
      word: Number.parseInt(word!, 16),
      isTarget: says.includes('target'),
      mark: says.includes('keeps') ? 'keeps' : says.includes('gives') ? 'gives' : undefined,
      ...(field !== undefined && { field }),
      ...(of !== undefined && { address: { of: of as ShadowAddress, half: half as 'ha' | 'lo' } }),
    });
  }
  return found;
}

/** Each kind with both variants, and a word that compilers do not often make, by which it is found. */
const KINDS = [
  { kind: 'table', lists: [rows(TABLE_LISTING, false), rows(TABLE_LISTING, true)], rare: 0x3d809e37 },
  { kind: 'stack', lists: [rows(STACK_LISTING, false), rows(STACK_LISTING, true)], rare: 0x3d8057ac },
] as const;
/** `bcl 20,31,.+4`: LR is the address of the next instruction, from which the others are counted. */
const BCL_NEXT = 0x429f0005;
export interface ShadowInstance {
  /** Numbers of words: the first, and one past the last. What F does behind its branch follows there. */
  readonly start: number;
  readonly end: number;
  readonly kind: 'table' | 'stack';
  readonly saved: boolean;
  /** Of `stack`: where it takes that to be. */
  readonly stack: StackOffsets | undefined;
  readonly rows: readonly ShadowRow[];
  /** For each row: the word that its address is counted from. */
  readonly bases: readonly number[];
}

/** The code that begins at word number `start`; `undefined` where something else is. */
export function shadowAt(words: Uint32Array, start: number): ShadowInstance | undefined {
  for (const { kind, lists } of KINDS)
    for (const [i, list] of lists.entries()) {
      if (start < 0 || start + list.length > words.length || !list.every((row, n) => isRow(row, words[start + n]!)))
        continue;
      const stack = kind === 'stack' ? stackOf(words, start, list) : undefined;
      if (kind === 'stack' && stack === undefined) continue;
      let base = start;
      const bases = list.map((_, n) => {
        if (n > 0 && list[n - 1]!.word === BCL_NEXT) base = start + n;
        return base;
      });
      return { start, end: start + list.length, kind, saved: i === 1, stack, rows: list, bases };
    }
  return undefined;
}

/** Where all words of an instance that say where the stack is agree. */
function stackOf(words: Uint32Array, start: number, list: readonly ShadowRow[]): StackOffsets | undefined {
  const said = { threadInfo: new Set<number>(), sp: new Set<number>() };
  list.forEach(({ field }, i) => {
    if (field !== undefined) said[field].add(words[start + i]! & 0xffff);
  });
  const [[threadInfo, other], [sp, another]] = [[...said.threadInfo], [...said.sp]];
  if (threadInfo === undefined || sp === undefined || other !== undefined || another !== undefined) return undefined;
  return threadInfo < 0x8000 && sp < 0x8000 ? { threadInfo, sp } : undefined;
}

function isRow(row: ShadowRow, word: number): boolean {
  if (row.isTarget || row.field !== undefined) return ((word ^ row.word) & 0xffff0003) === 0;
  return row.address === undefined ? word === row.word : word >>> 16 === row.word >>> 16;
}

/** All places where the code is. */
export function shadowInstances(words: Uint32Array): readonly ShadowInstance[] {
  const found: ShadowInstance[] = [];
  for (const { kind, lists, rare } of KINDS) {
    const rareAt = lists[0].findIndex(row => row.word === rare);
    for (let at = words.indexOf(rare); at >= 0; at = words.indexOf(rare, at + 1)) {
      const instance = shadowAt(words, at - rareAt);
      if (instance?.kind === kind) found.push(instance);
    }
  }
  return found;
}

/** Addresses that the words of an instance make, in bytes as word numbers are counted from. */
export function shadowAddresses(
  words: Uint32Array,
  { start, rows: list, bases }: ShadowInstance,
): Map<ShadowAddress, Set<number>> {
  const made = new Map<ShadowAddress, Set<number>>();
  let high = 0;
  list.forEach(({ address }, i) => {
    if (address === undefined) return;
    const low = ((words[start + i]! & 0xffff) << 16) >> 16;
    if (address.half === 'ha') high = low;
    else made.set(address.of, (made.get(address.of) ?? new Set()).add(bases[i]! * 4 + high * 0x10000 + low));
  });
  return made;
}
