/**
 * Follows the code of a hook in a linked image, a straight line, with a small machine: what each register and each doubleword of the
 * trampoline's frame holds, in terms of what they held when the function branched away. At the call the hook has to get ip and the return
 * address; on the way back everything that belongs to the function or its caller has to be what it was.
 */
import type { ImageFunction } from './actions.ts';
import { HookedMachine } from './hook-machine.ts';
import type { ImageWords } from './words.ts';

export interface WantedHook {
  /** Functions that may be called before the function; `undefined` where none is to be. */
  readonly before: readonly ImageFunction[] | undefined;
  /** The same for behind it. */
  readonly after: readonly ImageFunction[] | undefined;
  readonly own: ImageFunction;
  readonly ip: bigint;
  /** Where the function goes on. */
  readonly resume: bigint;
  /** The word that the branch replaced, which runs last; `undefined` where it was the call site's. */
  readonly moved: number | undefined;
}

/** What is looked up in the output. */
export interface HookedImage {
  readonly words: ImageWords;
  /** What r2 holds in the kernel. */
  readonly toc: bigint;
  /** The function that is entered at an address by those who share the TOC. */
  readonly entered: (local: bigint) => ImageFunction | undefined;
}

const BLR = 0x4e800020;
/** The longest hook is far shorter. */
const MOST_WORDS = 200;

/** @returns what is wrong with it; `undefined` where nothing is */
export function followImageHook(image: HookedImage, start: bigint, wanted: WantedHook): string | undefined {
  return new Follower(image, wanted).follow(start);
}

/**
 * The same of code that stands for the rest of a function: it does what the branch took the place of, and goes on behind it.
 * The function itself is in `wanted`, without hooks.
 */
export function followImageRest(image: HookedImage, start: bigint, wanted: WantedHook): string | undefined {
  return new Follower(image, wanted).rest(start);
}

class Follower {
  readonly #image: HookedImage;
  readonly #wanted: WantedHook;
  /** What has happened: 'before', 'function', 'after'. */
  readonly #done: string[] = [];

  constructor(image: HookedImage, wanted: WantedHook) {
    this.#image = image;
    this.#wanted = wanted;
  }

  follow(start: bigint): string | undefined {
    const fault = this.#run(start, false);
    if (fault !== undefined) return fault;
    const { before, after } = this.#wanted;
    const steps = [...(before ? ['before'] : []), 'function', ...(after ? ['after'] : [])];
    return this.#done.join() === steps.join() ? undefined : `it runs ${this.#done.join(', ')}, not ${steps.join(', ')}`;
  }

  rest(start: bigint): string | undefined {
    return this.#run(start, true);
  }

  /** From a place to where the function goes on, or, but for its `isBody`, to the return behind it. */
  #run(start: bigint, isBody: boolean): string | undefined {
    const { words, toc } = this.#image;
    const { own } = this.#wanted;
    const machine = new HookedMachine(toc, own.k >= 2);
    for (let n = 0, at = start; n < MOST_WORDS; n++, at += 4n) {
      const word = words.at(at);
      if (word === undefined) return 'it runs over its end';
      const goesOn = this.#wayBack(at, word);
      if (typeof goesOn === 'string') return goesOn;
      if (goesOn) {
        if (!isBody && this.#wanted.after !== undefined) return 'the function goes on where it is to be called';
        this.#done.push('function');
        return machine.goesOn();
      }
      if (word === BLR && !isBody) return this.#done.includes('after') ? machine.returns() : 'it returns too early';
      const called = words.branchAt(at, true);
      if (called === undefined) {
        if (!machine.step(word, at)) return `0x${word.toString(16)} is nothing that a hook does`;
        continue;
      }
      const fault = isBody ? 'the rest of the function is more than that' : this.#call(machine, called);
      if (fault !== undefined) return fault;
    }
    return 'it does not come to an end';
  }

  /** Whether the function goes on here: at the moved instruction, or at the branch where none was moved. */
  #wayBack(at: bigint, word: number): boolean | string {
    const { resume, moved } = this.#wanted;
    const isNext = moved !== undefined && this.#image.words.branchAt(at + 4n) === resume;
    if (isNext) return word === moved || 'the instruction that the branch replaced is missing';
    if (this.#image.words.branchAt(at) !== resume) return false;
    return moved === undefined || 'the instruction that the branch replaced is missing';
  }

  #call(machine: HookedMachine, called: bigint): string | undefined {
    const { before, after, ip } = this.#wanted;
    const isAfter = this.#done.includes('function');
    const hook = (isAfter ? after : before)?.find(h => h.local === called);
    if (hook !== undefined) {
      this.#done.push(isAfter ? 'after' : 'before');
      return machine.call(ip, hook.k, isAfter);
    }
    return after === undefined || isAfter ? 'it calls something else' : this.#callFunction(machine, called);
  }

  /** `bl` to the rest of the function, which has a symbol and entries of its own. */
  #callFunction(machine: HookedMachine, called: bigint): string | undefined {
    const fault =
      entriesFault(this.#image, called, this.#wanted.own) ?? machine.callFunction() ?? this.#run(called, true);
    machine.afterFunction();
    return fault;
  }
}

/** What is called in the place of a function has its entries, and finds the TOC at the global one. */
export function entriesFault(image: HookedImage, local: bigint, own: ImageFunction): string | undefined {
  const body = image.entered(local);
  if (body === undefined || body.k !== (own.k >= 2 ? 3 : 0)) return 'what it calls has not the entries of the function';
  if (own.k < 2 || image.words.tocAt(body.global) === image.toc) return undefined;
  return 'the global entry of the rest of the function does not find the TOC';
}
