/**
 * Values of the local-entry bits of `st_other` that the loader takes but does not understand (psABI 3.4.1). 1: the function
 * has one entry and need not keep r2, which only callers without a TOC can bear; a loader without CONFIG_PPC_KERNEL_PCREL treats
 * it as 0. 7 is reserved: the loader's arithmetic makes 128 bytes of it and lets calls land there.
 */
import type { Findings } from '../finding.ts';
import type { Subject } from '../subject.ts';

export function auditEntryBits(subject: Subject, findings: Findings): void {
  const { elf, kernel } = subject;
  for (const i of subject.oddEntries) {
    const symbols = elf.symbols!;
    const isReserved = symbols.st_other(i) >>> 5 === 7;
    if (!isReserved && kernel.options.pcrel) continue;
    const name = symbols.name(i);
    const section = elf.sections[symbols.sectionOf(i)];
    const place =
      section === undefined || section.index === 0 ? {} : { section: section.name, offset: symbols.value(i) };
    if (isReserved)
      findings.add({
        code: 'TOC203',
        level: 'error',
        message: `${name}: the local-entry bits of st_other hold the reserved value 7: the loader lets local calls land 128 bytes behind its start`,
        ...place,
        function: name,
      });
    else
      findings.add({
        code: 'TOC202',
        level: 'warning',
        message: `${name}: the local-entry bits of st_other hold 1 (r2 is not kept): this kernel has a TOC, and its loader and local callers take r2 for kept`,
        ...place,
        function: name,
      });
  }
}
