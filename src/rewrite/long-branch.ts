/**
 * The way from a redirected function to code that `b` may not reach (+-32 MB), where no island can be near it (islands.ts), because the
 * section that it lies in is so long.
 *
 * The address goes through r12 and CTR, which belong to nobody between a caller and its callee, nor does r0. That takes four words
 * where r2 is home, eight where it is anybody's. They take the places of the words behind the first one too: these belong to a
 * function that is not run any more, so all that matters is that nobody else knows them.
 */

import type { SymbolRef } from '../plan/plan.ts';
import { directByAddress, longBranch, type Template } from '../trampoline/template.ts';
import type { Draft } from './draft.ts';
import { checkPlaces, type Place, relocationsAt } from './places.ts';
import type { Redirect } from './redirects.ts';
import { refusal } from './refusals.ts';
import type { Subject } from './subject.ts';

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
