/**
 * Whether whoever searches a table that has grown gets its new ends: in both images the addresses that code makes from r2 are worked out,
 * word by word in the order of the file, and those that were an end of the table have to be one now.
 */
import type { ElfFile } from '../../elf/read.ts';
import { RELA_WORDS } from '../../elf/relocations.ts';
import { functionAt, functionsBySection, functionsOf, type KernelFunction } from '../../kernel/functions.ts';
import { dynamicRelocations, symbolAddress } from '../../kernel/image-layout.ts';
import { tableEnds } from '../../kernel/image-tables.ts';
import type { GrownTable, ImagePlan } from '../../plan/image.ts';
import { readsRegister, writesRegister } from '../../ppc64/registers.ts';
import type { Report } from '../verification.ts';
import { placeName } from './words.ts';

interface Searched {
  readonly name: string;
  /** Whoever else knows both ends of the table must be its sorter, which does nothing with a sorted table. */
  readonly readers: RegExp;
  readonly sorter: RegExp | undefined;
}

const SEARCHED: Readonly<Record<GrownTable['kind'], Searched>> = {
  exceptions: {
    name: '__ex_table',
    readers: /^search_(kernel_exception_table|exception_tables)(\.|$)/,
    sorter: /^sort_main_extable(\.|$)/,
  },
  bugs: { name: '__bug_table', readers: /./, sorter: undefined },
};

/** `addis rX,r2` and the `addi` that uses it; offsets in the section. */
interface MadeAddress {
  readonly section: number;
  readonly high: number;
  readonly low: number;
  readonly value: bigint;
  /** Whether something else may use the first half. */
  readonly shared: () => boolean;
}

interface Half {
  readonly at: number;
  readonly base: bigint;
  readonly register: number;
  uses: number;
  escapes: boolean;
}

/** All places where one of these addresses is made. */
function madeAddresses(elf: ElfFile, toc: bigint, wanted: ReadonlySet<bigint>): MadeAddress[] {
  const found: MadeAddress[] = [];
  const highs = new Set([...wanted].map(v => Number(((v - toc + 0x8000n) >> 16n) & 0xffffn)));
  for (const section of elf.sections) {
    if (!section.isCode || !section.hasContents || section.sh_addr === 0n) continue;
    const words = elf.sectionWords(section);
    let halves: Half[] = [];
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!;
      const isHigh = (word & 0xfc1f0000) >>> 0 === 0x3c020000 && highs.has(word & 0xffff);
      if (halves.length === 0 && !isHigh) continue;
      halves = halves.filter(half => {
        const isLow = word >>> 26 === 14 && ((word >>> 16) & 31) === half.register;
        if (isLow || readsRegister(word, half.register, words[i + 1])) half.uses++;
        const value = half.base + BigInt((word << 16) >> 16);
        if (isLow && wanted.has(value)) {
          const shared = () => half.uses > 1 || half.escapes;
          found.push({ section: section.index, high: half.at, low: i * 4, value, shared });
        }
        const leaves = (word >>> 26 === 19 && (word & 0x7ff) === 0x20) || word >>> 26 === 16 || word >>> 26 === 18;
        const isReturn = word >>> 26 === 19 && half.register >= 5 && half.register <= 12;
        if (leaves && !isReturn) half.escapes = true;
        const isEnd = (word & 0xfc000001) >>> 0 === 0x48000000 || word === 0x4e800020;
        return !isEnd && !writesRegister(word, half.register, words[i + 1]);
      });
      if (isHigh) {
        const register = (word >>> 21) & 31;
        const base = toc + BigInt(((word << 16) >> 16) * 0x10000);
        halves.push({ at: i * 4, base, register, uses: 0, escapes: false });
      }
    }
  }
  return found;
}

/** @returns places of code, as `placeName` writes them, that may change for it */
export function checkTableEnds(report: Report, input: ElfFile, output: ElfFile, plan: ImagePlan): ReadonlySet<string> {
  const may = new Set<string>();
  const toc = symbolAddress(input, '.TOC.') ?? 0n;
  const functions = functionsBySection(functionsOf(input));
  for (const table of plan.tables) {
    const { name, readers, sorter } = SEARCHED[table.kind];
    const { start, stop } = tableEnds(input, name) ?? { start: 0n, stop: 0n };
    const tell = (message: string) => report.error('VER170', message);
    if (isStored(input, new Set([start, stop]))) tell(`the image stores an end of the ${table.kind} somewhere`);
    const made = madeAddresses(input, toc, new Set([start, stop]));
    const now = new Map(
      madeAddresses(output, toc, new Set([table.start, table.stop])).map(m => [placeName(m.section, m.low), m]),
    );
    const byFunction = new Map<KernelFunction, MadeAddress[]>();
    for (const m of made) {
      const f = functionAt(functions.get(m.section) ?? [], m.low);
      if (f !== undefined) byFunction.set(f, [...(byFunction.get(f) ?? []), m]);
    }
    let searching = 0;
    for (const [f, list] of byFunction) {
      const knows = (value: bigint) => list.some(m => m.value === value);
      const knowsBoth = knows(start) && knows(stop);
      if (!knowsBoth && (readers.test(f.name) ? table.kind === 'exceptions' || knows(stop) : false))
        tell(`${f.name} is seen to know one end of the ${table.kind} only`);
      if (!knowsBoth || sorter?.test(f.name) === true) continue;
      if (!readers.test(f.name)) tell(`${f.name} searches the ${table.kind}, and nothing is known of it`);
      searching++;
      for (const m of list) {
        const wanted = m.value === start ? table.start : table.stop;
        const is = now.get(placeName(m.section, m.low));
        const isThere = wanted === m.value || (is?.value === wanted && is.high === m.high);
        if (!isThere) tell(`${f.name} does not get the new ends of the ${table.kind}`);
        const words = input.sectionWords(input.sections[m.section]!);
        const isHighNew = output.sectionWords(output.sections[m.section]!)[m.high / 4] !== words[m.high / 4];
        if (isHighNew && m.shared()) tell(`${f.name} uses half of an end of the ${table.kind} for something else`);
        if (isEntered(words, f, m)) tell(`${f.name} comes by another way to the second half of an end`);
        may.add(placeName(m.section, m.high)).add(placeName(m.section, m.low));
      }
    }
    if (searching === 0) tell(`nobody is seen to search the ${table.kind}`);
  }
  return may;
}

function isStored(elf: ElfFile, values: ReadonlySet<bigint>): boolean {
  const dynamic = dynamicRelocations(elf);
  if (dynamic === undefined) return false;
  const { words } = elf.relocations(dynamic.section);
  const lows = new Set([...values].map(v => Number(v & 0xffff_ffffn)));
  for (let w = 0; w < words.length; w += RELA_WORDS)
    if (lows.has(words[w + 4]!) && values.has((BigInt(words[w + 5]!) << 32n) | BigInt(words[w + 4]!))) return true;
  return false;
}

/** Whether a branch of the function leads behind the first half and not behind the second. */
function isEntered(words: Uint32Array, { global, size }: KernelFunction, { high, low }: MadeAddress): boolean {
  for (let at = global; at < global + size && at < words.length * 4; at += 4) {
    const word = words[at / 4]!;
    const distance =
      word >>> 26 === 18 ? ((word & 0x03fffffc) << 6) >> 6 : word >>> 26 === 16 ? ((word & 0xfffc) << 16) >> 16 : 0;
    if (distance !== 0 && at + distance > high && at + distance <= low) return true;
  }
  return false;
}
