/**
 * Plans that do nothing but take call sites out need no proof of the whole module: the word at each site becomes what the tracer
 * makes of it when the module is loaded and nothing is traced (ftrace.c: a nop, and behind a frame of `-pg` a branch over the
 * restore), which nop-sites.ts looks up, and no other word of code changes, which the comparison of the two files has found.
 */
import type { PatchProof } from './prove-patched.ts';

export const PROOF_OF_NOPS: PatchProof = {
  verdict: 'proved',
  kernel: 'none',
  functions: [],
  judged: 0,
  proved: 0,
  grounds: [
    'each site holds the word that the tracer puts there while nothing is traced, and no other word of code changed: all functions are what they were',
  ],
};
