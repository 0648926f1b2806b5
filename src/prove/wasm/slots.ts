/**
 * The stack slots that hold something known: `prove/slots.ts`. A set never changes, so that states share it; all sets of one
 * function lie in one room, which is empty again for the next.
 */
import { UNKNOWN } from './values';

/** More known slots than this are forgotten. */
const MOST_SLOTS: u32 = 64;
/** Bytes of a slot: offset, width, value. */
const SLOT: u32 = 12;
/** In front of the slots: their number; what `store` made of the set last; what `withoutCallees` made of it. */
const COUNT: u32 = 0;
const NEXT_OFFSET: u32 = 4;
const NEXT_WIDTH: u32 = 8;
const NEXT_VALUE: u32 = 12;
const NEXT: u32 = 16;
const TOP: u32 = 20;
const AFTER_CALL: u32 = 24;
const HEADER: u32 = 28;

/** The empty set. */
export const NONE: u32 = 0xc100;

let room: u32 = 0;
let end: u32 = 0;
let used: u32 = 0;
/** There was no room for a set: what was found of this function means nothing. */
export let isFull: bool = false;

export function setRoom(at: u32, size: u32): void {
  room = at;
  end = at + size;
}

/** Forgets all sets. */
export function forgetSets(): void {
  used = room;
  isFull = false;
  memory.fill(NONE, 0, HEADER);
}

/** Room for a set of at most `most` slots; to be given back with `finish`. */
function begin(most: u32): u32 {
  if (used + HEADER + most * SLOT <= end) return used;
  isFull = true;
  used = room;
  return used;
}

function finish(set: u32, count: u32): u32 {
  if (count === 0) return NONE;
  memory.fill(set, 0, HEADER);
  store<u32>(set, count, COUNT);
  used = set + HEADER + count * SLOT;
  return set;
}

function lastOf(set: u32): u32 {
  return set + HEADER + load<u32>(set, COUNT) * SLOT;
}

function put(at: u32, offset: i32, width: u32, value: i32): void {
  store<i32>(at, offset);
  store<u32>(at, width, 4);
  store<i32>(at, value, 8);
}

/** What `width` bytes at `offset` are known to hold. */
export function find(set: u32, offset: i32, width: u32): i32 {
  const last = lastOf(set);
  for (let at = set + HEADER; at < last; at += SLOT)
    if (load<i32>(at) === offset && load<u32>(at, 4) === width) return load<i32>(at, 8);
  return UNKNOWN;
}

/** The set in which `width` bytes at `offset` hold `value`. */
export function stored(set: u32, offset: i32, width: u32, value: i32): u32 {
  const last = lastOf(set);
  const behind = offset + i32(width);
  let overlaps = false;
  for (let at = set + HEADER; at < last; at += SLOT) {
    const from = load<i32>(at);
    if (from >= behind || from + load<i32>(at, 4) <= offset) continue;
    // Slots do not overlap one another: where one is what is stored there is no other to forget.
    if (from === offset && load<u32>(at, 4) === width && load<i32>(at, 8) === value) return set;
    overlaps = true;
  }
  if (value === UNKNOWN) return overlaps ? without(set, offset, behind) : set;
  const next = load<u32>(set, NEXT);
  if (
    next !== 0 &&
    load<i32>(set, NEXT_OFFSET) === offset &&
    load<u32>(set, NEXT_WIDTH) === width &&
    load<i32>(set, NEXT_VALUE) === value
  )
    return next;
  const made = added(overlaps ? without(set, offset, behind) : set, offset, width, value);
  store<i32>(set, offset, NEXT_OFFSET);
  store<u32>(set, width, NEXT_WIDTH);
  store<i32>(set, value, NEXT_VALUE);
  store<u32>(set, made, NEXT);
  return made;
}

function added(kept: u32, offset: i32, width: u32, value: i32): u32 {
  const count = load<u32>(kept, COUNT);
  if (count === MOST_SLOTS) return kept;
  const made = begin(count + 1);
  memory.copy(made + HEADER, kept + HEADER, count * SLOT);
  put(made + HEADER + count * SLOT, offset, width, value);
  return finish(made, count + 1);
}

