/** What most instructions do in most states: `prove/common.ts`, whose kinds of instructions are given as a table. */
import { isElsewhere } from './accesses';
import { KINDS } from './effects';
import { isOrdinary } from './general-registers';
import { get, move, set } from './state';
import { isStack, UNKNOWN } from './values';

/** What `executeCommon` answers. */
export const DONE: u32 = 0;
export const REST: u32 = 1;
const INERT: u32 = 3;
const FORGETS_RT: u32 = 4;
const FORGETS_RA: u32 = 5;
const READS: u32 = 6;
const READS_DS: u32 = 7;
const ADDS: u32 = 8;
const WRITES: u32 = 9;
const WRITES_DS: u32 = 10;
const COMPARES: u32 = 11;
const OR_IMMEDIATE: u32 = 12;
const OR: u32 = 13;
const READS_INDEXED: u32 = 14;

function forgets(register: u32): u32 {
  if (!isOrdinary(register)) return REST;
  set(register, UNKNOWN);
  return DONE;
}

function moves(to: u32, from: u32): u32 {
  if (to === from) return DONE;
  if (!isOrdinary(to)) return REST;
  move(to, from);
  return DONE;
}

/** @returns DONE, REST or CONTROL */
export function executeCommon(word: u32): u32 {
  const opcode = word >>> 26;
  const kind: u32 = load<u8>((opcode === 31 ? 64 + ((word >>> 1) & 0x3ff) : opcode) + KINDS);
  const rt = (word >>> 21) & 31;
  const ra = (word >>> 16) & 31;
  switch (kind) {
    case INERT:
      return DONE;
    case FORGETS_RT:
      return forgets(rt);
    case FORGETS_RA:
      return forgets(ra);
    case READS_DS:
      // r2 may come out of the PACA.
      return (word & 3) === 0 && rt !== 2 && isElsewhere(ra) ? forgets(rt) : REST;
    case READS:
      return isElsewhere(ra) ? forgets(rt) : REST;
    case ADDS:
      return (word & 0xffff) !== 0 && isElsewhere(ra) ? forgets(rt) : REST;
    case WRITES_DS:
      return (word & 3) === 0 && isElsewhere(ra) ? DONE : REST;
    case WRITES:
      return isElsewhere(ra) ? DONE : REST;
    case READS_INDEXED:
      return isStack(get(ra)) || isStack(get((word >>> 11) & 31)) ? REST : forgets(rt);
    case COMPARES: {
      const field = (word >>> 23) & 7;
      return field < 2 || field > 4 ? DONE : REST;
    }
    case OR:
      return rt === ((word >>> 11) & 31) ? moves(ra, rt) : forgets(ra);
    case OR_IMMEDIATE:
      return (word & 0xffff) === 0 ? moves(ra, rt) : REST;
  }
  return kind;
}
