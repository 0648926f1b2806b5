/** The string that a patch adds to `.modinfo`: alone, behind all others; `verify/modinfo.ts` is the model. */

import { flagsOf, offsetOf, SHF_ALLOC, SHT_PROGBITS, sizeOf, typeOf } from '../../elf/wasm/format';
import { isText } from '../../util/wasm/bytes';
import { hasContents, input, is, isCode, nameTable, output, sections, was } from './files';
import { countAdded, same } from './memory';

let text: u32 = 0;
let textSize: u32 = 0;
/** Number of the section; 0 where the input has none that gets a string more. */
let informed: u32 = 0;

/** @param at the string that there has to be, `size` bytes of it with its NUL */
export function setInformation(at: u32, size: u32): void {
  text = at;
  textSize = size;
}

/** Looks the section up. False where it is one that this program does not judge. */
export function findInformation(): bool {
  const names = input + offsetOf(was(nameTable()));
  informed = 0;
  let i: u32 = 1;
  while (i < sections && !isText(names + load<u32>(was(i)), '.modinfo')) i++;
  if (i === sections) return true;
  const header = was(i);
  if (typeOf(header) !== SHT_PROGBITS || (flagsOf(header) & SHF_ALLOC) === 0 || !hasContents(header)) return true;
  if (load<u8>(input + offsetOf(header) + sizeOf(header) - 1) !== 0) return true;
  informed = i;
  return !isCode(header);
}

/** Whether there is a section that the string belongs to. */
export function isTold(): bool {
  return informed !== 0;
}

/** Bytes that a section gets more. */
export function moreOf(section: u32): u32 {
  return section === informed && section !== 0 ? textSize : 0;
}

export function checkInformation(): bool {
  if (informed === 0) return true;
  const size = sizeOf(was(informed));
  countAdded(textSize);
  return sizeOf(is(informed)) === size + textSize && same(text, output + offsetOf(is(informed)) + size, textSize);
}
