/**
 * `--retarget F:CALL=G`: the calls of CALL that F makes lead to G. `F:+0xOFFSET=G` means the one call at that distance from F's
 * global entry. Nothing else changes: F's frame, its arguments and what stands behind the call stay.
 *
 * r2 at the call, and behind it:
 *
 * - G is defined here: it is entered at its local entry and leaves r2 = home. Where it has k >= 2 F has to have home in r2,
 *   which a function with k = 0 has not. A nop behind the call stays one.
 * - G is undefined here: the loader makes a stub, which needs r2 = home and stores it at 24(r1), and wants a nop behind the `bl`,
 *   which it turns into the load of it (`restore_r2`, module_64.c). So there must be one, and nobody may come to it by another
 *   way than the call.
 * - A jump (`b`) to another function has nobody behind it who could bring r2 back: only to functions of this object.
 */
import type { RemovedRelocation } from '../plan/plan.ts';
import { relocationFacts } from '../ppc64/relocations.ts';
import { R_PPC64_REL24 } from '../trampoline/template.ts';
import type { SectionOffset } from '../util/indexes.ts';
import { stackArguments } from './arguments.ts';
import type { Draft } from './draft.ts';
import { type Entries, entriesOf } from './entries.ts';
import { type ImportOptions, planImport } from './imports.ts';
import { goalOf, islandGround, leadFrom } from './islands.ts';
import { BRANCHED, ENTRY, KnownWords, NAMED, RECORDED, REWRITTEN, TABLED } from './known-words.ts';
import { refusal } from './refusals.ts';
import { type Code, parseFunctionName, placeKey, requireCode, type Subject } from './subject.ts';
import { checkLifetime, endOf, findTarget, requireK, type Target, targetSymbol } from './targets.ts';

export interface RetargetRequest {
  /** `NAME` or `NAME@SECTION+0xOFFSET`: where the call is made. */
  readonly from: string;
  /** Who is called, or `+0xOFFSET`: the place of the call, bytes from the global entry. */
  readonly call: string;
  /** Who is to be called: as for a redirect. */
  readonly to: string;
}

const NOP = 0x60000000;
const BL = 0x48000001;
const B = 0x48000000;
const TRACER = new Set(['_mcount', 'ftrace_caller', 'ftrace_regs_caller']);

/** A branch to a function. */
interface Call {
  readonly offset: SectionOffset;
  readonly word: number;
  readonly links: boolean;
  /** The REL24, unless the assembler has resolved the branch. */
  readonly relocation: RemovedRelocation | undefined;
  /** Names of what is called. */
  readonly names: readonly string[];
  readonly external: boolean;
  /** What is called, where that is a function of this object. */
  readonly code: Code | undefined;
}

/** @throws RefusalError PAT002, PAT003, PAT009 to PAT011, PAT013, PAT014, PAT016 to PAT019, PAT022, PAT026 to PAT028, PAT065 to PAT069 */
export function planRetargets(
  subject: Subject,
  requests: readonly RetargetRequest[],
  imports: ImportOptions,
  draft: Draft,
): void {
  if (requests.length === 0) return;
  const words = new KnownWords(subject);
  const codes = entriesOf(subject);
  const changed = new Set([...draft.words, ...draft.addedRelocations].map(w => placeKey(w.section, w.offset)));
  for (const request of requests) {
    const from = requireCode(subject, request.from);
    const name = from.name(other => other === parseFunctionName(request.from).name);
    const target = findTarget(subject, request.to);
    const calls = wantedCalls(subject, codes, from, name, request);
    if (target.kind === 'elsewhere') planImport(subject.elf, target.name, imports, draft);
    else checkLifetime(from, name, target);
    for (const call of calls) {
      const key = placeKey(from.section.index, call.offset);
      const where = { section: from.section, offset: call.offset, function: name };
      if (changed.has(key)) throw refusal('PAT016', { what: 'the call is changed twice' }, where);
      changed.add(key);
      retarget(subject, words, from, name, call, target, draft);
    }
  }
}

