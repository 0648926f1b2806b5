/**
 * A `b` without link to a symbol of another object. The kernel's loader makes a stub for it as for a call and asks for no nop,
 * because none could help: the stub stores this module's r2 into the frame of whoever called the function, and the
 * callee returns there with its own r2. A local caller runs on with a foreign TOC, an external one reloads this module's.
 */
import { SHT_RELA } from '../../../elf/constants.ts';
import type { Section } from '../../../elf/section.ts';
import type { Findings } from '../finding.ts';
import { LIVEPATCH, type Subject } from '../subject.ts';

const RELA_WORDS = 6;
const R_PPC64_REL24 = 10;
const R_PPC64_REL24_NOTOC = 116;
const LK = 1;

export function auditBranches(subject: Subject, findings: Findings): void {
  const { elf } = subject;
  for (const table of elf.sections) {
    if (table.sh_type !== SHT_RELA) continue;
    const target = elf.sections[table.sh_info];
    if (target?.isCode === true) auditTable(subject, table, target, findings);
  }
}

/** Entries that name a place or a symbol that does not exist give `undefined` here, and are for the twin to judge. */
function auditTable(subject: Subject, table: Section, target: Section, findings: Findings): void {
  const relocations = subject.elf.sectionWords(table);
  const code = subject.elf.sectionWords(target);
  const { kinds } = subject;
  const end = relocations.length - RELA_WORDS;
  for (let w = 0; w <= end; w += RELA_WORDS) {
    const type = relocations[w + 2]!;
    if (type !== R_PPC64_REL24 && type !== R_PPC64_REL24_NOTOC) continue;
    const kind = kinds[relocations[w + 3]!];
    if (!kind) continue;
    const word = code[relocations[w]! >>> 2];
    if (word === undefined || (word & LK) !== 0) continue;
    report(subject, target, relocations[w]!, relocations[w + 3]!, kind, findings);
  }
}

function report(
  subject: Subject,
  section: Section,
  offset: number,
  symbol: number,
  kind: number,
  findings: Findings,
): void {
  const name = subject.elf.symbols!.name(symbol);
  const where = kind === LIVEPATCH ? 'the livepatch symbol' : 'the undefined symbol';
  const fn = subject.functionAt(section, offset);
  findings.add({
    code: 'TOC201',
    level: 'error',
    message: `a branch without link leads to ${where} ${name}: its stub overwrites the caller's saved TOC, and r2 is ${name}'s when it returns`,
    section: section.name,
    offset,
    ...(fn !== undefined && { function: fn }),
  });
}
