import { isAscii } from 'node:buffer';
import { InputError } from '../util/errors.ts';

/** Far below the length that strings may have. */
const LONGEST_TEXT = 1 << 28;

/** A string table as a view. An offset is good when a NUL ends the string inside the table. */
export class StringTable {
  readonly bytes: Uint8Array;
  /** Offsets below this one are good: the table's last NUL lies behind them. Bytes. */
  readonly limit: number;
  readonly #text: Buffer;
  /** The whole table as text, where it is ASCII: a piece of a string costs a fraction of one made from bytes. */
  #ascii: string | undefined;
  #asked = false;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.limit = bytes.lastIndexOf(0) + 1;
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** The string at `offset` (bytes). Throws `InputError` ELF013 where no NUL ends it. */
  at(offset: number): string {
    if (offset >= this.limit)
      throw new InputError({
        code: 'ELF013',
        message: 'a name points outside its string table',
        expected: `an offset below 0x${this.limit.toString(16)}`,
        found: `0x${offset.toString(16)}`,
        remedy: 'the file is damaged: build or copy it again',
      });
    const text = this.#wholeText();
    if (text !== undefined) return text.slice(offset, text.indexOf('\0', offset));
    return this.#text.toString('utf8', offset, this.bytes.indexOf(0, offset));
  }

  #wholeText(): string | undefined {
    if (!this.#asked) {
      this.#asked = true;
      if (this.bytes.length <= LONGEST_TEXT && isAscii(this.bytes)) this.#ascii = this.#text.toString('latin1');
    }
    return this.#ascii;
  }

  /** Whether the string at `offset` is `text` (ASCII bytes without the NUL), without making a string of it. */
  equals(offset: number, text: Uint8Array): boolean {
    const { bytes } = this;
    if (offset + text.length >= this.limit || bytes[offset + text.length] !== 0) return false;
    for (let i = 0; i < text.length; i++) if (bytes[offset + i] !== text[i]) return false;
    return true;
  }

  /**
   * Every offset at which `text` stands as a whole string. A name may also be the end of a longer one: linkers let short names
   * share the bytes of long ones.
   */
  *offsetsOf(text: string): Generator<number> {
    const wanted = `${text}\0`;
    for (let at = this.#text.indexOf(wanted); at >= 0; at = this.#text.indexOf(wanted, at + 1)) yield at;
  }
}