function wantedCalls(
  subject: Subject,
  codes: Entries,
  from: Code,
  name: string,
  request: RetargetRequest,
): readonly Call[] {
  const place = /^\+(?:0x([0-9a-fA-F]{1,8})|(\d{1,8}))$/.exec(request.call);
  const where = { section: from.section, offset: from.global, function: name };
  const calls = callsIn(subject, codes, from);
  if (place !== null) {
    const distance = place[1] === undefined ? Number(place[2]) : Number.parseInt(place[1], 16);
    const found = calls.find(c => c.offset === from.global + distance);
    if (found !== undefined) return [found];
    const what =
      from.global + distance >= endOf(from) ? 'the function ends before it' : 'it is no branch to a function';
    throw refusal('PAT069', { offset: request.call, name, what }, where);
  }
  if (TRACER.has(request.call))
    throw refusal('PAT069', { offset: request.call, name, what: 'it is a call site of the tracer (see --nop)' }, where);
  const found = calls.filter(c => c.names.includes(request.call));
  if (found.length > 0) return found;
  const others = [...new Set(calls.map(c => c.names[0]!))];
  const near = others.length === 0 ? '; it makes no calls at all' : `; it calls ${others.slice(0, 8).join(', ')}`;
  throw refusal('PAT065', { name, call: request.call, near }, where);
}

/** The branches of a function that lead to functions: with REL24, or resolved by the assembler. */
function callsIn(subject: Subject, codes: Entries, from: Code): readonly Call[] {
  const { elf } = subject;
  const words = elf.sectionWords(from.section);
  const relocations = relocationsIn(subject, from);
  const calls: Call[] = [];
  for (let offset = from.global; offset + 4 <= endOf(from); offset += 4) {
    const word = words[offset / 4]!;
    if (word >>> 26 !== 18 || (word & 2) !== 0) continue;
    const links = (word & 1) === 1;
    const relocation = relocations.get(offset);
    if (relocation === undefined) {
      const code = codes.at(from.section, offset + (((word & 0x03fffffc) << 6) >> 6));
      if (code === undefined || (code.global === from.global && !links)) continue;
      const names = code.names.map(f => f.name);
      // In a linked image nothing but its name tells the call of the tracer.
      if (names.some(name => TRACER.has(name))) continue;
      calls.push({ offset, word, links, relocation, names, external: false, code });
      continue;
    }
    const table = elf.relocations(elf.sections[relocation.table]!);
    const symbol = table.symbol(relocation.entry);
    if (table.type(relocation.entry) !== R_PPC64_REL24) continue;
    const name = elf.symbols!.name(symbol);
    if (TRACER.has(name)) continue;
    const spot = subject.spotOf(symbol, table.addend(relocation.entry));
    const code = spot && codes.at(spot.section, spot.offset);
    if (spot !== undefined && code === undefined) continue;
    const names = [name, ...(code?.names ?? []).map(f => f.name)];
    calls.push({ offset, word, links, relocation, names: [...new Set(names)], external: spot === undefined, code });
  }
  return calls;
}

/** The relocations of a function's words, by place. */
function relocationsIn(subject: Subject, from: Code): ReadonlyMap<SectionOffset, RemovedRelocation> {
  const found = new Map<SectionOffset, RemovedRelocation>();
  for (const table of subject.relocationTablesFor(from.section.index)) {
    const relocations = subject.elf.relocations(table);
    for (let i = 0; i < relocations.count; i++) {
      const at = relocations.offset(i);
      if (at >= from.global && at < endOf(from)) found.set(at & ~3, { table: table.index, entry: i });
    }
  }
  return found;
}

