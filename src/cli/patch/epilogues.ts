/** `--epilogue GLOB`: the object with the copies, and what a pattern leaves out because it is not proved. */
import { createHash } from 'node:crypto';
import { type ElfFile, readElf } from '../../elf/read.ts';
import type { MergeObject } from '../../merge/objects.ts';
import { type Epilogues, makeEpilogues } from '../../rewrite/epilogue/epilogues.ts';
import { epilogueName } from '../../rewrite/epilogue/names.ts';
import { isGlob } from '../../util/glob.ts';
import type { Attempt } from './attempt.ts';

/** What the object with the copies is called in reports and in the note. */
const OBJECT = 'epilogues.o';

export interface MadeEpilogues extends Epilogues {
  readonly object: MergeObject;
}

/** @throws RefusalError PAT001 to PAT003, PAT018, PAT160 to PAT168 */
export function epiloguesOf(
  elf: ElfFile,
  asked: readonly string[],
  except: ReadonlyMap<string, string>,
): MadeEpilogues | undefined {
  if (asked.length === 0) return undefined;
  const requests = asked.map(functions => ({ functions, ...(isGlob(functions) && { except }) }));
  const made = makeEpilogues(elf, requests);
  const sha256 = createHash('sha256').update(made.bytes).digest('hex');
  return { ...made, object: { name: OBJECT, elf: readElf(made.bytes), sha256, isOwn: true } };
}

/** Functions that a pattern named, and whose copies are not proved; their names with a code. */
export function unprovedEpilogues({ plan, proof }: Attempt, asked: readonly string[]): ReadonlyMap<string, string> {
  const wrong = new Map(proof.functions.flatMap(f => (f.verdict === 'proved' ? [] : [[f.function, f.code!] as const])));
  const found = new Map<string, string>();
  for (const action of plan.actions) {
    if (action.kind !== 'epilogue' || asked.includes(action.function)) continue;
    const code = wrong.get(epilogueName(action.function));
    if (code !== undefined) for (const name of [action.function, ...action.aliases]) found.set(name, code);
  }
  return found;
}
