/**
 * What an instruction changes: `prove/effects.ts`. Common opcodes are told by tables of a byte each, which TypeScript fills from its
 * own (`setTables`); the instruction table is asked through `written`, whose answers are kept.
 */
import { moveStack, put, set } from './state';
import { CR2, UNKNOWN } from './values';

/** What JavaScript answers: registers in the low half, CR fields above. */
declare function written(word: u32, next: u32): i64;

/** By primary opcode, and from 64 on by extended opcode of 31: what it changes. */
export const EFFECTS: u32 = 0xc200;
/** The same, for `common.ts`. */
export const KINDS: u32 = 0xc700;

const ASK: u32 = 0;
const NONE: u32 = 1;
const RT: u32 = 2;
const RA: u32 = 3;
const BOTH: u32 = 4;

/** 2048 answers by word: the word, registers, fields and one; 16 bytes each. Nothing of a file's parts stands there. */
const ANSWER_SIZE: u32 = 16;
const KNOWN: u32 = 0x2_4000;

let registers: u32 = 0;
let fields: u32 = 0;

function ask(word: u32, next: u32): void {
  const slot = KNOWN + ANSWER_SIZE * ((word * 0x9e37_79b1) >>> 21);
  // A prefixed instruction is told by both its words.
  const mayKeep = word >>> 26 !== 1;
  if (mayKeep && load<u32>(slot) === word && load<u32>(slot, 8) !== 0) {
    registers = load<u32>(slot, 4);
    fields = load<u32>(slot, 8) - 1;
    return;
  }
  const answer = written(word, next);
  registers = u32(answer);
  fields = u32(answer >> 32);
  if (!mayKeep) return;
  store<u32>(slot, word);
  store<u32>(slot, registers, 4);
  store<u32>(slot, fields + 1, 8);
}

/** Other instructions of opcode 31 that change CR fields: mtcrf, cmprb, cmpeqb, mcrxrx, tcheck. */
function changesFields(extended: u32): bool {
  return extended === 144 || extended === 192 || extended === 224 || extended === 576 || extended === 718;
}

/** What `changed` found: general registers, and CR fields. */
export let changedRegisters: u32 = 0;
export let changedFields: u32 = 0;

/** All that an instruction changes, CR0 of record forms included. */
export function changed(word: u32): void {
  const primary = word >>> 26;
  ask(word, 0);
  changedRegisters = registers;
  changedFields = fields;
  if (primary === 31 && changesFields((word >>> 1) & 0x3ff)) {
    changedFields = 0xff;
    return;
  }
  const mayRecord = primary === 20 || primary === 21 || primary === 23 || primary === 30 || primary === 31;
  if (primary === 13 || primary === 28 || primary === 29 || (mayRecord && (word & 1) === 1)) changedFields |= 1;
}

function forgetField(field: u32): void {
  if (field >= 2 && field <= 4) put(CR2 + field - 2, UNKNOWN);
}

function forgetRegister(register: u32): void {
  if (register === 1) moveStack(UNKNOWN);
  else set(register, UNKNOWN);
}

/** Forgets what the instruction changes. @returns whether the instruction is known at all */
export function forgetWritten(word: u32, next: u32): bool {
  const primary = word >>> 26;
  const extended = (word >>> 1) & 0x3ff;
  const kind: u32 = load<u8>(EFFECTS + (primary === 31 ? 64 + extended : primary));
  if (primary === 31 && kind === NONE) {
    // cmp and cmpl have a CR field where other instructions have RT.
    if (extended === 0 || extended === 32) forgetField((word >>> 23) & 7);
    else if (changesFields(extended)) return forgetAsked(word, next);
    return true;
  }
  if (primary === 10 || primary === 11) {
    forgetField((word >>> 23) & 7);
    return true;
  }
  if (kind === ASK) return forgetAsked(word, next);
  if (kind === RT || kind === BOTH) forgetRegister((word >>> 21) & 31);
  if (kind === RA || kind === BOTH) forgetRegister((word >>> 16) & 31);
  return true;
}

function forgetAsked(word: u32, next: u32): bool {
  ask(word, next);
  const all = registers;
  for (let register: u32 = 0; register < 32; register++) if (((all >>> register) & 1) === 1) forgetRegister(register);
  for (let field: u32 = 2; field <= 4; field++) if (((fields >>> field) & 1) === 1) forgetField(field);
  return all !== u32.MAX_VALUE || fields !== 0xff;
}
