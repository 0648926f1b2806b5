/** Rows of 16 bytes: a key of 8, by which they are put in order, and two words that go with it. */
import { reserve } from './memory';

export const ROW: u32 = 16;

export function putRow(at: u32, key: u64, first: u32, second: u32): void {
  store<u64>(at, key);
  store<u32>(at, first, 8);
  store<u32>(at, second, 12);
}

export function key(row: u32): u64 {
  return load<u64>(row);
}

/**
 * Puts `count` rows in order, those with equal keys as they stand: runs that are in order already are merged, and tables of
 * an object consist of few.
 *
 * @returns where they stand now; 0 where there is no room
 */
export function sorted(rows: u32, count: u32): u32 {
  const runs = reserve(4 * (count + 1));
  if (runs === 0) return 0;
  let number: u32 = 0;
  for (let i: u32 = 0; i < count; i++)
    if (i === 0 || key(rows + i * ROW) < key(rows + (i - 1) * ROW)) store<u32>(runs + 4 * number++, i);
  store<u32>(runs + 4 * number, count);
  if (number < 2) return rows;
  let from = rows;
  let to = reserve(count * ROW);
  if (to === 0) return 0;
  for (; number > 1; number = (number + 1) >>> 1) {
    for (let i: u32 = 0; i < number; i += 2) {
      const start = load<u32>(runs + 4 * i);
      const middle = load<u32>(runs + 4 * (i + 1));
      merge(from, to, start, middle, i + 1 < number ? load<u32>(runs + 4 * (i + 2)) : middle);
      store<u32>(runs + 2 * i, start);
    }
    store<u32>(runs + 4 * ((number + 1) >>> 1), count);
    const other = from;
    from = to;
    to = other;
  }
  return from;
}

/** Merges the rows from `start` to `middle` with those from there to `end`. */
function merge(from: u32, to: u32, start: u32, middle: u32, end: u32): void {
  let a = from + start * ROW;
  const aEnd = from + middle * ROW;
  let b = aEnd;
  const bEnd = from + end * ROW;
  let out = to + start * ROW;
  while (a < aEnd && b < bEnd) {
    if (key(b) < key(a)) {
      copyRow(out, b);
      b += ROW;
    } else {
      copyRow(out, a);
      a += ROW;
    }
    out += ROW;
  }
  memory.copy(out, a, aEnd - a);
  memory.copy(out + (aEnd - a), b, bEnd - b);
}

function copyRow(to: u32, from: u32): void {
  v128.store(to, v128.load(from));
}
