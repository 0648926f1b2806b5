/**
 * Rows that objects bring for tables of the kernel. All of them are in the table that the kernel searches from now on, what was in it is
 * still there, and the exception table is sorted. Of sections that the kernel finds by name no other is merged, and none is left out
 * but barriers that are right as they are.
 */
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import { symbolAddress } from '../../kernel/image-layout.ts';
import { imageBytes, tableEnds } from '../../kernel/image-tables.ts';
import { tracerTableKind } from '../../kernel/tracer-tables.ts';
import type { GrownTable, ImagePart, ImagePlan } from '../../plan/image.ts';
import { count, type Report } from '../verification.ts';

const NAME: Readonly<Record<GrownTable['kind'], string>> = { exceptions: '__ex_table', bugs: '__bug_table' };
const ROW: Readonly<Record<GrownTable['kind'], number>> = { exceptions: 8, bugs: 12 };
const ISYNC = 0x4c00012c;

interface Row {
  readonly insn: bigint;
  readonly fixup: bigint;
}

export function checkGrownTables(report: Report, input: ElfFile, plan: ImagePlan, objects: readonly ElfFile[]): string {
  for (const [n, object] of objects.entries())
    for (const section of object.sections) checkSection(report, plan, n, object, section);
  for (const kind of ['exceptions', 'bugs'] as const) {
    const tables = plan.tables.filter(t => t.kind === kind);
    const pieces = plan.pieces.filter(p => p.name === NAME[kind]);
    const rows = pieces.reduce((n, p) => n + p.size / ROW[kind], 0);
    const [table] = tables;
    if (
      tables.length > 1 ||
      (table?.rows ?? 0) !== rows ||
      (table !== undefined && plan.parts[table.part] === undefined)
    )
      report.error('VER169', `the objects have ${rows} rows for the ${kind}, and the plan adds ${table?.rows ?? 0}`);
    else if (table !== undefined && kind === 'bugs') checkBugs(report, input, plan, table);
    else if (table !== undefined) checkExceptions(report, input, plan, table);
  }
  return plan.tables.length === 0
    ? 'no table of the kernel gets more rows'
    : plan.tables.map(t => `${count(t.rows, 'row')} more of ${NAME[t.kind]}`).join(', ');
}

/** A section that the kernel finds by name is where the kernel looks, or nobody misses it. */
function checkSection(report: Report, plan: ImagePlan, object: number, elf: ElfFile, section: Section): void {
  const { name, sh_size } = section;
  if (!section.isAllocated || sh_size === 0 || !/^(__|\.static_call|\.data\.\.percpu|\.altinstr)/.test(name)) return;
  if (tracerTableKind(section) !== undefined) return;
  const isPlaced = plan.pieces.some(p => p.object === object && p.section === section.index);
  const isKnown = isPlaced && Object.values(NAME).includes(name);
  if (!isKnown && !(name === '__lwsync_fixup' && !isPlaced && namesBarriers(elf, section)))
    report.error('VER169', `${name} of an object is not where the kernel would find it`, name);
}

/** Whether what the rows name is an `isync`, which does on each processor what a faster barrier would do on some. */
function namesBarriers(elf: ElfFile, section: Section): boolean {
  return elf.relocationSectionsFor(section.index).every(table => {
    const relocations = elf.relocations(table);
    for (let i = 0; i < relocations.count; i++) {
      const symbol = relocations.symbol(i);
      const home = elf.sections[elf.symbols!.sectionOf(symbol)];
      const at = elf.symbols!.value(symbol) + relocations.addend(i);
      if (home?.isCode !== true || elf.sectionWords(home)[at / 4] !== ISYNC) return false;
    }
    return relocations.count > 0;
  });
}

const isInCode = (plan: ImagePlan, address: bigint) =>
  plan.parts.some(p => p.kind === 'code' && address >= p.address && address < p.address + BigInt(p.bytes.length));

const viewOf = ({ bytes }: ImagePart) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

