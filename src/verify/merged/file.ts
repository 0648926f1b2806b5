/**
 * What the merged file holds besides headers and contents: the names that were added, each used by what was added, and between the parts
 * of the file what the module has there.
 */
import { SHT_STRTAB } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import type { SectionIndex } from '../../util/indexes.ts';
import { gapsOf, partsOf, signatureSize, withoutZeros } from '../compare-file.ts';
import { count, type Report } from '../verification.ts';
import type { MergeCase } from './verify-merge.ts';

export function compareRest(report: Report, { module, plan }: MergeCase, merged: ElfFile): string {
  const names = compareNames(report, module, merged);
  const size = signatureSize(module.bytes);
  if (plan.dropsSignature !== size > 0)
    report.error('VER282', `the module has ${size} bytes of signature, and the plan says otherwise`);
  compareGaps(report, module, merged, module.bytes.length - size);
  for (const is of merged.sections)
    if (!is.hasContents && is.sh_offset > merged.bytes.length)
      report.error('VER282', 'the section, which has no contents, lies behind the end of the file', is);
  return `${count(names, 'byte')} of new names`;
}

/** @returns bytes of new names */
function compareNames(report: Report, module: ElfFile, merged: ElfFile): number {
  const { header, symbols } = merged;
  const own = module.symbols!.count;
  const uses = new Map<SectionIndex, number[]>();
  const use = (table: SectionIndex, at: number) => uses.set(table, [...(uses.get(table) ?? []), at]);
  for (const section of merged.sections.slice(module.sections.length)) use(header.shstrndx, section.sh_name);
  for (let i = own; i < symbols!.count; i++) use(symbols!.section.sh_link, symbols!.st_name(i));
  let total = 0;
  for (const was of module.sections) {
    const is = merged.sections[was.index];
    const added = (is?.sh_size ?? 0) - was.sh_size;
    const isNames = was.index === header.shstrndx || was.index === symbols!.section.sh_link;
    if (is === undefined || added <= 0 || was.sh_type !== SHT_STRTAB) continue;
    const bytes = merged.contents(is);
    const used = new Uint8Array(added);
    for (const at of isNames ? (uses.get(was.index) ?? []) : [])
      used.fill(1, Math.max(at - was.sh_size, 0), Math.max(bytes.indexOf(0, at) + 1 - was.sh_size, 0));
    const stray = used.indexOf(0);
    if (stray >= 0) report.error('VER282', 'the table has bytes that no new name uses', is, was.sh_size + stray);
    total += added;
  }
  return total;
}

function compareGaps(report: Report, module: ElfFile, merged: ElfFile, end: number): void {
  const before = partsOf(module, index => index);
  const after = partsOf(merged, index => (index < module.sections.length ? index : -1));
  const there = new Set(after.map(p => p.id));
  // A section of the module that gets its first bytes is a stranger between the others.
  const shared = new Set(before.map(p => p.id).filter(id => there.has(id)));
  const order = (parts: typeof before) => parts.filter(p => shared.has(p.id)).map(p => p.id);
  const was = order(before);
  if (order(after).some((id, i) => id !== was[i]))
    report.error('VER282', 'the parts of the file do not stand in the order of the module');
  const [old, fresh] = [gapsOf(module, before, shared, end), gapsOf(merged, after, shared, merged.bytes.length)];
  for (const id of new Set([...old.keys(), ...fresh.keys()])) {
    const [a, b] = [old, fresh].map(gaps => withoutZeros(gaps.get(id) ?? Buffer.alloc(0)));
    if (!a!.equals(b!))
      report.error('VER282', `between the parts of the file there were ${a!.length} bytes, and there are ${b!.length}`);
  }
}
