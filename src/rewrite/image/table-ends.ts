/**
 * Tables of the kernel that get more rows: whoever searches them gets other ends. The old table stays where it is, complete, so that a
 * reference that is not seen here finds what it found before.
 *
 * An end is an address that code makes from r2: `addis rX,r2,HA; addi rY,rX,LO`. The first word may change only if nothing else depends
 * on rX: between the two nothing reads it and nothing branches, and behind them it is overwritten, or dead because the function
 * returns, before anything else reads it.
 */
import type { ElfFile } from '../../elf/read.ts';
import { RELA_WORDS } from '../../elf/relocations.ts';
import type { Section } from '../../elf/section.ts';
import { functionAt, functionsBySection, functionsOf, type KernelFunction } from '../../kernel/functions.ts';
import { dynamicRelocations, symbolAddress } from '../../kernel/image-layout.ts';
import { tableEnds } from '../../kernel/image-tables.ts';
import type { GrownTable } from '../../plan/image.ts';
import type { WordChange } from '../../plan/plan.ts';
import { readsRegister, writesRegister } from '../../ppc64/registers.ts';
import type { SectionOffset } from '../../util/indexes.ts';
import { imageRefusal } from './refusals.ts';

interface TableKind {
  readonly name: string;
  readonly what: string;
  /** Functions that search the table; all others that know both of its ends are a reason to refuse. `undefined`: any may. */
  readonly readers: readonly string[] | undefined;
  /** Sorts the table when the kernel starts, unless the build has: then it does not look at it. */
  readonly sorter: string | undefined;
}

export const GROWN_TABLES: Readonly<Record<GrownTable['kind'], TableKind>> = {
  exceptions: {
    name: '__ex_table',
    what: 'exception table',
    readers: ['search_kernel_exception_table', 'search_exception_tables'],
    sorter: 'sort_main_extable',
  },
  bugs: {
    name: '__bug_table',
    what: 'bug table',
    readers: undefined,
    sorter: undefined,
  },
};

/** An address that is made from r2. */
interface Reference {
  readonly section: Section;
  readonly high: SectionOffset;
  readonly low: SectionOffset;
}

/** Not more words lie between the two halves of an address, nor behind them until the register has another value. */
const WINDOW = 64;

/** @throws RefusalError PAT191, PAT192 */
export function changeTableEnds(elf: ElfFile, tables: readonly GrownTable[]): WordChange[] {
  if (tables.length === 0) return [];
  const functions = functionsBySection(functionsOf(elf));
  const toc = symbolAddress(elf, '.TOC.')!;
  return tables.flatMap(table => {
    const { name, what, readers, sorter } = GROWN_TABLES[table.kind];
    const { start: oldStart, stop: oldStop } = tableEnds(elf, name)!;
    const by = (found: readonly Reference[]) => byFunction(functions, found);
    const [starts, stops] = [by(referencesTo(elf, toc, oldStart)), by(referencesTo(elf, toc, oldStop))];
    const refuse = (why: string) => imageRefusal('PAT191', { table: what, why });
    if (isConstant(elf, oldStop) || isConstant(elf, oldStart))
      throw refuse('an address constant names one of its ends');
    const found = [...stops.keys()].filter(f => starts.has(f));
    const searching = found.filter(f => plainName(f.name) !== sorter);
    const stranger = readers && searching.find(f => !readers.includes(plainName(f.name)));
    if (stranger !== undefined) throw refuse(`${stranger.name} knows both of its ends, and tocsin does not know it`);
    const half =
      readers &&
      [...starts.keys(), ...stops.keys()].find(f => readers.includes(plainName(f.name)) && !found.includes(f));
    if (half !== undefined) throw refuse(`of its two ends ${half.name} is seen to know one`);
    // No function may know the end of such a table and not its start: it would be another's start.
    const alone = readers === undefined ? [...stops.keys()].find(f => !starts.has(f)) : undefined;
    if (alone !== undefined) throw refuse(`of its two ends ${alone.name} is seen to know one`);
    if (searching.length === 0) throw refuse('nobody is seen to search it');
    return searching.flatMap(f => [
      ...(table.start === oldStart ? [] : starts.get(f)!.flatMap(r => changed(elf, toc, r, table.start, f, what))),
      ...stops.get(f)!.flatMap(r => changed(elf, toc, r, table.stop, f, what)),
    ]);
  });
}

const plainName = (name: string) => name.replace(/\..*$/, '');

function* halves(words: Uint32Array, ha: number): Generator<readonly [at: number, register: number]> {
  const wanted = (0x3c020000 | ha) >>> 0;
  for (let i = 0; i < words.length; i++)
    if ((words[i]! & 0xfc1fffff) >>> 0 === wanted) yield [i, (words[i]! >>> 21) & 31];
}

