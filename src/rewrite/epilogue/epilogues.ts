/** `--epilogue GLOB`: which functions get a copy that keeps its caller's r2, how it is exported, and why others get none. */
import type { ElfFile } from '../../elf/read.ts';
import { exportFormOf } from '../../kernel/export-form.ts';
import { isGplCompatible } from '../../kernel/licenses.ts';
import { modinfoOf } from '../../kernel/modinfo.ts';
import { type ModuleExports, moduleExports } from '../../kernel/module-exports.ts';
import type { PlannedEpilogue } from '../../plan/plan.ts';
import { RefusalError } from '../../util/errors.ts';
import { globMatcher, isGlob } from '../../util/glob.ts';
import { refusal } from '../refusals.ts';
import { type Code, parseFunctionName, requireCode, requireMatch, Subject } from '../subject.ts';
import { requireK } from '../targets.ts';
import { copyOf, type EpilogueCopy } from './copy.ts';
import { epilogueName } from './names.ts';
import { epilogueObject } from './object.ts';
import { TableEntries } from './tables.ts';

const SHORT_LIVED = /^\.(init|exit)/;

export interface EpilogueRequest {
  /** A shell pattern over function names, `NAME`, or `NAME@SECTION+0xOFFSET`. */
  readonly functions: string;
  /** Functions that a pattern is not about, with the reason for each: the caller has found that they cannot be proved. */
  readonly except?: ReadonlyMap<string, string> | undefined;
}

export interface Epilogues {
  /** The object with copies and exports, to be merged into the module. */
  readonly bytes: Uint8Array;
  readonly actions: readonly PlannedEpilogue[];
  readonly warnings: readonly string[];
}

interface Wanted {
  readonly code: Code;
  readonly name: string;
  readonly pattern: string | undefined;
}

/** @throws RefusalError PAT001 to PAT003, PAT018, PAT160 to PAT168 */
export function makeEpilogues(elf: ElfFile, requests: readonly EpilogueRequest[]): Epilogues {
  if (!elf.isRelocatable) throw refusal('PAT001');
  const subject = new Subject(elf);
  const tables = new TableEntries(subject);
  const exported = moduleExports(elf.bytes);
  const copies: { readonly wanted: Wanted; readonly copy: EpilogueCopy }[] = [];
  const skipped = new Map<string, Map<string, string[]>>();
  for (const wanted of wantedOf(subject, requests)) {
    try {
      checkFunction(elf, wanted);
      copies.push({ wanted, copy: copyOf(subject, wanted.code, wanted.name, tables) });
    } catch (error) {
      if (wanted.pattern === undefined || !(error instanceof RefusalError)) throw error;
      const reasons = skipped.get(wanted.pattern) ?? new Map<string, string[]>();
      skipped.set(wanted.pattern, reasons);
      reasons.set(error.complaint.code, [...(reasons.get(error.complaint.code) ?? []), wanted.name]);
    }
  }
  const warnings = tellSkipped(
    skipped,
    requests,
    copies.map(c => c.wanted.name),
  );
  const gpl = isGplCompatible(modinfoOf(elf).find(e => e.key === 'license')?.value ?? '');
  const exports = copies.map(({ wanted, copy }) => ({
    symbol: epilogueName(wanted.name),
    copy,
    ...terms(wanted.code, exported, gpl),
  }));
  const { bytes, checksums } = epilogueObject(elf, exports, exportFormOf(elf, exported));
  const actions = copies.map(({ wanted: { code, name }, copy }, i): PlannedEpilogue => {
    const { symbol, gplOnly, namespace } = exports[i]!;
    return {
      kind: 'epilogue',
      function: name,
      aliases: code.names.map(f => f.name).filter(other => other !== name),
      symbol,
      section: code.section.name,
      offset: code.names[0]!.local,
      body: copy.body,
      gplOnly,
      namespace,
      crc: checksums.get(symbol)!,
      grounds: groundsOf(copy),
    };
  });
  return { bytes, actions, warnings };
}

