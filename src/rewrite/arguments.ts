/**
 * Does a function take arguments in its caller's parameter save area, 32(r1) and above on entry (more than eight
 * doublewords, or variadic)? A frame between caller and function would hide them.
 *
 * Two witnesses: the module's BTF, where it has one that can be read, and the code. Only a "no" of one of them, and a "yes"
 * of neither, lets a frame through. What the code cannot show is an argument that the function takes and never uses.
 */
import { type Btf, btfOf, type Prototype } from '../kernel/btf.ts';
import type { SectionOffset } from '../util/indexes.ts';
import type { Draft } from './draft.ts';
import { walkFrame } from './frame-walk.ts';
import { refusal } from './refusals.ts';
import type { Code, Subject } from './subject.ts';

export interface Evidence {
  readonly answer: 'no' | 'yes' | 'unknown';
  readonly because: string;
  readonly offset?: SectionOffset | undefined;
}

/** Doublewords that registers hold: r3 to r10. */
const REGISTER_WORDS = 8;

const btfs = new WeakMap<Subject, { readonly btf: Btf | undefined }>();

function btfFor(subject: Subject): Btf | undefined {
  let known = btfs.get(subject);
  if (known === undefined) {
    known = { btf: btfOf(subject.elf, subject.kernelBtf) };
    btfs.set(subject, known);
  }
  return known.btf;
}

/** What BTF says; `unknown` where it says nothing, or functions of one name differ. */
function byPrototype(subject: Subject, name: string): Evidence {
  return judge(btfFor(subject)?.prototypes(name) ?? []);
}

function judge(prototypes: readonly Prototype[]): Evidence {
  if (prototypes.length === 0) return { answer: 'unknown', because: 'BTF has no prototype' };
  const onStack = prototypes.filter(p => p.variadic || p.words > REGISTER_WORDS);
  if (onStack.length === prototypes.length) {
    const p = onStack[0]!;
    return { answer: 'yes', because: p.variadic ? 'variadic in BTF' : `${p.words} doublewords of arguments in BTF` };
  }
  if (onStack.length > 0 || prototypes.some(p => !p.complete))
    return { answer: 'unknown', because: 'BTF has several prototypes, or not all types' };
  return { answer: 'no', because: `its BTF prototype has ${prototypes[0]!.words} doublewords of arguments` };
}

/** What the kernel's own BTF says of a function that is not in this object; `unknown` where there is none. */
export function kernelPrototype(subject: Subject, name: string): Evidence {
  return judge(subject.kernelBtf?.prototypes(name) ?? []);
}

export function stackArguments(subject: Subject, code: Code, name: string): Evidence {
  const prototype = byPrototype(subject, name);
  if (prototype.answer === 'yes') return prototype;
  const walked = walkFrame(subject, code.section, code.global);
  if (walked.answer === 'yes' || prototype.answer === 'unknown') return walked;
  return prototype;
}

/**
 * @param forced where the user wants a result all the same: then it goes into this draft that a frame hides arguments
 * @returns what was looked at, a sentence
 * @throws RefusalError PAT011, PAT012
 */
export function requireNone(name: string, code: Code, evidence: Evidence, forced: Draft | undefined): string {
  const { answer, because, offset = code.global } = evidence;
  if (answer === 'no') return `no stack arguments in ${name}: ${because}`;
  const at = { section: code.section, offset };
  const refused = refusal(answer === 'yes' ? 'PAT011' : 'PAT012', { name, evidence: because }, at);
  if (forced === undefined) throw refused;
  forced.overrule(name, refused, answer === 'yes' ? 'refuted' : 'unknown');
  return `stack arguments of ${name} are hidden, and that was asked for: ${because}`;
}
