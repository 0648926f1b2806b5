/**
 * Small objects for the prover, written as assembly: functions with labels, stubs, tables. Only what the tests need: one
 * instruction a line, in the words of the instruction table; `LABEL:` begins a line; branch operands are labels.
 */
import { encodeInstruction } from '../../../../src/ppc64/encode.ts';
import { instructionsNamed } from '../../../../src/ppc64/instructions.ts';
import { REASONS } from '../../../../src/prove/reasons.ts';
import {
  CODE,
  EXTRA,
  type ExtraEdge,
  GLOBAL,
  LOCAL,
  type ProofSubject,
  SITE,
  STUB,
} from '../../../../src/prove/subject.ts';
import { address, EXTERNAL, external, kindOf, payloadOf, UNKNOWN, type Value } from '../../../../src/prove/values.ts';

import { type CoreObject, type CoreSection, proveBothWays } from '../../../support/core.ts';

/** Where the TOC of every assembled object is: bytes from the origin. */
export const TOC = 0x18000;

export interface Source {
  /** A function begins at each label that is named here: bytes to its local entry, or 0. */
  readonly functions: Readonly<Record<string, { readonly k?: number; readonly part?: boolean }>>;
  readonly code: string;
  /** Labels between which stubs lie. */
  readonly stubs?: readonly [from: string, to: string];
  /** Labels in these between which no instructions lie. */
  readonly stubData?: readonly (readonly [from: string, to: string])[];
  /** Labels that the tracer's records name. */
  readonly sites?: readonly string[];
  readonly lrIsSavedAtSite?: boolean;
  readonly edges?: readonly { readonly at: string; readonly kind: ExtraEdge['kind']; readonly to: string }[];
  /** Doublewords: by label, the name of an external or of another label. */
  readonly data?: Readonly<Record<string, string>>;
  /** Jump tables by label. */
  readonly tables?: Readonly<Record<string, readonly string[]>>;
  readonly exposed?: readonly string[];
}

interface Line {
  readonly labels: readonly string[];
  readonly text: string;
}

