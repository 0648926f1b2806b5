/** The proof of one object, function by function: `prove/prover.ts`, which says why it does what it does. */
import { follow, forgetChanges, isChanged } from './areas';
import {
  clearFrontier,
  fallIntoBlock,
  frontierSize,
  isFull as isFrontierFull,
  reachBlock,
  setFrontier,
  takeBlock,
} from './frontier';
import {
  beginJudging,
  callerAt,
  callerLimit,
  choose,
  contractOf,
  fail,
  foundOf,
  HOME,
  HOME_BACK,
  hasComeBack,
  isChosen,
  isFull as isJudgeFull,
  isRefuted,
  judgeSize,
  loseLink,
  neverReturns,
  PROVED,
  reasonOf,
  registerOf,
  reliesOnChosen,
  setContract,
  setJudge,
  setNeverReturns,
  UNPROVED,
  verdictOf,
} from './judge';
import { markLeaders } from './leaders';
import { LR_AT_RETURN, NO_INSTRUCTION, TOC_AT_RETURN, TOC_AT_STUB, TOO_LARGE } from './reasons';
import { isFull as areSlotsFull, forgetSets, setRoom } from './slots';
import { clear, put, storeSlot } from './state';
import { effectsSize, setEffects } from './stubs';
import {
  functionAts,
  functions,
  globals,
  hasRoom,
  home,
  homeInRegister,
  isExposed,
  locals,
  parts,
  words,
} from './subject';
import { address, CLOBBERED, entry, PLACES, stack, UNKNOWN } from './values';
import { executeBlock, followFunction, isFull as isWalkerFull } from './walker';

/** Blocks that one function may be followed through. */
const MOST_BLOCKS: u32 = 200_000;
/** Bytes for the sets of slots of one function. */
const SLOTS_SIZE: u32 = 1 << 20;

let current: u32 = 0;
let blocks: u32 = 0;
/** Functions that are to be followed again. */
let again: u32 = 0;
let againCount: u32 = 0;
/** Something had no room: nothing is said of the object. */
let hasFailed: bool = false;

/** Blocks of one function, and stubs of an object, that there is room for. */
function mostStates(wordCount: u32): u32 {
  return min<u32>(wordCount / 2 + 1024, MOST_STATES);
}
const MOST_STATES: u32 = 1 << 16;

function mostStubs(wordCount: u32): u32 {
  return wordCount / 8 + 256;
}

/** Bytes that the proof of an object needs besides those of its subject. */
export function proverSize(wordCount: u32, functionCount: u32): u32 {
  return (
    frontierSize(mostStates(wordCount)) +
    effectsSize(mostStubs(wordCount)) +
    judgeSize(wordCount, functionCount) +
    SLOTS_SIZE +
    4 * functionCount +
    64
  );
}

/**
 * Proves the object that was given, with room for `proverSize` bytes at `at`. @returns whether there was room for all that is to
 * be known of it; else nothing that was found counts
 */
export function proveAll(at: u32): bool {
  if (__heap_base > 0xc000) return false;
  setFrontier(at, mostStates(words));
  at += frontierSize(mostStates(words));
  setEffects(at, mostStubs(words));
  at += effectsSize(mostStubs(words));
  setJudge(at, words);
  at += judgeSize(words, functions);
  setRoom(at, SLOTS_SIZE);
  again = at + SLOTS_SIZE;
  hasFailed = false;
  enterFunctions();
  markLeaders();
  for (let i: u32 = 0; i < functions; i++) if (load<u8>(parts + i) === 0) prove(i);
  for (homebound(); againCount > 0; homebound()) proveAgain();
  for (findEndless(); againCount > 0; findEndless()) proveAgain();
  settle();
  // What was seen of a function to the end may allow what it does at its beginning.
  let before = -1;
  for (unproved(); againCount > 0 && i32(againCount) !== before; unproved()) {
    before = againCount;
    proveAgain();
    settle();
  }
  return !hasFailed && !isJudgeFull && hasRoom;
}

function proveAgain(): void {
  const count = againCount;
  for (let i: u32 = 0; i < count; i++) prove(load<u32>(again + 4 * i));
}

function addAgain(index: u32): void {
  store<u32>(again + 4 * againCount++, index);
}

function enterFunctions(): void {
  for (let i = i32(functions) - 1; i >= 0; i--) {
    store<i32>(functionAts + (load<i32>(locals + 4 * i) & ~3), i + 1);
    store<i32>(functionAts + (load<i32>(globals + 4 * i) & ~3), i + 1);
  }
}

function settle(): void {
  for (arguing(); againCount > 0; arguing()) proveAgain();
}

