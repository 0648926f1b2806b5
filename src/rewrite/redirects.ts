/**
 * `--redirect F=G`: whoever enters F runs G instead.
 *
 * The branch goes to the word behind the call site (`after-site`: the tracer's record stays, and tracing F still works),
 * or takes the site's own word (`site`: the record goes). Behind `mflr r0; bl _mcount` and behind nops nothing has
 * happened yet that G would have to undo; behind a `-pg` site a frame stands, so that form is refused.
 */
import type { KernelFunction } from '../kernel/functions.ts';
import type { RedirectAt, Strategy, TocRecovery } from '../plan/plan.ts';
import type { CallSite } from '../sites/call-sites.ts';
import { BRANCH, R_PPC64_REL24 } from '../trampoline/template.ts';
import { hex } from '../util/bytes.ts';
import type { SectionOffset } from '../util/indexes.ts';
import type { CustomRequest } from './custom.ts';
import type { Draft } from './draft.ts';
import { type ImportOptions, planImport } from './imports.ts';
import type { NopTarget } from './nops.ts';
import { checkPlaces, type Place, relocationsAt } from './places.ts';
import { layDownRedirect } from './redirect-code.ts';
import { refusal } from './refusals.ts';
import { chooseStrategy, type PassedOver, passedOver } from './strategies.ts';
import { type Code, parseFunctionName, placeKey, requireCode, type Subject } from './subject.ts';
import { checkLifetime, endOf, findTarget, requireK, type Target } from './targets.ts';

export interface RedirectRequest {
  /** `NAME` or `NAME@SECTION+0xOFFSET`. */
  readonly from: string;
  /** The same, or the name of a symbol that is defined elsewhere. */
  readonly to: string;
  readonly strategy: 'auto' | Strategy;
  readonly at: RedirectAt;
  readonly toc: TocRecovery;
  /** Of a strategy that was named: goes on where arguments on the stack would be hidden, and the plan says so. */
  readonly isForced?: boolean | undefined;
  /** Of `custom`: what the trampoline is. */
  readonly custom?: CustomRequest | undefined;
  /** Of `auto`: what the caller has found not to do. */
  readonly passedOver?: readonly PassedOver[] | undefined;
}

/** A request, with what it is about. */
export interface Redirect {
  readonly request: RedirectRequest;
  readonly name: string;
  readonly from: Code;
  readonly k: number;
  readonly site: CallSite;
  readonly target: Target;
  readonly strategy: Strategy;
  readonly place: Place;
}

/** Reach of an I-form branch in each direction, bytes. */
const REACH = 0x200_0000;

/** @throws RefusalError PAT002 to PAT004, PAT006 to PAT019, PAT021 to PAT023, PAT025 to PAT028, PAT030 */
export function planRedirects(
  subject: Subject,
  requests: readonly RedirectRequest[],
  nops: readonly NopTarget[],
  imports: ImportOptions,
  draft: Draft,
): void {
  if (requests.length === 0) return;
  const redirects = requests.map(request => resolve(subject, request));
  const nopped = new Set(nops.map(n => keyOf(n.code)));
  checkConflicts(redirects, nopped);
  checkCircles(redirects);
  checkPlaces(
    subject,
    redirects.map(r => r.place),
  );
  for (const redirect of redirects) {
    if (redirect.target.kind === 'elsewhere' && redirect.strategy !== 'custom')
      planImport(subject.elf, redirect.target.name, imports, draft);
    planRedirect(subject, redirect, nopped, draft);
  }
}

function resolve(subject: Subject, request: RedirectRequest): Redirect {
  const from = requireCode(subject, request.from);
  const name = from.names.find(f => f.name === parseFunctionName(request.from).name)!.name;
  const at = { section: from.section, offset: from.global, function: name };
  const k = requireK(from, name);
  const site = from.sites[0];
  if (site === undefined) throw refusal('PAT004', {}, at);
  if (site.form === 'pg') throw refusal('PAT006', {}, at);
  const local = from.names[0]!.local;
  if (site.start < local) throw refusal('PAT025', {}, at);
  const target = findTarget(subject, request.to);
  const isItself = target.kind === 'here' && target.code.section === from.section && target.code.global === from.global;
  // A trampoline of the user's own that names no target may go on in the function itself.
  if (isItself && request.custom?.namesTarget !== false) throw refusal('PAT014', { name }, at);
  const strategy = chooseStrategy(request, target);
  if (target.kind === 'here') checkLifetime(from, name, target);
  const offset = request.at === 'site' ? site.offset : site.after;
  checkLength(from, offset, at);
  const end = endOf(from);
  const place: Place = {
    section: from.section,
    offset,
    name,
    entries: [from.global, local],
    end,
    site,
    at: request.at,
  };
  return { request, name, from, k, site, target, strategy, place };
}

function checkLength(from: Code, offset: SectionOffset, at: { function: string }): void {
  if (offset + 4 > endOf(from)) throw refusal('PAT007', {}, { section: from.section, offset, function: at.function });
}

