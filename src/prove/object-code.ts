/** What holds for the whole object while its functions are followed: which word is whose entry, where blocks begin, what stubs do. */

import type { Surroundings } from './accesses.ts';
import { markLeaders } from './leaders.ts';
import { type FoundAreas, ParameterAreas } from './parameters.ts';
import { type StubEffect, stubEffect } from './stubs.ts';
import { CODE, type ProofSubject, STUB } from './subject.ts';
import { address, UNKNOWN, type Value } from './values.ts';

/** Contracts that no symbol can state: see contracts.ts. */
export const HOME = 8;
export const HOME_BACK = 9;

export interface FoundContracts {
  readonly contract: Uint8Array;
  readonly neverReturns: Uint8Array;
  readonly areas: FoundAreas;
}

export class ObjectCode {
  readonly subject: ProofSubject;
  /** The `address` value of the home's TOC; NaN, which no register holds, where the object has none within reach. */
  readonly home: Value;
  readonly around: Surroundings;
  /** What functions do to their callers' frames, as far as they were followed. */
  readonly areas: ParameterAreas;
  /** By function: the bits of its symbol, HOME or HOME_BACK. */
  readonly contract: Uint8Array;
  /** By function: known by name, or proved, to have no path that returns. */
  readonly neverReturns: Uint8Array;
  /** 1 + index of the function whose entry a word is. */
  readonly #functionAt: Int32Array;
  readonly #stubs = new Map<number, StubEffect>();

  /** @param isMarked where blocks begin is marked already */
  constructor(subject: ProofSubject, isMarked = false) {
    this.subject = subject;
    // NaN is equal to nothing: without a TOC that the lattice can name, no r2 is ever the right one.
    const home = subject.toc === undefined ? UNKNOWN : address(subject.toc);
    this.home = home === UNKNOWN ? Number.NaN : home;
    const { functions } = subject;
    this.areas = new ParameterAreas(functions.assembly);
    this.around = {
      home: this.home,
      pacaToc: subject.pacaToc,
      constant: offset => subject.constant(offset),
      areas: this.areas,
    };
    this.contract = functions.entryCode.slice();
    this.neverReturns = new Uint8Array(functions.count);
    for (let i = 0; i < functions.count; i++)
      if (subject.noReturn(address(functions.global[i]!))) this.neverReturns[i] = 1;
    this.#functionAt = new Int32Array(subject.code.length);
    for (let i = functions.count - 1; i >= 0; i--) {
      this.#functionAt[functions.local[i]! >> 2] = i + 1;
      this.#functionAt[functions.global[i]! >> 2] = i + 1;
    }
    if (!isMarked) markLeaders(subject);
  }

  /** Takes over what another proof has found. */
  resume({ contract, neverReturns, areas }: FoundContracts): void {
    this.contract.set(contract);
    this.neverReturns.set(neverReturns);
    this.areas.resume(areas);
  }

  /** Whether an instruction of the object lies at `offset`, bytes from the origin. */
  isCode(offset: number): boolean {
    const word = offset >> 2;
    return (
      offset >= 0 && (offset & 3) === 0 && word < this.subject.code.length && (this.subject.marks[word]! & CODE) !== 0
    );
  }

  /** Whether it is an instruction that is no function's entry, and in no stub: what most branches lead to. */
  isInner(offset: number): boolean {
    const word = offset >> 2;
    return (
      (offset & 3) === 0 &&
      word >= 0 &&
      word < this.subject.code.length &&
      (this.subject.marks[word]! & (CODE | STUB)) === CODE &&
      this.#functionAt[word] === 0
    );
  }

  /** Index of the function that has an entry there, or -1. Parts that were split off count. */
  functionAt(offset: number): number {
    return this.#functionAt[offset >> 2]! - 1;
  }

  /** As `functionAt`, for functions that are called: -1 for parts. */
  calledAt(offset: number): number {
    const index = this.functionAt(offset);
    return index >= 0 && this.subject.functions.part[index] === 1 ? -1 : index;
  }

  /** What the stub or thunk at `offset` does, or `undefined` if none is there. */
  stubAt(offset: number): StubEffect | undefined {
    if ((this.subject.marks[offset >> 2]! & STUB) === 0 || this.functionAt(offset) >= 0) return undefined;
    let stub = this.#stubs.get(offset);
    if (stub === undefined) {
      stub = stubEffect(this.subject, this.around, offset);
      this.#stubs.set(offset, stub);
    }
    return stub;
  }
}
