/** Made-up machines: what the prover believes of one, the same as numbers, and whether numbers still are what it believes. */
import { ParameterAreas } from '../../../../src/prove/parameters.ts';
import { State } from '../../../../src/prove/state.ts';
import {
  address,
  CR2,
  CTR,
  entry,
  entryOf,
  isAddress,
  isNumber,
  isStack,
  kindOf,
  LR,
  number,
  numberOf,
  PLACES,
  payloadOf,
  placeName,
  SAVED,
  saved,
  stack,
  stackOffset,
  UNKNOWN,
  type Value,
} from '../../../../src/prove/values.ts';

/** As in main.c: r1 at entry, where the instruction lies, and bytes of memory on each side of the first. */
const STACK = 0x2008_0000n;
export const SLOT = 0x3000_8000n;
const WINDOW = 512;
/** Sizes of the records of main.c. */
const REGISTERS = 35;
export const GIVEN = 8 + REGISTERS * 8 + 2 * WINDOW;
export const FOUND = 16 + REGISTERS * 8 + 2 * WINDOW;
const CR = 34;
const MASK = (1n << 64n) - 1n;
/** Bytes from the origin: the home's TOC, and where addresses are that no memory is at. */
const HOME = 0x80_0000;
const NOWHERE = 0x10_0000;

export const TRAP = 0x7fe00008;

export interface Machine {
  readonly word: number;
  readonly next: number;
  readonly state: State;
  /** What registers, LR, CTR and CR held at entry, and what they hold. */
  readonly atEntry: BigUint64Array;
  readonly registers: BigUint64Array;
  readonly memory: DataView;
  /** What the address 0 of the object is. */
  readonly origin: bigint;
}

export interface Outcome {
  /** Address of the next instruction; that of the word itself where it was not executed. */
  readonly next: bigint;
  readonly registers: BigUint64Array;
  readonly memory: DataView;
}

const bits = (value: bigint | number) => BigInt(value) & MASK;

function* numbered(mask: number): Generator<number> {
  for (let i = 0; i < 32; i++) if (((mask >>> i) & 1) === 1) yield i;
}

export function surroundings() {
  return {
    home: address(HOME),
    pacaToc: undefined,
    constant: () => UNKNOWN,
    areas: new ParameterAreas(new Uint8Array(1)),
  };
}

/** Where CR2, CR3 or CR4 stands in CR. */
const shiftOf = (place: number) => BigInt(28 - 4 * (place - CR2 + 2));

/** What a value is as a number; `undefined` for what says nothing about one. */
function numberFor(value: Value, { atEntry, origin }: Pick<Machine, 'atEntry' | 'origin'>): bigint | undefined {
  const from = entryOf(value);
  if (from >= 0 && from < CR2) return atEntry[from];
  if (isStack(value)) return bits(STACK + BigInt(stackOffset(value)));
  if (isNumber(value)) return bits(numberOf(value));
  return isAddress(value) ? bits(origin + BigInt(payloadOf(value))) : undefined;
}

/** Whether bits are what a value says of them. */
function holds(value: Value, held: bigint, of: Pick<Machine, 'atEntry' | 'origin'>): boolean {
  if (kindOf(value) === SAVED)
    return [...numbered(payloadOf(value))].every(i => sameField(CR2 + i, held, of.atEntry[CR]!));
  const wanted = numberFor(value, of);
  return wanted === undefined || wanted === held;
}

function sameField(place: number, a: bigint, b: bigint): boolean {
  return (((a ^ b) >> shiftOf(place)) & 15n) === 0n;
}

/**
 * Registers of which the prover does not know where they point point far from the stack, which is what it trusts.
 *
 * @param origin address of the object; what branches go to by register lies in its first `code` bytes
 */