const keyOf = (code: Code) => placeKey(code.section.index, code.global);

function checkConflicts(redirects: readonly Redirect[], nopped: ReadonlySet<number>): void {
  const seen = new Set<number>();
  for (const { from, name, request } of redirects) {
    const at = { section: from.section, offset: from.global, function: name };
    if (seen.has(keyOf(from))) throw refusal('PAT016', { what: 'the function is redirected twice' }, at);
    seen.add(keyOf(from));
    if (request.at === 'site' && nopped.has(keyOf(from)))
      throw refusal('PAT016', { what: 'the call site would become a nop and a branch' }, at);
  }
}

/** F to G and G to F is a loop, not a swap. */
function checkCircles(redirects: readonly Redirect[]): void {
  const next = new Map<number, Redirect>();
  for (const redirect of redirects)
    if (redirect.request.custom?.namesTarget !== false) next.set(keyOf(redirect.from), redirect);
  for (const start of redirects) {
    if (start.request.custom?.namesTarget === false) continue;
    const names = [start.name];
    let at: Redirect | undefined = start;
    while (at !== undefined && at.target.kind === 'here') {
      names.push(at.target.name);
      at = next.get(keyOf(at.target.code));
      if (at === start) throw refusal('PAT015', { names: names.join(' -> ') });
      if (names.length > redirects.length + 1) break;
    }
  }
}

function planRedirect(subject: Subject, redirect: Redirect, nopped: ReadonlySet<number>, draft: Draft): void {
  const { request, from, name, site, target, strategy, place } = redirect;
  const grounds = passedOver(request, target).map(p => `${p.strategy} was not taken: ${p.why} [${p.code}]`);
  const { symbol: branchTo, custom } = layDownRedirect(subject, redirect, nopped, draft, grounds);
  checkReach(subject, redirect, draft);
  const recordRemoved = request.at === 'site' && draft.dropRecord(site);
  draft.words.push({
    section: from.section.index,
    offset: place.offset,
    before: subject.elf.sectionWords(from.section)[place.offset / 4]!,
    after: BRANCH.word,
  });
  draft.removedRelocations.push(...relocationsAt(subject, place));
  draft.addedRelocations.push({
    section: from.section.index,
    offset: place.offset,
    type: R_PPC64_REL24,
    symbol: branchTo,
    addend: 0,
  });
  draft.actions.push({
    kind: 'redirect',
    function: name,
    aliases: from.names.map(f => f.name).filter(n => n !== name),
    to: target.name,
    strategy,
    at: request.at,
    section: from.section.name,
    offset: place.offset,
    form: site.form,
    recordRemoved,
    toc: strategy === 'direct' ? 'kept' : strategy === 'custom' ? 'own' : request.toc,
    grounds,
    ...(custom !== undefined && { custom }),
  });
  warnAbout(subject, redirect, draft);
}

/**
 * Inside one section the distance is known; elsewhere the whole module bounds it. Stubs, which only the loader sizes, are
 * counted as one for each external call there may be.
 */
function checkReach(subject: Subject, redirect: Redirect, draft: Draft): void {
  const { from, place, target, strategy } = redirect;
  const inPlace = strategy === 'direct' && target.kind === 'here' && target.code.section === from.section;
  if (inPlace && target.kind === 'here') {
    const distance = target.code.names[0]!.local - place.offset;
    if (Math.abs(distance) >= REACH) throw refusal('PAT013', { size: `${hex(Math.abs(distance))} bytes` }, place);
  }
  if (inPlace && !(redirect.k === 0 && target.kind === 'here' && target.k >= 2)) return;
  const size = subject.elf.sections.reduce((n, s) => n + (s.isAllocated ? s.sh_size : 0), draft.codeSize);
  if (size >= REACH) throw refusal('PAT013', { size: `${hex(size)} bytes of sections` }, place);
}

function warnAbout(subject: Subject, redirect: Redirect, draft: Draft): void {
  const { target, name, from } = redirect;
  if (target.kind === 'here' && calls(subject, target.code.names[0]!, from))
    draft.warnings.push(`${target.name} calls ${name}, which now leads back to ${target.name}`);
}

/** Whether the code of `caller` has a relocation that names the entry of `callee`. */
function calls(subject: Subject, caller: KernelFunction, callee: Code): boolean {
  const { symbols } = subject.elf;
  for (const table of subject.relocationTablesFor(caller.section.index)) {
    const relocations = subject.elf.relocations(table);
    for (let i = 0; i < relocations.count; i++) {
      const at = relocations.offset(i);
      if (at < caller.global || at >= caller.global + caller.size || relocations.type(i) !== R_PPC64_REL24) continue;
      const symbol = relocations.symbol(i);
      if (symbols!.sectionOf(symbol) !== callee.section.index) continue;
      const value = symbols!.value(symbol) + relocations.addend(i);
      if (value === callee.global || value === callee.names[0]!.local) return true;
    }
  }
  return false;
}
