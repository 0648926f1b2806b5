// One mutant: the twin's verdict, errno and messages against the booted kernel's.

import { readFileSync } from 'node:fs';
import { loadModule } from '../../../../src/loader/load.ts';
import type { LoadedModule, LoadOutcome, LogLine, Placement } from '../../../../src/loader/model.ts';
import type { Generation } from '../../harness/harness.ts';
import { DISK_DRIVERS } from '../attempts.ts';
import { isOfTheLoader } from '../log-lines.ts';
import { basesOf, knowledge, loadedModule } from '../twin.ts';
import { baseModules, type Mutant } from './mutants.ts';
import type { Verdict } from './verdicts.ts';

/** Where what is not placed by the kernel is put: the area of modules, as good as any. */
const SOMEWHERE: Placement = { kind: 'base', base: 0xc008_0000_0800_0000n };

const LEVELS: Readonly<Record<LogLine['level'], number>> = { err: 3, warning: 4, notice: 5, info: 6, debug: 7 };

/** Parts of lines that only the running machine knows. */
const UNPREDICTABLE: readonly (readonly [pattern: RegExp, replacement: string, reason: string])[] = [
  [/\b0000000[0-9a-f]{9}\b/g, '<hashed pointer>', '%p is hashed with a key of the boot'],
  [/\(____ptrval____\)|\(efault\)/g, '<hashed pointer>', '%p before the key is there'],
];

/** The log keeps the first 976 to 1,024 bytes of what is printed, by version; this much of a line is compared. */
const RECORD_BYTES = 900;

/** The modules that are loaded when a mutant is tried. */
export function loadedBefore(generation: Generation): ReadonlyMap<string, LoadedModule> {
  const helper = loadModule({
    bytes: readFileSync(baseModules(generation).helper),
    kernel: knowledge(generation),
    placement: { kind: 'base', base: 0xc008_0000_0400_0000n },
    modules: new Map(),
  });
  if (!helper.loads) throw new Error(`the twin refuses the helper: ${helper.log.map(line => line.text).join('; ')}`);
  const names = ['capture', ...DISK_DRIVERS.filter(name => generation === '6.1' || name === 'virtio_blk')];
  return new Map<string, LoadedModule>([
    ...names.map(name => [name, { name, exports: new Map(), gplCompatible: true }] as const),
    [helper.name, loadedModule(helper)] as const,
  ]);
}

/** What the twin says to a mutant, on a kernel that was told to forget its taints. */
export function askTwin(
  generation: Generation,
  mutant: Mutant,
  verdict: Verdict,
  modules: ReadonlyMap<string, LoadedModule>,
): LoadOutcome {
  const placement = Object.entries(verdict.placement).map(([name, address]) => [name, BigInt(`0x${address}`)] as const);
  return loadModule({
    bytes: mutant.bytes,
    kernel: knowledge(generation),
    placement: placement.length === 0 ? SOMEWHERE : basesOf(new Map(placement)),
    modules,
    parameters: mutant.parameters,
  });
}

export type Agreement =
  /** Same verdict, errno and messages. */
  | { readonly kind: 'equal' }
  /** The kernel died or warned of itself, and the twin said that it might. */
  | { readonly kind: 'foreseen' }
  /** Same errno, other messages, and the twin said that it was not sure of them; or it called dangerous what went well here. */
  | { readonly kind: 'unsure' | 'cautious'; readonly details: string }
  | { readonly kind: 'different'; readonly details: string };

/**
 * Compares the two. A kernel that died is foreseen only by a twin that called the module dangerous; one that warned without
 * a sentence of its own, also by one that had a remark of level `error`.
 */
export function compareVerdict(verdict: Verdict, outcome: LoadOutcome): Agreement {
  const kernelErrno = verdict.errno;
  const twinErrno = outcome.loads ? 0 : outcome.errno!.number;
  const kernelLog = normalized(withoutTraces(verdict.log.map(([priority, text]) => [priority, unescaped(text)])));
  const twinLog = normalized(withoutTraces(outcome.log.map(({ level, text }) => [LEVELS[level], text])));
  const differs = kernelErrno !== twinErrno || kernelLog.join('\n') !== twinLog.join('\n');
  if (!differs && !verdict.troubled) return { kind: 'equal' };
  const isForeseen =
    outcome.dangerous || outcome.remarks.some(({ level }) => level === 'error') || saysWhy(verdict.log);
  if (!differs && isForeseen) return { kind: 'equal' };
  const details = [
    `kernel: ${kernelErrno === null ? 'went down' : `errno ${kernelErrno}`}${verdict.troubled ? ', warned of itself' : ''}`,
    ...kernelLog.slice(0, 16).map(line => `    ${line}`),
    `twin:   errno ${twinErrno}${outcome.dangerous ? ', dangerous' : ''}${outcome.step ? `, in ${outcome.step}` : ''}`,
    ...twinLog.slice(0, 16).map(line => `    ${line}`),
    ...outcome.unknown.map(line => `    unknown: ${line}`),
    ...outcome.remarks.map(({ level, code, message }) => `    remark: ${level} ${code} ${message}`),
    ...(verdict.lastWords === undefined ? [] : [`    last words: ${lastWords(verdict)}`]),
    ...(verdict.troubled ? [`    warning: ${lastWords(verdict)}`] : []),
  ].join('\n');
  if (kernelErrno === null || verdict.troubled)
    return outcome.dangerous ? { kind: 'foreseen' } : { kind: 'different', details };
  if (outcome.dangerous) return { kind: 'cautious', details };
  if (outcome.unknown.length > 0 && kernelErrno === twinErrno) return { kind: 'unsure', details };
  return { kind: 'different', details };
}

/** Every warning comes with a sentence of its own, which is compared like the others. */
function saysWhy(log: Verdict['log']): boolean {
  return log.every(
    ([, text], at) => !text.startsWith('------------[ cut here ]') || !/^WARNING/.test(log[at + 1]?.[1] ?? 'WARNING'),
  );
}

/** /dev/kmsg writes bytes that are not printable as `\xNN`. */
function unescaped(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

type Line = readonly [priority: number, text: string];

/** Of a warning the kernel's sentence stays; place, registers and stack, which come behind it, are left out. */
function withoutTraces(lines: readonly Line[]): readonly Line[] {
  const kept: Line[] = [];
  let isTrace = false;
  for (const line of lines) {
    if (/^(WARNING|kernel BUG|Oops): ?/.test(line[1])) isTrace = true;
    if (!isTrace && !line[1].startsWith('------------[ cut here ]')) kept.push(line);
    if (line[1].startsWith('---[ end trace')) isTrace = false;
  }
  return kept;
}

/**
 * `PRIORITY TEXT`, a line each: which lines make one record depends on who prints meanwhile. A continuation has the level
 * of its record, whatever it would have by itself.
 */
function normalized(lines: readonly Line[]): readonly string[] {
  return lines
    .flatMap(([priority, text]) => text.split('\n').map((line, at) => (at === 0 ? `${priority} ${line}` : `- ${line}`)))
    .filter(line => isOfTheLoader(line.slice(2)))
    .map(line => line.slice(0, RECORD_BYTES))
    .map(line => UNPREDICTABLE.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), line));
}

/** The sentences of an oops or a warning that tell most. */
function lastWords(verdict: Verdict): string {
  const telling = /BUG|WARNING|NIP \[|panic|Oops|Unable to handle|terminating|empty name/;
  return [...verdict.log.map(([, text]) => text), ...(verdict.lastWords ?? '').split('\n')]
    .filter(line => telling.test(line))
    .slice(0, 4)
    .join(' | ');
}
