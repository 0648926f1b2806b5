/**
 * The way from a redirected function to code that `b` may not reach: +-32 MB, which a module with more text than that exceeds.
 *
 * The address goes through r12 and CTR, which belong to nobody between a caller and its callee, nor does r0. That takes four words
 * where r2 is home, eight where it is anybody's. They take the places of the words behind the first one too: these belong to a
 * function that is not run any more, so all that matters is that nobody else knows them.
 */

import type { Section } from '../elf/section.ts';
import type { SymbolRef } from '../plan/plan.ts';
import { directByAddress, longBranch, type Template } from '../trampoline/template.ts';
import { hex } from '../util/bytes.ts';
import type { Draft } from './draft.ts';
import { checkPlaces, type Place, relocationsAt } from './places.ts';
import type { Redirect } from './redirects.ts';
import { refusal } from './refusals.ts';
import type { Subject } from './subject.ts';

/** Reach of an I-form branch in each direction, bytes. */
const REACH = 0x200_0000;
/** What the loader may need for the stub of one call, or for one call site (`ppc64_stub_entry`, out-of-line stubs), bytes. */
const STUB = 64;
const R_PPC64_REL24 = 10;

/**
 * How far a redirect's branches may have to go, in words, if that is too far. Inside one section the distance is known; elsewhere
 * all code of the module bounds it, with the stubs that the loader makes.
 *
 * @param isStraight whether a branch leads to the replacement, and not to new code
 */
export function tooFar(
  subject: Subject,
  { request, place, target, branches }: Redirect,
  isStraight: boolean,
  draft: Draft,
): string | undefined {
  const reach = request.reach ?? REACH;
  for (const { section, offset } of place === undefined ? branches : [place]) {
    if (isStraight && target.kind === 'here' && target.code.section === section) {
      const distance = Math.abs(target.code.names[0]!.local - offset);
      if (distance >= reach) return `${hex(distance)} bytes`;
      continue;
    }
    const size = codeSize(subject, draft);
    if (size >= reach) return `${hex(size)} bytes of code and stubs`;
  }
  return undefined;
}

function codeSize(subject: Subject, draft: Draft): number {
  const { elf } = subject;
  let size = draft.codeSize + subject.sites.length * STUB;
  for (const section of elf.sections) {
    if (!section.isAllocated || !section.isCode) continue;
    size += section.sh_size + section.sh_addralign;
    for (const table of subject.relocationTablesFor(section.index)) size += externalCalls(subject, table) * STUB;
  }
  return size;
}

function externalCalls({ elf }: Subject, table: Section): number {
  const relocations = elf.relocations(table);
  let count = 0;
  for (let i = 0; i < relocations.count; i++)
    if (relocations.type(i) === R_PPC64_REL24 && elf.symbols!.sectionOf(relocations.symbol(i)) === 0) count++;
  return count;
}

/** @throws RefusalError PAT008 to PAT010, PAT013, PAT021, PAT077 */
export function planLongBranch(
  subject: Subject,
  { request, k, name, place, strategy }: Redirect,
  to: SymbolRef,
  size: string,
  draft: Draft,
): void {
  if (place === undefined || request.at === 'global-entry' || strategy === 'custom' || strategy === 'shadow')
    throw refusal('PAT013', { size }, place ?? {});
  const template: Template = k >= 2 ? longBranch : directByAddress;
  const where = { section: place.section, offset: place.offset, function: name };
  if (place.offset + template.length * 4 > place.end) throw refusal('PAT077', { name, size }, where);
  const places = template.map((_, i): Place => ({ ...place, offset: place.offset + i * 4 }));
  checkPlaces(subject, places.slice(1));
  const words = subject.elf.sectionWords(place.section);
  const section = place.section.index;
  template.forEach((row, i) => {
    const { offset } = places[i]!;
    draft.words.push({ section, offset, before: words[offset / 4]!, after: row.word });
    draft.removedRelocations.push(...relocationsAt(subject, places[i]!));
    if (row.relocation === undefined) return;
    const { type, addend } = row.relocation;
    draft.addedRelocations.push({ section, offset, type, symbol: to, addend });
  });
}

/** What the words of a long branch are told as. */
export function longGround(k: number, size: string): string {
  const how = k >= 2 ? 'from the TOC' : "from the branch's own place";
  return `the branch may have to go further than 32 MB (${size}): it goes through r12 and CTR, by an address computed ${how}`;
}
