/** Call sites that a patch took out, as its note tells them and the words confirm. */
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { functionAt, functionsBySection, type KernelFunction } from '../kernel/functions.ts';
import { readPatchNote } from '../kernel/patch-note.ts';
import type { SectionOffset } from '../util/indexes.ts';
import type { CallSite } from './call-sites.ts';

const NOP = 0x60000000;
/** `b .+8`, which takes a site out whose nop a task may still return to. */
const OVER_TWO = 0x48000008;

export interface NoppedPlace {
  readonly function: KernelFunction | undefined;
  readonly section: Section;
  readonly offset: SectionOffset;
}

/**
 * What the note of the last patch says to be out; what an earlier one took out is told by the file that is reverted.
 *
 * @param sites those that the object still has: what is one of them is not out, whatever a note says
 */
export function noppedSites(
  elf: ElfFile,
  functions: readonly KernelFunction[],
  sites: readonly CallSite[],
): NoppedPlace[] {
  const nops = readPatchNote(elf)?.record.actions.filter(a => a.kind === 'nop') ?? [];
  if (nops.length === 0) return [];
  const bySection = functionsBySection(functions);
  const alive = new Set(sites.map(s => `${s.section.index}+${s.offset}`));
  return nops.flatMap(({ section: name, offset, form }) => {
    const section = elf.sectionNamed(name);
    if (!section?.isCode || offset % 4 !== 0 || alive.has(`${section.index}+${offset}`)) return [];
    const isOut = elf.sectionWords(section)[offset / 4] === (form === 'pg' ? OVER_TWO : NOP);
    return isOut ? [{ function: functionAt(bySection.get(section.index) ?? [], offset), section, offset }] : [];
  });
}
