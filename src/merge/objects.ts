/** What an object has to be before anything of it is merged: the right kind of file, built as the module was. */
import { SHN_COMMON, SHN_UNDEF, STB_LOCAL, STT_FUNC, STT_GNU_IFUNC, STT_SECTION } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { SiteForm } from '../plan/plan.ts';
import { localEntryBits } from '../ppc64/entry-points.ts';
import { callSitesOf } from '../sites/call-sites.ts';
import { mergeRefusal } from './refusals.ts';

const STT_TLS = 6;
/** In a module these are made once, by the macros that the whole module shares. */
const ONCE = new Set(['init_module', 'cleanup_module', '__this_module']);

/** An object that is to be merged. */
export interface MergeObject {
  /** File name without folder. */
  readonly name: string;
  readonly elf: ElfFile;
  /** Of the unpacked file, lower-case hexadecimal. */
  readonly sha256: string;
  /** It comes with tocsin, or was made of the module itself: there is nothing to ask about its licence. */
  readonly isOwn?: boolean;
  /** The file name of the object that it has the exports of: tables, and no code (fix-exports.ts). */
  readonly exportsOf?: string;
}

/** @throws RefusalError PAT101, PAT102, PAT104 to PAT107, PAT119 */
export function checkObject({ name: object, elf }: MergeObject): void {
  if (!elf.isRelocatable) throw mergeRefusal('PAT101', { object });
  const descriptors = elf.sectionNamed('.opd');
  if (descriptors !== undefined) throw mergeRefusal('PAT102', { object, what: descriptors.name });
  const { symbols } = elf;
  for (let i = 1; symbols !== undefined && i < symbols.count; i++) {
    const type = symbols.type(i);
    const raw = symbols.rawSection(i);
    if (type === STT_TLS) throw mergeRefusal('PAT105', { object, what: symbols.name(i) });
    if (raw === SHN_COMMON) throw mergeRefusal('PAT106', { object, name: symbols.name(i) });
    if (type === STT_SECTION && symbols.binding(i) !== STB_LOCAL)
      throw mergeRefusal('PAT119', { object, what: `the global section symbol ${symbols.name(i)}` });
    if (symbols.binding(i) !== STB_LOCAL && symbols.name(i) === '')
      throw mergeRefusal('PAT119', { object, what: `symbol ${i}, which is global and has no name` });
    if (raw === SHN_UNDEF) continue;
    const section = elf.sections[symbols.sectionOf(i)];
    if (section !== undefined && section.index > 0 && symbols.value(i) > section.sh_size)
      throw mergeRefusal('PAT119', { object, what: `${symbols.name(i)}, which lies behind its section,` });
    if (ONCE.has(symbols.name(i))) throw mergeRefusal('PAT104', { object, section: symbols.name(i) });
    if (type === STT_GNU_IFUNC)
      throw mergeRefusal('PAT119', { object, what: `the indirect function ${symbols.name(i)}` });
    const k = localEntryBits(symbols.st_other(i));
    if (type === STT_FUNC && (k === 1 || k === 7))
      throw mergeRefusal('PAT107', { object, name: symbols.name(i), what: `st_other encodes k = ${k}` });
  }
}

/** Tracers that a kernel cannot have together: what the words at the call sites tell. */
const TRACERS: Readonly<Record<SiteForm, string>> = {
  'mprofile-kernel': '-mprofile-kernel',
  'mprofile-kernel-lr': '-mprofile-kernel',
  pg: '-pg',
  patchable: '-fpatchable-function-entry=2',
  'patchable-out-of-line': '-fpatchable-function-entry=1',
};

function tracersOf(elf: ElfFile): Set<string> {
  return new Set(callSitesOf(elf).sites.map(site => TRACERS[site.form]));
}

/** @throws RefusalError PAT114 where the object leaves room for another tracer than the module does */
export function checkTracer(module: ElfFile, objects: readonly MergeObject[]): void {
  const expected = tracersOf(module);
  if (expected.size === 0) return;
  for (const { name: object, elf } of objects)
    for (const found of tracersOf(elf))
      if (!expected.has(found)) throw mergeRefusal('PAT114', { object, found, expected: [...expected].join(', ') });
}
