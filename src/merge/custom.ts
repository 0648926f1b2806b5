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
export type CustomFault = readonly [code: 'PAT080' | 'PAT081', values: Readonly<Record<string, string>>];

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
  const stands = new Map<number, 'original' | 'continue'>();
  let hasEntry = false;
  let namesTarget = false;
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
    if (name === `${PREFIX}target`) namesTarget = true;
    if (name === `${PREFIX}original`) stands.set(i, 'original');
    if (name === `${PREFIX}continue`) stands.set(i, 'continue');
    putWord(table, i * 24, editor.append(strings, Buffer.from(`${own}\0`, 'latin1')));
  }
  if (!hasEntry) return ['PAT080', { object, what: `it does not define ${ENTRY}` }];
  const copy = readElf(layOut(editor).bytes);
  const sha256 = createHash('sha256').update(copy.bytes).digest('hex');
  const places = placesOf(given, stands);
  return { object: { name: object, elf: copy, sha256 }, names, places, namesTarget, movesStack: movesStack(given) };
}

function movesStack({ elf }: MergeObject): boolean {
  const r1 = 1 << 1;
  return elf.sections.some(section => {
    const words = section.isCode ? elf.sectionWords(section) : [];
    return words.some((word, i) => (registersWritten(word, words[i + 1] ?? 0) & r1) !== 0);
  });
}

function placesOf({ elf }: MergeObject, stands: ReadonlyMap<number, 'original' | 'continue'>) {
  const places: { section: SectionIndex; offset: SectionOffset; stands: 'original' | 'continue' }[] = [];
  for (const table of elf.sections) {
    if (table.sh_type !== SHT_RELA) continue;
    const relocations = elf.relocations(table);
    for (let i = 0; i < relocations.count; i++) {
      const found = stands.get(relocations.symbol(i));
      if (found !== undefined) places.push({ section: table.sh_info, offset: relocations.offset(i), stands: found });
    }
  }
  return places;
}
