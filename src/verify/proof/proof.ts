/** The verdicts of one object, in words: counts, findings with their paths, and the derivation of a single function. */
import { SHN_UNDEF } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import type { LoadedImage } from '../../loader/model.ts';
import { decode } from '../../ppc64/decode.ts';
import { formatInstruction } from '../../ppc64/format.ts';
import { derivation, type Step, showsMore, type Witness, witness } from '../../prove/explain.ts';
import type { ParameterUse } from '../../prove/parameters.ts';
import { type FoundFunctions, PROVED, Prover, REFUTED } from '../../prove/prover.ts';
import { REASONS } from '../../prove/reasons.ts';
import type { ProofSubject, Successor } from '../../prove/subject.ts';
import { address, placeName, UNKNOWN, valueText } from '../../prove/values.ts';
import { lazy } from '../../util/lazy.ts';
import { isCopy } from './copies.ts';
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
  /** The instruction, hexadecimal: one word, or the two of a prefixed one. */
  readonly word: string;
  /** Its disassembly. */
  readonly text: string;
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
  /** One way there; empty where no path leads to it that could be told apart, or where paths were not asked for. */
  readonly path: readonly PathStep[];
  /** Taken by itself the path breaks the rule; it may still be one that is never taken. */
  readonly shown: boolean;
  /** Hand-written, as far as can be told: see hand-written.ts. */
  readonly isAssembly: boolean;
  /** Functions of the object that call it: what it leaves wrong is wrong in them. */
  readonly callers: readonly string[];
}

/** A function and what was said of it. */
export interface JudgedFunction {
  /** For `Proof.finding`. */
  readonly index: number;
  readonly function: string;
  readonly verdict: Verdict;
  /** Its global entry. */
  readonly section: string;
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** Code of the finding and its place, of those that are not proved. */
  readonly code: string;
  readonly place: { readonly section: string; readonly offset: number };
  /** Functions of the object whose contracts it relies on, by `index`; parts that were split off among them. */
  readonly relies: readonly number[];
}

/** Their sum is `functions`. */
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
  /** Functions of the object that rely on its contract. */
  readonly callers: readonly { readonly function: string; readonly verdict: Verdict }[];
}

