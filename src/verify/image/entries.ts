/**
 * Redirects of a linked image for some callers only.
 *
 * - `global-entry`: the function's first word is a branch to code that makes the TOC, for r2 is anybody's there, and enters the
 *   replacement behind its own. Nothing else of the function differs, so those who enter behind these words find it as it was.
 * - `local-entry`: each branch of the input that lands at the local entry, and no other, leads to the replacement. Found here from
 *   the input's words, whatever the plan says.
 */
import type { ElfFile } from '../../elf/read.ts';
import type { PlannedRedirect } from '../../plan/plan.ts';
import type { ImageFunction } from './actions.ts';
import { type ImageWords, placeName } from './words.ts';

export interface JudgedEntries {
  readonly input: ElfFile;
  /** Of the output. */
  readonly output: ImageWords;
  readonly toc: bigint;
  /** What the plan's offset stands for. */
  readonly at: bigint;
  /** Functions of the name that the redirect leads to. */
  readonly replacements: readonly ImageFunction[];
}

/** @returns what is wrong; `undefined` where nothing is */
export function globalEntryFault(
  { recordRemoved, branches, to, toc: kept }: PlannedRedirect,
  own: ImageFunction,
  { output, toc, at, replacements }: JudgedEntries,
): string | undefined {
  if (at !== own.global || own.k < 2) return 'the branch is not at the global entry of a function with two';
  if (recordRemoved || branches !== undefined || kept !== 'kept')
    return 'the plan says more of a global entry than is done';
  const code = output.branchAt(at);
  const target = code === undefined ? undefined : output.goesWithToc(code, toc);
  const isThere = replacements.some(g => g.local === target && g.k !== 1);
  return isThere ? undefined : `who comes by the global entry is not led to ${to} with this kernel's TOC`;
}

/** `b`, `bl` and conditional branches that are relative, by where they lead. */
function displacement(word: number): number | undefined {
  if ((word & 2) !== 0) return undefined;
  if (word >>> 26 === 18) return ((word & 0x03fffffc) << 6) >> 6;
  return word >>> 26 === 16 ? ((word & 0xfffc) << 16) >> 16 : undefined;
}

/** @returns what is wrong, and the places (`placeName`) that may change for it */
export function judgeLocalBranches(
  { recordRemoved, branches = [], to, toc }: PlannedRedirect,
  own: ImageFunction,
  { input, output, at, replacements }: JudgedEntries,
): { readonly faults: readonly string[]; readonly places: readonly string[] } {
  const faults: string[] = [];
  const places: string[] = [];
  if (at !== own.local || recordRemoved || toc !== 'kept')
    faults.push('the plan says more of a local entry than is done');
  const planned = new Set(branches.map(b => `${b.section}+${b.offset} ${b.links}`));
  const end = own.global + BigInt(own.size);
  for (const section of input.sections) {
    if (!section.isCode || !section.hasContents || section.sh_addr === 0n) continue;
    const words = input.sectionWords(section);
    const wanted = Number(own.local - section.sh_addr);
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!;
      const distance = displacement(word);
      if (distance === undefined || distance === 0 || i * 4 + distance !== wanted) continue;
      const place = section.sh_addr + BigInt(i * 4);
      const links = (word & 1) === 1;
      if (!links && place >= own.global && place < end) continue;
      places.push(placeName(section.index, i * 4));
      const isPlanned = planned.delete(`${section.name}+${i * 4} ${links}`);
      const target = word >>> 26 === 18 ? output.branchAt(place, links) : undefined;
      const leads =
        target !== undefined &&
        replacements.some(g =>
          own.k < 2 && g.k >= 2 ? output.entersByAddress(target) === g.global : g.k !== 1 && g.local === target,
        );
      if (!isPlanned || !leads)
        faults.push(
          `the branch at ${section.name}+${i * 4} that entered the function does not lead to ${to} as planned`,
        );
    }
  }
  for (const place of planned) faults.push(`the plan names a branch that does not enter the function: ${place}`);
  if (places.length === 0) faults.push('no branch enters the function');
  return { faults, places };
}
