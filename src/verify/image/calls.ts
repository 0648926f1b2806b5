/**
 * A call in a linked image that leads to another function. All of an image shares one TOC, so a call keeps r2 if who is called
 * finds its TOC there: at its local entry, and in a function that has it.
 */
import type { ElfFile } from '../../elf/read.ts';
import { imageThunks } from '../../kernel/image.ts';
import type { PlannedRetarget } from '../../plan/plan.ts';
import type { ImageFunction } from './actions.ts';
import { ImageWords } from './words.ts';

export interface JudgedCall {
  /** The function that makes the call. */
  readonly own: ImageFunction | undefined;
  /** Functions of the name that was called, and of the one that is. */
  readonly called: readonly ImageFunction[];
  readonly replacements: readonly ImageFunction[];
  /** Of the output. */
  readonly words: ImageWords;
}

/** `b` and `bl`, whatever their displacement. */
const I_FORM = 0xfc000003;

export class ImageCalls {
  readonly #input: ImageWords;
  readonly #thunks: ReadonlyMap<bigint, bigint | undefined>;

  constructor(input: ElfFile) {
    this.#input = new ImageWords(input);
    this.#thunks = new Map(imageThunks(input).map(t => [t.address, t.target]));
  }

  /** What is wrong with a call at `at`; `undefined` where nothing is. */
  fault(
    { links, toc, call, to }: PlannedRetarget,
    at: bigint,
    { own, called, replacements, words }: JudgedCall,
  ): string | undefined {
    const wanted = links ? 0x48000001 : 0x48000000;
    const [was, is] = [this.#input.at(at) ?? 0, words.at(at) ?? 0];
    if (own === undefined || at >= own.global + BigInt(own.size)) return 'a call does not lie in its function';
    if ([was, is].some(w => (w & I_FORM) >>> 0 !== wanted)) return `a call is no ${links ? 'bl' : 'b'} as planned`;
    const before = this.#input.branchAt(at, links)!;
    const led = this.#thunks.get(before) ?? before;
    if (!called.some(f => f.local === led || f.global === led)) return `a call did not lead to ${call}`;
    const target = words.branchAt(at, links);
    const found = replacements.find(f => f.local === target);
    if (found === undefined) return `a call does not lead to ${to}`;
    if (found.k === 1) return `${to} does not keep r2`;
    if (found.k >= 2 && own.k < 2) return `the function may run with any r2, and ${to} needs the TOC in it`;
    return toc === 'kept' ? undefined : 'the plan has somebody bring r2 back, and nobody has to';
  }
}
