/**
 * The kernel's heapsort (lib/sort.c) over relocations, step by step: it is not stable, so which of two relocations with the
 * same key comes first depends on its very steps, and with that which message the user sees.
 */

/** 32-bit words of one `Elf64_Rela`. */
const WORDS = 6;

/**
 * Order of `relacmp()` in module_64.c: its arguments are swapped there, so larger `r_info` (unsigned), then larger `r_addend`
 * (signed) come first. Negative when `a` comes before `b`.
 */
function compare(words: Uint32Array, a: number, b: number): number {
  const x = b * WORDS;
  const y = a * WORDS;
  // r_info: the symbol is the high word, the type the low one.
  if (words[x + 3] !== words[y + 3]) return words[x + 3]! < words[y + 3]! ? -1 : 1;
  if (words[x + 2] !== words[y + 2]) return words[x + 2]! < words[y + 2]! ? -1 : 1;
  const high = (words[x + 5]! | 0) - (words[y + 5]! | 0);
  if (high !== 0) return high;
  if (words[x + 4] !== words[y + 4]) return words[x + 4]! < words[y + 4]! ? -1 : 1;
  return 0;
}

/** A number is exact up to here; keys beyond it are replaced by ranks. */
const MOST_SYMBOLS = 2 ** 21;
const MOST_TYPES = 2 ** 8;
const ADDENDS = 2 ** 24;

/**
 * One number for each relocation that compares as `compare` does: `keys[a] - keys[b]` has its sign. Comparing relocations word by
 * word takes most of the time of a sort.
 */
function keysOf(words: Uint32Array, count: number): Float64Array {
  const keys = new Float64Array(count);
  for (let i = 0, w = 0; i < count; i++, w += WORDS) {
    const symbol = words[w + 3]!;
    const type = words[w + 2]!;
    const addend = words[w + 4]! | 0;
    const fits = symbol < MOST_SYMBOLS && type < MOST_TYPES && addend >= -ADDENDS / 2 && addend < ADDENDS / 2;
    // The high word has to be the sign of the low one.
    if (!fits || (words[w + 5]! | 0) !== addend >> 31) return ranksOf(words, count);
    keys[i] = -((symbol * MOST_TYPES + type) * ADDENDS + addend);
  }
  return keys;
}

function ranksOf(words: Uint32Array, count: number): Float64Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => compare(words, a, b));
  const ranks = new Float64Array(count);
  for (let i = 1; i < count; i++) {
    const differs = compare(words, order[i - 1]!, order[i]!) === 0 ? 0 : 1;
    ranks[order[i]!] = ranks[order[i - 1]!]! + differs;
  }
  return ranks;
}

/** What is sorted: keys, and with each the number of its relocation. */
interface Heap {
  readonly keys: Float64Array;
  readonly order: Uint32Array;
}

function swap({ keys, order }: Heap, a: number, b: number): void {
  const key = keys[a]!;
  keys[a] = keys[b]!;
  keys[b] = key;
  const kept = order[a]!;
  order[a] = order[b]!;
  order[b] = kept;
}

/**
 * Sifts the element at `a` down into the heap of the first `n`: down to a leaf by one comparison a level, then back up.
 *
 * @param firstOfEqual of two equal children, whether the first one is followed
 */
function sift(heap: Heap, a: number, n: number, firstOfEqual: boolean): void {
  const { keys, order } = heap;
  let b = a;
  let c = 2 * b + 1;
  let d = c + 1;
  while (d < n) {
    const first = keys[c]!;
    const second = keys[d]!;
    b = first > second || (firstOfEqual && first === second) ? c : d;
    c = 2 * b + 1;
    d = c + 1;
  }
  if (d === n) b = c;
  const own = keys[a]!;
  while (b !== a && own >= keys[b]!) b = (b - 1) >> 1;
  if (b === a) return;
  // Everything on the way back up moves one place towards `a`, whose element comes to rest where the way began.
  c = b;
  let key = keys[c]!;
  let number = order[c]!;
  while (b !== a) {
    b = (b - 1) >> 1;
    const keyAbove = keys[b]!;
    const numberAbove = order[b]!;
    keys[b] = key;
    order[b] = number;
    key = keyAbove;
    number = numberAbove;
  }
  keys[c] = key;
  order[c] = number;
}

/** lib/sort.c of 6.1: one element is taken from the heap at a time. */
function heapsort(heap: Heap): void {
  let n = heap.order.length;
  let a = n >> 1;
  if (a === 0) return;
  for (;;) {
    if (a > 0) a--;
    else if (--n > 0) swap(heap, 0, n);
    else return;
    sift(heap, a, n, true);
  }
}

/** lib/sort.c of 6.12 and 7.2: two are taken at a time, and of equal children the second is followed. */
function doublePopHeapsort(heap: Heap): void {
  const { keys } = heap;
  let n = heap.order.length;
  let a = n >> 1;
  let shift = 0;
  if (a === 0) return;
  for (;;) {
    if (a > 0) a -= 1 << shift;
    else if (n > 3) {
      n--;
      swap(heap, 0, n);
      shift = keys[1]! <= keys[2]! ? 1 : 0;
      a = 1 << shift;
      n--;
      swap(heap, a, n);
    } else break;
    sift(heap, a, n, false);
  }
  n--;
  swap(heap, 0, n);
  if (n === 2 && keys[0]! > keys[1]!) swap(heap, 0, 1);
}

/**
 * Sorts relocations as the kernel does.
 * @param words the relocations' words, six each, changed in place
 * @param doublePop the form of 6.12 and 7.2
 */
export function sortRelocations(words: Uint32Array, doublePop: boolean): void {
  const count = Math.floor(words.length / WORDS);
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  const heap = { keys: keysOf(words, count), order };
  if (doublePop) doublePopHeapsort(heap);
  else heapsort(heap);
  const sorted = new Uint32Array(count * WORDS);
  for (let i = 0; i < count; i++) {
    const from = order[i]! * WORDS;
    const to = i * WORDS;
    for (let w = 0; w < WORDS; w++) sorted[to + w] = words[from + w]!;
  }
  words.set(sorted);
}
