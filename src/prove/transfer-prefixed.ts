/** The transfer function for eight-byte instructions (Power ISA 3.1, Book I, 1.6): pc-relative code is made of them. */
import { loaded, loadedPart, lowWord, type Surroundings, stored } from './accesses.ts';
import { TOC_USE } from './faults.ts';
import { finish, setGeneral } from './general-registers.ts';
import type { State } from './state.ts';
import { address, isStack, number, plus, UNKNOWN } from './values.ts';

/** The address arithmetic and doubleword accesses of pc-relative code; of the rest, what they write. */
export function transferPrefixed(around: Surroundings, state: State, word: number, next: number, pc: number): number {
  const type = (word >>> 24) & 3;
  const relative = ((word >>> 20) & 1) === 1;
  const immediate = (((word & 0x3ffff) << 14) >> 14) * 65536 + (next & 0xffff);
  const rt = (next >>> 21) & 31;
  const ra = (next >>> 16) & 31;
  const opcode = next >>> 26;
  if (ra === 2 && !relative && type !== 1 && type !== 3 && rt !== 2 && state.places[2] !== around.home) {
    finish(state, word, next);
    return TOC_USE;
  }
  const at = relative ? address(pc + immediate) : ra === 0 ? number(immediate) : plus(state.places[ra]!, immediate);
  if (type === 2 && opcode === 14) return setGeneral(state, rt, at); // paddi
  if (type === 0 && opcode === 57) return setGeneral(state, rt, loaded(around, state, at, 8)); // pld
  if (type === 0 && opcode === 61) return stored(around, state, at, 8, state.places[rt]!); // pstd
  if (type === 2 && opcode === 36) return stored(around, state, at, 4, lowWord(state.places[rt]!)); // pstw
  if (type === 2 && opcode === 38) return stored(around, state, at, 1, UNKNOWN); // pstb
  if (type === 2 && opcode === 44) return stored(around, state, at, 2, UNKNOWN); // psth
  if (type === 2 && (opcode === 52 || opcode === 54)) return stored(around, state, at, opcode === 52 ? 4 : 8, UNKNOWN);
  if (type === 0 && (opcode === 60 || opcode === 62 || opcode >>> 1 === 27 || opcode === 46 || opcode === 47))
    return (
      stored(around, state, at, opcode === 60 ? 16 : opcode === 62 ? 32 : 16, UNKNOWN) || finish(state, word, next)
    );
  if (isStack(at)) {
    // plwz to plfd, and plwa: inside a doubleword
    if ((type === 2 && isShortLoad(opcode)) || (type === 0 && opcode === 41)) loadedPart(around, at, 1);
    // plxsd, plxssp, plxv, plq, plxvp
    if (type === 0 && (opcode === 42 || opcode === 43 || opcode >>> 1 === 25 || opcode === 56 || opcode === 58))
      loadedPart(around, at, opcode === 58 ? 32 : 16);
  }
  return finish(state, word, next);
}

function isShortLoad(opcode: number): boolean {
  return opcode >= 32 && opcode <= 50 && (opcode & 1) === 0 && !(opcode >= 36 && opcode <= 38) && opcode !== 44;
}
