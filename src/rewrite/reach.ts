/** Who calls whom inside an object, as far as branches show it: calls through pointers, and what lies elsewhere, are not seen. */
import { callsOf } from '../sites/calls.ts';
import { prepare } from '../sites/prepare.ts';
import { type Code, placeKey, type Subject } from './subject.ts';

export const keyOf = (code: Code): number => placeKey(code.section.index, code.global);

const PART = /^(.+)\.cold(?:\.\d+)?$/;

export class CallGraph {
  readonly #callees = new Map<number, Set<number>>();

  constructor(subject: Subject) {
    for (const { from, target } of callsOf(prepare(subject.elf), subject.functions)) {
      if (from === undefined || target === undefined) continue;
      this.add(placeKey(from.section.index, from.global), placeKey(target.section.index, target.global));
    }
    this.#addParts(subject);
  }

  /** A function goes on in the parts that the compiler split off: no branch to them is a call. */
  #addParts({ functions }: Subject): void {
    for (const part of functions) {
      const [, whole] = PART.exec(part.name) ?? [];
      if (whole === undefined) continue;
      for (const f of functions)
        if (f.name === whole) this.add(placeKey(f.section.index, f.global), placeKey(part.section.index, part.global));
    }
  }

  /** From now on `from` leads to `to`. */
  add(from: number, to: number): void {
    const callees = this.#callees.get(from);
    if (callees === undefined) this.#callees.set(from, new Set([to]));
    else callees.add(to);
  }

  /** All functions that are entered when `start` is, itself among them. */
  reachedFrom(start: number): ReadonlySet<number> {
    const reached = new Set([start]);
    const open = [start];
    for (let at = open.pop(); at !== undefined; at = open.pop())
      for (const next of this.#callees.get(at) ?? [])
        if (!reached.has(next)) {
          reached.add(next);
          open.push(next);
        }
    return reached;
  }
}
