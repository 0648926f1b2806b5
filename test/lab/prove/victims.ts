// Mutants of module `victim`: its functions' words changed after loading, as the operators of ./mutation say. Each is judged
// by the prover before a booted kernel tries it.

import { readFileSync } from 'node:fs';
import { PROVED, Prover, REFUTED } from '../../../src/prove/prover.ts';
import { CODE, type ProofSubject } from '../../../src/prove/subject.ts';
import { moduleSubject } from '../../../src/verify/proof/module-image.ts';
import type { Generation } from '../harness/harness.ts';
import { proverModules, TwinKernel } from './modules.ts';
import { Body, type Mutation } from './mutation/body.ts';
import { wordOperators } from './mutation/campaign.ts';

export interface PokedWord {
  /** Bytes from the global entry of `ANCHOR`. */
  readonly offset: number;
  readonly old: number;
  readonly new: number;
}

export interface VictimMutant {
  /** `operator, function+0x10` */
  readonly name: string;
  readonly operator: string;
  readonly function: string;
  readonly words: readonly PokedWord[];
  /** `proved` where every function is that is proved without the change. */
  readonly verdict: 'proved' | 'unknown' | 'refuted';
}

/** Whose address tells the machine where the module's code is. */
export const ANCHOR = 'victim_leaf';

/** addis r2,r12 · addi r2,r2 · addis r11,r2 · addi r11,r11 */
const DISTANCE_HALVES = [0x3c4c, 0x3842, 0x3d62, 0x396b];

/**
 * Set-up of r2 and stubs: half of a distance between two of the module's areas. From 6.12 on the kernel places these one by one,
 * so the words are others in each copy of the module.
 */
const dependsOnPlace = (word: number): boolean => DISTANCE_HALVES.includes(word >>> 16);

/** The canary and its module parameters are what looks on. */
const isVictim = (name: string): boolean => name.startsWith('victim_') && !/_(init|exit)$/.test(name);

class Judge {
  readonly subject: ProofSubject;
  readonly #marks: Uint8Array;
  readonly #proved: readonly number[];

  constructor(subject: ProofSubject) {
    this.subject = subject;
    this.#marks = subject.marks.slice();
    const prover = this.#prove();
    const { functions } = subject;
    const all = Array.from({ length: functions.count }, (_, i) => i);
    this.#proved = all.filter(i => prover.verdict[i] === PROVED);
    const unproved = all.filter(i => isVictim(functions.name(i)) && prover.verdict[i] !== PROVED);
    if (unproved.length > 0) throw new Error(`not proved as built: ${unproved.map(i => functions.name(i)).join(', ')}`);
  }

  #prove(): Prover {
    const prover = new Prover(this.subject);
    prover.proveAll();
    return prover;
  }

  verdict(mutation: Mutation): VictimMutant['verdict'] {
    const { code, marks } = this.subject;
    const before = mutation.map(({ at }) => code[at >> 2]!);
    mutation.forEach(({ at, word }) => {
      code[at >> 2] = word;
    });
    const prover = this.#prove();
    mutation.forEach(({ at }, i) => {
      code[at >> 2] = before[i]!;
    });
    // The prover notes in them where branches lead.
    marks.set(this.#marks);
    const worst = Math.max(...this.#proved.map(i => prover.verdict[i]!));
    return worst === PROVED ? 'proved' : worst === REFUTED ? 'refuted' : 'unknown';
  }
}

function victimSubject(generation: Generation) {
  const { fix, probe, victim } = proverModules(generation);
  const twin = new TwinKernel(generation, [fix, probe]);
  const image = twin.image(readFileSync(victim));
  return { image, ...moduleSubject(image, { parametersAt: at => twin.parametersAt(at) }) };
}

/** A word by its function and bytes from that one's global entry: also how far it is from `ANCHOR`. */
export type WordAt = (name: string, offset: number) => { readonly anchorOffset: number; readonly word: number };

export function victimWords(generation: Generation): WordAt {
  const { functions, code } = victimSubject(generation).subject;
  const entries = new Map(Array.from({ length: functions.count }, (_, i) => [functions.name(i), functions.global[i]!]));
  return (name, offset) => {
    const at = (entries.get(name) ?? Number.NaN) + offset;
    return { anchorOffset: at - entries.get(ANCHOR)!, word: code[at >> 2] ?? 0 };
  };
}

/** All mutants of a generation's victim, each once. */
export function victimMutants(generation: Generation): readonly VictimMutant[] {
  const { image, subject, origin } = victimSubject(generation);
  const judge = new Judge(subject);
  const { functions, code, marks } = subject;
  const indexes = Array.from({ length: functions.count }, (_, i) => i);
  const anchor = functions.global[indexes.find(i => functions.name(i) === ANCHOR)!]!;
  const others = indexes
    .filter(i => functions.entryCode[i]! > 1 && isVictim(functions.name(i)))
    .map(i => ({ global: functions.global[i]!, local: functions.local[i]! }));
  const stubs = image.stubs.filter(s => s.kind === 'call').map(s => Number(s.address - origin));
  const isCode = (at: number): boolean => at >= 0 && at >> 2 < marks.length && (marks[at >> 2]! & CODE) !== 0;
  const around = { others, stubs, word: (at: number) => (isCode(at) ? code[at >> 2] : undefined) };
  const seen = new Set<string>();
  const found: VictimMutant[] = [];
  for (const i of indexes) {
    const name = functions.name(i);
    if (!isVictim(name)) continue;
    const body = new Body(subject, i, around);
    for (const operator of wordOperators)
      for (const mutation of operator.ways(body)) {
        if (!mutation.every(({ at }) => isCode(at) && !isLooker(at))) continue;
        const words = mutation.map(({ at, word }) => ({ offset: at - anchor, old: code[at >> 2]!, new: word >>> 0 }));
        if (words.some(word => dependsOnPlace(word.old) || dependsOnPlace(word.new))) continue;
        const key = JSON.stringify(words);
        if (seen.has(key)) continue;
        seen.add(key);
        const place = (mutation[0]!.at - functions.global[i]!).toString(16);
        found.push({
          name: `${operator.name}, ${name}+0x${place}`,
          operator: operator.name,
          function: name,
          words,
          verdict: judge.verdict(mutation),
        });
      }
  }
  return found;

  /** Stubs that the canary and its parameters go through as well: broken, nothing would look on any more. */
  function isLooker(at: number): boolean {
    const stub = image.stubs.find(s => {
      const start = Number(s.address - origin);
      return at >= start && at < start + 32;
    });
    return stub !== undefined && !stub.name.startsWith('fix_');
  }
}