function retarget(
  subject: Subject,
  words: KnownWords,
  from: Code,
  name: string,
  call: Call,
  target: Target,
  draft: Draft,
): void {
  const { offset, links } = call;
  const where = { section: from.section, offset, function: name };
  const callee = call.names[0]!;
  if (call.names.includes(target.name) && call.external === (target.kind === 'elsewhere'))
    throw refusal('PAT014', { name: `the call of ${callee}` }, where);
  const marks = words.at(from.section, offset, from.global, endOf(from));
  if ((marks & REWRITTEN) !== 0) throw refusal('PAT010', { table: 'a table of feature sections' }, where);
  if ((marks & TABLED) !== 0)
    throw refusal('PAT009', { table: 'a table of the kernel', what: 'it may change it' }, where);
  const needsToc = target.kind === 'elsewhere' || target.k >= 2;
  if (needsToc && requireK(from, name) === 0) throw refusal('PAT067', { name, to: target.name }, where);
  const grounds = [checkArguments(subject, call, target)];
  if (target.kind === 'elsewhere') {
    if (!links) throw refusal('PAT068', { name, call: callee, to: target.name }, where);
    checkSlot(subject, words, from, name, call);
    grounds.push('the nop behind the call becomes the load of r2, as behind every call of another object');
  } else grounds.push(`${target.name} is defined in this object: r2 is the same on both sides`);
  const { section } = from;
  const after = links ? BL : B;
  if (call.word !== after) draft.words.push({ section: section.index, offset, before: call.word, after });
  if (call.relocation !== undefined) draft.removedRelocations.push(call.relocation);
  const { symbol, isIsland } =
    target.kind === 'elsewhere'
      ? { symbol: targetSymbol(target, draft), isIsland: false }
      : leadFrom({ section, offset }, goalOf(target, draft), requireK(from, name) >= 2, draft);
  if (isIsland) grounds.push(islandGround(draft.spread));
  draft.addedRelocations.push({ section: section.index, offset, type: R_PPC64_REL24, symbol, addend: 0 });
  draft.actions.push({
    kind: 'retarget',
    function: name,
    aliases: from.names.map(f => f.name).filter(other => other !== name),
    call: callee,
    to: target.name,
    section: section.name,
    offset,
    links,
    ...(isIsland && { branch: 'island' as const }),
    toc: target.kind === 'elsewhere' ? 'restored' : 'kept',
    grounds,
  });
}

/** The word behind the call must be a nop that only the call leads to. @throws RefusalError PAT066 */
function checkSlot(subject: Subject, words: KnownWords, from: Code, name: string, { offset, external }: Call): void {
  const slot = offset + 4;
  const where = { section: from.section, offset: slot, function: name };
  const word = subject.elf.sectionWords(from.section)[slot / 4];
  if (slot >= endOf(from) || word === undefined) throw refusal('PAT066', { what: 'the function ends there' }, where);
  if (word !== NOP) throw refusal('PAT066', { what: `${(word >>> 0).toString(16).padStart(8, '0')} is no nop` }, where);
  // Behind a call of another object the nop is a slot already.
  if (external) return;
  const marks = words.at(from.section, slot, from.global, endOf(from));
  if ((marks & (ENTRY | BRANCHED | NAMED)) !== 0)
    throw refusal('PAT066', { what: 'the nop there is a branch target' }, where);
  if ((marks & (TABLED | REWRITTEN | RECORDED)) !== 0)
    throw refusal('PAT066', { what: 'the nop there belongs to a table of the kernel, which rewrites it' }, where);
  for (const [at, { table, entry }] of relocationsIn(subject, from))
    if (at === slot) {
      const type = subject.elf.relocations(subject.elf.sections[table]!).type(entry);
      throw refusal(
        'PAT066',
        { what: `the nop there has a relocation (${relocationFacts(type)?.name ?? type})` },
        where,
      );
    }
}

/** What G takes from the stack, F must have put there for CALL. @throws RefusalError PAT011 */
function checkArguments(subject: Subject, call: Call, target: Target): string {
  const same = `it is taken to have the prototype of ${call.names[0]!}`;
  if (target.kind === 'elsewhere') return `${target.name} is not in this object: ${same}`;
  const found = stackArguments(subject, target.code, target.name);
  if (found.answer !== 'yes') return `${target.name}: ${same}`;
  const before = call.code && stackArguments(subject, call.code, call.names[0]!);
  if (before?.answer === 'yes') return `${target.name} takes arguments from the stack, as ${call.names[0]!} does`;
  throw refusal(
    'PAT011',
    { name: target.name, evidence: found.because },
    { section: target.code.section, offset: found.offset ?? target.code.global },
  );
}
