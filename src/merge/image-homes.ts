/** Where sections of objects go that become part of a linked kernel image, and which cannot go anywhere. */
import { SHF_EXECINSTR, SHF_WRITE } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { tracerTableKind } from '../kernel/tracer-tables.ts';
import type { RoomKind } from '../plan/image.ts';
import { fateOf } from './classify.ts';
import { BUGS, EXCEPTIONS } from './image-tables.ts';
import { mergeRefusal } from './refusals.ts';

/** Where a section goes: room of a kind, or behind the last row of the bug table. */
export type Home = RoomKind | 'bugs';
// The bug table's before any other data, which would take its room.
export const HOMES: readonly Home[] = ['code', 'constants', 'bugs', 'data'];
export const NAMES: Readonly<Record<Home, string>> = {
  code: '.text.tocsin',
  constants: '.rodata.tocsin',
  data: '.data.tocsin',
  bugs: `${BUGS}.tocsin`,
};

/**
 * @returns undefined for sections that stay out: the tracer's table has no room, and what a module tells of itself nobody asks of a kernel
 * @throws RefusalError PAT193 for barriers that are none, PAT124 for entries of tables that the kernel has once, and `fateOf`'s
 */
export function homeOf(section: Section, elf: ElfFile, object: string): Home | undefined {
  if (tracerTableKind(section) !== undefined) return undefined;
  if (section.name === LWSYNC) {
    checkLwsync(elf, section, object);
    return undefined;
  }
  // What modpost would make rows of the table of exports of.
  if (section.name === '.export_symbol' && section.sh_size > 0) return kindOf(section, object);
  if (section.name === '.modinfo' || fateOf(section, object, false) !== 'merged') return undefined;
  return kindOf(section, object);
}

/** Why tables cannot grow. */
const WHY_NOT: readonly (readonly [names: RegExp, why: string])[] = [
  [
    /^__jump_table$/,
    'the kernel switches jump labels only in what it takes for its text, and new code does not lie there (in the fix, #undef CONFIG_JUMP_LABEL_FEATURE_CHECKS, or ask with static_key_enabled)',
  ],
  [
    /^__(ftr_alt_.*|.*_fixup)$/,
    'the kernel rewrites such code when it starts, by tables that lie one right behind the other, without room for a row',
  ],
  [
    /^(__(ksymtab|kcrctab|kflagstab)|\.export_symbol)/,
    'exports of a kernel are one sorted table with checksums that modules were built against',
  ],
  [
    /^__(param|modver)/,
    'the names of parameters of a kernel begin with those of its parts, which the object does not have',
  ],
  [/^\.static_call/, 'the kernel rewrites such calls by a table that it sorts when it starts'],
  [/^\.data\.\.percpu/, 'every processor has a copy of one piece of memory, which has no room'],
];

/** Where atomics leave room for another barrier. */
const LWSYNC = '__lwsync_fixup';
const ISYNC = 0x4c00012c;

/**
 * Rows name barriers, `isync`, which most processors get a faster one for (`do_lwsync_fixups`, feature-fixups.c). They are left out, for
 * `isync` behind a conditional branch is right on all of them.
 *
 * @throws RefusalError PAT193 where a row names something else
 */
function checkLwsync(elf: ElfFile, section: Section, object: string): void {
  for (const table of elf.relocationSectionsFor(section.index)) {
    const relocations = elf.relocations(table);
    for (let i = 0; i < relocations.count; i++) {
      const symbol = relocations.symbol(i);
      const home = elf.sections[elf.symbols!.sectionOf(symbol)];
      const at = elf.symbols!.value(symbol) + relocations.addend(i);
      if (home?.isCode !== true || elf.sectionWords(home)[at / 4] !== ISYNC)
        throw mergeRefusal('PAT193', { object, section: LWSYNC });
    }
  }
}

/** @throws RefusalError PAT124 for entries of tables that the kernel has once */
function kindOf({ name, sh_flags }: Section, object: string): Home {
  if (name === EXCEPTIONS) return 'constants';
  if (name === BUGS) return 'bugs';
  if (name.startsWith('__') || /^\.(export_symbol|static_call|data\.\.percpu|altinstr)/.test(name))
    throw mergeRefusal('PAT124', {
      object,
      section: name,
      why: WHY_NOT.find(([names]) => names.test(name))?.[1] ?? 'it is not known how the kernel finds and uses them',
    });
  if ((sh_flags & SHF_EXECINSTR) !== 0) return 'code';
  if ((sh_flags & SHF_WRITE) === 0 || /^\.(toc|got|data\.rel\.ro)/.test(name)) return 'constants';
  return 'data';
}
