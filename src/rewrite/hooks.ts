/**
 * `--hook GLOB=H` and `--hook-exit GLOB=H`: H is called before each function F that matches, or when it has returned, and F runs as
 * it would have (trampoline/hook.ts says how).
 *
 * The branch takes the place of the word behind the call site, so that the tracer's record stays and tracing F still works;
 * that word is moved to the end of the trampoline, where it runs with everything as it was. Where it cannot be moved, because
 * it is a branch, or because somebody else knows its place, the branch takes the place of the call site, and its record goes.
 * `--at` asks for one of the two and nothing else.
 */

import type { PlannedHook, RedirectAt, SiteAt, TocRecovery } from '../plan/plan.ts';
import { isBranch } from '../ppc64/branches.ts';
import { RefusalError } from '../util/errors.ts';
import { globMatcher, isGlob } from '../util/glob.ts';
import { requireNone, stackArguments } from './arguments.ts';
import type { Draft } from './draft.ts';
import { type Hook, layDown } from './hook-code.ts';
import { HookPlaces } from './hook-places.ts';
import { type ImportOptions, planImport } from './imports.ts';
import type { NopTarget } from './nops.ts';
import { CallGraph, keyOf } from './reach.ts';
import type { RedirectRequest } from './redirects.ts';
import { refusal } from './refusals.ts';
import { type Code, findCode, parseFunctionName, requireCode, requireMatch, type Subject } from './subject.ts';
import { checkLifetime, endOf, findTarget, requireK, type Target } from './targets.ts';

export interface HookRequest {
  /** A shell pattern over function names, `NAME`, or `NAME@SECTION+0xOFFSET`. */
  readonly functions: string;
  /** The hook: `NAME`, `NAME@SECTION+0xOFFSET`, or the name of a symbol that is defined elsewhere. */
  readonly hook: string;
  readonly when: 'before' | 'after';
  /** `undefined`: after the site where that can be done, else at the site. */
  readonly at: RedirectAt | undefined;
  readonly toc: TocRecovery;
  /** Of a function that was named: goes on where its arguments on the stack would be hidden, and the plan says so. */
  readonly isForced?: boolean | undefined;
  /** Functions that a pattern is not about, with the reason for each: the caller has found that they cannot be proved. */
  readonly except?: ReadonlyMap<string, string> | undefined;
}

/** What is asked of one function. */
interface Wanted {
  readonly code: Code;
  readonly name: string;
  readonly requests: HookRequest[];
  /** The pattern that it matches, if it was not named. */
  readonly pattern: string | undefined;
}

/** What else is asked for: a function has one change. */
export interface OtherChanges {
  readonly nops: readonly NopTarget[];
  readonly redirects: readonly RedirectRequest[];
}

/** @throws RefusalError PAT002 to PAT004, PAT006 to PAT014, PAT016 to PAT019, PAT021, PAT022, PAT025 to PAT028, PAT060 to PAT064, PAT070, PAT075 */
export function planHooks(
  subject: Subject,
  requests: readonly HookRequest[],
  others: OtherChanges,
  imports: ImportOptions,
  draft: Draft,
): void {
  if (requests.length === 0) return;
  const planner = new HookPlanner(subject, requests, others);
  const hooks = planner.plan(draft);
  for (const name of new Set(
    hooks.flatMap(h => [h.before, h.after]).flatMap(t => (t?.kind === 'elsewhere' ? [t.name] : [])),
  )) {
    planImport(subject.elf, name, imports, draft);
    draft.warnings.push(
      `${name} is not in this object: whether it leads back to a function that it is a hook of is not seen`,
    );
  }
  for (const hook of hooks) layDown(hook, draft);
}

class HookPlanner {
  readonly #subject: Subject;
  readonly #requests: readonly HookRequest[];
  readonly #targets = new Map<HookRequest, Target>();
  readonly #graph: CallGraph;
  readonly #places: HookPlaces;
  /** Functions that a hook enters, by the hook's key. */
  readonly #reached = new Map<number, ReadonlySet<number>>();
  readonly #redirected: ReadonlySet<number>;