function unproved(): void {
  againCount = 0;
  for (let i: u32 = 0; i < functions; i++) if (verdictOf(i) === UNPROVED) addAgain(i);
}

/** Functions that were followed before it was known what their callees do to the frames that they are called from. */
function arguing(): void {
  againCount = 0;
  for (let i: u32 = 0; i < functions; i++) choose(i, isChanged(i));
  forgetChanges();
  for (let i: u32 = 0; i < callerLimit(); i++) {
    const caller = callerAt(i);
    if (caller >= 0 && (reliesOnChosen(caller) || isLinkLost(caller))) addAgain(caller);
  }
}

function isLinkLost(index: u32): bool {
  return verdictOf(index) === UNPROVED && reasonOf(index) === LR_AT_RETURN && loseLink(index);
}

/** Finds functions that owe, or are owed, the home's TOC though their symbols say nothing of it; them and their callers. */
function homebound(): void {
  againCount = 0;
  for (let i: u32 = 0; i < functions; i++) {
    const contract = contractOf(i);
    choose(i, false);
    if (verdictOf(i) === PROVED || (contract !== 0 && contract !== HOME_BACK) || registerOf(i) !== 2) continue;
    if (foundOf(i) === home && reasonOf(i) === TOC_AT_RETURN && contract === 0) setContract(i, HOME_BACK);
    else if (foundOf(i) !== entry(2) || reasonOf(i) > TOC_AT_STUB) continue;
    else if (isExposed(load<i32>(globals + 4 * i))) continue;
    else setContract(i, HOME);
    choose(i, true);
    addAgain(i);
  }
  if (againCount === 0) return;
  for (let i: u32 = 0; i < callerLimit(); i++) {
    const caller = callerAt(i);
    if (caller < 0 || isChosen(caller)) continue;
    if (reliesOnChosen(caller)) addAgain(caller);
  }
}

/** Takes note of functions that never return; those that call one and are not proved are followed again. */
function findEndless(): void {
  againCount = 0;
  for (let i: u32 = 0; i < functions; i++) {
    const isFound = load<u8>(parts + i) === 0 && verdictOf(i) === PROVED && !hasComeBack(i) && !neverReturns(i);
    choose(i, isFound);
    if (isFound) setNeverReturns(i);
  }
  for (let i: u32 = 0; i < callerLimit(); i++) {
    const caller = callerAt(i);
    if (caller >= 0 && verdictOf(caller) !== PROVED && reliesOnChosen(caller)) addAgain(caller);
  }
}

/** The function that is followed. */
export function followedFunction(): i32 {
  return current;
}

/** Follows one function along all its paths and keeps the verdict; its callees are taken to keep their contracts. */
function prove(index: u32): void {
  const global = load<i32>(globals + 4 * index);
  const local = load<i32>(locals + 4 * index);
  current = index;
  followFunction(index);
  follow(index);
  beginJudging(index);
  begin();
  enter(global);
  if (local !== global) enter(local);
  run();
  // What is wrong behind one entry is not known behind both together. Each of them may be taken.
  if (global === local || verdictOf(index) !== UNPROVED || reasonOf(index) >= NO_INSTRUCTION) return;
  begin();
  enter(local);
  run();
  begin();
  enter(global);
  run();
}

function begin(): void {
  forgetSets();
  blocks = 0;
}

function run(): void {
  for (let at = takeBlock(); at >= 0; at = takeBlock()) {
    if (++blocks > MOST_BLOCKS) fail(TOO_LARGE, at, UNKNOWN, 0);
    if (blocks > MOST_BLOCKS || isRefuted()) break;
    executeBlock(at);
    if (isFrontierFull || areSlotsFull || isWalkerFull) {
      hasFailed = true;
      break;
    }
  }
  clearFrontier();
}

/** The state in which a function may count on being entered, at one of its entries. */
function enter(at: i32): void {
  for (let i: u32 = 0; i < PLACES; i++) put(i, entry(i));
  put(1, stack(0));
  clear();
  // What earlier callees left in the caller's LR slot: never this function's return address.
  storeSlot(16, 8, CLOBBERED);
  const contract = contractOf(current);
  const global = load<i32>(globals + 4 * current);
  if (contract === HOME) put(2, homeInRegister);
  else if (contract >= 2 && contract < HOME) {
    if (at === global) put(12, address(at));
    if (at !== global || global === load<i32>(locals + 4 * current)) put(2, homeInRegister);
  }
  reachBlock(at);
}

/** Control falls into a block. @returns whether it is to be executed right away */
export function fallsInto(target: i32): bool {
  if (!isRefuted() && ++blocks <= MOST_BLOCKS) return fallIntoBlock(target);
  reachBlock(target);
  return false;
}
