/** The rules for the place of each relocation type (`relocation-places.ts`) as `wasm/rules.ts` reads them. */

import { places } from './relocation-places.ts';
import { relocationKinds } from './relocation-sweep.ts';

/** Bytes for each type. */
const RULE = 16;

export function packedRules(): Uint8Array {
  const bytes = new Uint8Array(256 * RULE);
  const view = new DataView(bytes.buffer);
  const { kinds, plainLoaded } = relocationKinds;
  for (let type = 0; type < 256; type++) {
    const at = type * RULE;
    bytes[at] = kinds[type]!;
    bytes[at + 1] = plainLoaded[type]!;
    bytes[at + 2] = places.known[type]!;
    bytes[at + 3] = places.width[type]!;
    bytes[at + 4] = places.placeMask[type]!;
    bytes[at + 5] = places.isInstruction[type]!;
    view.setUint32(at + 8, places.lowOpcodes[type]!, true);
    view.setUint32(at + 12, places.highOpcodes[type]!, true);
  }
  return bytes;
}
