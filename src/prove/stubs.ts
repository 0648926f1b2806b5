/**
 * What a piece of code does that the loader or the linker put between a call and its target: found out by executing it, not
 * from what it should look like.
 */

import type { Surroundings } from './accesses.ts';
import { FINE, TOC_SLOT } from './faults.ts';
import { State } from './state.ts';
import { CODE, type ProofSubject } from './subject.ts';
import { transfer } from './transfer.ts';
import {
  address,
  addressOffset,
  CTR,
  EXTERNAL,
  entry,
  isAddress,
  kindOf,
  PLACES,
  stack,
  UNKNOWN,
  type Value,
} from './values.ts';

/** The longest known stub has seven instructions; a chain of thunks a few more. */
const MOST_STEPS = 24;

export interface StubEffect {
  /**
   * - `leaves`: goes on to something outside of the object, or to a global entry through CTR, with r12 right;
   * - `jump`: an unconditional branch to `target` in the object, nothing else changed that matters;
   * - `unknown`: something else.
   */
  readonly kind: 'leaves' | 'jump' | 'unknown';
  /** Place in the object, for `jump`. */
  readonly target: number;
  /** What is called, for `leaves`. */
  readonly callee: Value;
  /** Whether the callee ever comes back. */
  readonly returns: boolean;
  /** It works only with the home's TOC in r2. */
  readonly needsToc: boolean;
  /** It stores r2 in the TOC save slot of the frame on top. */
  readonly savesToc: boolean;
}

const unknownEffect: StubEffect = {
  kind: 'unknown',
  target: 0,
  callee: UNKNOWN,
  returns: true,
  needsToc: true,
  savesToc: false,
};

/** Of the stub that is followed; there are thousands, and a state is large. */
const scratch = new State();

function follow(subject: ProofSubject, around: Surroundings, start: number, toc: Value): StubEffect {
  const state = scratch;
  state.clear();
  for (let i = 0; i < PLACES; i++) state.places[i] = entry(i);
  state.places[1] = stack(0);
  state.places[2] = toc;
  let savesToc = false;
  let pc = start;
  for (let steps = 0; steps < MOST_STEPS; steps++) {
    const at = pc >> 2;
    if (pc < 0 || at >= subject.code.length || (subject.marks[at]! & CODE) === 0) return unknownEffect;
    const word = subject.code[at]!;
    if (word >>> 26 === 18 && (word & 3) === 0) {
      // Only what leaves all registers alone is a plain jump.
      if (steps > 0) return unknownEffect;
      return { ...unknownEffect, kind: 'jump', target: pc + ((word << 6) >> 8) * 4, needsToc: false };
    }
    if (word === 0x4e800420) {
      const target = state.places[CTR]!;
      const known = (kindOf(target) === EXTERNAL && subject.isImported(target)) || isAddress(target);
      if (!known || state.places[12] !== target || !untouched(state, toc)) return unknownEffect;
      return {
        kind: 'leaves',
        target: isAddress(target) ? addressOffset(target) : 0,
        callee: target,
        returns: !subject.noReturn(target),
        needsToc: false,
        savesToc,
      };
    }
    if (!belongs(word, subject.code[at + 1] ?? 0)) return unknownEffect;
    const wrong = transfer(around, state, word, subject.code[at + 1] ?? 0, pc);
    if (wrong === TOC_SLOT) {
      if (state.load(24, 8) !== toc) return unknownEffect;
      savesToc = true;
    } else if (wrong !== FINE) return unknownEffect;
    pc += word >>> 26 === 1 ? 8 : 4;
  }
  return unknownEffect;
}

/** Instructions that stubs are made of. Nothing else is looked for in them, above all no other store than that of r2. */
function belongs(word: number, next: number): boolean {
  switch (word >>> 26) {
    case 14: // addi
    case 15: // addis
    case 24: // ori
    case 25: // oris
    case 58: // ld
    case 62: // std r2,24(r1)
      return word >>> 26 !== 62 || word === 0xf8410018;
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
function untouched(state: State, toc: Value): boolean {
  for (let i = 3; i < PLACES; i++) {
    if (i === 11 || i === 12 || i === CTR) continue;
    if (state.places[i] !== entry(i)) return false;
  }
  return state.places[1] === stack(0) && state.places[2] === toc;
}

/** Executes the stub at `start` twice: with any r2, and if that leads nowhere with the home's TOC. */
export function stubEffect(subject: ProofSubject, around: Surroundings, start: number): StubEffect {
  const anyToc = follow(subject, around, start, entry(2));
  if (anyToc.kind !== 'unknown') return anyToc;
  if (subject.toc === undefined) return unknownEffect;
  const home = follow(subject, around, start, address(subject.toc));
  return home.kind === 'unknown' ? home : { ...home, needsToc: true };
}
