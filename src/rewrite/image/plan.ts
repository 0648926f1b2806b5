/** From a request to the plan for a linked kernel image: as plan.ts beside it, with nothing left for a loader to do. */
import { type ElfFile, readElf } from '../../elf/read.ts';
import { Btf } from '../../kernel/btf.ts';
import { KERNEL_START, loadSegments } from '../../kernel/image-layout.ts';
import { patchNoteSection } from '../../kernel/patch-note.ts';
import type { ImageAdditions, ImagePlan, ImageRest } from '../../plan/image.ts';
import type { SiteForm, WordChange } from '../../plan/plan.ts';
import { localEntryOffset } from '../../ppc64/entry-points.ts';
import { NOP } from '../../ppc64/words.ts';
import { hex } from '../../util/bytes.ts';
import { Draft, type DraftRest } from '../draft.ts';
import { type HookRequest, planHooks } from '../hooks.ts';
import { KnownWords, NAMED, RECORDED, REWRITTEN, TABLED } from '../known-words.ts';
import { type NopTarget, nopTargets, planNop } from '../nops.ts';
import { planRedirects, type RedirectRequest } from '../redirects.ts';
import { refusal } from '../refusals.ts';
import { planRetargets, type RetargetRequest } from '../retargets.ts';
import { findCode, placeKey, requireCode, Subject } from '../subject.ts';
import { endOf } from '../targets.ts';
import { applyImagePlan } from './apply.ts';
import { linkPlan } from './link.ts';
import { dropImageRecords } from './records.ts';
import { imageRefusal } from './refusals.ts';
import { ImageRelocations } from './relocations.ts';
import { checkImageStrategy } from './strategies.ts';
import { changeTableEnds } from './table-ends.ts';

export interface ImageRequest {
  readonly nops: readonly string[];
  readonly redirects: readonly RedirectRequest[];
  readonly hooks?: readonly HookRequest[] | undefined;
  readonly retargets?: readonly RetargetRequest[] | undefined;
  /** Objects that become part of the image: what is redirected may lead to them. */
  readonly additions?: ImageAdditions | undefined;
  /** The same objects in the same places, now that it is known what stands for the rest of functions. */
  readonly relink?: ((rests: readonly ImageRest[]) => ImageAdditions) | undefined;
}

const ALL = 0xffff_ffff_ffff_ffffn;

const NOTHING: ImageAdditions = {
  merged: [],
  pieces: [],
  bindings: [],
  rests: [],
  tables: [],
  parts: [],
  symbols: [],
  relatives: [],
  warnings: [],
};

/**
 * The plan for `request`.
 *
 * @throws RefusalError PAT002 to PAT025, PAT060 to PAT070, PAT120 to PAT122, PAT126, PAT127, PAT250; InputError where the file is damaged
 */
export function makeImagePlan(elf: ElfFile, request: ImageRequest): ImagePlan {
  const { nops, redirects, hooks = [], retargets = [], additions = NOTHING, relink } = request;
  if (elf.symbols === undefined) throw imageRefusal('PAT121', { what: 'it has no symbols' });
  const start = loadSegments(elf).reduce((least, s) => (s.p_vaddr < least ? s.p_vaddr : least), ALL);
  if (start !== KERNEL_START) throw imageRefusal('PAT250', { found: hex(start), expected: hex(KERNEL_START) });
  if (nops.length + redirects.length + hooks.length + retargets.length + additions.parts.length === 0)
    throw refusal('PAT024');
  const image = additions.parts.length === 0 ? elf : withAdditions(elf, additions);
  const subject = new Subject(image, btfOf(elf), firstAdded(elf));
  const draft = new Draft(image);
  const targets = nopTargets(subject, nops, draft);
  checkRequests(subject, request);
  // All distances are known, and are looked at when the plan is linked.
  planRedirects(subject, redirects, targets, { exports: new Map() }, draft);
  checkKnownWords(subject, draft);
  planHooks(subject, hooks, { nops: targets, redirects }, { exports: new Map() }, draft);
  planRetargets(subject, retargets, { exports: new Map() }, draft);
  for (const target of targets) planImageNop(image, target, draft);
  return finish(elf, image, draft, subject.sites[0]?.form, additions, relink);
}

/** The image with the objects in it and nothing else done. */
function withAdditions(elf: ElfFile, additions: ImageAdditions): ElfFile {
  const plan = finish(elf, elf, new Draft(elf), undefined, additions);
  return readElf(applyImagePlan(elf, plan, { toolVersion: '' }).bytes);
}

function btfOf(elf: ElfFile): Btf | undefined {
  const section = elf.sectionNamed('.BTF');
  return section === undefined ? undefined : Btf.parse(elf.contents(section));
}

/** What an image can be given: everything has to be in it. */
function checkRequests(subject: Subject, { redirects, hooks = [], retargets = [] }: ImageRequest): void {
  for (const { to, strategy, at } of redirects) {
    checkImageStrategy(strategy);
    if (strategy === 'custom' && at !== 'after-site' && at !== 'site')
      throw imageRefusal('PAT195', {
        what: `--at ${at} with custom`,
        why: 'what it may go on in is the rest behind a call site; --at with direct leads to a function of an object',
      });
    requireCode(subject, to);
  }
  for (const name of [...hooks.map(h => h.hook), ...retargets.map(r => r.to)]) requireCode(subject, name);
}

