/** Executes the blocks of one function: `prove/walker.ts`. */
import { DONE, executeCommon, REST } from './common';
import {
  call,
  callPointer,
  gives,
  isBalanced,
  keepContractOf,
  keeps,
  returnsFrom,
  sibling,
  siblingOutside,
  tracerSite,
} from './contracts';
import { BACK_CHAIN, FINE, LR_SLOT, PARAMETER_AREA, R13_WRITTEN, TOC_SLOT, TOC_USE } from './faults';
import { reachBlock } from './frontier';
import { fail, failed } from './judge';
import { entriesOf } from './jump-index';
import { fallsInto, followedFunction } from './prover';
import {
  CALLERS_BACK_CHAIN,
  CALLERS_FRAME,
  CALLERS_LR_SLOT,
  CALLERS_TOC_SLOT,
  NO_CODE,
  NO_INSTRUCTION,
  NO_TARGET,
  R13_CHANGED,
  RUNS_OUT,
  SYSTEM_RETURN,
  TOC_USED,
} from './reasons';
import { get, put, setSameAsCtr } from './state';
import { LEAVES, stubAt } from './stubs';
import {
  ALSO,
  addMark,
  CODE,
  calledAt,
  contentsAt,
  EDGE_SIZE,
  EXTRA,
  edgesEnd,
  edgesOf,
  ends,
  FIXUP,
  functionAt,
  functions,
  GIVES,
  GLOBAL,
  globals,
  INSTEAD,
  isCode,
  KEEPS,
  LEADER,
  markOf,
  NEXT,
  parts,
  SITE,
  STOP,
  STUB,
  wordAt,
  words,
} from './subject';
import { transfer, transferRest } from './transfer';
import { address, CTR, EXTERNAL, isAddress, kindOf, LABEL, LR, payloadOf, UNKNOWN } from './values';

/** No other function, and more than one. */
const NONE: i32 = -1;
const SEVERAL: i32 = -2;

/** Where subroutines without a symbol return to: places behind a `bl` to one. */
const RETURNS: u32 = 0xe000;
const MOST_RETURNS: u32 = 256;
let returnCount: u32 = 0;
/** There were more of them: what was found of the function means nothing. */
export let isFull: bool = false;

let from: i32 = 0;
let to: i32 = 0;
let inside: i32 = NONE;
let tableInPart: i32 = NONE;

/** Unconditional `tw`. */
function isTrap(word: u32): bool {
  return (word & 0xffe0_07fe) === 0x7fe0_0008;
}

/** BO of `bclr` and `bcctr`: neither a condition nor CTR is looked at. */
function isAlways(word: u32): bool {
  return (word & 0x0280_0000) === 0x0280_0000;
}

/** The function whose blocks are executed from now on. */
export function followFunction(index: u32): void {
  from = load<i32>(globals + 4 * index);
  to = load<i32>(ends + 4 * index);
  inside = NONE;
  tableInPart = NONE;
  returnCount = 0;
  isFull = false;
  keepContractOf(index);
}

/** Executes from `start` to the end of the block. */
export function executeBlock(start: i32): void {
  for (let pc = start; ; pc += 4) {
    const at = u32(pc) >>> 2;
    const mark = at < words ? markOf(at) : 0;
    // Most words are code and nothing else.
    if (mark !== CODE) {
      if (pc !== start && endsBlock(pc, mark)) return;
      if ((mark & CODE) === 0) {
        fail(RUNS_OUT, pc, UNKNOWN, 0);
        return;
      }
      if ((mark & SITE) !== 0) tracerSite(pc);
      if ((mark & EXTRA) !== 0 && followsExtra(pc)) return;
    }
    const word = wordAt(at);
    const kind = executeCommon(word);
    if (kind === DONE) continue;
    if (kind === REST) judged(transferRest(word, 0, pc), pc);
    else if (!control(word, mark, pc)) return;
    else if (word >>> 26 === 1) pc += 4;
  }
}

/** @returns whether control may go on behind the instruction */
function control(word: u32, mark: u32, pc: i32): bool {
  const opcode = word >>> 26;
  if (opcode !== 1 && opcode !== 31) return branch(word, opcode, pc);
  // No table speaks of this trap: the kernel dies of it.
  if (opcode === 31) return !isTrap(word) || (mark & EXTRA) !== 0;
  const at = (u32(pc) >>> 2) + 1;
  judged(transferRest(word, at < words ? wordAt(at) : 0, pc), pc);
  return true;
}

/** Whether a block ends where control falls into the word at `pc`. */
function endsBlock(pc: i32, mark: u32): bool {
  if ((mark & EXTRA) !== 0) {
    const last = edgesEnd();
    for (let at = edgesOf(pc); at < last && load<i32>(at) === pc; at += EDGE_SIZE)
      if (load<u32>(at, 4) === INSTEAD) {
        reach(load<i32>(at, 8));
        return true;
      }
  }
  if ((mark & GLOBAL) !== 0) {
    const other = calledAt(pc);
    if (other >= 0 && other !== followedFunction()) {
      fail(RUNS_OUT, pc, UNKNOWN, 0);
      return true;
    }
  }
  if ((mark & LEADER) === 0 || (mark & CODE) === 0) return false;
  return !fallsInto(pc);
}

