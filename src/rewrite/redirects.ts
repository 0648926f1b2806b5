/**
 * `--redirect F=G`: whoever enters F runs G instead.
 *
 * The branch goes to the word behind the call site (`after-site`: the tracer's record stays, and tracing F still works),
 * or takes the site's own word (`site`: the record goes). Behind `mflr r0; bl _mcount` and behind nops nothing has
 * happened yet that G would have to undo; behind a `-pg` site a frame stands, so that form is refused.
 * Redirects for some callers only are in entry-redirects.ts.
 */

import type { Section } from '../elf/section.ts';
import type { KernelFunction } from '../kernel/functions.ts';
import type {
  ImportedCopy,
  PlannedRedirect,
  RedirectAt,
  ShadowStack,
  SiteAt,
  Strategy,
  SymbolRef,
  TocRecovery,
} from '../plan/plan.ts';
import { BRANCH, R_PPC64_REL24 } from '../trampoline/template.ts';
import { RefusalError } from '../util/errors.ts';
import type { SectionOffset } from '../util/indexes.ts';
import type { CustomRequest } from './custom.ts';
import type { Draft } from './draft.ts';
import { changeBranches, globalEntryPlace, type LocalBranch, localBranches, siteForm } from './entry-redirects.ts';
import { epilogueToc } from './epilogue/redirect.ts';
import { type GivenCopies, type ImportOptions, planImport } from './imports.ts';
import { islandGround, leadFrom } from './islands.ts';
import { planLongBranch } from './long-branch.ts';
import type { NopTarget } from './nops.ts';
import { checkPlaces, type Place, relocationsAt } from './places.ts';
import { isStraight, type LaidDown, layDownRedirect } from './redirect-code.ts';
import { refusal } from './refusals.ts';
import { shadowToc } from './shadow.ts';
import type { Spot } from './spread.ts';
import { chooseStrategy, copyOfTarget, type PassedOver, passedOver, StrategyRefusal } from './strategies.ts';
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
  /** Of `shadow`: where the kernel has the second stack of a task, if that is to be used. */
  readonly stack?: ShadowStack | undefined;
  /** Of `auto`: what the caller has found not to do. */
  readonly passedOver?: readonly PassedOver[] | undefined;
}

/** A request, with what it is about. */
export interface Redirect {
  readonly request: RedirectRequest;
  readonly name: string;
  readonly from: Code;
  readonly target: Target;
  readonly strategy: Strategy;
  /** Of `epilogue`: whom the branch leads to. */
  readonly copy: ImportedCopy | undefined;
  /** What those who are redirected have in r2: home (k >= 2), or anything (0, also for a global entry). */
  readonly k: number;
  /** The word that becomes the branch, or the branches that lead to the replacement instead. */
  readonly place: Place | undefined;
  readonly branches: readonly LocalBranch[];
}

/** @throws RefusalError PAT002 to PAT004, PAT006 to PAT019, PAT021 to PAT023, PAT025 to PAT028, PAT030, PAT071 to PAT078 */
export function planRedirects(
  subject: Subject,
  requests: readonly RedirectRequest[],
  nops: readonly NopTarget[],
  imports: ImportOptions,
  draft: Draft,
): void {
  if (requests.length === 0) return;
  const { copies = new Map() } = imports;
  const redirects = requests.map(request => resolve(subject, request, copies));
  const nopped = new Set(nops.map(n => keyOf(n.code)));
  checkConflicts(redirects, nopped);
  checkCircles(redirects);
  checkPlaces(
    subject,
    redirects.flatMap(r => r.place ?? []),
  );
  for (const redirect of redirects) {
    if (redirect.target.kind === 'elsewhere' && redirect.strategy !== 'custom')
      planImport(subject.elf, redirect.copy?.symbol ?? redirect.target.name, imports, draft);
    planRedirect(subject, redirect, nopped, copies, draft);
  }
}

function resolve(subject: Subject, request: RedirectRequest, copies: GivenCopies): Redirect {
  const from = requireCode(subject, request.from);
  const name = from.names.find(f => f.name === parseFunctionName(request.from).name)!.name;
  const at = { section: from.section, offset: from.global, function: name };
  const own = requireK(from, name);
  const siteOffset = isAtSite(request.at) ? sitePlace(from, request.at, at) : undefined;
  const target = findTarget(subject, request.to);
  const isItself = target.kind === 'here' && target.code.section === from.section && target.code.global === from.global;
  // A trampoline of the user's own that names no target may go on in the function itself.
  if (isItself && request.custom?.namesTarget !== false) throw refusal('PAT014', { name }, at);
  if (!isItself && request.custom?.namesTarget === false)
    throw refusal('PAT271', { object: request.custom.object, name, to: target.name }, at);
  const strategy = chooseStrategy(request, target, copies);
  const copy = strategy === 'epilogue' ? copyOfTarget(target, copies) : undefined;
  if (target.kind === 'here') checkLifetime(from, name, target);
  const k = request.at === 'global-entry' ? 0 : own;
  const common = { request, name, from, k, target, strategy, copy };
  if (request.at === 'global-entry') return { ...common, place: globalEntryPlace(from, name), branches: [] };
  if (siteOffset === undefined) return { ...common, place: undefined, branches: localBranches(subject, from, name) };
  const entries = [from.global, from.names[0]!.local];
  const place = { section: from.section, offset: siteOffset, name, entries, end: endOf(from), at: request.at };
  return { ...common, place, branches: [] };
}

function isAtSite(at: RedirectAt): at is SiteAt {
  return at === 'after-site' || at === 'site';
}

