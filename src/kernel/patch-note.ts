/**
 * What tocsin leaves in a file that it patched: a section `.note.tocsin`, not allocated, so the kernel never loads it.
 *
 *     owner "tocsin", type 1    the record: JSON (UTF-8)
 *     owner "tocsin", type 2    the script that turns the file back into its original (rewrite/restore-script.ts)
 *
 * The record holds no time and no machine, so one plan for one input always gives one output.
 */
import { SHT_NOTE } from '../elf/constants.ts';
import { noteSize, putNote, readNotes } from '../elf/notes.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import type { MergedObject } from '../plan/merge.ts';
import type { PlannedAction, Unproved } from '../plan/plan.ts';

export const PATCH_NOTE_SECTION = '.note.tocsin';
const OWNER = 'tocsin';
const TYPE_RECORD = 1;
const TYPE_SCRIPT = 2;

/** How the input was packed, and the SHA-256 (lower-case hexadecimal) of the packed file. */
export interface PackedOriginal {
  readonly form: 'xz' | 'zstd' | 'gzip';
  readonly sha256: string;
}

export interface OriginalFile {
  /** Bytes of the whole unpacked file, an appended signature included. */
  readonly size: number;
  /** SHA-256 of those bytes, lower-case hexadecimal. */
  readonly sha256: string;
  readonly packed?: PackedOriginal;
}

export interface PatchRecord {
  readonly schema: 'tocsin.patch-record/1';
  /** Version of tocsin that wrote the file. */
  readonly tool: string;
  /** 1 for a file that tocsin had not patched before; one more with each patch on top of another. */
  readonly layer: number;
  readonly original: OriginalFile;
  readonly signatureDropped: boolean;
  /** Bytes of new code. */
  readonly codeAdded: number;
  /** What was not proved when the file was written; absent where all was. */
  readonly unproved?: readonly Unproved[];
  /** Objects that became part of the module, in their order; absent where there were none. */
  readonly merged?: readonly MergedObject[];
  readonly actions: readonly PlannedAction[];
}

export interface PatchNote {
  readonly section: Section;
  readonly record: PatchRecord;
  /** A view into the file. */
  readonly script: Uint8Array;
}

/**
 * Contents of the section, which is aligned to 4.
 *
 * @param actions `record.actions` as JSON, for whoever has it already: it may be megabytes
 */
export function encodePatchNote(record: PatchRecord, script: Uint8Array, actions?: string): Uint8Array {
  const description = Buffer.from(actions === undefined ? JSON.stringify(record) : withActions(record, actions));
  const first = noteSize(OWNER, description);
  const contents = new Uint8Array(first + noteSize(OWNER, script));
  putNote(contents, 0, OWNER, TYPE_RECORD, description);
  putNote(contents, first, OWNER, TYPE_SCRIPT, script);
  return contents;
}

/** The same text as `JSON.stringify(record)`: the actions are its last field. */
function withActions({ actions: _, ...head }: PatchRecord, actions: string): string {
  return `${patchRecordStart(head)}${actions}}`;
}

/** The record's JSON up to its list of actions. */
export function patchRecordStart(head: Omit<PatchRecord, 'actions'>): string {
  return `${JSON.stringify(head).slice(0, -1)},"actions":`;
}

/** Whether the file has a section with tocsin's name and type. */
export function patchNoteSection(elf: ElfFile): Section | undefined {
  const section = elf.sectionNamed(PATCH_NOTE_SECTION);
  return section?.sh_type === SHT_NOTE ? section : undefined;
}

/** The note as it stands in the file. */
export interface RawPatchNote {
  readonly section: Section;
  /** Views into the file: the record's JSON, and the script. */
  readonly description: Uint8Array;
  readonly script: Uint8Array;
}

/** The note of a file that tocsin patched, unread; `undefined` where there is none that is whole: `reason` is told why. */
export function rawPatchNote(elf: ElfFile, reason: (text: string) => void = () => {}): RawPatchNote | undefined {
  const section = patchNoteSection(elf);
  if (section === undefined) return undefined;
  const notes = readNotes(elf, section).filter(n => n.owner === OWNER);
  const description = notes.find(n => n.type === TYPE_RECORD);
  const script = notes.find(n => n.type === TYPE_SCRIPT);
  if (description === undefined || script === undefined) {
    reason(`no note of type ${description === undefined ? TYPE_RECORD : TYPE_SCRIPT}`);
    return undefined;
  }
  return { section, description: description.descriptor, script: script.descriptor };
}

/**
 * The note of a file that tocsin patched; `undefined` where there is none, or none that can be read: `reason` is told why.
 *
 * @throws InputError ELF020 where a note runs over the end of its section
 */
export function readPatchNote(elf: ElfFile, reason: (text: string) => void = () => {}): PatchNote | undefined {
  const raw = rawPatchNote(elf, reason);
  const record = raw && parseRecord(raw.description, reason);
  return record && { section: raw.section, record, script: raw.script };
}

const ACTIONS = '"actions":[';

/**
 * All of the record but its list of actions, which may be long, as `encodePatchNote` lays it out; `undefined` where it is
 * laid out in another way. Whether the list is there at all is not looked at.
 */
export function patchRecordHead({ description }: RawPatchNote): Omit<PatchRecord, 'actions'> | undefined {
  const bytes = Buffer.from(description.buffer, description.byteOffset, description.length);
  const end = bytes.indexOf(ACTIONS);
  if (end < 0) return undefined;
  return parseRecord(Buffer.from(`${bytes.toString('utf8', 0, end)}${ACTIONS}]}`), () => {});
}

function parseRecord(bytes: Uint8Array, reason: (text: string) => void): PatchRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    reason('the record is not JSON');
    return undefined;
  }
  if (isRecord(value)) return value;
  reason('the record is not of schema tocsin.patch-record/1');
  return undefined;
}

/** Checks the fields that decide whether and how a file is restored. */
function isRecord(value: unknown): value is PatchRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { schema, layer, original, actions } = value as Partial<PatchRecord>;
  return (
    schema === 'tocsin.patch-record/1' &&
    Number.isSafeInteger(layer) &&
    Array.isArray(actions) &&
    typeof original === 'object' &&
    original !== null &&
    Number.isSafeInteger(original.size) &&
    typeof original.sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(original.sha256)
  );
}