function judged(wrong: u32, pc: i32): void {
  switch (wrong) {
    case FINE:
      return;
    case TOC_USE:
      fail(TOC_USED, pc, get(2), 2);
      return;
    case BACK_CHAIN:
      fail(CALLERS_BACK_CHAIN, pc, get(1), 1);
      return;
    case TOC_SLOT:
      fail(CALLERS_TOC_SLOT, pc, get(1), 1);
      return;
    case LR_SLOT:
      fail(CALLERS_LR_SLOT, pc, UNKNOWN, LR);
      return;
    case PARAMETER_AREA:
      failed(CALLERS_FRAME, pc, get(1), 1, false);
      return;
    case R13_WRITTEN:
      fail(R13_CHANGED, pc, UNKNOWN, 13);
      return;
  }
  fail(NO_INSTRUCTION, pc, UNKNOWN, 0);
}

/** Blocks that no word of code is at are left: an edge may lead anywhere. */
function reach(target: i32): void {
  if (u32(target) >>> 2 < words) reachBlock(target);
  else isFull = true;
}

/** The tables' own ways on. True if nothing goes on behind the instruction. */
function followsExtra(pc: i32): bool {
  let isEnd = false;
  const last = edgesEnd();
  for (let at = edgesOf(pc); at < last && load<i32>(at) === pc; at += EDGE_SIZE) {
    const kind = load<u32>(at, 4);
    if (kind === ALSO || kind === FIXUP) jump(load<i32>(at, 8), pc);
    else if (kind === NEXT) reach(pc + 4);
    else if (kind === KEEPS) keeps(pc, load<i32>(at, 8) === 2);
    else if (kind === GIVES) gives(load<i32>(at, 8) === 2);
    if (kind === STOP || kind === FIXUP) isEnd = true;
  }
  return isEnd;
}

function jump(target: i32, pc: i32): void {
  if (isCode(target)) reachBlock(target);
  else fail(NO_CODE, pc, UNKNOWN, 0);
}

/** @returns whether control may go on behind the branch */
function branch(word: u32, opcode: u32, pc: i32): bool {
  if (opcode === 18) {
    const target = ((word & 2) !== 0 ? 0 : pc) + ((i32(word) << 6) >> 8) * 4;
    if ((word & 1) === 1) return callPlace(target, pc);
    goTo(target, pc);
    return false;
  }
  if (opcode === 16) return conditional(word, pc);
  if (opcode === 17) {
    fail(SYSTEM_RETURN, pc, UNKNOWN, 0);
    return false;
  }
  return branchRegister(word, pc);
}

/** Opcode 19: bclr, bcctr, bctar, returns from interrupts, and the logic of the condition register. */
function branchRegister(word: u32, pc: i32): bool {
  switch ((word >>> 1) & 0x3ff) {
    case 16:
      if ((word & 1) === 1) break;
      countDown(word);
      returnsTo(pc);
      return !isAlways(word);
    case 528:
      if ((word & 1) === 1) return callPointer(pc);
      jumpPointer(pc);
      return !isAlways(word);
    case 560:
      break;
    case 18: // rfid
    case 82: // rfscv
    case 274: // hrfid
    case 370: // stop
      fail(SYSTEM_RETURN, pc, UNKNOWN, 0);
      return false;
    default:
      judged(transfer(word, 0, pc), pc);
      return true;
  }
  fail(NO_TARGET, pc, UNKNOWN, LR);
  return false;
}

function returnsTo(pc: i32): void {
  const back = get(LR);
  if (isAddress(back) && isReturn(payloadOf(back))) reach(payloadOf(back));
  else returnsFrom(pc);
}

function isReturn(place: i32): bool {
  for (let i: u32 = 0; i < returnCount; i++) if (load<i32>(RETURNS + 4 * i) === place) return true;
  return false;
}

function addReturn(place: i32): void {
  if (isReturn(place)) return;
  if (returnCount === MOST_RETURNS) isFull = true;
  else store<i32>(RETURNS + 4 * returnCount++, place);
}

/** `bl`. What is called without being a function or a stub has no contract: control is followed into it and back. */
function callPlace(target: i32, pc: i32): bool {
  if (target === pc + 4) {
    put(LR, address(target));
    return true;
  }
  if (!isCode(target) || calledAt(target) >= 0 || stubAt(target) !== 0) return call(target, pc);
  addReturn(pc + 4);
  addMark(u32(pc + 4) >>> 2, LEADER);
  put(LR, address(pc + 4));
  reachBlock(target);
  return false;
}

/** Branches that count CTR down. */
function countDown(word: u32): void {
  if (((word >>> 21) & 4) !== 0) return;
  put(CTR, UNKNOWN);
  setSameAsCtr(0);
}

function conditional(word: u32, pc: i32): bool {
  const target = ((word & 2) !== 0 ? 0 : pc) + ((i32(word & 0xfffc) << 16) >> 16);
  const options = (word >>> 21) & 31;
  countDown(word);
  const always = (options & 20) === 20;
  if ((word & 1) === 0) {
    goTo(target, pc);
    return !always;
  }
  if (!always) reach(pc + 4);
  return callPlace(target, pc);
}

/** Whether it is an instruction that is no function's entry, and in no stub. */
function isInner(offset: i32): bool {
  const word = u32(offset) >>> 2;
  return (offset & 3) === 0 && word < words && (markOf(word) & (CODE | STUB)) === CODE && functionAt(offset) === -1;
}

/** A jump, or a sibling call where it enters a function and all that the caller is owed is back. */
function goTo(target: i32, pc: i32): void {
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
function jumpPointer(pc: i32): void {
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
