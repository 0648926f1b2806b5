/** The verdicts of one object, in words: counts, findings with their paths, and the derivation of a single function. */
import type { ElfFile } from '../../elf/read.ts';
import type { LoadedImage } from '../../loader/model.ts';
import { derivation, type Step, type Witness, witness } from '../../prove/explain.ts';
import { PROVED, Prover, REFUTED } from '../../prove/prover.ts';
import { REASONS } from '../../prove/reasons.ts';
import type { ProofSubject } from '../../prove/subject.ts';
import { address, placeName, UNKNOWN, valueText } from '../../prove/values.ts';
import { kernelSubject } from './kernel-image.ts';
import type { Locate } from './memory.ts';
import { moduleSubject } from './module-image.ts';

/** Index in `VERDICTS` is what the prover says. */
export const VERDICTS = ['proved', 'unknown', 'refuted'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** One instruction of a path. */
export interface PathStep {
  readonly section: string;
  /** Bytes from the start of `section`. */
  readonly offset: number;
  /** The instruction word; a prefix of an eight-byte instruction counts as one. */
  readonly word: number;
  /** `function+0x10` */
  readonly place: string;
  /** What is known before it is executed. */
  readonly r1: string;
  readonly r2: string;
  /** The register that the finding is about, unless that is r1 or r2. */
  readonly register?: { readonly name: string; readonly value: string };
}

export interface ProofFinding {
  readonly verdict: Exclude<Verdict, 'proved'>;
  readonly code: string;
  readonly message: string;
  readonly function: string;
  readonly section: string;
  readonly offset: number;
  /** One way there; empty where no path leads to it that could be told apart. */
  readonly path: readonly PathStep[];
  /** Taken by itself the path breaks the rule; it may still be one that is never taken. */
  readonly shown: boolean;
  /** Hand-written, as far as its symbol tells. */
  readonly isAssembly: boolean;
}

export interface ProofCounts {
  readonly functions: number;
  readonly proved: number;
  readonly refuted: number;
  readonly unknown: number;
}

export interface Derivation {
  readonly function: string;
  readonly verdict: Verdict;
  /** What holds before each instruction that is reached, on all paths; or, if something is wrong, along one path. */
  readonly steps: readonly PathStep[];
  readonly finding?: ProofFinding;
  /** Functions of the object whose contracts it relies on, with their verdicts. */
  readonly relies: readonly { readonly function: string; readonly verdict: Verdict }[];
}

export class Proof {
  readonly #subject: ProofSubject;
  readonly #prover: Prover;
  readonly #locate: Locate;

  constructor(subject: ProofSubject, locate: Locate) {
    this.#subject = subject;
    this.#locate = locate;
    this.#prover = new Prover(subject);
    this.#prover.proveAll();
  }

  get counts(): ProofCounts {
    const counts = [0, 0, 0];
    for (const i of this.#functions()) counts[this.#prover.verdict[i]!]!++;
    const [proved, unknown, refuted] = counts as [number, number, number];
    return { functions: proved + unknown + refuted, proved, refuted, unknown };
  }

  /** Parts that were split off belong to their functions. */
  *#functions(): Generator<number> {
    const { functions } = this.#subject;
    for (let i = 0; i < functions.count; i++) if (functions.part[i] === 0) yield i;
  }

  verdict(name: string): Verdict | undefined {
    for (const i of this.#functions())
      if (this.#subject.functions.name(i) === name) return VERDICTS[this.#prover.verdict[i]!];
    return undefined;
  }

  /** What is not proved, in the order of the code. */
  findings(): ProofFinding[] {
    const found: ProofFinding[] = [];
    for (const i of this.#functions()) {
      if (this.#prover.verdict[i] === PROVED) continue;
      found.push(this.#finding(i, this.#prover.verdict[i] === REFUTED ? 'refuted' : 'unknown'));
    }
    return found;
  }

  #finding(index: number, verdict: ProofFinding['verdict']): ProofFinding {
    const { functions } = this.#subject;
    const path = witness(this.#prover, index);
    const reason = REASONS[this.#prover.reason[index]!]!;
    const name = functions.name(index);
    const register = this.#prover.register[index]!;
    const found = path?.finding.found ?? this.#prover.found[index]!;
    const what = register === 0 && found === UNKNOWN ? '' : `: ${placeName(register)} is ${this.#text(found)}`;
    return {
      verdict,
      code: reason.code,
      message: `${name} ${reason.text}${what}`,
      function: name,
      ...this.#locate(this.#prover.place[index]!),
      path: path === undefined ? [] : path.steps.map(s => this.#step(s, path)),
      shown: path?.shown ?? false,
      isAssembly: functions.assembly[index] === 1,
    };
  }

  #text(value: number): string {
    return valueText(value, this.#subject.toc, offset => this.#subject.nameOf(address(offset)));
  }

  #step(step: Step, path: Witness | undefined): PathStep {
    const register = path?.finding.register ?? 0;
    const extra = register > 2 ? { register: { name: placeName(register), value: this.#text(step.subject) } } : {};
    return {
      ...this.#locate(step.pc),
      word: this.#subject.code[step.pc >> 2]!,
      place: this.#subject.nameOf(address(step.pc)),
      r1: this.#text(step.r1),
      r2: this.#text(step.r2),
      ...extra,
    };
  }

  /** How the verdict about a function comes about; `undefined` if the object has no such function. */
  explain(name: string): Derivation | undefined {
    const { functions } = this.#subject;
    for (const i of this.#functions()) {
      if (functions.name(i) !== name) continue;
      const verdict = VERDICTS[this.#prover.verdict[i]!]!;
      const finding = verdict === 'proved' ? undefined : this.#finding(i, verdict);
      const steps = finding?.path ?? derivation(this.#prover, i).map(s => this.#step(s, undefined));
      const relies = (this.#prover.calls.get(i) ?? []).map(c => ({
        function: functions.name(c),
        verdict: VERDICTS[this.#prover.verdict[c]!]!,
      }));
      return { function: name, verdict, steps, relies, ...(finding !== undefined && { finding }) };
    }
    return undefined;
  }
}

/** The proof of a module as the loader leaves it. @throws InputError PRV102 */
export function proveModule(image: LoadedImage): Proof {
  const { subject, locate } = moduleSubject(image);
  return new Proof(subject, locate);
}

/** The proof of a linked kernel. @throws InputError PRV101, ELF031 */
export function proveKernel(elf: ElfFile): Proof {
  const { subject, locate } = kernelSubject(elf);
  return new Proof(subject, locate);
}
