/**
 * The code of `patch --strategy shadow`, as the judge knows it: word by word, and what follows from it. A function F that goes
 * through it has its return address, and with `saved` its r2, in a slot of a table while another function G runs, and gets them
 * back from there (docs/proof.md says why). The code is known by its words, wherever it lies and whatever it is called.
 */

/** What a pair of `addis` and `addi` makes the address of. */
export type ShadowAddress = 'state' | 'state+8' | 'table' | 'toc';

export interface ShadowRow {
  /** Without the displacement, where there is one that depends on the place. */
  readonly word: number;
  readonly address?: { readonly of: ShadowAddress; readonly half: 'ha' | 'lo' };
  /** The load of G's address, which lies behind the code. */
  readonly isTarget: boolean;
  /** Instruction that puts LR into the slot; that takes what has come back. */
  readonly mark: 'keeps' | 'gives' | undefined;
}

/** Slots of the table that one activation may have, where they begin, and bytes of a slot. */
const SLOT = 32;
export const TABLE_SIZE = SLOT * (1024 + 31);
/** Calls, live, high, overflows, limit. */
export const STATE_SIZE = 40;

const LISTING = `
# calls += 1
7c0802a6
429f0005
7d6802a6
7c0803a6
3d6b0000 state.ha
396b0000 state.lo
7d8058a8
398c0001
7d8059ad
40c2fff4
# live += 1, unless that is more than the limit
e80b0020
396b0008
7d8058a8
7c2c0040
40c0017c
398c0001
7d8059ad
40c2ffec
# high = max(high, live)
396b0008
7c0058a8
7c206040
4080000c
7d8059ad
40c2fff0
# the window of r1, and in it the first free slot behind those of r1
7c0802a6
429f0005
7d6802a6
7c0803a6
3d6b0000 table.ha
396b0000 table.lo
3d809e37
618c79b9
7d8c09d6
558c7c74
7d6b6214
38000020
7c0903a6
38000000
e98b0000
7c2c0800
41c2001c
2c2c0000
40820018
2c200000
40820010
7d605b78
48000008
38000000
396b0020
4200ffd4
2c200000
41c200c0
# the slot becomes ours, or somebody was faster
7c0b0378
7d8058a8
2c2c0000
40c2ff84
7c2059ad
40c2fff0
7c0802a6
f80b0008 keeps
f84b0010 saved
# the call
429f0005
7d8802a6
e98c0000 target
7d8903a6
4e800421
# the last slot of r1 in its window
429f0005
7d6802a6
3d6b0000 table.ha
396b0000 table.lo
3d809e37
618c79b9
7d8c09d6
558c7c74
7d6b6214
38000020
7c0903a6
39400000
e98b0000
7c2c0800
40820008
7d6a5b78
396b0020
4200ffec
# what it kept; then it is free, after all that was read
e80a0008
e84a0010 saved
7c2004ac
39800000
f98a0000
# live -= 1, and back
429f0005
7d6802a6
3c4b0000 toc.ha recomputed
38420000 toc.lo recomputed
3d6b0000 state+8.ha
396b0000 state+8.lo
7d8058a8
398cffff
7d8059ad
40c2fff4
7c0803a6 gives
4e800020
# live -= 1
7c0802a6
429f0005
7d6802a6
7c0803a6
3d6b0000 state+8.ha
396b0000 state+8.lo
7d8058a8
398cffff
7d8059ad
40c2fff4
# overflows += 1, and F goes on
396b0010
7d8058a8
398c0001
7d8059ad
40c2fff4
7c0802a6
`;

function rows(saved: boolean): readonly ShadowRow[] {
  const found: ShadowRow[] = [];
  for (const line of LISTING.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [word, ...says] = line.split(' ');
    if (says.includes(saved ? 'recomputed' : 'saved')) continue;
    const [of, half] = says.find(s => s.includes('.'))?.split('.') ?? [];
    found.push({
      word: Number.parseInt(word!, 16),
      isTarget: says.includes('target'),
      mark: says.includes('keeps') ? 'keeps' : says.includes('gives') ? 'gives' : undefined,
      ...(of !== undefined && { address: { of: of as ShadowAddress, half: half as 'ha' | 'lo' } }),
    });
  }
  return found;
}

const RECOMPUTED = rows(false);
const SAVED = rows(true);
/** `bcl 20,31,.+4`: LR is the address of the next instruction, from which the others are counted. */
const BCL_NEXT = 0x429f0005;
/** The first half of the hash's constant: nothing that compilers make often. */
const RARE = 0x3d809e37;
const RARE_AT = RECOMPUTED.findIndex(row => row.word === RARE);

export interface ShadowInstance {
  /** Numbers of words: the first, and one past the last. What F does behind its branch follows there. */
  readonly start: number;
  readonly end: number;
  readonly saved: boolean;
  readonly rows: readonly ShadowRow[];
  /** For each row: the word that its address is counted from. */
  readonly bases: readonly number[];
}

/** The code that begins at word number `start`; `undefined` where something else is. */
export function shadowAt(words: Uint32Array, start: number): ShadowInstance | undefined {
  for (const saved of [false, true]) {
    const list = saved ? SAVED : RECOMPUTED;
    if (start < 0 || start + list.length > words.length || !list.every((row, i) => isRow(row, words[start + i]!)))
      continue;
    let base = start;
    const bases = list.map((_, i) => {
      if (i > 0 && list[i - 1]!.word === BCL_NEXT) base = start + i;
      return base;
    });
    return { start, end: start + list.length, saved, rows: list, bases };
  }
  return undefined;
}

function isRow(row: ShadowRow, word: number): boolean {
  if (row.isTarget) return ((word ^ row.word) & 0xffff0003) === 0;
  return row.address === undefined ? word === row.word : word >>> 16 === row.word >>> 16;
}

/** All places where the code is. */
export function shadowInstances(words: Uint32Array): readonly ShadowInstance[] {
  const found: ShadowInstance[] = [];
  for (let at = words.indexOf(RARE); at >= 0; at = words.indexOf(RARE, at + 1)) {
    const instance = shadowAt(words, at - RARE_AT);
    if (instance !== undefined) found.push(instance);
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