function groundsOf({ siblings, entries }: EpilogueCopy): string[] {
  return [
    'the r2 of whoever enters it waits at the top of a frame of its own, 16 bytes larger; arguments on the stack stay in place',
    ...(siblings > 0 ? [`sibling calls became calls, so that r2 comes back behind them: ${siblings}`] : []),
    ...(entries.length > 0
      ? [`entries of the kernel's tables that are there for the copy too: ${entries.length}`]
      : []),
  ];
}

/** A function that nobody may import freely stays so; one that is not exported is for those whom its module trusts. */
function terms(code: Code, exported: ModuleExports | undefined, gpl: boolean) {
  const names = new Set(code.names.map(f => f.name));
  const i = exported?.names.findIndex(name => names.has(name)) ?? -1;
  if (exported === undefined || i < 0) return { gplOnly: gpl, namespace: '' };
  return { gplOnly: exported.gplOnly[i] === 1, namespace: exported.namespaces[i]! };
}

function checkFunction(elf: ElfFile, { code, name }: Wanted): void {
  const where = { section: code.section, offset: code.global, function: name };
  const section = code.section.name;
  requireK(code, name);
  if (SHORT_LIVED.test(section)) throw refusal('PAT165', { name, section }, where);
  if (name.startsWith('__tocsin_')) throw refusal('PAT166', { name, what: 'it is code of an earlier patch' }, where);
  const symbol = epilogueName(name);
  if (elf.symbols!.find(symbol) >= 0)
    throw refusal('PAT168', { name: symbol, what: 'the module has it already' }, where);
}

function wantedOf(subject: Subject, requests: readonly EpilogueRequest[]): readonly Wanted[] {
  const found = new Map<string, Wanted>();
  const add = (wanted: Wanted) => {
    const { code, name, pattern } = wanted;
    const key = `${code.section.index}+${code.global}`;
    const known = found.get(key);
    if (pattern === undefined && [...found].some(([k, w]) => k !== key && w.name === name))
      throw refusal('PAT168', { name: epilogueName(name), what: `two functions are called ${name}` });
    if (known === undefined || known.pattern !== undefined) found.set(key, wanted);
  };
  for (const { functions, except } of requests) {
    if (!isGlob(functions)) {
      const { name } = parseFunctionName(functions);
      const code = requireCode(subject, functions);
      add({ code, name: code.name(other => other === name), pattern: undefined });
      continue;
    }
    const matches = globMatcher(functions);
    const codes = subject.codes(name => matches(name) && except?.has(name) !== true);
    if (codes.length === 0) requireMatch(subject, functions);
    for (const code of codes) add({ code, name: code.name(matches), pattern: functions });
  }
  return unique([...found.values()]);
}

/** Of functions of one name, a pattern means the first: they cannot both be exported by it. */
function unique(all: readonly Wanted[]): readonly Wanted[] {
  const names = new Set<string>();
  return all.filter(({ name }) => !names.has(name) && names.add(name));
}

function tellSkipped(
  skipped: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>,
  requests: readonly EpilogueRequest[],
  done: readonly string[],
): string[] {
  const warnings: string[] = [];
  for (const [pattern, reasons] of skipped) {
    const why = [...reasons].map(([code, names]) => `${listed(names)} [${code}]`).join('; ');
    if (!done.some(globMatcher(pattern))) throw refusal('PAT167', { name: pattern, why });
    warnings.push(`get no epilogue, though ${pattern} matches: ${why}`);
  }
  for (const { functions, except } of requests) {
    if (except === undefined || except.size === 0) continue;
    const why = `not proved with one: ${[...except].map(([name, code]) => `${name} [${code}]`).join(', ')}`;
    if (!done.some(globMatcher(functions))) throw refusal('PAT167', { name: functions, why });
    warnings.push(`get no epilogue, though ${functions} matches, because they are ${why}`);
  }
  return warnings;
}

/** Some of the names, and how many there are. */
function listed(names: readonly string[]): string {
  const few = names.slice(0, 3).join(', ');
  return names.length <= 3 ? few : `${few} and ${names.length - 3} more`;
}