  constructor(subject: Subject, requests: readonly HookRequest[], others: OtherChanges) {
    this.#subject = subject;
    this.#requests = requests;
    for (const request of requests) this.#targets.set(request, findTarget(subject, request.hook));
    this.#graph = new CallGraph(subject);
    this.#places = new HookPlaces(subject, new Set(others.nops.map(n => keyOf(n.code))));
    this.#redirected = new Set(others.redirects.flatMap(r => this.#redirectEdge(r)));
  }

  /** Whoever enters a redirected function enters its replacement. */
  #redirectEdge({ from, to }: RedirectRequest): number[] {
    const code = findCode(this.#subject, from);
    const target = findCode(this.#subject, to);
    if (code === undefined) return [];
    if (target !== undefined) this.#graph.add(keyOf(code), keyOf(target));
    return [keyOf(code)];
  }

  plan(draft: Draft): readonly Hook[] {
    const hooks: Hook[] = [];
    /** By pattern: why functions that match it are not hooked. */
    const skipped = new Map<string, Map<string, string[]>>();
    for (const wanted of this.#wanted()) {
      try {
        hooks.push(this.#hook(wanted, draft));
      } catch (error) {
        if (wanted.pattern === undefined || !(error instanceof RefusalError)) throw error;
        const reasons = skipped.get(wanted.pattern) ?? new Map<string, string[]>();
        skipped.set(wanted.pattern, reasons);
        const { code } = error.complaint;
        reasons.set(code, [...(reasons.get(code) ?? []), wanted.name]);
      }
    }
    for (const [pattern, reasons] of skipped) {
      const told = [...reasons].map(([code, names]) => `${listed(names)} [${code}]`).join('; ');
      if (!hooks.some(h => globMatcher(pattern)(h.name))) throw refusal('PAT063', { name: pattern, why: told });
      draft.warnings.push(`not hooked, though ${pattern} matches: ${told}`);
    }
    for (const { functions, except } of this.#requests) {
      if (except === undefined || except.size === 0) continue;
      const why = `not proved with a hook: ${[...except].map(([name, code]) => `${name} [${code}]`).join(', ')}`;
      if (!hooks.some(h => globMatcher(functions)(h.name))) throw refusal('PAT063', { name: functions, why });
      draft.warnings.push(`stay as they are, though ${functions} matches, because they are ${why}`);
    }
    this.#checkCircles(hooks);
    return hooks;
  }

  /** Each function once, in the order of the file. */
  #wanted(): readonly Wanted[] {
    const found = new Map<number, Wanted>();
    for (const request of this.#requests) {
      const pattern = isGlob(request.functions) ? request.functions : undefined;
      for (const { code, name } of this.#matching(request)) {
        const known = found.get(keyOf(code));
        if (known === undefined) found.set(keyOf(code), { code, name, requests: [request], pattern });
        else
          found.set(keyOf(code), {
            ...known,
            requests: [...known.requests, request],
            pattern: known.pattern && pattern,
          });
      }
    }
    return [...found].sort((a, b) => a[0] - b[0]).map(([, wanted]) => wanted);
  }

  #matching({ functions, except }: HookRequest): readonly { readonly code: Code; readonly name: string }[] {
    if (!isGlob(functions)) {
      const { name } = parseFunctionName(functions);
      const code = requireCode(this.#subject, functions);
      return [{ code, name: code.name(other => other === name) }];
    }
    const matches = globMatcher(functions);
    const codes = this.#subject.codes(name => matches(name) && except?.has(name) !== true);
    if (codes.length === 0) requireMatch(this.#subject, functions);
    return codes.map(code => ({ code, name: code.name(matches) }));
  }

  #hook({ code, name, requests, pattern }: Wanted, draft: Draft): Hook {
    const where = { section: code.section, offset: code.global, function: name };
    const before = this.#targetOf(requests, 'before', where);
    const after = this.#targetOf(requests, 'after', where);
    const k = requireK(code, name);
    const site = code.sites[0];
    if (site === undefined) throw refusal('PAT004', {}, where);
    if (site.form === 'pg') throw refusal('PAT006', {}, where);
    const { local } = code.names[0]!;
    if (site.start < local) throw refusal('PAT025', {}, where);
    if (site.start !== local) throw refusal('PAT064', { name }, where);
    if (this.#redirected.has(keyOf(code)))
      throw refusal('PAT016', { what: 'the function is redirected and hooked' }, where);
    for (const target of [before, after])
      if (target?.kind === 'here') {
        checkLifetime(code, name, target);
        this.#checkRecursion(code, name, target);
      }
    if (after !== undefined && !this.#comesBack(code)) throw refusal('PAT070', { name }, where);
    const forced = pattern === undefined && requests.some(r => r.isForced) ? draft : undefined;
    const grounds =
      after === undefined ? [] : [requireNone(name, code, stackArguments(this.#subject, code, name), forced)];
    const asked = siteAt(requests.find(r => r.at !== undefined)?.at);
    const { place, why } = this.#places.choose(code, name, site, asked);
    const isNear = [before, after].every(t => t === undefined || t.kind === 'here');
    const toc = k === 0 ? 'saved' : isNear ? 'kept' : requests[0]!.toc;
    return { code, name, k, site, before, after, toc, place, grounds: [...grounds, ...why, groundOfToc(name, k, toc)] };
  }

  /** Whether there is a way out of a function, as far as its own instructions show: a return, or a jump to somewhere else. */
  #comesBack(code: Code): boolean {
    const words = this.#subject.elf.sectionWords(code.section);
    const end = endOf(code);
    for (let at = code.global; at + 4 <= end; at += 4) {
      const word = words[at / 4]!;
      if (word >>> 26 === 19 && isBranch(word)) return true;
      if (word >>> 26 !== 18 || (word & 1) === 1) continue;
      const target = at + (((word & 0x03fffffc) << 6) >> 6);
      if (target === at || target < code.global || target >= end) return true;
    }
    return false;
  }

  #targetOf(requests: readonly HookRequest[], when: HookRequest['when'], where: object): Target | undefined {
    const [first, second] = requests.filter(r => r.when === when);
    if (second !== undefined && second.hook !== first!.hook)
      throw refusal('PAT016', { what: `two hooks are asked for ${when} the function` }, where);
    return first && this.#targets.get(first);
  }

  #checkRecursion(code: Code, name: string, target: Target & { kind: 'here' }): void {
    const where = { section: code.section, offset: code.global, function: name };
    const key = keyOf(target.code);
    if (key === keyOf(code)) throw refusal('PAT060', { name }, where);
    let reached = this.#reached.get(key);
    if (reached === undefined) {
      reached = this.#graph.reachedFrom(key);
      this.#reached.set(key, reached);
    }
    if (reached.has(keyOf(code))) throw refusal('PAT061', { name, hook: target.name }, where);
  }

  /** Two hooks may lead to one another through functions that they are for. */
  #checkCircles(hooks: readonly Hook[]): void {
    const pairs = hooks.flatMap(h =>
      [h.before, h.after].flatMap(t => (t?.kind === 'here' ? [{ hook: h, target: t }] : [])),
    );
    if (new Set(pairs.map(p => keyOf(p.target.code))).size < 2) return;
    for (const { hook, target } of pairs) this.#graph.add(keyOf(hook.code), keyOf(target.code));
    this.#reached.clear();
    for (const { hook, target } of pairs) this.#checkRecursion(hook.code, hook.name, target);
  }
}

/** @throws RefusalError PAT075 */
function siteAt(at: RedirectAt | undefined): SiteAt | undefined {
  if (at === 'global-entry' || at === 'local-entry') throw refusal('PAT075', { at });
  return at;
}

/** Some of the names, and how many there are. */
function listed(names: readonly string[]): string {
  const few = names.slice(0, 3).join(', ');
  return names.length <= 3 ? few : `${few} and ${names.length - 3} more`;
}

function groundOfToc(name: string, k: number, toc: PlannedHook['toc']): string {
  if (k === 0)
    return `${name} may be entered with any r2: it waits in the trampoline's own frame while the hook has this object's TOC`;
  if (toc === 'kept')
    return `${name} sets up r2 in front of its call site, and the hook lies in this object: one TOC for both`;
  return toc === 'recomputed'
    ? "behind the hook r2 is computed from the trampoline's own address"
    : "behind the hook r2 comes from the TOC save slot of the trampoline's own frame";
}
