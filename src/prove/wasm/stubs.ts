/** What a piece of code does that lies between a call and its target: `prove/stubs.ts`. It is executed, and its effect kept. */
import { FINE, TOC_SLOT } from './faults';
import { find } from './slots';
import { clear, copyState, get, put, STATE, slotsOf } from './state';
import {
  CODE,
  functionAt,
  functionAts,
  homeInRegister,
  isImported,
  markOf,
  noReturn,
  STUB,
  wordAt,
  words,
} from './subject';
import { transfer } from './transfer';
import { CTR, EXTERNAL, entry, isAddress, kindOf, PLACES, payloadOf, stack, UNKNOWN } from './values';

/** The longest known stub has seven instructions; a chain of thunks a few more. */
const MOST_STEPS: u32 = 24;

export const LEAVES: u32 = 1;
export const JUMP: u32 = 2;
export const UNKNOWN_STUB: u32 = 3;

/** What `stubAt` found: see `StubEffect`. */
export let target: i32 = 0;
export let callee: i32 = 0;
export let returns: bool = false;
export let needsToc: bool = false;
export let savesToc: bool = false;

/** Effects that are known, by number: kind, target, callee, flags. Their numbers stand below zero among the functions' entries. */
const EFFECT_SIZE: u32 = 16;
let effects: u32 = 0;
let effectCount: u32 = 0;
let mostEffects: u32 = 0;
/** Where the state waits while a stub is executed. */
const KEPT: u32 = 0xcc00;

export function effectsSize(stubs: u32): u32 {
  return stubs * EFFECT_SIZE;
}

export function setEffects(at: u32, stubs: u32): void {
  effects = at;
  mostEffects = stubs;
  effectCount = 0;
}

/** What the stub or thunk at `offset`, a place of code, does: LEAVES, JUMP, UNKNOWN_STUB, or 0 if none is there. */
export function stubAt(offset: i32): u32 {
  if ((markOf(u32(offset) >>> 2) & STUB) === 0) return 0;
  const known = functionAt(offset) + 1;
  if (known > 0) return 0;
  if (known < 0) return recall(effects + ~known * EFFECT_SIZE);
  copyState(KEPT, STATE);
  const kind = execute(offset);
  copyState(STATE, KEPT);
  if (effectCount === mostEffects) return kind;
  const at = effects + effectCount * EFFECT_SIZE;
  store<u32>(at, kind);
  store<i32>(at, target, 4);
  store<i32>(at, callee, 8);
  store<u32>(at, u32(returns) | (u32(needsToc) << 1) | (u32(savesToc) << 2), 12);
  store<i32>(functionAts + (offset & ~3), ~effectCount);
  effectCount++;
  return kind;
}

function recall(at: u32): u32 {
  target = load<i32>(at, 4);
  callee = load<i32>(at, 8);
  const flags = load<u32>(at, 12);
  returns = (flags & 1) !== 0;
  needsToc = (flags & 2) !== 0;
  savesToc = (flags & 4) !== 0;
  return load<u32>(at);
}

/** Executes the stub twice: with any r2, and if that leads nowhere with the home's TOC. */
function execute(start: i32): u32 {
  const anyToc = follow(start, entry(2));
  if (anyToc !== UNKNOWN_STUB) return anyToc;
  if (homeInRegister === UNKNOWN) return unknown();
  const home = follow(start, homeInRegister);
  needsToc = true;
  return home;
}

function unknown(): u32 {
  target = 0;
  callee = UNKNOWN;
  returns = true;
  needsToc = true;
  savesToc = false;
  return UNKNOWN_STUB;
}

function follow(start: i32, toc: i32): u32 {
  clear();
  for (let i: u32 = 0; i < PLACES; i++) put(i, entry(i));
  put(1, stack(0));
  put(2, toc);
  let saves = false;
  let pc = start;
  for (let steps: u32 = 0; steps < MOST_STEPS; steps++) {
    const at = u32(pc) >>> 2;
    if (at >= words || (markOf(at) & CODE) === 0) return unknown();
    const word = wordAt(at);
    if (word >>> 26 === 18 && (word & 3) === 0) {
      // Only what leaves all registers alone is a plain jump.
      if (steps > 0) return unknown();
      unknown();
      target = pc + ((i32(word) << 6) >> 8) * 4;
      needsToc = false;
      return JUMP;
    }
    if (word === 0x4e80_0420) return leaves(toc, saves);
    const next = wordAt(at + 1);
    if (!belongs(word, next)) return unknown();
    const wrong = transfer(word, next, pc);
    if (wrong === TOC_SLOT) {
      if (find(slotsOf(), 24, 8) !== toc) return unknown();
      saves = true;
    } else if (wrong !== FINE) return unknown();
    pc += word >>> 26 === 1 ? 8 : 4;
  }
  return unknown();
}

function leaves(toc: i32, saves: bool): u32 {
  const to = get(CTR);
  const isKnown = (kindOf(to) === EXTERNAL && isImported(to)) || isAddress(to);
  if (!isKnown || get(12) !== to || !isUntouched(toc)) return unknown();
  target = isAddress(to) ? payloadOf(to) : 0;
  callee = to;
  returns = !noReturn(to);
  needsToc = false;
  savesToc = saves;
  return LEAVES;
}

/** Instructions that stubs are made of. */
function belongs(word: u32, next: u32): bool {
  switch (word >>> 26) {
    case 14: // addi
    case 15: // addis
    case 24: // ori
    case 25: // oris
    case 58: // ld
      return true;
    case 62: // std r2,24(r1)
      return word === 0xf841_0018;
    case 1: // paddi, pld
      return next >>> 26 === 14 || next >>> 26 === 57;
    case 31: {
      const extended = (word >>> 1) & 0x3ff;
      return extended === 467 || extended === 444 || extended === 266; // mtspr, or, add
    }
  }
  return false;
}

/** A stub may change r0, r11, r12 and CTR only (ELF V2 ABI 2.2.1.1). */
function isUntouched(toc: i32): bool {
  for (let i: u32 = 3; i < PLACES; i++) {
    if (i === 11 || i === 12 || i === CTR) continue;
    if (get(i) !== entry(i)) return false;
  }
  return get(1) === stack(0) && get(2) === toc;
}
