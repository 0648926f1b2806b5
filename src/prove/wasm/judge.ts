/**
 * What is found of each function: its verdict, on whom it relies, and what `prove/prover.ts` keeps besides. The fields stand behind
 * those of `areas.ts`.
 */
import { fieldsOf } from './areas';
import { NO_INSTRUCTION, NOTHING, TOC_AT_RETURN } from './reasons';
import { endless, entryCodes, functions } from './subject';
import { entry, UNKNOWN } from './values';

export const PROVED: u32 = 0;
export const UNPROVED: u32 = 1;
export const REFUTED: u32 = 2;

/** Contracts that no symbol can state: see `prove/contracts.ts`. */
export const HOME: u32 = 8;
export const HOME_BACK: u32 = 9;

const VERDICT: u32 = 24;
const REASON: u32 = 25;
const REGISTER: u32 = 26;
const COMES_BACK: u32 = 27;
const PLACE: u32 = 28;
const FOUND: u32 = 32;
const CONTRACT: u32 = 36;
const NEVER_RETURNS: u32 = 37;
const LINK_LOST: u32 = 38;
const CHOSEN: u32 = 39;
const CALLS: u32 = 40;
const CALL_COUNT: u32 = 44;
/** Number of its entry in the list of callers, and one: they are asked in the order in which they came to call. */
const CALLER: u32 = 48;
/** The run that has noted it as a callee. */
const NOTED: u32 = 52;

let current: u32 = 0;
let currentFields: u32 = 0;
let run: u32 = 0;
let callees: u32 = 0;
let calleeCount: u32 = 0;
let mostCallees: u32 = 0;
let callers: u32 = 0;
let callerCount: u32 = 0;
let mostCallers: u32 = 0;
/** There was no room to note a call: what was found of the object means nothing. */
export let isFull: bool = false;

/** Bytes for an object. */
export function judgeSize(words: u32, functions: u32): u32 {
  return 4 * (words + 4096) + 4 * (16 * functions + 1024);
}

export function setJudge(at: u32, words: u32): void {
  callees = at;
  mostCallees = words + 4096;
  callers = callees + 4 * mostCallees;
  mostCallers = 16 * functions + 1024;
  calleeCount = callerCount = run = 0;
  isFull = false;
  for (let i: u32 = 0; i < functions; i++) {
    store<u8>(fieldsOf(i), load<u8>(entryCodes + i), CONTRACT);
    store<u8>(fieldsOf(i), load<u8>(endless + i), NEVER_RETURNS);
  }
}

export function verdictOf(index: u32): u32 {
  return load<u8>(fieldsOf(index), VERDICT);
}

export function reasonOf(index: u32): u32 {
  return load<u8>(fieldsOf(index), REASON);
}

export function registerOf(index: u32): u32 {
  return load<u8>(fieldsOf(index), REGISTER);
}

export function foundOf(index: u32): i32 {
  return load<i32>(fieldsOf(index), FOUND);
}

export function contractOf(index: u32): u32 {
  return load<u8>(fieldsOf(index), CONTRACT);
}

export function setContract(index: u32, contract: u32): void {
  store<u8>(fieldsOf(index), u8(contract), CONTRACT);
}

export function neverReturns(index: u32): bool {
  return load<u8>(fieldsOf(index), NEVER_RETURNS) === 1;
}

export function setNeverReturns(index: u32): void {
  store<u8>(fieldsOf(index), 1, NEVER_RETURNS);
}

export function hasComeBack(index: u32): bool {
  return load<u8>(fieldsOf(index), COMES_BACK) === 1;
}

/** Whether it is the first time. */
export function loseLink(index: u32): bool {
  if (load<u8>(fieldsOf(index), LINK_LOST) === 1) return false;
  store<u8>(fieldsOf(index), 1, LINK_LOST);
  return true;
}

export function choose(index: u32, isChosen: bool): void {
  store<u8>(fieldsOf(index), u8(isChosen), CHOSEN);
}

export function isChosen(index: u32): bool {
  return load<u8>(fieldsOf(index), CHOSEN) === 1;
}

/** Function `index` is followed from now on. */
export function beginJudging(index: u32): void {
  current = index;
  currentFields = fieldsOf(index);
  run++;
  store<u8>(currentFields, u8(PROVED), VERDICT);
  store<u8>(currentFields, u8(NOTHING), REASON);
  store<u8>(currentFields, 0, COMES_BACK);
  store<u32>(currentFields, 0, CALL_COUNT);
  store<u32>(currentFields, 0, CALLER);
}

/** As `failed`, where what was found tells whether it is certain. */
export function fail(reason: u32, place: i32, found: i32, register: u32): void {
  failed(reason, place, found, register, found !== UNKNOWN);
}

/** Keeps the first thing that is wrong; one that is certain goes before one that is not known. */
export function failed(reason: u32, place: i32, found: i32, register: u32, certain: bool): void {
  // A function that says it needs no r2, and uses it, may have callers that know better.
  const isHomebound = register === 2 && found === entry(2) && contractOf(current) === 0;
  const isCertain = certain && reason < NO_INSTRUCTION && !(isHomebound && reason !== TOC_AT_RETURN);
  const verdict = isCertain ? REFUTED : UNPROVED;
  if (load<u8>(currentFields, VERDICT) >= verdict) return;
  store<u8>(currentFields, u8(verdict), VERDICT);
  store<u8>(currentFields, u8(reason), REASON);
  store<u8>(currentFields, u8(register), REGISTER);
  store<i32>(currentFields, place, PLACE);
  store<i32>(currentFields, found, FOUND);
}

export function isRefuted(): bool {
  return load<u8>(currentFields, VERDICT) === REFUTED;
}

export function comesBack(): void {
  store<u8>(currentFields, 1, COMES_BACK);
}

export function relyOn(callee: u32): void {
  const fields = fieldsOf(callee);
  if (load<u32>(fields, NOTED) === run) return;
  store<u32>(fields, run, NOTED);
  if (calleeCount === mostCallees || callerCount === mostCallers) {
    isFull = true;
    return;
  }
  if (load<u32>(currentFields, CALLER) === 0) {
    store<u32>(callers + 4 * callerCount++, current);
    store<u32>(currentFields, callerCount, CALLER);
    store<u32>(currentFields, callees + 4 * calleeCount, CALLS);
  }
  store<u32>(callees + 4 * calleeCount++, callee);
  store<u32>(currentFields, load<u32>(currentFields, CALL_COUNT) + 1, CALL_COUNT);
}

/** One more than the largest number of a caller. */
export function callerLimit(): u32 {
  return callerCount;
}

/** The caller with a number, or -1 where it has got another one since. */
export function callerAt(number: u32): i32 {
  const index = load<u32>(callers + 4 * number);
  return load<u32>(fieldsOf(index), CALLER) === number + 1 ? i32(index) : -1;
}

/** How many functions a function relies on, and where their numbers stand: four bytes each. */
export function calleeCountOf(index: u32): u32 {
  return load<u32>(fieldsOf(index), CALL_COUNT);
}

export function calleesOf(index: u32): u32 {
  return load<u32>(fieldsOf(index), CALLS);
}

/** Whether a function relies on one that is chosen. */
export function reliesOnChosen(index: u32): bool {
  const first = calleesOf(index);
  const last = first + 4 * calleeCountOf(index);
  for (let at = first; at < last; at += 4) if (isChosen(load<u32>(at))) return true;
  return false;
}
