/**
 * What most instructions do in most states: one register becomes unknown, or nothing changes that is followed. The transfer
 * function begins with it, and has the rest.
 */
import { isElsewhere } from './accesses.ts';
import { onlyForgets } from './effects.ts';
import { isOrdinary } from './general-registers.ts';
import type { State } from './state.ts';
import { hasCase31, isIndexedLoad } from './transfer-31.ts';
import { isStack, UNKNOWN } from './values.ts';

/** What `executeCommon` answers: the instruction has been executed, */
export const DONE = 0;
/** it is one for the rest of the transfer function, and nothing has changed, */
export const REST = 1;
/** or it is a branch, a system call, a trap, or one of two words. */
export const CONTROL = 2;

const INERT = 3;
/** RT, or RA, becomes unknown. */
const FORGETS_RT = 4;
const FORGETS_RA = 5;
/** RT becomes unknown if what it is read from, or added to, is nothing that is followed. */
const READS = 6;
const READS_DS = 7;
const ADDS = 8;
/** Nothing changes if what RA is the base of is nothing that is followed. */
const WRITES = 9;
const WRITES_DS = 10;
const COMPARES = 11;
const OR_IMMEDIATE = 12;
const OR = 13;
/** RT becomes unknown if neither RA nor RB is something of the stack. */
const READS_INDEXED = 14;

/** By primary opcode, and from 64 on by extended opcode of 31. */
export const kinds = new Uint8Array(64 + 1024);

function kindOfForm(word: number): number {
  const written = onlyForgets(word);
  return written === 'RT' ? FORGETS_RT : written === 'RA' ? FORGETS_RA : written === 'none' ? INERT : REST;
}

function kindOfCase31(extended: number): number {
  return isIndexedLoad(extended) && onlyForgets((31 << 26) | (extended << 1)) === 'RT' ? READS_INDEXED : REST;
}

for (let opcode = 0; opcode < 64; opcode++) kinds[opcode] = kindOfForm(opcode << 26);
for (const opcode of [1, 16, 17, 18, 19]) kinds[opcode] = CONTROL;
for (const opcode of [14, 15]) kinds[opcode] = ADDS;
for (const opcode of [32, 34, 40, 42]) kinds[opcode] = READS;
for (const opcode of [36, 38, 44, 48, 50, 52, 54]) kinds[opcode] = WRITES;
for (const opcode of [33, 37, 39, 45, 53, 55, 57, 61]) kinds[opcode] = REST;
for (const opcode of [10, 11]) kinds[opcode] = COMPARES;
for (const opcode of [24, 25]) kinds[opcode] = OR_IMMEDIATE;
kinds[58] = READS_DS;
kinds[62] = WRITES_DS;
for (let extended = 0; extended < 1024; extended++)
  kinds[64 + extended] = hasCase31(extended) ? kindOfCase31(extended) : kindOfForm((31 << 26) | (extended << 1));
for (const extended of [0, 32]) kinds[64 + extended] = COMPARES;
/** tw */
kinds[64 + 4] = CONTROL;
kinds[64 + 444] = OR;

function forgets(state: State, register: number): number {
  if (!isOrdinary(register)) return REST;
  state.set(register, UNKNOWN);
  return DONE;
}

function moves(state: State, to: number, from: number): number {
  if (to === from) return DONE;
  if (!isOrdinary(to)) return REST;
  state.move(to, from);
  return DONE;
}

/** @returns DONE, REST or CONTROL */
export function executeCommon(state: State, word: number): number {
  const opcode = word >>> 26;
  const kind = kinds[opcode === 31 ? 64 + ((word >>> 1) & 0x3ff) : opcode]!;
  const rt = (word >>> 21) & 31;
  const ra = (word >>> 16) & 31;
  switch (kind) {
    case INERT:
      return DONE;
    case FORGETS_RT:
      return forgets(state, rt);
    case FORGETS_RA:
      return forgets(state, ra);
    case READS_DS:
      // r2 may come out of the PACA.
      return (word & 3) === 0 && rt !== 2 && isElsewhere(state, ra) ? forgets(state, rt) : REST;
    case READS:
      return isElsewhere(state, ra) ? forgets(state, rt) : REST;
    case ADDS:
      return (word & 0xffff) !== 0 && isElsewhere(state, ra) ? forgets(state, rt) : REST;
    case WRITES_DS:
      return (word & 3) === 0 && isElsewhere(state, ra) ? DONE : REST;
    case WRITES:
      return isElsewhere(state, ra) ? DONE : REST;
    case READS_INDEXED:
      return isStack(state.places[ra]!) || isStack(state.places[(word >>> 11) & 31]!) ? REST : forgets(state, rt);
    case COMPARES: {
      const field = (word >>> 23) & 7;
      return field < 2 || field > 4 ? DONE : REST;
    }
    case OR:
      return rt === ((word >>> 11) & 31) ? moves(state, ra, rt) : forgets(state, ra);
    case OR_IMMEDIATE:
      return (word & 0xffff) === 0 ? moves(state, ra, rt) : REST;
    default:
      return kind;
  }
}
