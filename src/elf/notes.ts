import { alignUp } from '../util/bytes.ts';
import { InputError } from '../util/errors.ts';
import type { ElfFile } from './read.ts';
import type { Section } from './section.ts';

/** One note of an SHT_NOTE section. */
export interface Note {
  /** Without the NUL that ends it in the file. */
  readonly owner: string;
  readonly type: number;
  /** A view into the file. */
  readonly descriptor: Uint8Array;
  /** Bytes from the start of the section to the descriptor. */
  readonly descriptorOffset: number;
}

const HEADER_SIZE = 12;

/**
 * The notes of an SHT_NOTE section, in file order. Names and descriptors are padded to 4 bytes, or to 8 where the section
 * is aligned to 8 (gABI; binutils read them so).
 *
 * @throws InputError ELF020 where a note runs over the end of the section
 */
export function readNotes(elf: ElfFile, section: Section): Note[] {
  const bytes = elf.contents(section);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const alignment = section.sh_addralign >= 8 ? 8 : 4;
  const notes: Note[] = [];
  for (let at = 0; at + HEADER_SIZE <= bytes.length; ) {
    const nameSize = view.getUint32(at, true);
    const descriptorSize = view.getUint32(at + 4, true);
    const descriptorOffset = alignUp(at + HEADER_SIZE + nameSize, alignment);
    const end = descriptorOffset + descriptorSize;
    if (end > bytes.length)
      throw new InputError({
        code: 'ELF020',
        message: 'a note runs over the end of its section',
        section: section.name,
        offset: at,
        expected: `an end at 0x${bytes.length.toString(16)} or before`,
        found: `0x${end.toString(16)}`,
        remedy: 'the file is damaged: build or copy it again',
      });
    const name = bytes.subarray(at + HEADER_SIZE, at + HEADER_SIZE + nameSize);
    const terminator = name.indexOf(0);
    notes.push({
      owner: Buffer.from(name.subarray(0, terminator < 0 ? name.length : terminator)).toString('latin1'),
      type: view.getUint32(at + 8, true),
      descriptor: bytes.subarray(descriptorOffset, end),
      descriptorOffset,
    });
    at = alignUp(end, alignment);
  }
  return notes;
}

/** Bytes that a note takes, padded to 4, in a section aligned to 4. */
export function noteSize(owner: string, descriptor: Uint8Array): number {
  return alignUp(HEADER_SIZE + owner.length + 1, 4) + alignUp(descriptor.length, 4);
}

/** Writes a note at `at` in contents that are zero there; the owner's name is ASCII. */
export function putNote(contents: Uint8Array, at: number, owner: string, type: number, descriptor: Uint8Array): void {
  const view = new DataView(contents.buffer, contents.byteOffset + at);
  view.setUint32(0, owner.length + 1, true);
  view.setUint32(4, descriptor.length, true);
  view.setUint32(8, type, true);
  contents.set(Buffer.from(owner, 'latin1'), at + HEADER_SIZE);
  contents.set(descriptor, at + alignUp(HEADER_SIZE + owner.length + 1, 4));
}
