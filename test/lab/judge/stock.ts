// Stock modules patched honestly in every way, each with all that a judge is given: what is to be spoilt, or lied about.

import { readFileSync } from 'node:fs';
import { type ElfFile, readElf } from '../../../src/elf/read.ts';
import { functionsOf } from '../../../src/kernel/functions.ts';
import type { PatchRequest } from '../../../src/rewrite/plan.ts';
import { InputError, RefusalError } from '../../../src/util/errors.ts';
import { told, withCopies } from '../../unit/verify/support/copies.ts';
import { exporting } from '../../unit/verify/support/exporting.ts';
import { hook, redirect, sample } from '../../unit/verify/support/patched.ts';
import {
  customOf,
  epilogueOf,
  objectOf,
  refusals,
  runtime,
  STACK,
  type Subject,
  subject,
} from '../../unit/verify/support/subjects.ts';
import { type Generation, kernel } from '../harness/harness.ts';
import { spread } from '../support/lab.ts';
import { plainModulesOf } from '../support/plain.ts';

const R_PPC64_REL24 = 10;
/** Functions of a module that are tried before a way is given up for it. */
const TRIES = 6;

/** Sound modules of a generation, small ones, spread over all of them. */
export function smallModules(generation: Generation, count: number): readonly string[] {
  const paths = plainModulesOf(kernel(generation)).map(m => m.plain);
  const fits = (path: string) => {
    const bytes = new Uint8Array(readFileSync(path));
    if (bytes.length > MOST) return false;
    const names = namesOf(readElf(bytes));
    return names.length >= 4 && names.length <= 30;
  };
  const chosen: string[] = [];
  for (const path of spread(paths, count * 12)) if (chosen.length < count && fits(path)) chosen.push(path);
  return chosen;
}

const MOST = 32 * 1024;

/** Names that mean one function each, those of init and exit code last. */
export function namesOf(elf: ElfFile): readonly string[] {
  const times = new Map<string, number>();
  const functions = functionsOf(elf);
  for (const { name } of functions) times.set(name, (times.get(name) ?? 0) + 1);
  const fine = functions.filter(f => times.get(f.name) === 1 && /^\w+$/.test(f.name));
  const isLate = (f: (typeof fine)[number]) => Number(/^\.(init|exit)/.test(f.section.name));
  return fine.sort((a, b) => isLate(a) - isLate(b)).map(f => f.name);
}

/** Functions that call, and whom, through a relocation: in the module (`local`) or elsewhere. */
function callsOf(elf: ElfFile, isLocal: boolean): readonly { from: string; call: string }[] {
  const symbols = elf.symbols!;
  const names = new Set(namesOf(elf));
  return functionsOf(elf)
    .filter(f => names.has(f.name))
    .flatMap(f => {
      const table = elf.sectionNamed(`.rela${f.section.name}`);
      if (table === undefined) return [];
      const entries = elf.relocations(table);
      const called = Array.from({ length: entries.count }, (_, i) => i)
        .filter(i => entries.type(i) === R_PPC64_REL24)
        .filter(i => entries.offset(i) >= f.local && entries.offset(i) < f.global + f.size)
        .map(i => entries.symbol(i))
        .filter(s => (symbols.rawSection(s) !== 0) === isLocal)
        .map(s => symbols.name(s));
      const once = called.filter(name => called.indexOf(name) === called.lastIndexOf(name));
      return once
        .filter(name => name !== '_mcount' && (!isLocal || names.has(name)))
        .map(call => ({ from: f.name, call }));
    });
}

type Attempt = (name: string) => Subject;
type Way = (bytes: Uint8Array, elf: ElfFile, generation: Generation) => readonly (() => Subject)[];

/** What is asked of one function of the module; functions are tried one after the other. */
function each(attempt: (bytes: Uint8Array, other: string) => Attempt): Way {
  return (bytes, elf) => {
    const names = namesOf(elf);
    return names.slice(0, TRIES).map((name, i) => () => attempt(bytes, names[(i + 1) % names.length]!)(name));
  };
}

const plain = (request: (name: string, other: string) => Partial<PatchRequest>): Way =>
  each((bytes, other) => name => subject(name, bytes, [], request(name, other)));

const withObject =
  (object: (g: Generation) => Parameters<typeof subject>[2], request: Parameters<typeof plain>[0]): Way =>
  (bytes, elf, generation) =>
    each((_, other) => name => subject(name, bytes, object(generation), request(name, other)))(bytes, elf, generation);

const FAR = 'elsewhere';

