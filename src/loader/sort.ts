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

function swap(order: Uint32Array, a: number, b: number): void {
  const kept = order[a]!;
  order[a] = order[b]!;
  order[b] = kept;
}

/**
 * Sifts the element at `a` down into the heap of the first `n`: down to a leaf by one comparison a level, then back up.
 * `least` is the smallest result of comparing two children with which the first one is followed.
 */
function sift(words: Uint32Array, order: Uint32Array, a: number, n: number, least: number): void {
  let b = a;
  let c = 2 * b + 1;
  let d = c + 1;
  while (d < n) {
    b = compare(words, order[c]!, order[d]!) >= least ? c : d;
    c = 2 * b + 1;
    d = c + 1;
  }
  if (d === n) b = c;
  while (b !== a && compare(words, order[a]!, order[b]!) >= 0) b = (b - 1) >> 1;
  c = b;
  while (b !== a) {
    b = (b - 1) >> 1;
    swap(order, b, c);
  }
}

/** lib/sort.c of 6.1: one element is taken from the heap at a time. */
function heapsort(words: Uint32Array, order: Uint32Array): void {
  let n = order.length;
  let a = n >> 1;
  if (a === 0) return;
  for (;;) {
    if (a > 0) a--;
    else if (--n > 0) swap(order, 0, n);
    else return;
    sift(words, order, a, n, 0);
  }
}

/** lib/sort.c of 6.12 and 7.2: two are taken at a time, and of equal children the second is followed. */
function doublePopHeapsort(words: Uint32Array, order: Uint32Array): void {
  let n = order.length;
  let a = n >> 1;
  let shift = 0;
  if (a === 0) return;
  for (;;) {
    if (a > 0) a -= 1 << shift;
    else if (n > 3) {
      n--;
      swap(order, 0, n);
      shift = compare(words, order[1]!, order[2]!) <= 0 ? 1 : 0;
      a = 1 << shift;
      n--;
      swap(order, a, n);
    } else break;
    sift(words, order, a, n, 1);
  }
  n--;
  swap(order, 0, n);
  if (n === 2 && compare(words, order[0]!, order[1]!) > 0) swap(order, 0, 1);
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
  if (doublePop) doublePopHeapsort(words, order);
  else heapsort(words, order);
  const sorted = new Uint32Array(count * WORDS);
  for (let i = 0; i < count; i++) {
    const from = order[i]! * WORDS;
    const to = i * WORDS;
    for (let w = 0; w < WORDS; w++) sorted[to + w] = words[from + w]!;
  }
  words.set(sorted);
}
