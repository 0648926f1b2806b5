/**
 * Which functions are hand-written. Nothing in an object says so, but compilers leave traces: a size, a place for the tracer at
 * the entry, a prototype in the type information, and, where there is none of these, a second entry. What has no trace is
 * taken for assembly. That decides how loudly an unknown is told and where it is counted, and never what is proved.
 */
import { MFLR_R0, NOP } from '../../ppc64/words.ts';
import type { Memory } from './memory.ts';
import type { PlacedFunction, SubjectParts } from './subject.ts';

/** @returns 1 for a hand-written function, by function */
export function handWritten(
  parts: Pick<SubjectParts, 'memory' | 'functions' | 'sites' | 'typedFunctions'>,
): Uint8Array {
  const { memory, functions, sites } = parts;
  const assembly = new Uint8Array(functions.length);
  const sorted = Int32Array.from(sites).sort();
  let next = 0;
  for (let i = 0; i < functions.length; i++) {
    const f = functions[i]!;
    if (f.isSizeless) {
      assembly[i] = 1;
      continue;
    }
    while (next < sorted.length && sorted[next]! < f.global) next++;
    const hasSite = next < sorted.length && sorted[next]! < f.end;
    // An object that was built without the tracer has no places for it anywhere.
    if (hasSite || sorted.length === 0 || hasTracerPlace(memory, f)) continue;
    assembly[i] = isTyped(parts.typedFunctions()?.get(f.name), f.entryCode) ? 0 : 1;
  }
  return assembly;
}

/** @param typed `undefined` where no type information knows the function */
function isTyped(typed: boolean | undefined, entryCode: number): boolean {
  return typed === true || entryCode >= 2;
}

/** A site that no record names any more, because it was patched: a nop or a branch where each generation has its site. */
function hasTracerPlace({ code }: Memory, { local }: PlacedFunction): boolean {
  const first = code[local >> 2]!;
  const place = first === MFLR_R0 ? code[(local >> 2) + 1]! : first;
  return place === NOP || place >>> 26 === 18;
}
