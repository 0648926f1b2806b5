/** The replacement that a request names, and what holds of any function that is patched. */
import {
  SHN_LIVEPATCH,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHN_XINDEX,
  STB_GLOBAL,
  STB_WEAK,
  STT_GNU_IFUNC,
} from '../elf/constants.ts';
import type { SymbolRef } from '../plan/plan.ts';
import { hex } from '../util/bytes.ts';
import { isGlob } from '../util/glob.ts';
import type { SectionOffset, SymbolIndex } from '../util/indexes.ts';
import type { Draft } from './draft.ts';
import { refusal } from './refusals.ts';
import { type Code, findCode, parseFunctionName, requireCode, type Subject } from './subject.ts';

/** Where the replacement is. */
export type Target =
  | { readonly kind: 'here'; readonly name: string; readonly code: Code; readonly k: number }
  | { readonly kind: 'elsewhere'; readonly name: string };

/** One past the last byte of the code; a damaged `st_size` does not lead out of the section. */
export function endOf(code: Code): SectionOffset {
  const size = code.names.reduce((most, f) => Math.max(most, f.size), 0);
  return Math.min(code.global + size, code.section.sh_size);
}

/** @throws RefusalError PAT018 for k = 1, and where several names of one entry do not agree */
export function requireK(code: Code, name: string): number {
  const k = code.names[0]!.k;
  if (k === 1 || code.names.some(f => f.k !== k))
    throw refusal('PAT018', { name }, { section: code.section, offset: code.global });
  return k;
}

/** @throws RefusalError PAT003, PAT017 to PAT019, PAT240 */
export function findTarget(subject: Subject, text: string): Target {
  if (isGlob(text)) throw refusal('PAT240', { name: text });
  const code = findCode(subject, text);
  if (code !== undefined) {
    const name = code.names.find(f => f.name === parseFunctionName(text).name)!.name;
    const { symbols } = subject.elf;
    if (code.names.some(f => symbols?.type(f.symbol) === STT_GNU_IFUNC))
      throw refusal('PAT017', { name, what: 'an indirect function, which the loader does not resolve' });
    return { kind: 'here', name, code, k: requireK(code, name) };
  }
  const { name, section } = parseFunctionName(text);
  if (section !== undefined) requireCode(subject, text);
  checkUndefined(subject, name);
  return { kind: 'elsewhere', name };
}

/** A symbol of that name that is here but is no function, or that may be absent when the module is loaded. */
function checkUndefined(subject: Subject, name: string): void {
  const { symbols, sections } = subject.elf;
  if (symbols === undefined) return;
  const seen: SymbolIndex = symbols.find(name);
  if (seen < 0) return;
  const raw = symbols.rawSection(seen);
  if (raw === SHN_LIVEPATCH)
    throw refusal('PAT019', {
      name,
      what: 'a livepatch symbol is resolved when its object is patched, not when it is loaded',
    });
  if (raw >= SHN_LORESERVE && raw !== SHN_XINDEX)
    throw refusal('PAT019', { name, what: `its section index is ${hex(raw)} (absolute or common)` });
  if (raw !== SHN_UNDEF)
    throw refusal('PAT017', {
      name,
      what: `a symbol of type ${symbols.type(seen)} in ${sections[symbols.sectionOf(seen)]!.name}`,
    });
  if (symbols.binding(seen) === STB_WEAK)
    throw refusal('PAT019', { name, what: 'it is weak here, so the module also loads where nobody exports it' });
}

type Lifetime = 'init' | 'exit' | 'whole';

function lifetime(section: string): Lifetime {
  if (section.startsWith('.init')) return 'init';
  return section.startsWith('.exit') ? 'exit' : 'whole';
}

export function checkLifetime(from: Code, name: string, target: Target & { kind: 'here' }): void {
  const needed = lifetime(from.section.name);
  const given = lifetime(target.code.section.name);
  if (given === 'whole' || given === needed) return;
  throw refusal('PAT022', { name: target.name, section: target.code.section.name, from: name });
}

export function targetSymbol(target: Target, draft: Draft): SymbolRef {
  if (target.kind === 'elsewhere') return draft.undefinedSymbol(target.name);
  // A global name survives strip; any name of the entry will do.
  const symbol = target.code.names.find(f => f.binding === STB_GLOBAL) ?? target.code.names[0]!;
  return { existing: symbol.symbol };
}
