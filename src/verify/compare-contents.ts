/**
 * The bytes of every section of the input beside those of the output: equal but for the words and records of the plan.
 * Runs between changes are compared in one go, so that a module of 20 MB takes as long as reading it twice.
 */
import { SHT_GROUP, SHT_RELA, SHT_SYMTAB, SHT_SYMTAB_SHNDX } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { functionAt, functionsBySection, functionsOf, type KernelFunction } from '../kernel/functions.ts';
import { wordsOf } from '../util/bytes.ts';
import type { SectionIndex } from '../util/indexes.ts';
import { addedInformation } from './modinfo.ts';
import type { Pairing } from './pairing.ts';
import { type Planned, planFor, type SectionPlan } from './planned.ts';
import { count, type Report, wordText } from './verification.ts';

export function buffer(elf: ElfFile, section: Section): Buffer {
  const bytes = elf.contents(section);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

export function compareContents(report: Report, pair: Pairing, planned: Planned): string {
  const { input, output } = pair;
  const tables = new Set<SectionIndex>([input.header.shstrndx, input.symbols?.section.sh_link ?? 0]);
  const start = report.counts.identical;
  let sections = 0;
  const walk = new ContentWalk(report, output);
  for (const [was, is] of pair.both()) {
    if (!was.hasContents || tables.has(was.index) || isTable(was)) continue;
    const before = was.sh_type === SHT_GROUP ? movedGroup(pair, was) : buffer(input, was);
    const plan = planFor(planned, was.index);
    // What that string says is looked at in a step of its own.
    const information = was.index === planned.informed ? [addedInformation(pair, planned, was.index)] : [];
    walk.section(before, is, buffer(output, is), { ...plan, appended: [...plan.appended, ...information] });
    sections++;
  }
  return `${count(sections, 'section')}, ${report.counts.identical - start} bytes as they were`;
}

/** A section group (flags, then section numbers) as it is when sections have moved up. */
function movedGroup(pair: Pairing, group: Section): Buffer {
  const moved = Buffer.from(buffer(pair.input, group));
  for (let at = 4; at + 4 <= moved.length; at += 4) moved.writeInt32LE(pair.to(moved.readUInt32LE(at)), at);
  return moved;
}

/** Tables of entries are compared entry by entry elsewhere. */
function isTable(section: Section): boolean {
  return section.sh_type === SHT_RELA || section.sh_type === SHT_SYMTAB || section.sh_type === SHT_SYMTAB_SHNDX;
}

class ContentWalk {
  readonly #report: Report;
  readonly #output: ElfFile;
  #functions: ReadonlyMap<SectionIndex, KernelFunction[]> | undefined;

  constructor(report: Report, output: ElfFile) {
    this.#report = report;
    this.#output = output;
  }

  section(before: Buffer, section: Section, after: Buffer, plan: SectionPlan): void {
    const { words, records } = plan;
    const { counts } = this.#report;
    if (words.length > 0 && changesOnly(before, after, plan)) {
      counts.identical += before.length - words.length * 4;
      counts.changedByPlan += words.length * 4;
      return;
    }
    let from = 0;
    let to = 0;
    let word = 0;
    let record = 0;
    while (word < words.length || record < records.length) {
      const nextWord = words[word]?.offset ?? Number.POSITIVE_INFINITY;
      const nextRecord = records[record]?.offset ?? Number.POSITIVE_INFINITY;
      const stop = Math.min(nextWord, nextRecord);
      to = this.#run(before, from, stop, section, after, to);
      from = stop;
      if (nextRecord <= nextWord) {
        const { size } = records[record++]!;
        for (; (words[word]?.offset ?? Number.POSITIVE_INFINITY) < from + size; word++)
          this.#report.error('VER043', 'the plan changes a word of a record that goes', section, words[word]!.offset);
        from += size;
        counts.removedByPlan += size;
        continue;
      }
      const expected = words[word++]!.after >>> 0;
      const found = to + 4 <= after.length ? after.readUInt32LE(to) : undefined;
      if (found !== expected)
        this.#report.error(
          'VER034',
          `the plan makes the word ${wordText(expected)}, the output has ${found === undefined ? 'no such word' : wordText(found)}`,
          section,
          to,
          this.#fn(section, to),
        );
      counts.changedByPlan += 4;
      from += 4;
      to += 4;
    }
    to = this.#run(before, from, before.length, section, after, to);
    for (const bytes of plan.appended) {
      if (!after.subarray(to, to + bytes.length).equals(bytes))
        this.#report.error('VER047', 'the symbol version that the plan adds is not here', section, to);
      counts.addedByPlan += bytes.length;
      to += bytes.length;
    }
    if (to !== after.length)
      this.#report.error('VER033', `the section has ${after.length} bytes, the plan leaves it ${to}`, section);
  }

  /** Compares `before` from `from` to `stop` with `after` from `to` on, and says where that ends. */
  #run(before: Buffer, from: number, stop: number, section: Section, after: Buffer, to: number): number {
    const length = stop - from;
    const end = to + length;
    if (length <= 0) return to;
    this.#report.counts.identical += length;
    if (end <= after.length && before.compare(after, to, end, from, stop) === 0) return end;
    this.#difference(before, from, section, after, to, length);
    return end;
  }

  /** Tells the differing words of a run, the first of each row of neighbours. */
  #difference(before: Buffer, from: number, section: Section, after: Buffer, to: number, length: number): void {
    let told = 0;
    for (let i = 0; i < length; i++) {
      if (before[from + i] === after[to + i]) continue;
      const at = to + i;
      let last = i;
      while (last < length && before[from + last] !== after[to + last]) last++;
      const hexOf = (bytes: Buffer, start: number) =>
        bytes.toString('hex', start, start + Math.min(last - i, 8)) || 'nothing';
      this.#report.error(
        'VER033',
        `bytes outside the plan differ: ${hexOf(before, from + i)} became ${hexOf(after, at)}`,
        section,
        at,
        this.#fn(section, at),
      );
      if (++told === 20) return;
      i = last;
    }
  }

  #fn(section: Section, offset: number): string | undefined {
    this.#functions ??= functionsBySection(functionsOf(this.#output));
    return functionAt(this.#functions.get(section.index) ?? [], offset)?.name;
  }
}

/** Whether the two differ in the plan's words and in nothing else, and the plan does no more than change words. */
function changesOnly(before: Buffer, after: Buffer, { words, records, appended }: SectionPlan): boolean {
  if (records.length > 0 || appended.length > 0 || before.length !== after.length) return false;
  if ((before.byteOffset | after.byteOffset) % 4 !== 0) return false;
  const a = wordsOf(before);
  const b = wordsOf(after);
  let at = 0;
  for (let i = 0; i < words.length; i++) {
    const change = words[i]!;
    const stop = change.offset >>> 2;
    while (at < stop && a[at] === b[at]) at++;
    if (at < stop || b[at++] !== change.after >>> 0) return false;
  }
  return before.compare(after, at * 4, after.length, at * 4, before.length) === 0;
}