function linesOf(code: string): Line[] {
  const lines: Line[] = [];
  let labels: string[] = [];
  for (const raw of code.split('\n')) {
    let text = raw.replace(/#.*/, '').trim();
    for (let match = /^([\w.$]+):\s*/.exec(text); match !== null; match = /^([\w.$]+):\s*/.exec(text)) {
      labels.push(match[1]!);
      text = text.slice(match[0].length);
    }
    if (text === '') continue;
    lines.push({ labels, text });
    labels = [];
  }
  if (labels.length > 0) lines.push({ labels, text: '' });
  return lines;
}

/** `.quad X` takes two words, a prefixed instruction too. */
function sizeOf(text: string): number {
  if (text === '') return 0;
  return text.startsWith('.quad') || /^p[a-z]+ /.test(text) ? 8 : 4;
}

function operand(text: string, labels: ReadonlyMap<string, number>, at: number): number[] {
  const memory = /^(.*)\(r(\d+)\)$/.exec(text);
  if (memory !== null) return [number(memory[1]!, labels), Number(memory[2])];
  const register = /^(?:r|cr)(\d+)$/.exec(text);
  if (register !== null) return [Number(register[1])];
  if (labels.has(text)) return [labels.get(text)! - at];
  return [number(text, labels)];
}

/** A number, or the halves of a distance: `toc@ha(LABEL)` of the TOC from a label, `at@l(LABEL)` of a label from the TOC. */
function number(text: string, labels: ReadonlyMap<string, number>): number {
  const half = /^(toc|at)@(ha|l)\(([\w.$]+)\)$/.exec(text);
  if (half === null) {
    const value = Number(text);
    if (!Number.isInteger(value)) throw new Error(`not an operand: ${text}`);
    return value;
  }
  const distance = (TOC - labels.get(half[3]!)!) * (half[1] === 'toc' ? 1 : -1);
  return half[2] === 'ha' ? (distance + 0x8000) >> 16 : (distance << 16) >> 16;
}

/** Splits at commas outside of parentheses. */
function operandsOf(text: string): string[] {
  return text === '' ? [] : text.split(/,\s*(?![^(]*\))/).map(part => part.trim());
}

/** Operands that the text leaves out have the value that lets them be left out. */
function encoded(mnemonic: string, values: readonly number[]): readonly number[] {
  for (const row of instructionsNamed(mnemonic)) {
    const rest = row.operands.slice(values.length).map(o => o.omittedAt ?? o.literal);
    const words = encodeInstruction(row, [...values, ...rest]);
    if (words !== null) return words;
  }
  throw new Error(`no encoding of ${mnemonic} ${values.join(',')}`);
}

/** Where an assembled object lies, and what is outside of it. */
const ORIGIN = 0xc008_0000_0100_0000n;
const OUTSIDE = 0xc000_0000_0010_0000n;

export function assemble(source: Source): ProofSubject {
  return assembled(source).subject;
}

function assembled(source: Source): CoreObject {
  const lines = linesOf(source.code);
  const labels = new Map<string, number>();
  let end = 0;
  for (const { labels: names, text } of lines) {
    for (const name of names) labels.set(name, end);
    end += sizeOf(text);
  }
  const code = new Uint32Array(end / 4 + 1);
  const marks = new Uint8Array(code.length);
  marks.fill(CODE, 0, end / 4);
  const externals: string[] = [];
  const constants = new Map<number, Value>();
  const lattice = (name: string): Value => {
    if (labels.has(name)) return address(labels.get(name)!);
    if (name === 'TOC') return address(TOC);
    if (!externals.includes(name)) externals.push(name);
    return external(externals.indexOf(name));
  };
  let at = 0;
  for (const { text } of lines) {
    if (text === '') continue;
    const [mnemonic, rest] = [text.split(/\s+/)[0]!, text.replace(/^\S+\s*/, '')];
    if (mnemonic === '.quad') constants.set(at, lattice(rest));
    else if (mnemonic === '.long') code[at / 4] = Number(rest);
    else
      encoded(
        mnemonic,
        operandsOf(rest).flatMap(part => operand(part, labels, at)),
      ).forEach((word, i) => {
        code[at / 4 + i] = word;
      });
    at += sizeOf(text);
  }
  const place = (label: string) => {
    const found = labels.get(label);
    if (found === undefined) throw new Error(`no label ${label}`);
    return found;
  };
  const names = Object.keys(source.functions).sort((a, b) => place(a) - place(b));
  const global = Int32Array.from(names, place);
  const entryCode = Uint8Array.from(names, name => source.functions[name]!.k ?? 3);
  const local = Int32Array.from(names, (name, i) => place(name) + (((1 << entryCode[i]!) >> 2) << 2));
  for (const offset of global) marks[offset / 4]! |= GLOBAL;
  for (const offset of local) marks[offset / 4]! |= LOCAL;
  for (const label of source.sites ?? []) marks[place(label) / 4]! |= SITE;
  if (source.stubs !== undefined)
    for (let offset = place(source.stubs[0]); offset < place(source.stubs[1]); offset += 4) marks[offset / 4]! |= STUB;
  for (const [from, to] of source.stubData ?? [])
    for (let offset = place(from); offset < place(to); offset += 4) marks[offset / 4]! &= ~CODE;
  const edges = new Map<number, ExtraEdge[]>();
  for (const { at: from, kind, to } of source.edges ?? []) {
    const list = edges.get(place(from)) ?? [];
    list.push({ kind, target: place(to) });
    edges.set(place(from), list);
    marks[place(from) / 4]! |= EXTRA;
  }
  for (const [label, name] of Object.entries(source.data ?? {})) constants.set(place(label), lattice(name));
  const tables = new Map(
    Object.entries(source.tables ?? {}).map(([label, list]) => [place(label), list.map(place)] as const),
  );
  const subject: ProofSubject = {
    code,
    marks,
    functions: {
      count: names.length,
      global,
      local,
      end: Int32Array.from(names, (_, i) => global[i + 1] ?? end),
      part: Uint8Array.from(names, name => (source.functions[name]!.part === true ? 1 : 0)),
      entryCode,
      assembly: new Uint8Array(names.length),
      name: index => names[index]!,
    },
    toc: TOC,
    edges,
    constant: offset => constants.get(offset) ?? UNKNOWN,
    labels: (table, index, count) => {
      const list = tables.get(table);
      const mayBe = (at: number) =>
        (at >= global[index]! && at < (global[index + 1] ?? end)) ||
        names.some(
          (name, i) => source.functions[name]!.part === true && at >= global[i]! && at < (global[i + 1] ?? end),
        );
      return list !== undefined && list.length >= count && list.every(mayBe) ? list : undefined;
    },
    isExposed: offset => (source.exposed ?? []).some(label => place(label) === offset),
    isImported: value => kindOf(value) === EXTERNAL && externals[payloadOf(value)] !== 'nowhere',
    noReturn: value => kindOf(value) === EXTERNAL && externals[payloadOf(value)] === 'panic',
    nameOf: value => (kindOf(value) === EXTERNAL ? externals[payloadOf(value)]! : `+${payloadOf(value)}`),
    pacaToc: undefined,
    lrIsSavedAtSite: source.lrIsSavedAtSite ?? false,
  };
  const number = (value: Value): bigint =>
    kindOf(value) === EXTERNAL ? OUTSIDE + BigInt(payloadOf(value) * 256) : ORIGIN + BigInt(payloadOf(value));
  const section = (offset: number, bytes: Uint8Array, exposes = false): CoreSection => ({
    offset,
    size: bytes.length,
    bytes,
    isConstant: !exposes,
    exposes,
  });
  const doubleword = (value: bigint) => new Uint8Array(BigUint64Array.of(value).buffer);
  const isInTable = (offset: number) => [...tables].some(([t, list]) => offset >= t && offset < t + 4 * list.length);
  const sections = [...constants]
    .filter(([offset]) => !isInTable(offset))
    .map(([offset, value]) => section(offset, doubleword(number(value))));
  for (const [offset, list] of tables)
    sections.push(section(offset, new Uint8Array(Int32Array.from(list, target => target - offset).buffer)));
  (source.exposed ?? []).forEach((label, i) => {
    sections.push(section(FAR + 8 * i, doubleword(ORIGIN + BigInt(place(label))), true));
  });
  // All of the object lies in front of this.
  sections.push(section(2 * FAR, new Uint8Array(8)));
  return {
    subject,
    origin: ORIGIN,
    sections: sections.sort((a, b) => a.offset - b.offset),
    externals: externals.flatMap((name, i) =>
      name === 'nowhere' ? [] : [{ address: OUTSIDE + BigInt(i * 256), isEndless: name === 'panic' }],
    ),
  };
}

/** Bytes from the origin, behind everything that is assembled. */
const FAR = 0x10_0000;

const VERDICTS = ['proved', 'unknown', 'refuted'] as const;

/** `proved`, or the verdict and the code of its reason: `refuted TOC002`. Both provers have to say the same. */
export function verdicts(source: Source): Readonly<Record<string, string>> {
  const object = assembled(source);
  const { subject } = object;
  const { prover, wrong } = proveBothWays(object);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return Object.fromEntries(
    Array.from({ length: subject.functions.count }, (_, i) => i)
      .filter(i => subject.functions.part[i] === 0)
      .map(i => [
        subject.functions.name(i),
        `${VERDICTS[prover.verdict[i]!]} ${REASONS[prover.reason[i]!]!.code}`.trim(),
      ]),
  );
}

/** The set-up of r2 that begins a function with two entries, and the call stub of the loader. */
export function prologue(name: string): string {
  return `${name}: addis r2,r12,toc@ha(${name})\n addi r2,r2,toc@l(${name})`;
}

/** A call stub as the module loader writes it, at `label`, for the external `name`. */
export function callStub(label: string, name: string): string {
  return `${label}: addis r11,r2,at@ha(${label})
 addi r11,r11,at@l(${label})
 std r2,24(r1)
 ld r12,32(r11)
 mtctr r12
 bctr
 .long 0
 .long 0x73747562
 .quad ${name}`;
}
