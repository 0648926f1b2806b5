/** The transfer function for eight-byte instructions: `prove/transfer-prefixed.ts`. */
import { loaded, loadedPart, lowWord, stored } from './accesses';
import { FINE, TOC_USE } from './faults';
import { finish, setGeneral } from './general-registers';
import { get } from './state';
import { home } from './subject';
import { address, isStack, number, plus, UNKNOWN } from './values';

/** The address arithmetic and doubleword accesses of pc-relative code; of the rest, what they write. */
export function transferPrefixed(word: u32, next: u32, pc: i32): u32 {
  const type = (word >>> 24) & 3;
  const isRelative = ((word >>> 20) & 1) === 1;
  const immediate = i64((i32(word & 0x3ffff) << 14) >> 14) * 65536 + i64(next & 0xffff);
  const rt = (next >>> 21) & 31;
  const ra = (next >>> 16) & 31;
  const opcode = next >>> 26;
  if (ra === 2 && !isRelative && type !== 1 && type !== 3 && rt !== 2 && get(2) !== home) {
    finish(word, next);
    return TOC_USE;
  }
  const at = isRelative ? address(i64(pc) + immediate) : ra === 0 ? number(immediate) : plus(get(ra), immediate);
  if (type === 2) {
    if (opcode === 14) return setGeneral(rt, at); // paddi
    if (opcode === 36) return stored(at, 4, lowWord(get(rt))); // pstw
    if (opcode === 38) return stored(at, 1, UNKNOWN); // pstb
    if (opcode === 44) return stored(at, 2, UNKNOWN); // psth
    if (opcode === 52 || opcode === 54) return stored(at, opcode === 52 ? 4 : 8, UNKNOWN);
  }
  if (type === 0) {
    if (opcode === 57) return setGeneral(rt, loaded(at, 8)); // pld
    if (opcode === 61) return stored(at, 8, get(rt)); // pstd
    if (opcode === 60 || opcode === 62 || opcode >>> 1 === 27 || opcode === 46 || opcode === 47) {
      const hit = stored(at, opcode === 62 ? 32 : 16, UNKNOWN);
      return hit !== FINE ? hit : finish(word, next);
    }
  }
  if (isStack(at)) {
    // plwz to plfd, and plwa: inside a doubleword
    if ((type === 2 && isShortLoad(opcode)) || (type === 0 && opcode === 41)) loadedPart(at, 1);
    // plxsd, plxssp, plxv, plq, plxvp
    if (type === 0 && (opcode === 42 || opcode === 43 || opcode >>> 1 === 25 || opcode === 56 || opcode === 58))
      loadedPart(at, opcode === 58 ? 32 : 16);
  }
  return finish(word, next);
}

function isShortLoad(opcode: u32): bool {
  return opcode >= 32 && opcode <= 50 && (opcode & 1) === 0 && !(opcode >= 36 && opcode <= 38) && opcode !== 44;
}
