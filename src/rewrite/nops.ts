/**
 * `--nop`: no call is left at a function's entry, and the tracer no longer knows the place.
 *
 *     mprofile-kernel        bl _mcount -> nop; its relocation and the record go
 *     patchable              the words are nops already; only the record goes
 *     pg                     bl _mcount -> b .+8, over the nop behind it
 *
 * With `-pg` the word behind the call is the TOC restore once the loader has been there, and a task that was preempted in
 * `_mcount` still comes back to it: the call is jumped over together with it, so that nobody runs the restore without the
 * call.
 */
import type { ElfFile } from '../elf/read.ts';
import { globMatcher, isGlob } from '../util/glob.ts';
import type { Draft } from './draft.ts';
import { refusal } from './refusals.ts';
import { type Code, noSuchFunction, parseFunctionName, placeKey, requireCode, type Subject } from './subject.ts';

const NOP = 0x60000000;
/** `b .+8` */
const SKIP_ONE = 0x48000008;

/** Functions to nop, each once, and the name by which each was asked for. */
export interface NopTarget {
  readonly code: Code;
  readonly name: string;
}

/** @throws RefusalError PAT002 to PAT005 */
export function nopTargets(subject: Subject, patterns: readonly string[], draft: Draft): NopTarget[] {
  const lists = patterns.map(pattern =>
    isGlob(pattern) ? byPattern(subject, pattern, draft) : [byName(subject, pattern)],
  );
  if (lists.length < 2) return lists[0] ?? [];
  const targets = new Map<number, NopTarget>();
  for (const found of lists) {
    for (const target of found) {
      const key = placeKey(target.code.section.index, target.code.global);
      if (!targets.has(key)) targets.set(key, target);
    }
  }
  return [...targets.values()];
}

function byName(subject: Subject, text: string): NopTarget {
  const code = requireCode(subject, text);
  const first = code.name(() => true);
  if (!code.hasSite) throw refusal('PAT004', {}, { section: code.section, offset: code.global, function: first });
  const { name } = parseFunctionName(text);
  return { code, name: code.name(other => other === name) };
}

function byPattern(subject: Subject, pattern: string, draft: Draft): NopTarget[] {
  const matches = pattern === '*' ? () => true : globMatcher(pattern);
  const targets: NopTarget[] = [];
  let without = 0;
  for (const code of subject.codes(matches)) {
    if (code.hasSite) targets.push({ code, name: code.name(matches) });
    else without++;
  }
  if (targets.length === 0 && without === 0) throw noSuchFunction(subject, pattern);
  if (targets.length === 0) throw refusal('PAT005', { name: pattern, count: `${without}` });
  const strangers = pattern === '*' ? subject.sites.reduce((n, s) => (s.function === undefined ? n + 1 : n), 0) : 0;
  if (strangers > 0) draft.warnings.push(`${strangers} call sites belong to no function symbol and stay as they are`);
  if (without > 0)
    draft.warnings.push(`${without} functions that match ${pattern} have no call site and stay as they are`);
  return targets;
}

export function planNop(elf: ElfFile, target: NopTarget, draft: Draft): void {
  const { code } = target;
  const aliases = code.nameCount === 1 ? NONE : code.names.map(f => f.name).filter(name => name !== target.name);
  for (const site of code.sites) {
    const recordRemoved = draft.dropRecord(site);
    if (site.call !== undefined) {
      const before = elf.sectionWords(site.section)[site.offset / 4]!;
      const after = site.form === 'pg' ? SKIP_ONE : NOP;
      draft.words.push({ section: site.section.index, offset: site.offset, before, after });
      draft.removedRelocations.push(site.call);
    }
    draft.actions.push({
      kind: 'nop',
      function: target.name,
      aliases,
      section: site.section.name,
      offset: site.offset,
      form: site.form,
      recordRemoved,
    });
  }
}

const NONE: readonly string[] = [];