function referencesTo(elf: ElfFile, toc: bigint, address: bigint): Reference[] {
  const distance = Number(address - toc);
  const [ha, lo] = split(distance);
  const found: Reference[] = [];
  for (const section of elf.sections) {
    if (!section.isCode || !section.hasContents || section.sh_addr === 0n) continue;
    const words = elf.sectionWords(section);
    for (const [i, register] of halves(words, ha)) {
      for (let j = i + 1; j < Math.min(i + WINDOW, words.length); j++) {
        const word = words[j]!;
        if (isAddi(word, register) && (word & 0xffff) === lo) found.push({ section, high: i * 4, low: j * 4 });
        if (writesRegister(word, register, words[j + 1])) break;
      }
    }
  }
  return found;
}

/** The two fields of a distance from r2. */
function split(distance: number): readonly [ha: number, lo: number] {
  return [((distance + 0x8000) >> 16) & 0xffff, distance & 0xffff];
}

const isAddi = (word: number, from: number) => word >>> 26 === 14 && ((word >>> 16) & 31) === from;

function byFunction(
  functions: ReadonlyMap<number, KernelFunction[]>,
  references: readonly Reference[],
): ReadonlyMap<KernelFunction, Reference[]> {
  const found = new Map<KernelFunction, Reference[]>();
  for (const reference of references) {
    const f = functionAt(functions.get(reference.section.index) ?? [], reference.low);
    if (f === undefined) continue;
    const list = found.get(f);
    if (list === undefined) found.set(f, [reference]);
    else list.push(reference);
  }
  return found;
}

/** Whether a dynamic relocation stores the address somewhere. */
function isConstant(elf: ElfFile, address: bigint): boolean {
  const dynamic = dynamicRelocations(elf);
  if (dynamic === undefined) return false;
  const { words } = elf.relocations(dynamic.section);
  const [low, high] = [Number(address & 0xffff_ffffn), Number(address >> 32n)];
  for (let w = 0; w < words.length; w += RELA_WORDS) if (words[w + 4] === low && words[w + 5] === high) return true;
  return false;
}

function changed(
  elf: ElfFile,
  toc: bigint,
  { section, high, low }: Reference,
  address: bigint,
  f: KernelFunction,
  what: string,
): WordChange[] {
  const words = elf.sectionWords(section);
  const [ha, lo] = split(Number(address - toc));
  const isHalfSame = (words[high / 4]! & 0xffff) === ha;
  const why = (isHalfSame ? undefined : dependsElse(words, high / 4, low / 4)) ?? enteredBetween(words, f, high, low);
  if (why !== undefined) throw imageRefusal('PAT192', { table: what, name: f.name, why }, { section, offset: high });
  const distance = Number(address - toc);
  if (distance >= 0x7fff8000 || distance < -0x80008000)
    throw imageRefusal('PAT191', { table: what, why: 'its new place is out of reach' });
  return [
    {
      section: section.index,
      offset: high,
      before: words[high / 4]!,
      after: ((words[high / 4]! & ~0xffff) | ha) >>> 0,
    },
    { section: section.index, offset: low, before: words[low / 4]!, after: ((words[low / 4]! & ~0xffff) | lo) >>> 0 },
  ].filter(w => w.before !== w.after);
}

/** Whether a branch of the function comes to the second word by another way. */
function enteredBetween(words: Uint32Array, f: KernelFunction, high: number, low: number): string | undefined {
  for (let at = f.global; at < Math.min(f.global + f.size, words.length * 4); at += 4) {
    const word = words[at / 4]!;
    const opcode = word >>> 26;
    if ((opcode !== 16 && opcode !== 18) || (word & 2) !== 0) continue;
    const to = at + (opcode === 18 ? ((word & 0x03fffffc) << 6) >> 6 : ((word & 0xfffc) << 16) >> 16);
    if (to > high && to <= low) return 'a branch leads between the halves of the address';
  }
  return undefined;
}

/** What else may depend on the register that the first word sets. */
function dependsElse(words: Uint32Array, first: number, second: number): string | undefined {
  const register = (words[first]! >>> 21) & 31;
  for (let i = first + 1; i < Math.min(first + WINDOW, words.length); i++) {
    const word = words[i]!;
    if (i === second) {
      if (((word >>> 21) & 31) === register) return undefined;
      continue;
    }
    const reads = readsRegister(word, register, words[i + 1]);
    if (reads) return 'the first half of the address has another use';
    if (writesRegister(word, register, words[i + 1])) return undefined;
    const opcode = word >>> 26;
    const returns = opcode === 19 && (word & 0x7ff) === 0x20;
    // A volatile register that holds no result is nobody's behind a return.
    if (returns && i > second && register >= 5 && register <= 12) {
      if ((word & 0x03e00000) >>> 0 === 0x02800000) return undefined;
      continue;
    }
    if (opcode === 16 || opcode === 18 || opcode === 19 || opcode === 1)
      return 'a branch lies between the halves of the address';
  }
  return 'the first half of the address is not seen to be overwritten';
}