/** Every way to patch a module. */
export const WAYS: Readonly<Record<string, Way>> = {
  nop: plain(name => ({ nops: [name] })),
  'nop all': bytes => [() => subject('all', bytes, [], { nops: ['*'] })],
  direct: plain((name, other) => ({ redirects: [redirect(name, other, { strategy: 'direct' })] })),
  'direct, at the site': plain((name, other) => ({
    redirects: [redirect(name, other, { strategy: 'direct', at: 'site' })],
  })),
  frame: plain(name => ({ redirects: [redirect(name, FAR, { strategy: 'frame' })] })),
  'frame, saved': plain(name => ({ redirects: [redirect(name, FAR, { strategy: 'frame', toc: 'saved' })] })),
  'global entry': plain((name, other) => ({ redirects: [redirect(name, other, { at: 'global-entry' })] })),
  'local callers': plain(name => ({ redirects: [redirect(name, FAR, { at: 'local-entry' })] })),
  'to a copy': (bytes, elf, generation) => {
    const fix = told(withCopies(sample(`${generation}/tocsin_fix.ko`)));
    return namesOf(elf)
      .slice(0, TRIES)
      .map(name => () => ({
        ...subject(name, bytes, [], {
          redirects: [redirect(name, 'fix_in_range', { strategy: 'epilogue' })],
          ...fix,
        }),
        exports: fix.exports,
      }));
  },
  copies: (bytes, elf) =>
    namesOf(elf)
      .slice(0, TRIES)
      .map(name => () => epilogueOf(bytes, [name])),
  'shadow table': withObject(
    () => [runtime('shadow.o')],
    name => ({ redirects: [redirect(name, FAR, { strategy: 'shadow' })] }),
  ),
  'shadow table, saved': withObject(
    () => [runtime('shadow.o')],
    name => ({ redirects: [redirect(name, FAR, { strategy: 'shadow', toc: 'saved' })] }),
  ),
  'shadow stack': withObject(
    () => [runtime('shadow-stack.o')],
    name => ({ redirects: [redirect(name, FAR, { strategy: 'shadow', stack: STACK })] }),
  ),
  hook: plain(name => ({ hooks: [hook(name, FAR)] })),
  'hook all': bytes => [() => subject('all', bytes, [], { hooks: [hook('*', FAR)] })],
  'hook with exit': plain(name => ({ hooks: [hook(name, FAR, { when: 'after' })] })),
  'hook with exit, saved': plain(name => ({ hooks: [hook(name, FAR, { when: 'after', toc: 'saved' })] })),
  'custom, a frame': each(bytes => name => customOf(bytes, 'frame.o', name, FAR)),
  'custom, goes on': each(bytes => name => customOf(bytes, 'count.o', name, name)),
  'call elsewhere': (bytes, elf) =>
    callsOf(elf, false)
      .slice(0, TRIES)
      .map(call => () => subject(call.from, bytes, [], { retargets: [{ ...call, to: FAR }] })),
  'call here': (bytes, elf) => {
    const names = namesOf(elf);
    return callsOf(elf, true)
      .slice(0, TRIES)
      .map(call => () => {
        const to = names.find(name => name !== call.call && name !== call.from)!;
        return subject(call.from, bytes, [], { retargets: [{ ...call, to }] });
      });
  },
  'long branch': each(
    (bytes, other) => name => subject(name, bytes, [], { redirects: [redirect(name, other)], reach: 16 }),
  ),
  merged: withObject(
    g => [objectOf('demo_object.o', sample(`${g}/demo_object.o`))],
    name => ({ redirects: [redirect(name, 'fixed_in_range', { strategy: 'direct' })] }),
  ),
  exports: withObject(
    () => [exporting()],
    name => ({ redirects: [redirect(name, 'fix_exported', { strategy: 'frame' })] }),
  ),
};

export interface StockSubject extends Subject {
  /** What others export, where that is more than usual. */
  readonly exports?: ReturnType<typeof told>['exports'];
}

/** The module patched in a way; `undefined` where that is refused for each function that was tried. */
export function stockSubject(way: string, path: string, generation: Generation): StockSubject | undefined {
  const bytes = new Uint8Array(readFileSync(path));
  const isProvable = way !== 'to a copy';
  for (const attempt of WAYS[way]!(bytes, readElf(bytes), generation)) {
    try {
      const made: StockSubject = attempt();
      if (!isProvable || refusals(made, {}).length === 0) return made;
    } catch (error) {
      if (!(error instanceof RefusalError || error instanceof InputError)) throw error;
    }
  }
  return undefined;
}