export function makeMachine(word: number, next: number, random: () => number, origin: bigint, code: number): Machine {
  const below = (limit: number) => random() % limit;
  const far = () => 0x2000_0000n + BigInt((below(2) === 0 ? 0x1_0000 : 0xa_0000) + below(0x2800) * 16);
  const wild = () => (BigInt(random()) << 32n) | BigInt(random());
  const atEntry = BigUint64Array.from({ length: REGISTERS }, () => (below(3) > 0 ? far() : wild()));
  atEntry[1] = STACK;
  atEntry[CR] = BigInt(random());
  const machine = { word, next, atEntry, origin, registers: new BigUint64Array(REGISTERS), state: new State() };
  const memory = new DataView(new ArrayBuffer(2 * WINDOW));
  const { state, registers } = machine;
  const put = (place: number, value: Value) => {
    state.places[place] = value;
    registers[place] = numberFor(value, machine) ?? far();
  };
  for (let place = 0; place < 32; place++) {
    const kind = below(8);
    if (kind < 2) put(place, stack((below(64) - 32) * (below(8) === 0 ? 1 : 8)));
    else if (kind === 2) put(place, number((below(64) - 32) * (below(4) === 0 ? 1 : 8)));
    else if (kind === 3) put(place, address(NOWHERE + below(64) * 8));
    else put(place, kind === 4 ? UNKNOWN : entry(place));
  }
  put(1, stack(below(2) === 0 ? 0 : -16 * below(8)));
  put(2, below(3) > 0 ? address(HOME) : entry(2));
  put(13, entry(13));
  for (const place of [LR, CTR]) put(place, below(2) === 0 ? entry(place) : address(4 + 4 * below(code / 4 - 1)));
  registers[CR] = atEntry[CR]!;
  for (let place = CR2; place < PLACES; place++) state.places[place] = below(4) === 0 ? UNKNOWN : entry(place);
  if (below(3) === 0 && state.places[CTR] === entry(CTR)) {
    const same = 3 + below(9);
    put(same, UNKNOWN);
    registers[same] = registers[CTR]!;
    state.sameAsCtr = 1 << same;
  }
  for (let at = -WINDOW; at < WINDOW; at += 8) {
    const choices = [
      entry(14 + below(18)),
      entry(2),
      entry(LR),
      address(HOME),
      stack(below(64) * 8),
      saved(1 + below(7)),
    ];
    const value = Math.abs(at) > 256 || below(6) === 0 ? UNKNOWN : choices[below(choices.length)]!;
    const held =
      kindOf(value) === SAVED ? (BigInt(random()) << 32n) | atEntry[CR]! : (numberFor(value, machine) ?? wild());
    memory.setBigUint64(WINDOW + at, held, true);
    state.store(at, 8, value);
  }
  return { ...machine, memory };
}

export function encode({ word, next, registers, memory }: Machine, into: DataView, at: number): void {
  into.setUint32(at, word, true);
  into.setUint32(at + 4, next, true);
  registers.forEach((value, i) => {
    into.setBigUint64(at + 8 + i * 8, value, true);
  });
  new Uint8Array(into.buffer, at + 8 + REGISTERS * 8).set(new Uint8Array(memory.buffer));
}

export function decode(from: DataView, at: number): Outcome {
  const registers = BigUint64Array.from({ length: REGISTERS }, (_, i) => from.getBigUint64(at + 16 + i * 8, true));
  const memory = new DataView(from.buffer, from.byteOffset + at + 16 + REGISTERS * 8, 2 * WINDOW);
  return { next: from.getBigUint64(at + 8, true), registers, memory };
}

/** What of `state` is not so afterwards: `r14`, `-8(r1)`, `r3 = CTR`. */
export function wrongIn(state: State, machine: Machine, { registers, memory }: Outcome): string[] {
  const wrong: string[] = [];
  for (let place = 0; place < PLACES; place++) {
    const value = state.places[place]!;
    const isHeld =
      place < CR2
        ? holds(value, registers[place]!, machine)
        : value !== entry(place) || sameField(place, registers[CR]!, machine.atEntry[CR]!);
    if (!isHeld) wrong.push(placeName(place));
  }
  for (const i of numbered(state.sameAsCtr)) if (registers[i] !== registers[CTR]) wrong.push(`${placeName(i)} = CTR`);
  for (const i of numbered(state.sameAsR12)) if (registers[i] !== registers[12]) wrong.push(`${placeName(i)} = r12`);
  for (const { offset, width, value } of state.slots.all()) {
    const held =
      width === 4 ? BigInt(memory.getUint32(WINDOW + offset, true)) : memory.getBigUint64(WINDOW + offset, true);
    if (!holds(value, held, machine)) wrong.push(`${offset}(r1)`);
  }
  return wrong;
}

/** Bytes of the caller's frame that changed though the prover says of no store that it goes there. `end`: where the last one ends. */
export function spoiledFrame(machine: Machine, { memory }: Outcome, end: number): string[] {
  const wrong: string[] = [];
  for (let at = 0; at < WINDOW; at += 8) {
    const held = memory.getBigUint64(WINDOW + at, true);
    const isWritten = at === 8 || (at >= 32 && at < end) || (at === 16 && held === machine.atEntry[LR]);
    if (!isWritten && held !== machine.memory.getBigUint64(WINDOW + at, true))
      wrong.push(`${at} of the caller's frame`);
  }
  return wrong;
}
