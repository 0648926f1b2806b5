/**
 * Which way of leaving room for the tracer the words around a site show.
 *
 *     mprofile-kernel       mflr r0 ; bl _mcount
 *     mprofile-kernel-lr    mflr r0 ; std r0,16(r1) ; bl _mcount      (older compilers)
 *     patchable             nop ; nop
 *     patchable-out-of-line nop
 *     pg                    a whole prologue ; bl _mcount ; nop
 */
import type { SiteForm } from '../plan/plan.ts';

export type Profiling = 'mprofile-kernel' | 'patchable' | 'patchable-out-of-line' | 'pg' | 'none';

const NOP = 0x60000000;
const MFLR_R0 = 0x7c0802a6;
const STD_R0_16_R1 = 0xf8010010;

/** The form of a profiling call at word `i` of a section. */
export function callForm(words: Uint32Array, i: number): SiteForm {
  if (words[i - 1] === MFLR_R0) return 'mprofile-kernel';
  return words[i - 1] === STD_R0_16_R1 && words[i - 2] === MFLR_R0 ? 'mprofile-kernel-lr' : 'pg';
}

export function isNop(words: Uint32Array, i: number): boolean {
  return words[i] === NOP;
}

/** Words of the sequence in front of the word that the tracer patches. */
export function wordsBefore(form: SiteForm): number {
  if (form === 'mprofile-kernel') return 1;
  return form === 'mprofile-kernel-lr' ? 2 : 0;
}

/** Words of the sequence from the one that the tracer patches on. */
export function wordsFrom(form: SiteForm): number {
  return form === 'patchable' || form === 'pg' ? 2 : 1;
}
