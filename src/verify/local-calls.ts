/**
 * A redirect for an object's own callers (`local-entry`): every branch of the input that lands at the function's local entry
 * leads elsewhere in the output, and the plan names just these. Found from the input's bytes, not from the plan.
 */
import type { Section } from '../elf/section.ts';
import type { KernelFunction } from '../kernel/functions.ts';
import type { PlannedRedirect } from '../plan/plan.ts';
import { relocationName } from '../ppc64/relocations.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import type { Pairing } from './pairing.ts';
import { type BranchTarget, branchTarget, placeKey, relocationsOn } from './places.ts';
import { R_PPC64_REL24 } from './relocation-places.ts';
import { type Report, wordText } from './verification.ts';

const I_FORM = 18;
const B_FORM = 16;
/** All of `b` and `bl` but their displacement. */
const I_FORM_MASK = 0xfc000003;

interface Branch {
  readonly section: SectionIndex;
  readonly offset: SectionOffset;
  readonly word: number;
}

/** Whom branches lead to in the output. */
export interface LocalTarget extends BranchTarget {
  /** The sections that they stand in. */
  readonly from: readonly Section[];
}

/** @returns each place that the branches lead to once */
export function judgeLocalCalls(
  report: Report,
  pair: Pairing,
  action: PlannedRedirect,
  f: KernelFunction,
): readonly LocalTarget[] {
  const branches = branchesTo(pair, f);
  const named = new Set((action.branches ?? []).map(b => `${b.section}+${b.offset} ${b.links}`));
  for (const { section, offset, word } of branches) {
    const { name } = pair.input.sections[section]!;
    if (!named.delete(`${name}+${offset} ${(word & 1) === 1}`))
      report.error('VER095', `a branch to ${f.name} that the plan does not name`, name, offset, f.name);
  }
  for (const place of named) report.error('VER095', `the plan names a branch that does not enter ${f.name}: ${place}`);
  if (branches.length === 0) report.error('VER095', `no branch enters ${f.name}`, f.section, f.local, f.name);
  const targets = new Map<number, LocalTarget>();
  for (const branch of branches) {
    const target = leadsTo(report, pair, branch, f.name);
    if (target === undefined) continue;
    const key = placeKey(target.section, target.offset);
    const from = pair.output.sections[pair.to(branch.section)]!;
    targets.set(key, { ...target, from: [...new Set([...(targets.get(key)?.from ?? []), from])] });
  }
  return [...targets.values()];
}

/** Where a branch leads without help of a relocation; `undefined` for another instruction, or an absolute one. */
function displacement(word: number): number | undefined {
  if ((word & 2) !== 0) return undefined;
  if (word >>> 26 === I_FORM) return ((word & 0x03fffffc) << 6) >> 6;
  return word >>> 26 === B_FORM ? ((word & 0xfffc) << 16) >> 16 : undefined;
}

/** The branches of the input that land at the local entry of `f`, a function of the output. */
function branchesTo(pair: Pairing, f: KernelFunction): readonly Branch[] {
  const { input } = pair;
  const home = pair.from(f.section.index);
  const found: Branch[] = [];
  for (const section of input.sections) {
    if (!section.isAllocated || !section.isCode) continue;
    const words = input.sectionWords(section);
    const relocations = relocationsOn(input, section.index);
    for (const [offset, list] of relocations)
      for (const relocation of list) {
        if (relocation.type !== R_PPC64_REL24) continue;
        const target = branchTarget(input, relocation);
        if (target.section === home && target.offset === f.local)
          found.push({ section: section.index, offset, word: words[offset >>> 2]! });
      }
    if (section.index !== home) continue;
    for (let offset = 0; offset < words.length * 4; offset += 4) {
      const word = words[offset >>> 2]!;
      const distance = displacement(word);
      if (distance === undefined || distance === 0 || offset + distance !== f.local || relocations.has(offset))
        continue;
      // A loop.
      if ((word & 1) === 0 && offset >= f.global && offset < f.global + f.size) continue;
      found.push({ section: section.index, offset, word });
    }
  }
  return found;
}

/** Whom a branch leads to now; it has to be of the kind that it was. */
function leadsTo(
  report: Report,
  pair: Pairing,
  { section, offset, word }: Branch,
  name: string,
): BranchTarget | undefined {
  const { output } = pair;
  const place = output.sections[pair.to(section)]!;
  const now = output.sectionWords(place)[offset >>> 2];
  const wanted = (0x48000000 | (word & 1)) >>> 0;
  const relocations = relocationsOn(output, place.index, new Set([offset])).get(offset) ?? [];
  const tell = (message: string) => report.error('VER095', message, place, offset, name);
  if (word >>> 26 !== I_FORM || now === undefined || (now & I_FORM_MASK) >>> 0 !== wanted)
    tell(`${now === undefined ? 'nothing' : wordText(now)} stands where ${wordText(word)} entered ${name}`);
  const [relocation] = relocations;
  if (relocation !== undefined && relocations.length === 1 && relocation.type === R_PPC64_REL24)
    return branchTarget(output, relocation);
  tell(`the branch has ${relocations.map(r => relocationName(r.type)).join(', ') || 'no relocation'}, not one REL24`);
  return undefined;
}
