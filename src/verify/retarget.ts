/** A branch that the plan leads to another function: whom it leads to, and who brings r2 back behind it. */
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import type { KernelFunction } from '../kernel/functions.ts';
import type { PlannedRetarget } from '../plan/plan.ts';
import { relocationName } from '../ppc64/relocations.ts';
import type { FoundIsland } from './islands.ts';
import { type BranchTarget, branchTarget, type Relocation } from './places.ts';
import { R_PPC64_REL24 } from './relocation-places.ts';
import { type Report, wordText } from './verification.ts';

const NOP = 0x60000000;
/** `b` and `bl`, whatever their displacement. */
const I_FORM = 0xfc000003;

export interface PlacedRetarget {
  readonly action: PlannedRetarget;
  readonly section: Section;
  readonly function: KernelFunction;
}

/**
 * @param before the word in the input
 * @param on the output's relocations of a word of the section
 * @param named the output's functions of a name
 * @param islandOf the island that a branch leads to, if it leads to one
 */
export function judgeRetarget(
  report: Report,
  output: ElfFile,
  { action, section, function: f }: PlacedRetarget,
  before: number | undefined,
  on: (offset: number) => readonly Relocation[],
  named: (name: string) => readonly KernelFunction[],
  islandOf: (target: BranchTarget) => FoundIsland | undefined,
): void {
  const { offset, links, to } = action;
  const tell = (code: string, message: string, at = offset) => report.error(code, message, section, at, f.name);
  const words = output.sectionWords(section);
  const word = words[offset >>> 2];
  const wanted = links ? 0x48000001 : 0x48000000;
  for (const [what, found] of [
    ['input', before],
    ['output', word],
  ] as const)
    if (found === undefined || (found & I_FORM) >>> 0 !== wanted)
      tell(
        'VER093',
        `the ${what} has ${found === undefined ? 'nothing' : wordText(found)} here, not ${links ? 'bl' : 'b'}`,
      );
  const relocations = on(offset);
  const [relocation] = relocations;
  if (relocation === undefined || relocations.length > 1 || relocation.type !== R_PPC64_REL24) {
    tell(
      'VER093',
      `the branch has ${relocations.map(r => relocationName(r.type)).join(', ') || 'no relocation'}, not one REL24`,
    );
    return;
  }
  const next = branchTarget(output, relocation);
  const island = islandOf(next);
  if ((island === undefined ? undefined : 'island') !== action.branch)
    tell(
      'VER190',
      `the branch leads ${island === undefined ? 'straight' : 'by an island'}, and the plan says otherwise`,
    );
  if (island?.needsHome === true && f.k < 2)
    tell('VER191', `${f.name} may run with any r2, and the island needs the TOC of this object in it`);
  const target = island?.target ?? next;
  const entry = (g: KernelFunction) => (island === undefined ? g.local : g.global);
  if (target.section !== 0 && action.toc !== 'kept')
    tell('VER225', `r2 is the same on both sides of ${to}; the plan has it ${action.toc}`);
  if (target.section === 0) {
    if (target.name !== to) tell('VER093', `the branch leads to ${target.name}, not to ${to}`);
    if (!links) tell('VER094', `nobody brings r2 back behind a jump to ${to}, which lies elsewhere`);
    if (action.toc !== 'restored')
      tell('VER094', `the plan has nobody bring r2 back behind ${to}, which lies elsewhere`);
    if (words[(offset >>> 2) + 1] !== NOP || on(offset + 4).length > 0)
      tell(
        'VER094',
        `the word behind the call of ${to} is no nop that the loader could turn into the load of r2`,
        offset + 4,
      );
  } else if (!named(to).some(g => g.section.index === target.section && entry(g) === target.offset))
    tell('VER093', `the branch leads to ${target.name}, not to ${to}`);
  if (target.k === 1) tell('VER094', `${to} does not keep r2`);
  if ((target.section === 0 || target.k > 1) && f.k < 2)
    tell('VER094', `${f.name} may run with any r2, and ${to} needs the TOC of this object in it`);
}
