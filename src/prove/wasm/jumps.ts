/** Where jumps lead: `prove/jumps.ts`. */
import { isBalanced, sibling, siblingOutside } from './contracts';
import { reachBlock } from './frontier';
import { fail } from './judge';
import { entriesOf } from './jump-index';
import { followedFunction } from './prover';
import { NO_CODE, NO_TARGET } from './reasons';
import { get } from './state';
import { LEAVES, stubAt } from './stubs';
import {
  addMark,
  CODE,
  calledAt,
  contentsAt,
  ends,
  functionAt,
  functions,
  globals,
  isCode,
  LEADER,
  markOf,
  parts,
  STUB,
  words,
} from './subject';
import { CTR, EXTERNAL, isAddress, kindOf, LABEL, payloadOf, UNKNOWN } from './values';

/** No other function, and more than one. */
const NONE: i32 = -1;
const SEVERAL: i32 = -2;

let from: i32 = 0;
let to: i32 = 0;
let inside: i32 = NONE;
let tableInPart: i32 = NONE;

/** The function whose jumps are asked about from now on. */
export function followJumps(index: u32): void {
  from = load<i32>(globals + 4 * index);
  to = load<i32>(ends + 4 * index);
  inside = NONE;
  tableInPart = NONE;
}

export function jump(target: i32, pc: i32): void {
  if (isCode(target)) reachBlock(target);
  else fail(NO_CODE, pc, UNKNOWN, 0);
}

/** Whether it is an instruction that is no function's entry, and in no stub. */
function isInner(offset: i32): bool {
  const word = u32(offset) >>> 2;
  return (offset & 3) === 0 && word < words && (markOf(word) & (CODE | STUB)) === CODE && functionAt(offset) === -1;
}

/** A jump, or a sibling call where it enters a function and all that the caller is owed is back. */
export function goTo(target: i32, pc: i32): void {
  if (!isInner(target)) {
    if (!isCode(target)) {
      fail(NO_CODE, pc, UNKNOWN, 0);
      return;
    }
    if (stubAt(target) === LEAVES) {
      siblingOutside(pc);
      return;
    }
    const callee = calledAt(target);
    if (callee >= 0 && isBalanced()) {
      sibling(callee, target, pc);
      return;
    }
  }
  if (target < from || target >= to) enters(target);
  reachBlock(target);
}

/** Takes note of another function that is gone on in. */
function enters(target: i32): void {
  const other = functionAround(target);
  if (other < 0 || other === followedFunction() || load<u8>(parts + other) === 1 || other === inside) return;
  inside = inside === NONE ? other : SEVERAL;
  if (tableInPart !== NONE) fail(NO_TARGET, tableInPart, UNKNOWN, CTR);
}

/** The function or part that an instruction lies in, or -1. */
function functionAround(pc: i32): i32 {
  let low: u32 = 0;
  let high = functions;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<i32>(globals + 4 * middle) <= pc) low = middle + 1;
    else high = middle;
  }
  return low > 0 && pc < load<i32>(ends + 4 * (low - 1)) ? i32(low - 1) : -1;
}

/** The function whose places a jump table at `pc` names; -1 where that cannot be told. */
function tableOwner(pc: i32): i32 {
  const around = functionAround(pc);
  if (around >= 0 && load<u8>(parts + around) === 0) return around;
  tableInPart = pc;
  return inside === NONE ? followedFunction() : inside;
}

/** `bctr`: a switch, a jump to a known place, or nobody knows. */
export function jumpPointer(pc: i32): void {
  const target = get(CTR);
  if (isAddress(target)) {
    goTo(payloadOf(target), pc);
    return;
  }
  if (kindOf(target) === EXTERNAL) {
    siblingOutside(pc);
    return;
  }
  const owner = kindOf(target) === LABEL ? tableOwner(pc) : -1;
  const entries = owner < 0 ? 0 : entriesOf(load<i32>(globals + 4 * owner), pc);
  const table = payloadOf(target);
  const last = entries === 0 ? table : tableEnd(table, owner);
  if (last === table || last < table + i32(4 * entries)) {
    fail(NO_TARGET, pc, UNKNOWN, CTR);
    return;
  }
  for (let at = table; at < last; at += 4) {
    const place = table + load<i32>(contentsAt(at, 4));
    addMark(u32(place) >>> 2, LEADER);
    reachBlock(place);
  }
}

/** Where a jump table of a function ends at the latest: see `jumpLabels` of `verify/proof/subject.ts`. */
function tableEnd(table: i32, owner: u32): i32 {
  const first = load<i32>(globals + 4 * owner);
  const last = load<i32>(ends + 4 * owner);
  let stop = i32.MAX_VALUE;
  let at = table;
  for (; at < stop; at += 4) {
    const contents = contentsAt(at, 4);
    if (contents === 0) break;
    const target = i64(table) + load<i32>(contents);
    if (target < 0 || target > i64(i32.MAX_VALUE) || !isCode(i32(target))) break;
    const place = i32(target);
    if (!(place >= first && place < last) && !isInPart(place)) break;
    if (place > at && place < stop) stop = place;
  }
  return at;
}

/** Whether a place lies in a part that was split off from some function. */
function isInPart(place: i32): bool {
  for (let i: u32 = 0; i < functions; i++)
    if (load<u8>(parts + i) === 1 && place >= load<i32>(globals + 4 * i) && place < load<i32>(ends + 4 * i))
      return true;
  return false;
}