/** What relocations tell of an object (places.ts), tables tell of an image. @throws RefusalError PAT008 to PAT010 */
function checkKnownWords(subject: Subject, draft: Draft): void {
  const redirects = draft.actions.filter(a => a.kind === 'redirect');
  if (redirects.length === 0) return;
  const known = new KnownWords(subject);
  for (const { function: name, section: home, offset, at } of redirects) {
    // No word of the function changes; the branches have been looked at.
    if (at === 'local-entry') continue;
    const section = subject.elf.sectionNamed(home)!;
    const code = findCode(subject, name) ?? findCode(subject, `${name}@${home}+0x${offset.toString(16)}`);
    const [start, end] = code === undefined ? [offset, offset + 4] : [code.global, endOf(code)];
    const marks = known.at(section, offset, start, end);
    const where = { section, offset, function: name };
    const isEntry = code !== undefined && (offset === code.global || offset === code.names[0]!.local);
    if ((marks & REWRITTEN) !== 0) throw refusal('PAT010', { table: 'a table of feature sections' }, where);
    if ((marks & TABLED) !== 0)
      throw refusal('PAT009', { table: 'a table of the kernel', what: 'it may jump there' }, where);
    if ((marks & RECORDED) !== 0 && at !== 'site')
      throw refusal('PAT009', { table: 'a record of the tracer', what: 'it patches it' }, where);
    if ((marks & NAMED) !== 0 && !isEntry) throw refusal('PAT008', { what: 'an address constant names it' }, where);
  }
}

/** In a linked image no relocation tells the profiling call: the site does. */
function planImageNop(elf: ElfFile, target: NopTarget, draft: Draft): void {
  planNop(elf, target, draft);
  for (const { section, offset, form } of target.code.sites) {
    if (form === 'pg') throw imageRefusal('PAT120', { what: '--nop of a -pg call site' });
    const before = elf.sectionWords(section)[offset / 4]!;
    if (before !== NOP) draft.words.push({ section: section.index, offset, before, after: NOP });
  }
}

/**
 * What a plan for an object leaves to a loader is done here: records go, and everything gets its address.
 *
 * @param image the input with the objects in it, which the plan was made for
 */
function finish(
  elf: ElfFile,
  image: ElfFile,
  draft: Draft,
  form: SiteForm | undefined,
  placed: ImageAdditions,
  relink?: ImageRequest['relink'],
): ImagePlan {
  const plan = draft.freeze(false);
  const relocations = new ImageRelocations(elf);
  const { records, words } = dropImageRecords(elf, plan.removedRecords, form, relocations);
  const linked = linkPlan(image, plan, placed.parts.length);
  const own = firstAdded(elf);
  const rests = draft.rests.map(rest => placeOfRest(rest, placed, own, linked.addressOf(rest.symbol)));
  const additions = rests.length === 0 || relink === undefined ? placed : relink(rests);
  if (linked.words.some(w => w.section >= own)) throw imageRefusal('PAT120', { what: 'a change of a merged function' });
  const ends = changeTableEnds(elf, additions.tables);
  const changed = new Set(linked.words.map(w => placeKey(w.section, w.offset)));
  const twice = ends.find(w => changed.has(placeKey(w.section, w.offset)));
  if (twice !== undefined)
    throw imageRefusal('PAT194', {}, { section: elf.sections[twice.section]!, offset: twice.offset });
  const result: ImagePlan = {
    schema: 'tocsin.image-plan/1',
    actions: plan.actions,
    words: inOrder([...linked.words, ...ends, ...words, ...relocations.finish(additions.relatives.length)]),
    records,
    parts: [...additions.parts, ...linked.parts],
    symbols: [...additions.symbols, ...linked.symbols],
    relatives: additions.relatives,
    merged: additions.merged,
    pieces: additions.pieces,
    bindings: additions.bindings,
    rests: additions.rests,
    tables: additions.tables,
    warnings: [...plan.warnings, ...additions.warnings, ...stale(additions.parts.length + linked.parts.length)],
  };
  for (const part of Object.values(result)) Object.freeze(part);
  return Object.freeze(result);
}

/** Number of the first section that objects add: a note that is there goes. */
export function firstAdded(elf: ElfFile): number {
  return elf.sections.length - (patchNoteSection(elf) === undefined ? 0 : 1);
}

function placeOfRest(
  { section, offset, stands }: DraftRest,
  { pieces }: ImageAdditions,
  first: number,
  { address, st_other }: { readonly address: bigint; readonly st_other: number },
): ImageRest {
  const piece = pieces.find(
    p => p.part === section - first && offset >= p.offset && offset < p.offset + Math.max(p.size, 1),
  )!;
  const local = localEntryOffset(st_other & 0xe0);
  return { object: piece.object, section: piece.section, offset: offset - piece.offset, stands, address, local };
}

/** What is new has no entry in a table that only the kernel's build makes. */
function stale(parts: number): string[] {
  return parts === 0
    ? []
    : [
        "the kernel's own list of symbols (kallsyms) and its BTF do not know what is new: backtraces name what lies in front of it",
      ];
}

function inOrder(words: readonly WordChange[]): WordChange[] {
  return [...words].sort((a, b) => a.section - b.section || a.offset - b.offset);
}
