/**
 * A trampoline of the user's own, made ready to be merged for one redirect F=G: a copy of its object in which the placeholders have
 * the names of what they stand for. Two of them, `__tocsin_original` and `__tocsin_continue`, stand for code that only patching
 * makes; they become F itself, and their places are told.
 */
import { createHash } from 'node:crypto';
import { SHN_UNDEF, SHT_RELA, STB_LOCAL } from '../elf/constants.ts';
import { ElfEditor, putWord } from '../elf/editor.ts';
import { layOut } from '../elf/layout.ts';
import { readElf } from '../elf/read.ts';
import { registersWritten } from '../ppc64/registers.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import type { MergeObject } from './objects.ts';

export const ENTRY = '__tocsin_trampoline';
const PREFIX = '__tocsin_';
const PLACEHOLDERS = ['target', 'original', 'continue', 'toc'] as const;
type Placeholder = (typeof PLACEHOLDERS)[number];

const R_PPC64_REL24 = 10;
/** ADDR32, ADDR64; TOC16, TOC16_LO, TOC16_HA, TOC16_DS, TOC16_LO_DS: the addend goes to the symbol. */
const ABSOLUTE: ReadonlySet<number> = new Set([1, 38, 47, 48, 50, 63, 64]);

/** One redirect that an object is the trampoline of. */
export interface CustomUse {
  /** F and G as the user named them. */
  readonly from: string;
  readonly to: string;
  /** What the object's `__tocsin_trampoline` is called in the module. */
  readonly entry: string;
}

export interface CustomObject {
  readonly object: MergeObject;
  /** By placeholder: what it is called in the copy. */
  readonly names: ReadonlyMap<string, string>;
  /** Relocations of the object that name the rest of F. */
  readonly places: readonly {
    readonly section: SectionIndex;
    readonly offset: SectionOffset;
    readonly stands: 'original' | 'continue';
  }[];
  readonly namesTarget: boolean;
  /** Whether some instruction of it changes r1. */
  readonly movesStack: boolean;
}

/** What is wrong with an object as a trampoline: a code of rewrite/refusals.ts, and the values of its message. */
export type CustomFault = readonly [code: 'PAT080' | 'PAT081' | 'PAT270', values: Readonly<Record<string, string>>];

/** @throws InputError where the object is damaged */
export function customObject(given: MergeObject, { from, to, entry }: CustomUse): CustomObject | CustomFault {
  const { name: object, elf } = given;
  const { symbols } = elf;
  if (symbols === undefined || !elf.isRelocatable) return ['PAT080', { object, what: 'it is no object with symbols' }];
  const names = new Map([
    [ENTRY, entry],
    [`${PREFIX}target`, to],
    [`${PREFIX}original`, from],
    [`${PREFIX}continue`, from],
    [`${PREFIX}toc`, '.TOC.'],
  ]);
  const editor = new ElfEditor(elf);
  const table = editor.writable(symbols.section.index);
  const strings = symbols.section.sh_link;
  const stands = new Map<number, Placeholder>();
  let hasEntry = false;
  for (let i = 1; i < symbols.count; i++) {
    const name = symbols.name(i);
    if (!name.startsWith(PREFIX)) continue;
    const isDefined = symbols.rawSection(i) !== SHN_UNDEF;
    const own = names.get(name);
    if (isDefined && name !== ENTRY) {
      if (own !== undefined) return ['PAT080', { object, what: `it defines ${name}, which is a placeholder` }];
      continue;
    }
    if (own === undefined || !isDefined === (name === ENTRY)) return ['PAT081', { object, name }];
    if (name === ENTRY) {
      const home = elf.sections[symbols.sectionOf(i)];
      if (symbols.binding(i) === STB_LOCAL || home?.isCode !== true)
        return ['PAT080', { object, what: `${ENTRY} is not a global symbol of a code section` }];
      hasEntry = true;
    }
    const placeholder = PLACEHOLDERS.find(p => name === PREFIX + p);
    if (placeholder !== undefined) stands.set(i, placeholder);
    putWord(table, i * 24, editor.append(strings, Buffer.from(`${own}\0`, 'latin1')));
  }
  if (!hasEntry) return ['PAT080', { object, what: `it does not define ${ENTRY}` }];
  const copy = readElf(layOut(editor).bytes);
  const sha256 = createHash('sha256').update(copy.bytes).digest('hex');
  const named = namedPlaces(given, stands);
  const misuse = named.map(place => misuseOf(given, place)).find(what => what !== undefined) ?? twice(given, named);
  if (misuse !== undefined) return ['PAT270', { object, what: misuse }];
  const places = named.flatMap(({ section, offset, stands: s }) =>
    s === 'original' || s === 'continue' ? [{ section, offset, stands: s }] : [],
  );
  const namesTarget = named.some(p => p.stands === 'target');
  return { object: { name: object, elf: copy, sha256 }, names, places, namesTarget, movesStack: movesStack(given) };
}

function movesStack({ elf }: MergeObject): boolean {
  const r1 = 1 << 1;
  return elf.sections.some(section => {
    const words = section.isCode ? elf.sectionWords(section) : [];
    return words.some((word, i) => (registersWritten(word, words[i + 1] ?? 0) & r1) !== 0);
  });
}

/** A relocation that names a placeholder. */
interface NamedPlace {
  readonly section: SectionIndex;
  readonly offset: SectionOffset;
  readonly stands: Placeholder;
  readonly type: number;
  readonly addend: number;
}

function namedPlaces({ elf }: MergeObject, stands: ReadonlyMap<number, Placeholder>): NamedPlace[] {
  const places: NamedPlace[] = [];
  for (const table of elf.sections) {
    if (table.sh_type !== SHT_RELA) continue;
    const relocations = elf.relocations(table);
    for (let i = 0; i < relocations.count; i++) {
      const found = stands.get(relocations.symbol(i));
      if (found === undefined) continue;
      const [offset, type, addend] = [relocations.offset(i), relocations.type(i), relocations.addend(i)];
      places.push({ section: table.sh_info, offset, stands: found, type, addend });
    }
  }
  return places;
}

/** Whether a place is to hold two placeholders, as of a damaged object. */
function twice({ elf }: MergeObject, named: readonly NamedPlace[]): string | undefined {
  const seen = new Set<string>();
  for (const { section, offset } of named) {
    const where = `${elf.sections[section]?.name ?? section}+0x${offset.toString(16)}`;
    if (seen.has(where)) return `${where} has two relocations that name placeholders`;
    seen.add(where);
  }
  return undefined;
}

/** What such a relocation asks for that its placeholder is not. Of a distance the addend counts from the instruction, and says nothing. */
function misuseOf({ elf }: MergeObject, { section, offset, stands, type, addend }: NamedPlace): string | undefined {
  const name = PREFIX + stands;
  const where = `${elf.sections[section]?.name ?? section}+0x${offset.toString(16)}`;
  const isBranch = type === R_PPC64_REL24;
  if (isBranch && stands === 'toc') return `${where} branches to ${name}, which is a value for r2`;
  if (stands !== 'toc' && addend !== 0 && (isBranch || ABSOLUTE.has(type)))
    return `${where} names ${name}${addend < 0 ? '' : '+'}${addend}, and only its beginning has a meaning`;
  if (isBranch && stands === 'continue' && ((elf.sectionWords(elf.sections[section]!)[offset >>> 2] ?? 0) & 1) !== 0)
    return `${where} calls ${name}, which is the rest of a function and comes back to the function's caller`;
  return undefined;
}
