/**
 * The screen, and behind it the proof: a module that is plain is relocated where it stands and proved, without the loader twin's
 * structures. Whatever is unusual in that is left to the twin and `prove/prover.ts`.
 *
 * After `screen` come, in this order and with room made for each behind the file: `makeModuleImage`, `takeObject`, `proveObject`.
 */
import { EFFECTS, KINDS } from '../../../prove/wasm/effects';
import { PROVED, REFUTED, verdictOf } from '../../../prove/wasm/judge';
import { proveAll, proverSize } from '../../../prove/wasm/prover';
import {
  addExternal,
  assemblies,
  edgeCount,
  functions,
  giveSubject,
  lrIsSavedAtSite,
  parts,
  placeObject,
  place as placeOfSubject,
  subjectSize,
  toc,
  words,
} from '../../../prove/wasm/subject';
import { imageSize, makeImage } from './image';
import { STUBS, sectionOfKind } from './known';
import { offsetOf } from './layout';
import { FILE } from './memory';
import { addressesAt, setEndless } from './names';
import {
  functionCount,
  functionSymbols,
  giveObject,
  listsSize,
  makeLists,
  objectSize,
  objectWords,
  order,
  origin,
  sectionCount,
} from './object';
import { headerOf, nameOfSection } from './sections';
import { slotSymbols, slotsTaken, stubsAt } from './stub-slots';
import { nameOf, symbolAt } from './symbols';

export * from './screen';
// For tests, which give it other objects than modules.
export {
  addExternal,
  addressesAt,
  EFFECTS,
  giveSubject,
  KINDS,
  placeObject,
  placeOfSubject,
  proveAll,
  proverSize,
  setEndless,
  subjectSize,
};

/** Numbers of the last module's functions; see `ModuleVerdicts` in `plain-proof.ts`. */
const COUNTS: u32 = 0x1_1000 - 64;

/** Where what belongs to the next step begins. */
let free: u32 = 0;
let object: u32 = 0;

/** Bytes behind the file that its image needs. @param size of the file, which `screen` has found plain */
export function imageRoom(size: u32): u32 {
  free = (FILE + size + 79) & ~15;
  return free - FILE - size + imageSize() + listsSize() + 32;
}

/** @returns whether the image of the module could be made, in its own bytes and behind them */
export function makeModuleImage(): bool {
  if (!makeImage(free)) return false;
  free = (free + imageSize() + 15) & ~15;
  if (!makeLists(free)) return false;
  object = (free + listsSize() + 15) & ~15;
  return true;
}

/** Bytes behind the start of the file that the proof needs. */
export function proofRoom(): u32 {
  return object - FILE + objectSize() + proverSize(objectWords(), functionCount) + 64;
}

/** @returns whether all of the module's functions could be judged; the verdicts are in memory, and the counts at `counts` */
export function proveModule(): bool {
  if (!giveObject(object) || !proveAll((object + objectSize() + 15) & ~15)) return false;
  memory.fill(COUNTS, 0, 64);
  for (let i: u32 = 0; i < functions; i++) {
    if (load<u8>(parts + i) === 1) continue;
    const verdict = verdictOf(i);
    const at = COUNTS + 4 * (verdict === PROVED ? 0 : verdict === REFUTED ? 2 : 1);
    store<u32>(at, load<u32>(at) + 1);
    if (load<u8>(assemblies + i) === 1) store<u32>(at, load<u32>(at, 16) + 1, 16);
  }
  return true;
}

/** Where the counts stand: proved, unknown, refuted; from the fifth word on, the same of hand-written functions. */
export function counts(): u32 {
  return COUNTS;
}

/** Places and numbers of what was proved: those of the subject, and a few more. */
export function placeOfProof(which: u32): u32 {
  switch (which) {
    case 16:
      return words;
    case 17:
      return functions;
    case 18:
      return toc;
    case 19:
      return functionSymbols;
    case 20:
      return origin;
    case 21:
      return order;
    case 22:
      return sectionCount;
    case 23:
      return stubsAt;
    case 24:
      return slotsTaken;
    case 25:
      return slotSymbols;
    case 26:
      return offsetOf(sectionOfKind(STUBS)) - origin;
    case 27:
      return u32(lrIsSavedAtSite);
    case 28:
      return edgeCount;
    case 29:
      return symbolAt(0);
    case 30:
      return nameOf(0);
    case 31:
      return nameOfSection(0);
    case 32:
      return headerOf(0);
  }
  return placeOfSubject(which);
}
