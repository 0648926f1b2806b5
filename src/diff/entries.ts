/** Entry points and call sites of matched functions. */
import { localEntryDistance } from '../kernel/functions.ts';
import { relocationFacts } from '../ppc64/relocations.ts';
import { callSitesOf } from '../sites/call-sites.ts';
import { type Body, bodyOf, type CodeComparison } from './code.ts';
import { type Item, itemAt } from './items.ts';
import type { Matched, Pair } from './match.ts';
import type { CallSiteDiff, EntryPoint, EntryPointDiff } from './model.ts';
import { firstAt } from './places.ts';
import type { Side } from './side.ts';

/** `ld r2,-8(r12)` and `add r2,r2,r12`: the distance to the TOC stands in front of the function. */
const LD_R2 = 0xe84cfff8;
const ADD_R2 = 0x7c426214;
/** `addis r2,r12,…` (or `lis r2,…` where a linker knew the address) and `addi r2,r2,…`, high halves. */
const ADDIS_R2_R12 = 0x3c4c;
const LIS_R2 = 0x3c40;
const ADDI_R2 = 0x3842;

function tocSetUp(body: Body, k: number): EntryPoint['toc'] {
  if (k === 0) return 'none';
  if (k === 1) return 'pcrel';
  const first = body.image.raw[body.first + body.lead] ?? 0;
  const second = body.image.raw[body.first + body.lead + 1] ?? 0;
  if (first === LD_R2 && second === ADD_R2) return 'load-add';
  const high = first >>> 16;
  return (high === ADDIS_R2_R12 || high === LIS_R2) && second >>> 16 === ADDI_R2 ? 'addis-addi' : 'none';
}

/** Whether an instruction of the body uses r2 as its base, or a relocation relative to the TOC lies in it. */
function usesToc(side: Side, body: Body): boolean {
  const { image, first, count, lead, item } = body;
  const entry = item.k < 2 ? 0 : localEntryDistance(item.k) / 4;
  for (let i = lead + entry; i < count; i++) {
    const word = image.raw[first + i]!;
    const opcode = word >>> 26;
    // addi, addis, loads and stores whose base register is r2.
    if (
      (opcode === 14 || opcode === 15 || (opcode >= 32 && opcode <= 58) || opcode === 61 || opcode === 62) &&
      ((word >>> 16) & 31) === 2
    )
      return true;
  }
  const places = side.places(item.section.index);
  for (let r = firstAt(places, item.start); r < places.count && places.offsets[r]! < item.end; r++)
    if (relocationFacts(places.types[r]!)?.base === 'S+A-.TOC.') return true;
  return false;
}

function entryPoint(side: Side, item: Item): EntryPoint {
  const body = bodyOf(side, item);
  return { distance: localEntryDistance(item.k), k: item.k, toc: tocSetUp(body, item.k), usesToc: usesToc(side, body) };
}

/** Entry points that differ. @param candidates the pairs whose code or `st_other` differs */
export function compareEntryPoints(old: Side, fresh: Side, candidates: Iterable<Pair>): EntryPointDiff[] {
  const found: EntryPointDiff[] = [];
  for (const pair of candidates) {
    if (!pair.old.isFunction || !pair.new.isFunction) continue;
    const before = entryPoint(old, pair.old);
    const after = entryPoint(fresh, pair.new);
    if (before.k !== after.k || before.toc !== after.toc || before.usesToc !== after.usesToc)
      found.push({ function: pair.new.name, old: before, new: after });
  }
  return found;
}

interface Site {
  readonly offset: number;
  readonly word: number;
  readonly form: string;
  readonly recorded: boolean;
}

/** Call sites by the number of the item that they lie in, offsets from its start. */
function sitesByItem(side: Side): Map<number, Site[]> {
  const byItem = new Map<number, Site[]>();
  if (side.elf.symbols === undefined) return byItem;
  for (const site of callSitesOf(side.elf).sites) {
    const item = itemAt(side.itemsIn(site.section.index), site.offset);
    if (item === undefined) continue;
    const word = side.image(site.section).raw[site.offset >>> 2] ?? 0;
    const entry = { offset: site.offset - item.start, word, form: site.form, recorded: site.record !== undefined };
    const list = byItem.get(item.number);
    if (list === undefined) byItem.set(item.number, [entry]);
    else list.push(entry);
  }
  return byItem;
}

function wordAt(side: Side, item: Item, offset: number): number | undefined {
  return offset < 0 ? undefined : side.image(item.section).raw[(item.start + offset) >>> 2];
}

/** Call sites that matched functions gained or lost, or that the tracer would see otherwise. */
export function compareCallSites(old: Side, fresh: Side, matched: Matched, map: CodeComparison['map']): CallSiteDiff[] {
  const before = sitesByItem(old);
  const after = sitesByItem(fresh);
  const found: CallSiteDiff[] = [];
  for (const pair of matched.pairs) {
    const olds = before.get(pair.number) ?? [];
    const news = [...(after.get(pair.number) ?? [])];
    const lost: Site[] = [];
    for (const site of olds) {
      const at = news.findIndex(s => s.offset === map(pair.number, site.offset));
      if (at >= 0) compareSite(pair, site, news.splice(at, 1)[0]!, found);
      else lost.push(site);
    }
    // One place each, only not opposite each other: another compiler's way of leaving room.
    if (lost.length === news.length) lost.forEach((site, i) => void compareSite(pair, site, news[i]!, found));
    else {
      for (const site of lost) found.push(lostSite(fresh, pair, site, map(pair.number, site.offset)));
      for (const site of news) found.push(gainedSite(old, pair, site));
    }
  }
  return found;
}

function lostSite(fresh: Side, { new: item }: Pair, site: Site, opposite: number): CallSiteDiff {
  const newWord = wordAt(fresh, item, opposite);
  return {
    function: item.name,
    change: 'lost',
    oldOffset: site.offset,
    oldWord: site.word,
    oldForm: site.form,
    oldRecorded: site.recorded,
    ...(newWord === undefined ? {} : { newOffset: opposite, newWord }),
  };
}

function gainedSite(old: Side, { old: item, new: { name } }: Pair, site: Site): CallSiteDiff {
  const oldWord = item.end - item.start > site.offset ? wordAt(old, item, site.offset) : undefined;
  return {
    function: name,
    change: 'gained',
    newOffset: site.offset,
    newWord: site.word,
    newForm: site.form,
    newRecorded: site.recorded,
    ...(oldWord === undefined ? {} : { oldOffset: site.offset, oldWord }),
  };
}

function compareSite({ new: item }: Pair, old: Site, fresh: Site, found: CallSiteDiff[]): void {
  const both = {
    function: item.name,
    oldOffset: old.offset,
    newOffset: fresh.offset,
    oldWord: old.word,
    newWord: fresh.word,
    oldForm: old.form,
    newForm: fresh.form,
    oldRecorded: old.recorded,
    newRecorded: fresh.recorded,
  };
  if (old.form !== fresh.form) found.push({ ...both, change: 'form' });
  if (old.recorded !== fresh.recorded)
    found.push({ ...both, change: fresh.recorded ? 'record-gained' : 'record-lost' });
}
