/** Whether the parts of a file follow one another, so that none of them overlap. */

/** Ends of the parts but relocations and of these, and where the first of these begins. */
let othersEnd: u64 = 0;
let relocationsStart: u64 = 0;
let relocationsEnd: u64 = 0;
let end: u64 = 0;
let isInOrder: bool = false;
let isInTwoParts: bool = false;

/** @param first bytes in front of all parts */
export function startOrder(first: u64): void {
  end = othersEnd = first;
  relocationsStart = u64.MAX_VALUE;
  relocationsEnd = 0;
  isInOrder = isInTwoParts = true;
}

/** A part of the file, bytes `from` up to `to`; they come in the order of their headers. */
export function putInOrder(isRelocations: bool, from: u64, to: u64): void {
  if (from < end) isInOrder = false;
  end = max(end, to);
  if (!isRelocations) {
    if (from < othersEnd) isInTwoParts = false;
    othersEnd = to;
    return;
  }
  if (relocationsStart === u64.MAX_VALUE) relocationsStart = from;
  if (from < relocationsEnd) isInTwoParts = false;
  relocationsEnd = to;
}

/** Sections in their order, or all but relocations and then those; then their names; then the headers. */
export function isOrderly(namesAt: u64): bool {
  return end <= namesAt && (isInOrder || (isInTwoParts && othersEnd <= relocationsStart));
}
