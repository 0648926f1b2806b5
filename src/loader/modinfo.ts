/**
 * `.modinfo` as the loader reads it (get_modinfo and next_string in module/main.c): it walks from string to string and stops at
 * the end of the section, but compares and returns strings up to their NUL, wherever that is.
 */
import { textAt } from './headers.ts';

/** What the loader asks for; other keys (alias, parm, depends) are for user space. */
const TAGS = [
  'name',
  'vermagic',
  'intree',
  'staging',
  'livepatch',
  'license',
  'test',
  'version',
  'srcversion',
  'import_ns',
] as const;
export type ModinfoTag = (typeof TAGS)[number];

interface Candidate {
  readonly tag: ModinfoTag;
  readonly bytes: Uint8Array;
}

/** By the first byte: most strings (aliases) need no closer look. */
const byFirst: (Candidate[] | undefined)[] = new Array(256).fill(undefined);
for (const tag of TAGS) {
  const bytes = Uint8Array.from(`${tag}=`, c => c.charCodeAt(0));
  byFirst[bytes[0]!] = [...(byFirst[bytes[0]!] ?? []), { tag, bytes }];
}

export class Modinfo {
  /** Where values begin, bytes from the file's start; for each tag the first. */
  readonly #first = new Map<ModinfoTag, number>();
  readonly #imports: number[] = [];
  readonly #file: Uint8Array;
  /** Bytes from the file's start: one past the section. */
  readonly #end: number;

  /** @param offset of the section, bytes from the file's start; a section outside the file has no entries */
  constructor(file: Uint8Array, offset: number, size: number) {
    this.#file = file;
    const end = Math.min(offset + size, file.length);
    this.#end = offset + size;
    for (let at = offset; at < file.length; ) {
      const candidates = byFirst[file[at]!];
      if (candidates !== undefined) this.#note(at, candidates);
      // A string that has no NUL inside the section is the last one, and so are zeros at its end.
      while (at < end && file[at] !== 0) at++;
      while (at < end && file[at] === 0) at++;
      if (at >= end) break;
    }
  }

  #note(at: number, candidates: readonly Candidate[]): void {
    for (const { tag, bytes } of candidates) {
      if (!startsWith(this.#file, at, bytes)) continue;
      const value = at + bytes.length;
      if (!this.#first.has(tag)) this.#first.set(tag, value);
      if (tag === 'import_ns') this.#imports.push(value);
      return;
    }
  }

  has(tag: ModinfoTag): boolean {
    return this.#first.has(tag);
  }

  /** The first value of `tag`. */
  get(tag: ModinfoTag): string | undefined {
    const at = this.#first.get(tag);
    return at === undefined ? undefined : textAt(this.#file, at);
  }

  /**
   * Whether the kernel, asked for what follows the last import of a namespace, runs on behind the section: it counts what is left
   * from that value on, and a value that begins behind the end leaves less than nothing (`get_next_modinfo`).
   */
  get runsAway(): boolean {
    return this.#imports.some(value => value > this.#end);
  }

  /** Namespaces that the module imports. */
  importedNamespaces(): string[] {
    return this.#imports.map(at => textAt(this.#file, at));
  }
}

function startsWith(file: Uint8Array, at: number, bytes: Uint8Array): boolean {
  for (let i = 1; i < bytes.length; i++) if (file[at + i] !== bytes[i]) return false;
  return true;
}
