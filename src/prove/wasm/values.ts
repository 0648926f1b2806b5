/**
 * The lattice: `prove/values.ts`, which explains it. This folder is AssemblyScript, compiled to WebAssembly by
 * `scripts/webassembly.js`: the same prover once more, for thousands of modules in a second. It takes the subject from memory,
 * keeps no paths, and tells verdicts; whatever is to be explained the TypeScript follows again. Tests hold the two together,
 * function by function: on all stock modules, on mutants, and on random words.
 */

export const UNKNOWN: i32 = 0;
export const CLOBBERED: i32 = 1;
export const FOREIGN: i32 = 2;

const ENTRY: i32 = 16;
export const LR: u32 = 32;
export const CTR: u32 = 33;
export const CR2: u32 = 34;
export const CR4: u32 = 36;
export const PLACES: u32 = 37;

const UNIT: i32 = 1 << 28;
const HALF: i32 = 1 << 27;
/** Payloads that are not smaller become UNKNOWN. */
export const LIMIT: i64 = 1 << 27;

export const STACK: i32 = 1;
export const ADDRESS: i32 = 2;
export const NUMBER: i32 = 3;
export const EXTERNAL: i32 = 4;
export const TABLE: i32 = 5;
export const LABEL: i32 = 6;
export const SAVED: i32 = 7;
export const RAW: i32 = -1;

/** Equal to no value. */
export const NO_VALUE: i32 = i32.MIN_VALUE;

export function entry(place: u32): i32 {
  return ENTRY + i32(place);
}

/** The register whose value at entry this is, or -1. */
export function entryOf(value: i32): i32 {
  return value >= ENTRY && value < ENTRY + i32(PLACES) ? value - ENTRY : -1;
}

export function kindOf(value: i32): i32 {
  return (value + HALF) >> 28;
}

export function payloadOf(value: i32): i32 {
  return value - kindOf(value) * UNIT;
}

function make(kind: i32, payload: i64): i32 {
  return payload > -LIMIT && payload < LIMIT ? kind * UNIT + i32(payload) : UNKNOWN;
}

export function stack(offset: i64): i32 {
  return make(STACK, offset);
}

export function address(offset: i64): i32 {
  return make(ADDRESS, offset);
}

export function number(value: i64): i32 {
  return make(NUMBER, value);
}

export function external(index: i64): i32 {
  return make(EXTERNAL, index);
}

export function table(offset: i64): i32 {
  return make(TABLE, offset);
}

export function raw(offset: i64): i32 {
  return make(RAW, offset);
}

function label(offset: i64): i32 {
  return make(LABEL, offset);
}

export function saved(mask: i64): i32 {
  return make(SAVED, mask);
}

export function isStack(value: i32): bool {
  return kindOf(value) === STACK;
}

export function isAddress(value: i32): bool {
  return kindOf(value) === ADDRESS;
}

/** `value` + a constant. */
export function plus(value: i32, constant: i64): i32 {
  const kind = kindOf(value);
  if (kind < STACK || kind > NUMBER) return constant === 0 ? value : UNKNOWN;
  return make(kind, i64(value - kind * UNIT) + constant);
}

/** The sum of two registers. */
export function sum(a: i32, b: i32): i32 {
  const left = kindOf(a);
  const right = kindOf(b);
  if (right === NUMBER) return plus(a, payloadOf(b));
  if (left === NUMBER) return plus(b, payloadOf(a));
  if (left === TABLE && right === ADDRESS && payloadOf(a) === payloadOf(b)) return label(payloadOf(a));
  if (right === TABLE && left === ADDRESS && payloadOf(a) === payloadOf(b)) return label(payloadOf(a));
  return UNKNOWN;
}

/** b - a, as `subf` computes it. */
export function difference(a: i32, b: i32): i32 {
  const left = kindOf(a);
  const right = kindOf(b);
  if (left === NUMBER) return plus(b, -i64(payloadOf(a)));
  if (left === right && (left === STACK || left === ADDRESS)) return number(i64(payloadOf(b)) - i64(payloadOf(a)));
  return UNKNOWN;
}
