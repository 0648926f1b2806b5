/**
 * The note in the output: it tells what was done, and its script gives the input back. Judged by carrying the script
 * out, with an interpreter of the judge's own, and comparing every byte.
 *
 *     size of the original; then, until so many bytes are made:
 *       count of literal bytes, the bytes; count of bytes to copy from the patched file; if that is not 0, where from,
 *       as a zigzag-coded distance from the end of the copy before, moved on by the literal bytes
 *
 * Numbers are unsigned LEB128.
 */
import {
  encodePatchNote,
  type PatchRecord,
  patchRecordHead,
  rawPatchNote,
  readPatchNote,
} from '../kernel/patch-note.ts';
import type { Expectation } from './expectation.ts';
import type { Pairing } from './pairing.ts';
import { count, type Report } from './verification.ts';

/** Why a script does not give the original back; empty where it does. */
type Failure = string;

/** Numbers of a script, one after the other. */
class Numbers {
  readonly #script: Uint8Array;
  at = 0;

  constructor(script: Uint8Array) {
    this.#script = script;
  }

  next(): number {
    let value = this.#script[this.at++] ?? 0;
    if (value < 0x80) return value;
    value &= 0x7f;
    for (let scale = 128; scale < 2 ** 49; scale *= 128) {
      const byte = this.#script[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return Number.MAX_SAFE_INTEGER;
  }
}

/** Holds what the script would make against the original, piece by piece, without making it. */
export function replay(script: Uint8Array, patched: Uint8Array, input: Uint8Array): Failure {
  const original = Buffer.from(input.buffer, input.byteOffset, input.length);
  const numbers = new Numbers(script);
  const size = numbers.next();
  if (size !== original.length) return `it makes ${size} bytes, and the input has ${original.length}`;
  let done = 0;
  let source = 0;
  while (done < size) {
    const literal = numbers.next();
    if (!gives(script, numbers.at, literal, original, done)) return wrong(script, numbers.at, literal, original, done);
    numbers.at += literal;
    done += literal;
    const length = numbers.next();
    if (length === 0 && literal === 0) return 'it has a step that makes nothing';
    if (length === 0) continue;
    const zigzag = numbers.next();
    const from = source + literal + (zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2);
    if (!gives(patched, from, length, original, done)) return wrong(patched, from, length, original, done);
    done += length;
    source = from + length;
  }
  return numbers.at === script.length ? '' : 'it goes on behind its end';
}

/**
 * What a script makes of the patched file.
 *
 * @param most bytes; more are not made
 * @returns `undefined` where the script cannot be carried out, or makes more
 */
export function rebuild(script: Uint8Array, patched: Uint8Array, most: number): Uint8Array | undefined {
  const numbers = new Numbers(script);
  const size = numbers.next();
  if (size > most) return undefined;
  const made = new Uint8Array(size);
  let done = 0;
  let source = 0;
  while (done < size) {
    const literal = numbers.next();
    if (literal > size - done || numbers.at + literal > script.length) return undefined;
    made.set(script.subarray(numbers.at, numbers.at + literal), done);
    numbers.at += literal;
    done += literal;
    const length = numbers.next();
    if (length === 0 && literal === 0) return undefined;
    if (length === 0) continue;
    const zigzag = numbers.next();
    const from = source + literal + (zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2);
    if (from < 0 || from + length > patched.length || length > size - done) return undefined;
    made.set(patched.subarray(from, from + length), done);
    done += length;
    source = from + length;
  }
  return numbers.at === script.length ? made : undefined;
}

/** A call to compare longer runs costs as much as comparing so many bytes here. */
const SHORT = 48;

/** Whether `length` bytes of `source` at `from` are there, and are those of `original` at `at`. */
function gives(source: Uint8Array, from: number, length: number, original: Buffer, at: number): boolean {
  if (from < 0 || from + length > source.length || at + length > original.length) return false;
  if (length > SHORT) return original.compare(source, from, from + length, at, at + length) === 0;
  for (let i = 0; i < length; i++) if (source[from + i] !== original[at + i]) return false;
  return true;
}

function wrong(source: Uint8Array, from: number, length: number, original: Uint8Array, at: number): Failure {
  return from < 0 || from + length > source.length || at + length > original.length
    ? `it takes ${length} bytes that are not there, or one too many`
    : `it makes other bytes between 0x${at.toString(16)} and 0x${(at + length).toString(16)} of the input`;
}

export function checkNote(report: Report, pair: Pairing, expected: Expectation): string {
  const { output } = pair;
  const { planned, input } = expected;
  const original = input.bytes;
  const section = output.sections[pair.note];
  if (section === undefined) {
    if (planned.changesNothing) return 'nothing changed, and no note';
    report.error('VER040', 'the note that tells what was done is missing');
    return 'no note';
  }
  report.counts.addedByPlan += section.sh_size;
  let reason = 'it is not the first of its name';
  const tell = (text: string) => {
    reason = text;
  };
  const raw = rawPatchNote(output, tell);
  const head = raw && patchRecordHead(raw);
  const script = raw?.script ?? new Uint8Array(0);
  const asPlanned =
    raw?.section === section &&
    head !== undefined &&
    sameBytes(encodePatchNote(recordOf(head, expected), script, expected.actions), output.contents(section));
  if (!asPlanned) {
    // Only now it matters what the list of actions says.
    const note = readPatchNote(output, tell);
    if (note === undefined || note.section !== section) {
      report.error('VER040', `the note cannot be read: ${reason}`, section);
      return 'no note that can be read';
    }
    tellRecord(report, note.record, recordOf(note.record, expected), section.name);
  }
  const failure = replay(script, output.bytes, original);
  if (failure !== '') report.error('VER046', `the script does not give the input back: ${failure}`, section);
  return `${count(planned.plan.actions.length, 'action')}; the script gives the ${original.length} bytes of the input back`;
}

/**
 * The record that the input and the plan ask for. Taken from the one that was found: who wrote it, and how the file on
 * disk was packed, which the bytes do not tell.
 */
function recordOf(found: Omit<PatchRecord, 'actions'>, expected: Expectation): PatchRecord {
  const { packed } = found.original;
  const { input } = expected;
  const { plan } = expected.planned;
  return {
    schema: 'tocsin.patch-record/1',
    tool: found.tool,
    layer: (readPatchNote(input.elf)?.record.layer ?? 0) + 1,
    original: { size: input.bytes.length, sha256: expected.hash(), ...(packed === undefined ? {} : { packed }) },
    signatureDropped: plan.dropsSignature || plan.merged?.dropsSignature === true,
    codeAdded: plan.newCode.reduce((sum, code) => sum + code.words.length * 4, 0),
    ...(plan.unproved === undefined ? {} : { unproved: plan.unproved }),
    ...(plan.merged === undefined ? {} : { merged: plan.merged.objects }),
    actions: plan.actions,
  };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

function tellRecord(report: Report, found: PatchRecord, expected: PatchRecord, section: string): void {
  const before = report.findings.length;
  for (const field of [
    'layer',
    'original',
    'signatureDropped',
    'codeAdded',
    'unproved',
    'merged',
    'actions',
  ] as const) {
    const [is, wanted] = [JSON.stringify(found[field]), JSON.stringify(expected[field])];
    if (is !== wanted) report.error('VER040', `${field} of the note is not what input and plan say`, section);
  }
  if (report.findings.length === before) report.error('VER040', 'the note is not written as tocsin writes it', section);
}
