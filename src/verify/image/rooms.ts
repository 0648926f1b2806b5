/**
 * Whether the gaps that a plan fills are free: the linker left them for alignment, the kernel maps them as the contents need it, and
 * nothing of the kernel knows a place in them. See kernel/image-layout.ts for the borders.
 */
import type { ElfFile } from '../../elf/read.ts';
import { RELA_WORDS } from '../../elf/relocations.ts';
import { dynamicRelocations, loadSegments, symbolAddress } from '../../kernel/image-layout.ts';
import type { ImagePart, ImagePlan, RoomKind } from '../../plan/image.ts';
import { count, type Report } from '../verification.ts';

const BORDERS: Readonly<Record<RoomKind, readonly [from: string, to: string]>> = {
  code: ['_stext', '__init_begin'],
  constants: ['_etext', '__init_begin'],
  data: ['_sdata', '_edata'],
};

export function checkRooms(report: Report, input: ElfFile, plan: ImagePlan): string {
  if (plan.parts.length === 0) return 'nothing is added to the image';
  for (const part of plan.parts) checkRoom(report, input, part);
  checkUnknown(report, input, plan);
  const bytes = plan.parts.reduce((n, p) => n + p.bytes.length, 0);
  return `${bytes} bytes in ${count(plan.parts.length, 'gap')} that nothing of the kernel knows`;
}

function checkRoom(
  report: Report,
  input: ElfFile,
  { name, kind, address, fileOffset, bytes, isInserted }: ImagePart,
): void {
  const end = address + BigInt(bytes.length);
  const [from, to] = BORDERS[kind].map(border => symbolAddress(input, border));
  if (from === undefined || to === undefined || address < from || end > to)
    report.error('VER112', `${name} lies outside of what the kernel maps for ${kind}`, name);
  const isLoaded = loadSegments(input).some(s => {
    const last = s.p_vaddr + BigInt(s.p_filesz);
    // What is put behind the file's bytes of a segment begins there, and has its place in memory.
    const isInside =
      isInserted === true
        ? address === last && end <= s.p_vaddr + BigInt(s.p_memsz)
        : address >= s.p_vaddr && end <= last;
    return isInside && BigInt(fileOffset - s.p_offset) === address - s.p_vaddr;
  });
  if (!isLoaded) report.error('VER112', `${name} does not lie in the file where it lies in memory`, name);
  for (const s of input.sections)
    if (s.isAllocated && s.sh_size > 0 && address < s.sh_addr + BigInt(s.sh_size) && end > s.sh_addr)
      report.error('VER112', `${name} lies over ${s.name}`, name);
  // What is freed, or made zero, is nobody's room; code and constants end in front of it by their borders.
  for (const [first, last] of [
    ['__init_begin', '__init_end'],
    ['__bss_start', '__bss_stop'],
  ] as const) {
    const [a, b] = [symbolAddress(input, first), symbolAddress(input, last)];
    if (a === undefined || b === undefined || (address < b && end > a))
      report.error('VER112', `${name} lies where the kernel does not keep it (${first})`, name);
  }
}

/** No symbol lies inside (the end of what comes before, or the start of what comes behind, may), and no address constant leads there. */
function checkUnknown(report: Report, input: ElfFile, plan: ImagePlan): void {
  const ranges = plan.parts.map(p => ({ name: p.name, from: p.address, to: p.address + BigInt(p.bytes.length) }));
  // What r2 points to is no place: it lies 0x8000 behind the start of `.got`, whatever is there.
  const toc = symbolAddress(input, '.TOC.');
  const inside = (value: bigint) => (value === toc ? undefined : ranges.find(r => value > r.from && value < r.to));
  const { symbols } = input;
  for (let i = 1; symbols !== undefined && i < symbols.count; i++) {
    const found = inside(symbols.address(i));
    if (found !== undefined && symbols.sectionOf(i) !== 0)
      report.error('VER112', `the symbol ${symbols.name(i)} lies in the room of ${found.name}`, found.name);
  }
  const dynamic = dynamicRelocations(input);
  if (dynamic === undefined) return;
  const { words } = input.relocations(dynamic.section);
  const low = Math.min(...ranges.map(r => Number(r.from & 0xffff_ffffn)));
  const high = Math.max(...ranges.map(r => Number(r.to & 0xffff_ffffn)));
  for (let w = 0; w < words.length; w += RELA_WORDS)
    for (const at of [w, w + 4]) {
      if (words[at]! < low || words[at]! > high) continue;
      const found = inside((BigInt(words[at + 1]!) << 32n) | BigInt(words[at]!));
      if (found !== undefined)
        report.error('VER112', `a dynamic relocation knows the room of ${found.name}`, found.name);
    }
}