/** @throws RefusalError PAT004, PAT006, PAT007, PAT025 */
function sitePlace(from: Code, at: SiteAt, where: { section: Section; function: string }): SectionOffset {
  const site = from.sites[0];
  if (site === undefined) throw refusal('PAT004', {}, { ...where, offset: from.global });
  if (site.form === 'pg') throw refusal('PAT006', {}, { ...where, offset: from.global });
  if (site.start < from.names[0]!.local) throw refusal('PAT025', {}, { ...where, offset: from.global });
  const offset = at === 'site' ? site.offset : site.after;
  if (offset + 4 > endOf(from)) throw refusal('PAT007', {}, { ...where, offset });
  return offset;
}

const keyOf = (code: Code) => placeKey(code.section.index, code.global);

function checkConflicts(redirects: readonly Redirect[], nopped: ReadonlySet<number>): void {
  const seen = new Map<number, RedirectAt[]>();
  for (const { from, name, request } of redirects) {
    const at = { section: from.section, offset: from.global, function: name };
    const others = seen.get(keyOf(from)) ?? [];
    // Two kinds of callers may go two ways.
    if (others.some(other => other === request.at || isAtSite(other) || isAtSite(request.at)))
      throw refusal('PAT016', { what: 'the function is redirected twice' }, at);
    seen.set(keyOf(from), [...others, request.at]);
    if (request.at === 'site' && nopped.has(keyOf(from)))
      throw refusal('PAT016', { what: 'the call site would become a nop and a branch' }, at);
  }
  for (const { target, name } of redirects)
    if (target.kind === 'here' && seen.get(keyOf(target.code))?.includes('local-entry'))
      throw refusal('PAT074', { name, to: target.name });
}

function tocOf({ strategy, request, k }: Redirect): PlannedRedirect['toc'] {
  if (strategy === 'direct') return 'kept';
  if (strategy === 'custom') return 'own';
  if (strategy === 'epilogue') return epilogueToc(k, request.at, request.toc);
  return strategy === 'shadow' ? shadowToc(k, request) : request.toc;
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

function planRedirect(
  subject: Subject,
  redirect: Redirect,
  nopped: ReadonlySet<number>,
  copies: GivenCopies,
  draft: Draft,
): void {
  const { request, from, name, target, strategy, place, copy } = redirect;
  const grounds = passedOver(request, target, copies).map(p => `${p.strategy} was not taken: ${p.why} [${p.code}]`);
  const { spread } = draft;
  const room = spread.near(place ?? { section: from.section, offset: from.names[0]!.local });
  const isLong = place !== undefined && room === undefined && !isNear(redirect, place, draft);
  const laid = layDown(subject, redirect, room, isLong, nopped, draft, grounds);
  const { goal, custom } = laid;
  const [site] = from.sites;
  const recordRemoved = request.at === 'site' && site !== undefined && draft.dropRecord(site);
  const islands = new Set<Spot>();
  const lead = (spot: Spot): SymbolRef => {
    const { symbol, isIsland } = leadFrom(spot, goal, redirect.k >= 2, draft);
    if (isIsland) islands.add(spot);
    return symbol;
  };
  if (isLong) planLongBranch(subject, redirect, goal.symbol, spread.size, draft);
  else if (place !== undefined) planBranch(subject, place, lead(place), draft);
  const branches = changeBranches(subject, redirect.branches, lead, draft);
  if (islands.size > 0) grounds.push(islandGround(spread));
  draft.actions.push({
    kind: 'redirect',
    function: name,
    aliases: from.names.map(f => f.name).filter(n => n !== name),
    to: target.name,
    strategy,
    at: request.at,
    section: from.section.name,
    offset: place?.offset ?? from.names[0]!.local,
    ...siteForm(from),
    recordRemoved,
    ...(place === undefined && { branches }),
    ...(isLong && { branch: 'long' as const }),
    ...(islands.size > 0 && { branch: 'island' as const }),
    toc: tocOf(redirect),
    grounds,
    ...(custom !== undefined && { custom }),
    ...(copy !== undefined && { copy }),
    ...(strategy === 'shadow' && request.stack !== undefined && { stack: request.stack }),
  });
  warnAbout(subject, redirect, draft);
}

/** @throws StrategyRefusal where another strategy may be taken, else RefusalError */
function layDown(...given: Parameters<typeof layDownRedirect>): LaidDown {
  const [, { request, strategy }] = given;
  try {
    return layDownRedirect(...given);
  } catch (error) {
    if (request.strategy !== 'auto' || !(error instanceof RefusalError)) throw error;
    throw new StrategyRefusal(error.complaint, request, strategy);
  }
}

/** Whether a branch from there to the replacement itself is known to reach. */
function isNear(redirect: Redirect, place: Place, { spread }: Draft): boolean {
  const { target } = redirect;
  if (!isStraight(redirect) || target.kind === 'elsewhere') return false;
  return !spread.isFar(place, { section: target.code.section, offset: target.code.names[0]!.local });
}

/** The word at `place` becomes a branch, and its relocations go. */
function planBranch(subject: Subject, place: Place, to: SymbolRef, draft: Draft): void {
  const { section, offset } = place;
  const before = subject.elf.sectionWords(section)[offset / 4]!;
  draft.words.push({ section: section.index, offset, before, after: BRANCH.word });
  draft.removedRelocations.push(...relocationsAt(subject, place));
  draft.addedRelocations.push({ section: section.index, offset, type: R_PPC64_REL24, symbol: to, addend: 0 });
}

function warnAbout(subject: Subject, redirect: Redirect, draft: Draft): void {
  const { request, target, name, from } = redirect;
  // Branches inside the object do not come by its global entry.
  if (request.at === 'global-entry') return;
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