/** Without every slot that touches [from, to). */
export function without(set: u32, from: i32, to: i32): u32 {
  const last = lastOf(set);
  let at = set + HEADER;
  while (at < last && !(load<i32>(at) < to && load<i32>(at) + load<i32>(at, 4) > from)) at += SLOT;
  if (at === last) return set;
  const made = begin(load<u32>(set, COUNT));
  let count: u32 = 0;
  for (at = set + HEADER; at < last; at += SLOT) {
    const start = load<i32>(at);
    if (start < to && start + load<i32>(at, 4) > from) continue;
    put(made + HEADER + count++ * SLOT, start, load<u32>(at, 4), load<i32>(at, 8));
  }
  return finish(made, count);
}

/** Without every slot that begins below `limit`. */
export function withoutBelow(set: u32, limit: i32): u32 {
  const last = lastOf(set);
  let at = set + HEADER;
  while (at < last && load<i32>(at) >= limit) at += SLOT;
  if (at === last) return set;
  const made = begin(load<u32>(set, COUNT));
  let count: u32 = 0;
  for (at = set + HEADER; at < last; at += SLOT) {
    if (load<i32>(at) < limit) continue;
    put(made + HEADER + count++ * SLOT, load<i32>(at), load<u32>(at, 4), load<i32>(at, 8));
  }
  return finish(made, count);
}

/** Without what a callee may have changed: everything below `top`, and the CR and LR slots of the frame there. */
export function withoutCallees(set: u32, top: i32): u32 {
  const known = load<u32>(set, AFTER_CALL);
  if (known !== 0 && load<i32>(set, TOP) === top) return known;
  const made = without(withoutBelow(set, top), top + 8, top + 24);
  store<i32>(set, top, TOP);
  store<u32>(set, made, AFTER_CALL);
  return made;
}

/** What both know; `set` itself where the other knows all of it. */
export function joined(set: u32, other: u32): u32 {
  if (other === set) return set;
  const last = lastOf(set);
  const shift = other - set;
  const othersLast = lastOf(other);
  let at = set + HEADER;
  while (at < last && has(other, othersLast, at, at + shift)) at += SLOT;
  if (at === last) return set;
  const made = begin(load<u32>(set, COUNT));
  let count: u32 = 0;
  for (at = set + HEADER; at < last; at += SLOT) {
    if (!has(other, othersLast, at, at + shift)) continue;
    put(made + HEADER + count++ * SLOT, load<i32>(at), load<u32>(at, 4), load<i32>(at, 8));
  }
  return finish(made, count);
}

/** Those of a set that are in one of two others as well. */
export function among(set: u32, first: u32, second: u32): u32 {
  const last = lastOf(set);
  const made = begin(load<u32>(set, COUNT));
  let count: u32 = 0;
  for (let at = set + HEADER; at < last; at += SLOT) {
    const offset = load<i32>(at);
    const width = load<u32>(at, 4);
    const value = load<i32>(at, 8);
    if (find(first, offset, width) === value || find(second, offset, width) === value)
      put(made + HEADER + count++ * SLOT, offset, width, value);
  }
  return finish(made, count);
}

/** Without those of `others` that begin below `limit`. */
export function withoutThose(set: u32, others: u32, limit: i32): u32 {
  const last = lastOf(set);
  const made = begin(load<u32>(set, COUNT));
  let count: u32 = 0;
  for (let at = set + HEADER; at < last; at += SLOT) {
    const offset = load<i32>(at);
    const width = load<u32>(at, 4);
    const value = load<i32>(at, 8);
    if (offset >= limit || find(others, offset, width) !== value)
      put(made + HEADER + count++ * SLOT, offset, width, value);
  }
  return finish(made, count);
}

/** Whether all of `others` are in a set. */
export function covers(set: u32, others: u32): bool {
  return joined(others, set) === others;
}

/** Whether the slot at `at` is in another set too; most often it is at `guess`. */
function has(set: u32, last: u32, at: u32, guess: u32): bool {
  if (guess < last && load<u64>(guess) === load<u64>(at) && load<i32>(guess, 8) === load<i32>(at, 8)) return true;
  return find(set, load<i32>(at), load<u32>(at, 4)) === load<i32>(at, 8);
}
