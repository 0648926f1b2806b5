/**
 * A redirect of an image with a trampoline of the user's own: the branch leads to it, and the places that stand for the rest of the
 * function lead to code that does what the branch took the place of, and goes on behind it. What the trampoline does, the prover says.
 */
import type { ElfFile } from '../../elf/read.ts';
import type { ImagePlan, ImageRest } from '../../plan/image.ts';
import type { CustomTrampoline, RestPlace } from '../../plan/plan.ts';
import { entriesFault, followImageRest, type HookedImage, type WantedHook } from './hook.ts';

export interface CustomCase {
  readonly output: ElfFile;
  readonly plan: ImagePlan;
  readonly image: HookedImage;
  /** Where the function's branch leads. */
  readonly target: bigint;
  readonly wanted: WantedHook;
}

/** @returns what is wrong with it; `undefined` where nothing is */
export function customFault({ entry, places }: CustomTrampoline, given: CustomCase): string | undefined {
  const { output, plan, target } = given;
  const symbols = output.symbols!;
  const symbol = symbols.find(entry);
  const own = plan.symbols.find(s => s.name === entry);
  if (symbol < 0 || own === undefined || symbols.address(symbol) !== target || own.address !== target)
    return `the branch does not lead to ${entry}`;
  for (const place of places) {
    const rest = restAt(plan, place);
    const fault = rest === undefined ? 'nothing there stands for the rest of the function' : restFault(given, rest);
    if (fault !== undefined) return `${place.section}+0x${place.offset.toString(16)}: ${fault}`;
  }
  return undefined;
}

function restAt({ pieces, parts, rests }: ImagePlan, { section, offset, stands }: RestPlace): ImageRest | undefined {
  return rests.find(rest => {
    const piece = pieces.find(p => p.object === rest.object && p.section === rest.section);
    const isThere = piece !== undefined && parts[piece.part]!.name === section && piece.offset + rest.offset === offset;
    return isThere && rest.stands === stands;
  });
}

function restFault({ image, wanted }: CustomCase, { address, local, stands }: ImageRest): string | undefined {
  const entry = address + BigInt(local);
  const isDouble = stands === 'original' && wanted.own.k >= 2;
  if (local !== (isDouble ? 8 : 0)) return 'it is not entered as the function is';
  const fault = stands === 'original' ? entriesFault(image, entry, wanted.own) : undefined;
  return fault ?? followImageRest(image, entry, wanted);
}
