/** Sorts 64-bit numbers in place, ascending. */

function at(first: u32, index: u32): u64 {
  return load<u64>(first + (index << 3));
}

/** @param first where they stand */
export function sort(first: u32, count: u32): void {
  if (isSorted(first, count)) return;
  for (let i = count / 2; i > 0; i--) sink(first, i - 1, count);
  for (let end = count - 1; end > 0; end--) {
    const largest = at(first, 0);
    store<u64>(first, at(first, end));
    store<u64>(first + (end << 3), largest);
    sink(first, 0, end);
  }
}

function isSorted(first: u32, count: u32): bool {
  for (let i: u32 = 1; i < count; i++) if (at(first, i - 1) > at(first, i)) return false;
  return true;
}

function sink(first: u32, start: u32, count: u32): void {
  const value = at(first, start);
  let place = start;
  for (;;) {
    let child: u32 = 2 * place + 1;
    if (child >= count) break;
    if (child + 1 < count && at(first, child) < at(first, child + 1)) child++;
    if (at(first, child) <= value) break;
    store<u64>(first + (place << 3), at(first, child));
    place = child;
  }
  store<u64>(first + (place << 3), value);
}