function checkBugs(
  report: Report,
  input: ElfFile,
  plan: ImagePlan,
  { part: number, rows, start, stop }: GrownTable,
): void {
  const part = plan.parts[number]!;
  const { start: oldStart, stop: oldStop } = tableEnds(input, '__bug_table') ?? { start: 0n, stop: 0n };
  const size = rows * ROW.bugs;
  const isBehind =
    part.kind === 'data' &&
    part.address === oldStop &&
    part.bytes.length === size &&
    start === oldStart &&
    stop === oldStop + BigInt(size);
  if (!isBehind || (oldStop - oldStart) % BigInt(ROW.bugs) !== 0n)
    report.error('VER168', 'the rows that are added do not lie behind the last one of the bug table', part.name);
  const view = viewOf(part);
  for (let at = 0; at + ROW.bugs <= view.byteLength; at += ROW.bugs)
    if (!isInCode(plan, part.address + BigInt(at) + BigInt(view.getInt32(at, true))))
      report.error('VER168', 'a row of the bug table does not name new code', part.name, at);
  if (plan.pieces.some(p => p.name === '__bug_table' && p.part !== number))
    report.error('VER168', 'a row of the bug table lies elsewhere', part.name);
}

function checkExceptions(
  report: Report,
  input: ElfFile,
  plan: ImagePlan,
  { part: number, start, stop }: GrownTable,
): void {
  const part = plan.parts[number]!;
  const tell = (message: string, at?: number) => report.error('VER168', message, part.name, at);
  const old = oldExceptions(input);
  const added = plan.pieces
    .filter(p => p.name === '__ex_table')
    .flatMap(p => {
      const { address, bytes } = plan.parts[p.part]!;
      const view = new DataView(bytes.buffer, bytes.byteOffset + p.offset, p.size);
      return rows(view, address + BigInt(p.offset));
    });
  if (old === undefined) {
    tell('the exception table of the image cannot be read, or is sorted when the kernel starts');
    return;
  }
  if (added.some(r => !isInCode(plan, r.insn) || !isInCode(plan, r.fixup)))
    tell('a row of the exception table does not name new code');
  const found = rows(viewOf(part), part.address);
  const text = ({ insn, fixup }: Row) => `${insn} ${fixup}`;
  const isAll =
    part.kind === 'constants' &&
    found.length === old.length + added.length &&
    [...old, ...added].map(text).sort().join() === found.map(text).sort().join();
  if (!isAll || part.bytes.length !== found.length * ROW.exceptions)
    tell('the exception table does not have the old rows and those of the objects');
  const unsorted = found.findIndex((r, i) => i > 0 && found[i - 1]!.insn > r.insn);
  if (unsorted >= 0) tell('the exception table is not sorted', unsorted * ROW.exceptions);
  if (start !== part.address || stop !== start + BigInt(part.bytes.length))
    tell('the ends of the exception table are not where it lies');
}

function rows(view: DataView, address: bigint): Row[] {
  return Array.from({ length: Math.floor(view.byteLength / ROW.exceptions) }, (_, i) => {
    const at = address + BigInt(i * ROW.exceptions);
    const field = (offset: number) => at + BigInt(offset) + BigInt(view.getInt32(i * ROW.exceptions + offset, true));
    return { insn: field(0), fixup: field(4) };
  });
}

/** `undefined` where they cannot be read, or the kernel sorts them itself. */
function oldExceptions(input: ElfFile): Row[] | undefined {
  const ends = tableEnds(input, '__ex_table');
  const view = ends && imageBytes(input, ends);
  const sorts = symbolAddress(input, 'main_extable_sort_needed');
  const flag = sorts === undefined ? undefined : imageBytes(input, { start: sorts, stop: sorts + 4n });
  if (ends === undefined || view === undefined || view.byteLength % ROW.exceptions !== 0) return undefined;
  return (flag?.getUint32(0, true) ?? 0) === 0 ? rows(view, ends.start) : undefined;
}
