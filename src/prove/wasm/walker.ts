/** Executes the blocks of one function: `prove/walker.ts`. */
import { DONE, executeCommon, REST } from './common';
import { call, callPointer, gives, keepContractOf, keeps, returnsFrom, tracerSite } from './contracts';
import { BACK_CHAIN, FINE, LR_SLOT, PARAMETER_AREA, R13_WRITTEN, TOC_SLOT, TOC_USE } from './faults';
import { reachBlock } from './frontier';
import { fail, failed } from './judge';
import { followJumps, goTo, jump, jumpPointer } from './jumps';
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
import { stubAt } from './stubs';
import {
  ALSO,
  addMark,
  CODE,
  calledAt,
  EDGE_SIZE,
  EXTRA,
  edgesEnd,
  edgesOf,
  FIXUP,
  GIVES,
  GLOBAL,
  INSTEAD,
  isCode,
  KEEPS,
  LEADER,
  markOf,
  NEXT,
  SITE,
  STOP,
  wordAt,
  words,
} from './subject';
import { transfer, transferRest } from './transfer';
import { address, CTR, isAddress, LR, payloadOf, UNKNOWN } from './values';

/** Where subroutines without a symbol return to: places behind a `bl` to one. */
const RETURNS: u32 = 0xe000;
const MOST_RETURNS: u32 = 256;
let returnCount: u32 = 0;
/** There were more of them: what was found of the function means nothing. */
export let isFull: bool = false;

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
  followJumps(index);
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

/** @returns whether control may go on behind the branch */
function branch(word: u32, opcode: u32, pc: i32): bool {
  // An absolute address of 26 or 16 bits is nobody's code: objects lie where the upper half of an address is not zero.
  if ((opcode === 18 || opcode === 16) && (word & 2) !== 0) {
    fail(NO_CODE, pc, UNKNOWN, 0);
    return opcode === 16;
  }
  if (opcode === 18) {
    const target = pc + ((i32(word) << 6) >> 8) * 4;
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
      // An invalid form, which counts CTR down and may go elsewhere.
      if (((word >>> 21) & 4) === 0) {
        fail(NO_INSTRUCTION, pc, UNKNOWN, 0);
        return true;
      }
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
  const target = pc + ((i32(word & 0xfffc) << 16) >> 16);
  const options = (word >>> 21) & 31;
  countDown(word);
  const always = (options & 20) === 20;
  if ((word & 1) === 0) {
    goTo(target, pc);
    return !always;
  }
  if (!always) {
    // LR is written whether or not the branch is taken.
    const link = get(LR);
    put(LR, address(pc + 4));
    reach(pc + 4);
    put(LR, link);
  }
  return callPlace(target, pc);
}
