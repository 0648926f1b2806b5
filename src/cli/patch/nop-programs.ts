/** The two programs of a quick patch. */
import { setFlagsFromString } from 'node:v8';
import { TAKING_CODE } from '../../rewrite/taking-code.ts';
import { JUDGING_CODE } from '../../verify/judging-code.ts';

/** V8's flags, and what they are otherwise. */
const FLAGS = ['wasm-tier-up', 'wasm-dynamic-tiering', 'wasm-lazy-compilation'];
/** Majors of V8 that are known to have them (Node 20 to 24); others might complain. */
const KNOWN = [11, 12, 13];

export interface NopPrograms {
  readonly taking: WebAssembly.Module;
  readonly judging: WebAssembly.Module;
}

/**
 * Each program runs once: to compile it better while it runs would take threads away from what else there is to do, and to compile
 * each function when it is called would take longer. Other threads help to compile all of it at once.
 *
 * @returns `undefined` where there is no WebAssembly
 */
export function compilePrograms(): NopPrograms | undefined {
  const isKnown = KNOWN.includes(Number.parseInt(process.versions.v8, 10));
  const set = (prefix: string) => {
    for (const flag of isKnown ? FLAGS : []) setFlagsFromString(`--${prefix}${flag}`);
  };
  set('no-');
  try {
    return { taking: compile(TAKING_CODE), judging: compile(JUDGING_CODE) };
  } catch {
    return undefined;
  } finally {
    // V8 refuses what it has cached under other flags.
    set('');
  }
}

/** @param code a program in base 64 */
function compile(code: string): WebAssembly.Module {
  return new WebAssembly.Module(Buffer.from(code, 'base64'));
}
