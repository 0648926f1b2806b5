// What the booted kernel says to each mutant. A mutant that kills the kernel ends the machine; the next one goes on behind
// it. Answers are kept in the cache by the mutant's bytes and by what asked, so that only new mutants are tried.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, type Generation, kernel } from '../../harness/harness.ts';
import { captureModule, session } from '../attempts.ts';
import type { Answer } from '../report.ts';
import { baseModules, type Mutant } from './mutants.ts';

export interface Verdict {
  /** finit_module(2)'s, 0 where it was loaded; `null` where the machine went down or hung meanwhile. */
  readonly errno: number | null;
  /** Priority and text of what was logged while it was loaded. */
  readonly log: readonly (readonly [priority: number, text: string])[];
  /** Bases of memory areas, hexadecimal, by the kernel's name; empty where the loader did not come to relocations. */
  readonly placement: Readonly<Record<string, string>>;
  readonly sections: Readonly<Record<string, string>>;
  /** delete_module(2)'s, where it was loaded. */
  readonly unload: number | null;
  readonly unloadLog: readonly (readonly [priority: number, text: string])[];
  /** The kernel warned of itself. */
  readonly troubled: boolean;
  /** The end of what the machine printed before it went down. */
  readonly lastWords?: string;
}

interface Store {
  readonly verdicts: Record<string, Verdict>;
}

/** Raise it when the same mutant would be asked differently. */
const FORMAT = 2;

/** Seconds after which a session that says nothing more is one whose mutant hangs. */
const SESSION_SECONDS = 900;

export interface VerdictRun {
  readonly verdicts: readonly Verdict[];
  /** Mutants that were tried in this run, machines that were booted, and real seconds of them. */
  readonly tried: number;
  readonly boots: number;
  readonly seconds: number;
}

/** @returns one verdict a mutant, in their order */
export async function verdictsOf(
  generation: Generation,
  mutants: readonly Mutant[],
  note: (text: string) => void = () => {},
): Promise<VerdictRun> {
  const folder = join(cacheFolder, 'loader', generation);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'mutants.json');
  const store: Store = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Store) : { verdicts: {} };
  const asked = askedOf(generation);
  const keys = mutants.map(mutant => keyOf(asked, mutant));
  const save = (): void => {
    writeFileSync(`${path}.new`, JSON.stringify(store));
    renameSync(`${path}.new`, path);
  };
  let boots = 0;
  let seconds = 0;
  let tried = 0;
  for (;;) {
    const open = mutants.flatMap((_, at) => (store.verdicts[keys[at]!] === undefined ? [at] : []));
    if (open.length === 0) break;
    const { answers, boot } = await session(
      generation,
      open.map(at => ({
        name: `mutant_${at}`,
        file: mutants[at]!.bytes,
        parameters: mutants[at]!.parameters,
      })),
      { unload: true, forget: true, before: [baseModules(generation).helper], timeoutSeconds: SESSION_SECONDS },
    );
    boots++;
    seconds += boot.seconds;
    if (answers.length === 0) throw new Error(`${generation}: nothing was tried: ${boot.console.slice(-2000)}`);
    for (const answer of answers) {
      tried++;
      store.verdicts[keys[open[answer.index]!]!] = verdict(answer, boot.console);
    }
    save();
    const last = answers.at(-1)!;
    note(
      `${generation}: ${answers.length} of ${open.length} in ${boot.seconds.toFixed(0)} s` +
        (answers.length < open.length ? `, up to '${mutants[open[last.index]!]!.name}'` : ''),
    );
  }
  return { verdicts: keys.map(key => store.verdicts[key]!), tried, boots, seconds };
}

function askedOf(generation: Generation): string {
  return `${FORMAT} ${kernel(generation).release} ${captureModule(generation)}`;
}

function keyOf(asked: string, mutant: Mutant): string {
  return createHash('sha256').update(`${asked} ${mutant.parameters}\n`).update(mutant.bytes).digest('hex').slice(0, 24);
}

function verdict(answer: Answer, console: string): Verdict {
  const hexadecimal = (map: ReadonlyMap<string, bigint>): Record<string, string> =>
    Object.fromEntries([...map].map(([name, address]) => [name, address.toString(16)]));
  const lines = (list: Answer['log']): Verdict['log'] => list.map(({ priority, text }) => [priority, text] as const);
  return {
    errno: answer.errno ?? null,
    log: lines(answer.log),
    placement: hexadecimal(answer.placement),
    sections: hexadecimal(answer.sections),
    unload: answer.unload ?? null,
    unloadLog: lines(answer.unloadLog),
    troubled: answer.troubled,
    ...(answer.errno === undefined && { lastWords: console.slice(-4000) }),
  };
}