export class Proof {
  readonly #subject: ProofSubject;
  readonly #prover: Prover;
  readonly #locate: Locate;
  readonly #origin: bigint;
  /** By callee, in the order of the code. */
  readonly #callersOf = lazy(() => {
    const all = new Map<number, number[]>();
    for (const [caller, callees] of this.#prover.calls)
      for (const callee of callees) {
        const list = all.get(callee);
        if (list === undefined) all.set(callee, [caller]);
        else list.push(caller);
      }
    for (const list of all.values()) list.sort((a, b) => a - b);
    return all;
  });

  readonly #named = lazy(() => {
    const { functions } = this.#subject;
    return new Set(Array.from({ length: functions.count }, (_, i) => functions.name(i)));
  });

  /**
   * @param origin absolute address of what the subject counts from, for those who look at other objects too
   * @param found what a proof of the object has found already
   */
  constructor(subject: ProofSubject, locate: Locate, origin = 0n, found?: FoundFunctions) {
    this.#subject = subject;
    this.#locate = locate;
    this.#origin = origin;
    this.#prover = new Prover(subject, found);
    if (found === undefined) this.#prover.proveAll();
  }

  /** Of all functions. */
  get counts(): ProofCounts {
    return this.#count(() => true);
  }

  /** Of those that are hand-written, as far as can be told. */
  get assemblyCounts(): ProofCounts {
    const { assembly } = this.#subject.functions;
    return this.#count(i => assembly[i] === 1);
  }

  #count(isCounted: (index: number) => boolean): ProofCounts {
    const counts = [0, 0, 0];
    for (const i of this.#functions()) if (isCounted(i)) counts[this.#prover.verdict[i]!]!++;
    const [proved, unknown, refuted] = counts as [number, number, number];
    return { functions: proved + unknown + refuted, proved, refuted, unknown };
  }

  /** Parts that were split off belong to their functions. */
  *#functions(): Generator<number> {
    const { functions } = this.#subject;
    for (let i = 0; i < functions.count; i++) if (functions.part[i] === 0) yield i;
  }

  /** What the function whose global entry is at an absolute address does with its caller's parameter save area. */
  parametersAt(address: bigint): ParameterUse | undefined {
    const { global, count } = this.#subject.functions;
    const offset = Number(address - this.#origin);
    for (let i = 0; i < count; i++) if (global[i] === offset) return this.#prover.parameters(i);
    return undefined;
  }

  /** Whether a function of that name is one of the object's. */
  has(name: string): boolean {
    return this.#named().has(name);
  }

  /**
   * Whether it is shown of the function whose global entry is at an absolute address that it keeps the contract of functions with one
   * entry, whoever enters it: it is proved, and so is every function of the object that it relies on. `undefined`: none begins there.
   */
  keepsTocAt(address: bigint): boolean | undefined {
    const { global, local, entryCode, part, count } = this.#subject.functions;
    const offset = Number(address - this.#origin);
    let index = 0;
    while (index < count && global[index] !== offset) index++;
    if (index === count || part[index] === 1) return undefined;
    if (entryCode[index] !== 0 || this.#prover.contract(index) !== 0 || global[index] !== local[index]) return false;
    const seen = new Set([index]);
    for (const i of seen) {
      if (this.#prover.verdict[i] !== PROVED) return false;
      for (const callee of this.#prover.calls.get(i) ?? []) seen.add(callee);
    }
    return true;
  }

  verdict(name: string): Verdict | undefined {
    for (const i of this.#functions()) if (this.#subject.functions.name(i) === name) return this.#verdict(i);
    return undefined;
  }

  #verdict(index: number): Verdict {
    return VERDICTS[this.#prover.verdict[index]!]!;
  }

  /**
   * What is not proved: refuted functions first, compiled before hand-written, in the order of the code.
   *
   * @param mostPaths for so many of each kind and code a path is looked for, which takes longer than the proof
   * @param areAllTold whether paths are told of unknown functions too
   */
  findings(mostPaths = Number.POSITIVE_INFINITY, areAllTold = true): ProofFinding[] {
    const { verdict, reason } = this.#prover;
    const { assembly } = this.#subject.functions;
    const rank = (i: number) => (verdict[i] === REFUTED ? 0 : 2) + assembly[i]!;
    const unproved = [...this.#functions()]
      .filter(i => verdict[i] !== PROVED)
      .sort((a, b) => rank(a) - rank(b) || a - b);
    const given = new Map<number, number>();
    return unproved.map(i => {
      const kind = reason[i]! * 4 + rank(i);
      const before = given.get(kind) ?? 0;
      given.set(kind, before + 1);
      return this.#finding(i, before < mostPaths, areAllTold || verdict[i] === REFUTED);
    });
  }

  /** All functions in the order of the code. */
  judged(): JudgedFunction[] {
    const { functions } = this.#subject;
    return [...this.#functions()].map(index => {
      const global = functions.global[index]!;
      return {
        index,
        function: functions.name(index),
        verdict: this.#verdict(index),
        ...this.#locate(global),
        size: functions.end[index]! - global,
        code: REASONS[this.#prover.reason[index]!]!.code,
        place: this.#locate(this.#prover.place[index]!),
        relies: this.#prover.calls.get(index) ?? [],
      };
    });
  }

  /** What is wrong with a function, with a path; `undefined` for one that is proved. */
  finding(index: number): ProofFinding | undefined {
    return this.#prover.verdict[index] === PROVED ? undefined : this.#finding(index, true);
  }

  /** @param isTold whether the path is part of the result, or only what it shows at its end */
  #finding(index: number, withPath: boolean, isTold = true): ProofFinding {
    const { functions } = this.#subject;
    const mayShow = isTold || showsMore(this.#prover.reason[index]!);
    // Looking for a path proves the function again, which changes nothing.
    const path = withPath && mayShow ? witness(this.#prover, index) : undefined;
    const reason = REASONS[this.#prover.reason[index]!]!;
    const name = functions.name(index);
    const register = this.#prover.register[index]!;
    const found = path?.finding.found ?? this.#prover.found[index]!;
    const what = register === 0 && found === UNKNOWN ? '' : `: ${placeName(register)} is ${this.#text(found)}`;
    return {
      verdict: this.#prover.verdict[index] === REFUTED ? 'refuted' : 'unknown',
      code: reason.code,
      message: `${name} ${reason.text}${what}`,
      function: name,
      ...this.#locate(this.#prover.place[index]!),
      path: path === undefined || !isTold ? [] : path.steps.map(s => this.#step(s, path)),
      shown: path?.shown ?? false,
      isAssembly: functions.assembly[index] === 1,
      callers: this.#callers(index).map(c => functions.name(c)),
    };
  }

  /** Those that call a function, or go on in it. */
  #callers(index: number): readonly number[] {
    return this.#callersOf().get(index) ?? [];
  }

  #text(value: number): string {
    return valueText(value, this.#subject.toc, offset => this.#subject.nameOf(address(offset)));
  }

  #step(step: Step, path: Witness | undefined): PathStep {
    const register = path?.finding.register ?? 0;
    const extra = register > 2 ? { register: { name: placeName(register), value: this.#text(step.subject) } } : {};
    return {
      ...this.#locate(step.pc),
      ...this.#instruction(step.pc),
      place: this.#subject.nameOf(address(step.pc)),
      r1: this.#text(step.r1),
      r2: this.#text(step.r2),
      ...extra,
    };
  }

  #instruction(pc: number): { readonly word: string; readonly text: string } {
    const { code } = this.#subject;
    const words = [code[pc >> 2]!, code[(pc >> 2) + 1] ?? 0] as const;
    const decoded = decode(...words);
    const own = decoded.bytes === 8 ? words : [words[0]];
    return {
      word: own.map(word => word.toString(16).padStart(8, '0')).join(' '),
      text: formatInstruction(decoded, BigInt(pc), target =>
        this.#subject.nameOf(address(Number(BigInt.asIntN(64, target)))),
      ),
    };
  }

  /** How the verdict about a function comes about; `undefined` if the object has no such function. */
  explain(name: string): Derivation | undefined {
    const { functions } = this.#subject;
    for (const i of this.#functions()) {
      if (functions.name(i) !== name) continue;
      const verdict = this.#verdict(i);
      const finding = verdict === 'proved' ? undefined : this.#finding(i, true);
      const steps = finding?.path ?? derivation(this.#prover, i).map(s => this.#step(s, undefined));
      const named = (list: readonly number[]) =>
        list.map(c => ({ function: functions.name(c), verdict: this.#verdict(c) }));
      return {
        function: name,
        verdict,
        steps,
        relies: named(this.#prover.calls.get(i) ?? []),
        callers: named(this.#callers(i)),
        ...(finding !== undefined && { finding }),
      };
    }
    return undefined;
  }
}

/**
 * The proof of a module as the loader leaves it.
 *
 * @param others of objects that it calls, at the addresses where it calls them
 * @throws InputError PRV102
 */
export function proveModule(image: LoadedImage, others: readonly Proof[] = []): Proof {
  const { subject, locate, origin } = moduleSubject(image, {
    parametersAt: at => firstOf(others, other => other.parametersAt(at)),
    successorAt: successors(image, others),
  });
  return new Proof(subject, locate, origin);
}

function firstOf<T>(others: readonly Proof[], of: (other: Proof) => T | undefined): T | undefined {
  for (const other of others) {
    const found = of(other);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What goes by the name of a copy is meant to keep r2; whether it does is known from the proof of its own object alone. */
function successors(image: LoadedImage, others: readonly Proof[]): (at: bigint) => Successor | undefined {
  const copies = lazy(
    () => new Map(image.symbols.filter(s => s.section === SHN_UNDEF && isCopy(s.name)).map(s => [s.address, s.name])),
  );
  return at => {
    const keeps = firstOf(others, other => other.keepsTocAt(at));
    if (keeps !== undefined) return keeps ? 'proved' : 'not proved';
    const name = copies().get(at);
    if (name === undefined) return undefined;
    return others.some(other => other.has(name)) ? 'elsewhere' : 'not given';
  };
}

/** The proof of a linked kernel. @throws InputError PRV101, ELF031 */
export function proveKernel(elf: ElfFile): Proof {
  const { subject, locate, origin } = kernelSubject(elf);
  return new Proof(subject, locate, origin);
}
