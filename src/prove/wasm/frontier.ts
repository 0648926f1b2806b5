/** The states that are kept while a function is followed: `prove/frontier.ts`. */
import { copyState, joinInto, STATE, STATE_SIZE } from './state';
import { addMark, markOf, marks, stateAts, WAITING } from './subject';

let pool: u32 = 0;
/** Words whose states are kept, in the order of these; and those that wait, a binary heap, lowest first. */
let touched: u32 = 0;
let heap: u32 = 0;
let most: u32 = 0;
let touchedCount: u32 = 0;
let heapCount: u32 = 0;
/** There was no room for a state: what was found of this function means nothing. */
export let isFull: bool = false;

/** Bytes for so many states. */
export function frontierSize(states: u32): u32 {
  return states * (STATE_SIZE + 8);
}

export function setFrontier(at: u32, states: u32): void {
  pool = at;
  touched = pool + states * STATE_SIZE;
  heap = touched + 4 * states;
  most = states;
  touchedCount = heapCount = 0;
  isFull = false;
}

function stateOf(word: u32): u32 {
  return load<u32>(stateAts + 4 * word);
}

function isWaiting(word: u32): bool {
  return (markOf(word) & WAITING) !== 0;
}

/** Control reaches the block at `target`, bytes from the origin, in the state that is executed. */
export function reachBlock(target: i32): void {
  const word = u32(target) >>> 2;
  const kept = stateOf(word);
  if (kept === 0) keep(word);
  else if (!joinInto(pool + (kept - 1) * STATE_SIZE)) return;
  if (!isWaiting(word)) push(word);
}

/** Control falls into the block at `target`. @returns whether it is to be executed right away */
export function fallIntoBlock(target: i32): bool {
  const word = u32(target) >>> 2;
  const kept = stateOf(word);
  const isFirst = heapCount === 0 || word <= load<u32>(heap);
  if (kept === 0) {
    keep(word);
    if (!isFirst) push(word);
    return isFirst;
  }
  const state = pool + (kept - 1) * STATE_SIZE;
  const waits = isWaiting(word);
  if (!joinInto(state) && !waits) return false;
  if (!isFirst) {
    if (!waits) push(word);
    return false;
  }
  if (waits) pop();
  copyState(STATE, state);
  return true;
}

/** Keeps what is known at a word that is reached for the first time. */
function keep(word: u32): void {
  if (touchedCount === most) {
    isFull = true;
    clearFrontier();
  }
  copyState(pool + touchedCount * STATE_SIZE, STATE);
  store<u32>(touched + 4 * touchedCount++, word);
  store<u32>(stateAts + 4 * word, touchedCount);
}

/** Takes the waiting block with the lowest address. @returns where it begins, or -1 if none is left */
export function takeBlock(): i32 {
  if (heapCount === 0) return -1;
  const first = pop();
  copyState(STATE, pool + (stateOf(first) - 1) * STATE_SIZE);
  return first * 4;
}

/** The lowest waiting word, which no longer waits. */
function pop(): u32 {
  const first = load<u32>(heap);
  const last = load<u32>(heap + 4 * --heapCount);
  let at: u32 = 0;
  for (;;) {
    let child = at * 2 + 1;
    if (child >= heapCount) break;
    if (child + 1 < heapCount && load<u32>(heap + 4 * child + 4) < load<u32>(heap + 4 * child)) child++;
    if (load<u32>(heap + 4 * child) >= last) break;
    store<u32>(heap + 4 * at, load<u32>(heap + 4 * child));
    at = child;
  }
  store<u32>(heap + 4 * at, last);
  store<u8>(marks + first, u8(markOf(first) & ~WAITING));
  return first;
}

function push(word: u32): void {
  addMark(word, WAITING);
  let at = heapCount++;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (load<u32>(heap + 4 * parent) <= word) break;
    store<u32>(heap + 4 * at, load<u32>(heap + 4 * parent));
    at = parent;
  }
  store<u32>(heap + 4 * at, word);
}

export function clearFrontier(): void {
  for (let i: u32 = 0; i < touchedCount; i++) {
    const word = load<u32>(touched + 4 * i);
    store<u32>(stateAts + 4 * word, 0);
    store<u8>(marks + word, u8(markOf(word) & ~WAITING));
  }
  touchedCount = heapCount = 0;
}
