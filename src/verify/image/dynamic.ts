/** What the kernel makes of its image when it applies the dynamic relocations, before and after; and its tracer's table. */
import type { ElfFile } from '../../elf/read.ts';
import { RELA_WORDS } from '../../elf/relocations.ts';
import { imageRecords } from '../../kernel/image.ts';
import {
  type DynamicRelocations,
  dynamicRelocations,
  R_PPC64_NONE,
  R_PPC64_RELATIVE,
  symbolAddress,
} from '../../kernel/image-layout.ts';
import type { ImagePlan } from '../../plan/image.ts';
import { hex } from '../../util/bytes.ts';
import { count, type Report } from '../verification.ts';

/** Bytes of a record. */
const RECORD = 8;

/** @returns how many R_PPC64_RELATIVE the output has */
export function compareDynamic(report: Report, input: ElfFile, output: ElfFile, plan: ImagePlan): number {
  const before = dynamicRelocations(input);
  const after = dynamicRelocations(output);
  if (before === undefined && after === undefined) {
    if (plan.relatives.length > 0) report.error('VER113', 'the image has no dynamic relocations to add to');
    return 0;
  }
  if (before === undefined || after === undefined) {
    report.error('VER113', '.dynamic does not describe .rela.dyn');
    return 0;
  }
  const was = input.relocations(before.section).words;
  const is = output.relocations(after.section).words;
  const wanted = recordChanges(input, plan);
  for (let w = 0; w < was.length; w += RELA_WORDS) {
    let same = true;
    for (let field = 0; field < RELA_WORDS; field++) if (was[w + field] !== is[w + field]) same = false;
    if (same) continue;
    const place = address(was, w);
    const value = wanted.get(place);
    const isDropped = is[w + 2] === R_PPC64_NONE && is[w + 3] === 0 && address(is, w + 4) === 0n && value === 0n;
    const isChanged = is[w + 2] === R_PPC64_RELATIVE && is[w + 3] === 0 && address(is, w + 4) === value && value !== 0n;
    if (address(is, w) !== place || was[w + 2] !== R_PPC64_RELATIVE || !(isDropped || isChanged))
      report.error('VER113', 'a dynamic relocation changes, and is not that of a record', after.section, w * 4);
  }
  let relatives = 0;
  for (let w = 0; w < is.length; w += RELA_WORDS) if (is[w + 2] === R_PPC64_RELATIVE) relatives++;
  checkLeading(report, was, is, before.count?.value, after);
  checkAdded(report, is, was.length, plan);
  return relatives;
}

/** DT_RELACOUNT counts those at the beginning that are all R_PPC64_RELATIVE: as many as before, up to the first that is no more. */
function checkLeading(
  report: Report,
  was: Uint32Array,
  is: Uint32Array,
  old: bigint | undefined,
  { section, count: now }: DynamicRelocations,
): void {
  let wanted = 0;
  const most = Math.min(Number(old ?? 0n), was.length / RELA_WORDS);
  while (wanted < most && is[wanted * RELA_WORDS + 2] === R_PPC64_RELATIVE) wanted++;
  if ((old === undefined) !== (now === undefined) || Number(now?.value ?? 0n) !== wanted)
    report.error('VER113', `DT_RELACOUNT is ${now?.value}, and ${wanted} entries are R_PPC64_RELATIVE`, section);
}

/** What is added fills words of the plan's parts, each once, and these are zero in the file. */
function checkAdded(report: Report, is: Uint32Array, first: number, plan: ImagePlan): void {
  if ((is.length - first) / RELA_WORDS !== plan.relatives.length)
    report.error('VER113', 'other dynamic relocations are added than were planned');
  const seen = new Set<bigint>();
  for (const { place } of plan.relatives) {
    const part = plan.parts.find(p => place >= p.address && place + 8n <= p.address + BigInt(p.bytes.length));
    const at = part === undefined ? 0 : Number(place - part.address);
    const isEmpty = part?.bytes.subarray(at, at + 8).every(b => b === 0) === true;
    if (!isEmpty || part.kind === 'code' || place % 8n !== 0n || seen.has(place))
      report.error('VER113', `the word at 0x${place.toString(16)} is not one that a dynamic relocation may fill`);
    seen.add(place);
  }
}

function recordChanges(input: ElfFile, plan: ImagePlan): ReadonlyMap<bigint, bigint> {
  const start = symbolAddress(input, '__start_mcount_loc') ?? 0n;
  return new Map(plan.records.map(r => [start + BigInt(r.offset), r.after]));
}

const address = (words: Uint32Array, w: number) => (BigInt(words[w + 1]!) << 32n) | BigInt(words[w]!);

/** The table as the kernel sees it: what goes is passed over, and everything else is what it was. */
export function checkImageRecords(report: Report, input: ElfFile, output: ElfFile, plan: ImagePlan): string {
  const was = imageRecords(input)?.values ?? new BigUint64Array(0);
  const is = imageRecords(output)?.values ?? new BigUint64Array(0);
  if (was.length !== is.length)
    report.error('VER114', `the tracer's table had ${was.length} records, and has ${is.length}`);
  const dropped = new Map(plan.records.map(r => [r.offset, r]));
  for (let i = 0; i < was.length; i++) {
    const record = dropped.get(i * RECORD);
    if (record === undefined) {
      if (was[i] !== is[i]) report.error('VER114', `record ${i} of the tracer's table differs`, undefined, i * RECORD);
      continue;
    }
    if (was[i] !== record.before || is[i] !== record.after || !isPassedOver(input, record.after))
      report.error('VER114', `record ${i} of the tracer's table does not go as planned`, undefined, i * RECORD);
  }
  const named = new Set(is);
  for (const r of plan.records)
    if (named.has(r.before)) report.error('VER114', `a record still names 0x${r.before.toString(16)}`);
  return `${count(was.length, 'record')}, ${plan.records.length} passed over from now on (${hex(plan.records.length * RECORD)} bytes)`;
}

/** What every kernel of the kind passes over: see rewrite/image/records.ts for the versions, and how they were read. */
function isPassedOver(input: ElfFile, value: bigint): boolean {
  const at = (name: string) => symbolAddress(input, name) ?? 0n;
  const isIn = (from: string, to: string) => value >= at(from) && value < at(to);
  // Kernels that adjust records leave nops; those that do not, calls of _mcount.
  if (value === 0n) return callsProfiler(input);
  return isIn('__exittext_begin', '__exittext_end') && !isIn('_stext', '_etext') && !isIn('_sinittext', '_einittext');
}

/** Whether the first place that the input's table names is a branch with link. */
function callsProfiler(input: ElfFile): boolean {
  const first = imageRecords(input)?.values.find(v => v !== 0n);
  const section = input.sections.find(
    s => first !== undefined && s.isCode && first >= s.sh_addr && first < s.sh_addr + BigInt(s.sh_size),
  );
  if (first === undefined || section === undefined) return false;
  const word = input.sectionWords(section)[Number(first - section.sh_addr) / 4]!;
  return (word & 0xfc000003) >>> 0 === 0x48000001;
}
