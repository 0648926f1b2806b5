/**
 * Values of DWARF's attributes: how many bytes each form takes, and the number that it stands for. DWARF 5, section 7.5.
 */
import { inflateSync } from 'node:zlib';
import type { ElfFile } from '../../elf/read.ts';

export const FORM_REF_ADDR = 0x10;
export const FORM_REF1 = 0x11;
export const FORM_REF_UDATA = 0x15;
export const FORM_STRING = 0x08;
export const FORM_BLOCK1 = 0x0a;
export const FORM_STRP = 0x0e;
export const FORM_EXPRLOC = 0x18;
export const FORM_LINE_STRP = 0x1f;
export const FORM_IMPLICIT_CONST = 0x21;

/** Thrown where the data is damaged or of a later kind. */
export class Unreadable extends Error {}

/** What the size of some forms depends on. */
export interface FormSizes {
  readonly version: number;
  /** Bytes of an offset: 4 or 8. */
  readonly offsetSize: number;
  readonly addressSize: number;
}

const SHF_COMPRESSED = 0x800;
const ELFCOMPRESS_ZLIB = 1;
const CHDR_SIZE = 24;

/** The contents of a debugging section, expanded; empty where there is none. */
export function debugSection(elf: ElfFile, name: string): Uint8Array {
  const section = elf.sectionNamed(name);
  if (section === undefined) return new Uint8Array(0);
  const bytes = elf.contents(section);
  if ((section.sh_flags & SHF_COMPRESSED) === 0) return bytes;
  const view = viewOf(bytes);
  const size = Number(view.getBigUint64(8, true));
  if (view.getUint32(0, true) !== ELFCOMPRESS_ZLIB || size > 2 ** 31) throw new Unreadable('compressed otherwise');
  try {
    return inflateSync(bytes.subarray(CHDR_SIZE), { maxOutputLength: Math.max(1, size) });
  } catch {
    throw new Unreadable('damaged');
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The NUL-ended text at `at`. */
export function latin1(bytes: Uint8Array, at: number): string | undefined {
  const end = at < bytes.length ? bytes.indexOf(0, at) : -1;
  return end < 0 ? undefined : Buffer.from(bytes.subarray(at, end)).toString('latin1');
}

/** Reads one value after the other. Throws `Unreadable` or RangeError at the end of the bytes. */
export class FormReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
  }

  /** Reads, or passes over, the value of a form; `undefined` where it is no number. */
  value(unit: FormSizes, form: number, constant: number): number | undefined {
    switch (form) {
      case 0x01:
        return this.#skip(unit.addressSize);
      case 0x05:
      case 0x12:
      case 0x26:
      case 0x2a:
        return this.u16();
      case 0x06:
      case 0x13:
      case 0x28:
      case 0x2c:
      case 0x1c:
        return this.u32();
      case 0x07:
      case 0x14:
      case 0x20:
      case 0x24:
        return this.u64();
      case 0x0b:
      case 0x0c:
      case 0x11:
      case 0x25:
      case 0x29:
        return this.u8();
      case 0x27:
      case 0x2b:
        return this.u8() | (this.u16() << 8);
      case 0x0d:
        return this.sleb();
      case 0x0f:
      case 0x15:
      case 0x1a:
      case 0x1b:
      case 0x22:
      case 0x23:
        return this.uleb();
      case FORM_STRP:
      case FORM_LINE_STRP:
      case 0x17:
      case 0x1d:
        return this.offset(unit.offsetSize);
      case 0x10:
        return this.offset(unit.version === 2 ? unit.addressSize : unit.offsetSize);
      case 0x19:
        return 1;
      case 0x21:
        return constant;
      case 0x1e:
        return this.#skip(16);
      case FORM_STRING: {
        const end = this.bytes.indexOf(0, this.at);
        if (end < 0) throw new Unreadable('a name without end');
        this.at = end + 1;
        return undefined;
      }
      case FORM_BLOCK1:
        return this.#skip(this.u8());
      case 0x03:
        return this.#skip(this.u16());
      case 0x04:
        return this.#skip(this.u32());
      case 0x09:
      case FORM_EXPRLOC:
        return this.#skip(this.uleb());
      case 0x16:
        return this.value(unit, this.uleb(), 0);
      default:
        throw new Unreadable('an unknown form');
    }
  }

  #skip(length: number): undefined {
    this.at += length;
    return undefined;
  }

  u8(): number {
    return this.#view.getUint8(this.at++);
  }

  u16(): number {
    this.at += 2;
    return this.#view.getUint16(this.at - 2, true);
  }

  u32(): number {
    this.at += 4;
    return this.#view.getUint32(this.at - 4, true);
  }

  u64(): number {
    this.at += 8;
    return Number(this.#view.getBigUint64(this.at - 8, true));
  }

  offset(size: number): number {
    return size === 8 ? this.u64() : this.u32();
  }

  uleb(): number {
    return this.#leb(false);
  }

  sleb(): number {
    return this.#leb(true);
  }

  /** A LEB128 number; exact below 2^53. */
  #leb(isSigned: boolean): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new Unreadable('ends inside a number');
      value += (byte & 0x7f) * factor;
      factor *= 128;
      if ((byte & 0x80) === 0) return isSigned && (byte & 0x40) !== 0 ? value - factor : value;
    }
  }
}
