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
import { createHash } from 'node:crypto';
import { encodePatchNote, type PatchRecord, readPatchNote } from '../kernel/patch-note.ts';
import { buffer } from './compare-contents.ts';
import type { Pairing } from './pairing.ts';
import type { Planned } from './planned.ts';
import { count, type Report } from './verification.ts';

/** Why a script does not give the original back; empty where it does. */
type Failure = string;

/** Holds what the script would make against the original, piece by piece, without making it. */
function replay(script: Uint8Array, patched: Uint8Array, original: Uint8Array): Failure {
  const view = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const wanted = view(original);
  const sources = { literal: view(script), copy: view(patched) };
  let at = 0;
  let done = 0;
  let failure = '';
  const number = (): number => {
    let value = 0;
    for (let scale = 1; scale < 2 ** 49; scale *= 128) {
      const byte = script[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return Number.MAX_SAFE_INTEGER;
  };
  const take = (from: number, length: number, kind: keyof typeof sources) => {
    const source = sources[kind];
    if (from < 0 || from + length > source.length || done + length > wanted.length)
      failure = `it takes ${length} bytes that are not there, or one too many`;
    else if (source.compare(wanted, done, done + length, from, from + length) !== 0)
      failure = `it makes other bytes between 0x${done.toString(16)} and 0x${(done + length).toString(16)} of the input`;
    done += length;
  };
  const size = number();
  if (size !== wanted.length) return `it makes ${size} bytes, and the input has ${wanted.length}`;
  let source = 0;
  while (done < size && failure === '') {
    const literal = number();
    take(at, literal, 'literal');
    at += literal;
    const length = number();
    if (length === 0 && literal === 0) return 'it has a step that makes nothing';
    if (length === 0) continue;
    const zigzag = number();
    const from = source + literal + (zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2);
    take(from, length, 'copy');
    source = from + length;
  }
  if (failure === '' && at !== script.length) return 'it goes on behind its end';
  return failure;
}

export function checkNote(report: Report, pair: Pairing, planned: Planned, original: Uint8Array): string {
  const { output } = pair;
  const section = output.sections[pair.note];
  if (section === undefined) {
    if (planned.changesNothing) return 'nothing changed, and no note';
    report.error('VER040', 'the note that tells what was done is missing');
    return 'no note';
  }
  report.counts.addedByPlan += section.sh_size;
  let reason = 'it is not the first of its name';
  const note = readPatchNote(output, text => {
    reason = text;
  });
  if (note === undefined || note.section !== section) {
    report.error('VER040', `the note cannot be read: ${reason}`, section);
    return 'no note that can be read';
  }
  const expected = recordOf(note.record, pair, planned, original);
  if (!Buffer.from(encodePatchNote(expected, note.script)).equals(buffer(output, section)))
    tellRecord(report, note.record, expected, section.name);
  const failure = replay(note.script, output.bytes, original);
  if (failure !== '') report.error('VER046', `the script does not give the input back: ${failure}`, section);
  return `${count(note.record.actions.length, 'action')}; the script gives the ${original.length} bytes of the input back`;
}

/**
 * The record that the input and the plan ask for. Taken from the one that was found: who wrote it, and how the file on
 * disk was packed, which the bytes do not tell.
 */
function recordOf(found: PatchRecord, pair: Pairing, { plan }: Planned, original: Uint8Array): PatchRecord {
  const { packed } = found.original;
  const sha256 = createHash('sha256').update(original).digest('hex');
  return {
    schema: 'tocsin.patch-record/1',
    tool: found.tool,
    layer: (readPatchNote(pair.input)?.record.layer ?? 0) + 1,
    original: { size: original.length, sha256, ...(packed === undefined ? {} : { packed }) },
    signatureDropped: plan.dropsSignature,
    codeAdded: plan.newCode.reduce((sum, code) => sum + code.words.length * 4, 0),
    actions: plan.actions,
  };
}

function tellRecord(report: Report, found: PatchRecord, expected: PatchRecord, section: string): void {
  const before = report.findings.length;
  for (const field of ['layer', 'original', 'signatureDropped', 'codeAdded', 'actions'] as const) {
    const [is, wanted] = [JSON.stringify(found[field]), JSON.stringify(expected[field])];
    if (is !== wanted) report.error('VER040', `${field} of the note is not what input and plan say`, section);
  }
  if (report.findings.length === before) report.error('VER040', 'the note is not written as tocsin writes it', section);
}
