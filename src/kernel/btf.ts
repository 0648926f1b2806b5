/**
 * The part of BTF (the kernel's compact type information) that says what a function takes: FUNC and FUNC_PROTO, and as much
 * of the other kinds as their sizes need. Layout: `include/uapi/linux/btf.h`.
 *
 * A module's `.BTF` is *split*: its type numbers and string offsets go on where those of a base end, the kernel's own BTF
 * or a `.BTF.base` that the module carries. Without the base nobody knows where "go on" is, so such a BTF says nothing.
 * It can be recognised: a BTF that stands alone begins its strings with the empty one.
 */
import type { ElfFile } from '../elf/read.ts';

const MAGIC = 0xeb9f;

const KIND_INT = 1;
const KIND_PTR = 2;
const KIND_ARRAY = 3;
const KIND_STRUCT = 4;
const KIND_UNION = 5;
const KIND_ENUM = 6;
const KIND_TYPEDEF = 8;
const KIND_VOLATILE = 9;
const KIND_CONST = 10;
const KIND_RESTRICT = 11;
const KIND_FUNC = 12;
const KIND_FUNC_PROTO = 13;
const KIND_VAR = 14;
const KIND_DATASEC = 15;
const KIND_FLOAT = 16;
const KIND_DECL_TAG = 17;
const KIND_TYPE_TAG = 18;
const KIND_ENUM64 = 19;

/** Bytes behind the 12 of `struct btf_type`, for `vlen` members; `undefined` for a kind that is not known. */
function trailing(kind: number, vlen: number): number | undefined {
  switch (kind) {
    case KIND_INT:
    case KIND_VAR:
    case KIND_DECL_TAG:
      return 4;
    case KIND_ARRAY:
      return 12;
    case KIND_STRUCT:
    case KIND_UNION:
    case KIND_DATASEC:
    case KIND_ENUM64:
      return vlen * 12;
    case KIND_ENUM:
    case KIND_FUNC_PROTO:
      return vlen * 8;
    default:
      return kind >= KIND_INT && kind <= KIND_ENUM64 ? 0 : undefined;
  }
}

/** What a prototype passes, in doublewords of the parameter area. */
export interface Prototype {
  readonly name: string;
  readonly parameters: number;
  readonly variadic: boolean;
  /** Doublewords, a hidden pointer to a large result included; parameters of unknown type count as one. */
  readonly words: number;
  /** Every parameter's type was found. */
  readonly complete: boolean;
}

/** A structure's size and members, bytes. */
export interface Structure {
  readonly size: number;
  /** Offsets of members; those of unnamed structures and unions count as its own, bit fields begin at their byte. */
  readonly members: ReadonlyMap<string, number>;
  /** Names of the structures that members are themselves, by member. */
  readonly nested: ReadonlyMap<string, string>;
}

export class Btf {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #base: Btf | undefined;
  /** Byte offset of each type of this part, the first of them numbered `#firstType`. */
  readonly #types: number[] = [];
  readonly #firstType: number;
  readonly #strings: { readonly start: number; readonly end: number };
  /** String offsets below this are the base's. */
  readonly #firstString: number;

  private constructor(
    bytes: Uint8Array,
    base: Btf | undefined,
    types: readonly [number, number],
    strings: readonly [number, number],
  ) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#base = base;
    this.#firstType = base?.typeCount ?? 1;
    this.#firstString = base?.stringEnd ?? 0;
    this.#strings = { start: strings[0], end: strings[1] };
    this.#index(types[0], types[1]);
  }

  /** A BTF, or `undefined` where the bytes are damaged, of another version, or split with the base missing. */
  static parse(bytes: Uint8Array, base?: Btf): Btf | undefined {
    if (bytes.length < 24) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const headerSize = view.getUint32(4, true);
    if (view.getUint16(0, true) !== MAGIC || view.getUint8(2) !== 1 || headerSize < 24) return undefined;
    const part = (at: number): [number, number] => {
      const start = headerSize + view.getUint32(at, true);
      return [start, start + view.getUint32(at + 4, true)];
    };
    const types = part(8);
    const strings = part(16);
    if (types[1] > bytes.length || strings[1] > bytes.length || strings[1] <= strings[0]) return undefined;
    if (base === undefined && bytes[strings[0]] !== 0) return undefined;
    const btf = new Btf(bytes, base, types, strings);
    return btf.#intact ? btf : undefined;
  }

  #intact = false;

  #index(start: number, end: number): void {
    let at = start;
    while (at + 12 <= end) {
      const info = this.#view.getUint32(at + 4, true);
      const more = trailing((info >>> 24) & 0x1f, info & 0xffff);
      if (more === undefined || at + 12 + more > end) return;
      this.#types.push(at);
      at += 12 + more;
    }
    this.#intact = at === end;
  }

  /** One more than the largest type number. */
  get typeCount(): number {
    return this.#firstType + this.#types.length;
  }

  get stringEnd(): number {
    return this.#firstString + (this.#strings.end - this.#strings.start);
  }

  #string(offset: number): string {
    if (offset < this.#firstString) return this.#base!.#string(offset);
    const start = this.#strings.start + offset - this.#firstString;
    if (start >= this.#strings.end) return '';
    const end = this.#bytes.indexOf(0, start);
    return Buffer.from(this.#bytes.subarray(start, end < 0 ? this.#strings.end : end)).toString('latin1');
  }

  /** The type's bytes and where they begin; `undefined` for void and for numbers that nobody has. */
  #type(
    id: number,
  ): { readonly btf: Btf; readonly at: number; readonly kind: number; readonly vlen: number } | undefined {
    if (id < this.#firstType) return id === 0 || this.#base === undefined ? undefined : this.#base.#type(id);
    const at = this.#types[id - this.#firstType];
    if (at === undefined) return undefined;
    const info = this.#view.getUint32(at + 4, true);
    return { btf: this, at, kind: (info >>> 24) & 0x1f, vlen: info & 0xffff };
  }

  /** `sizeof`, bytes; `undefined` where it cannot be told. */
  #sizeOf(id: number): number | undefined {
    let next = id;
    // Longer chains of typedefs and qualifiers are a circle.
    for (let step = 0; step < 64; step++) {
      const type = this.#type(next);
      if (type === undefined) return undefined;
      const word = type.btf.#view.getUint32(type.at + 8, true);
      switch (type.kind) {
        case KIND_PTR:
          return 8;
        case KIND_INT:
        case KIND_STRUCT:
        case KIND_UNION:
        case KIND_ENUM:
        case KIND_ENUM64:
        case KIND_FLOAT:
          return word;
        case KIND_TYPEDEF:
        case KIND_VOLATILE:
        case KIND_CONST:
        case KIND_RESTRICT:
        case KIND_TYPE_TAG:
          next = word;
          break;
        default:
          return undefined;
      }
    }
    return undefined;
  }

  /** The complete structures of this part with one of these names; of several with one name, the first. */
  structures(names: ReadonlySet<string>): Map<string, Structure> {
    const found = new Map<string, Structure>();
    for (let i = 0; i < this.#types.length; i++) {
      const at = this.#types[i]!;
      if (((this.#view.getUint32(at + 4, true) >>> 24) & 0x1f) !== KIND_STRUCT) continue;
      const nameAt = this.#view.getUint32(at, true);
      if (nameAt === 0) continue;
      const name = this.#string(nameAt);
      if (!names.has(name) || found.has(name)) continue;
      const members = new Map<string, number>();
      const nested = new Map<string, string>();
      this.#members(this.#firstType + i, 0, members, nested, 0);
      found.set(name, { size: this.#view.getUint32(at + 8, true), members, nested });
    }
    return found;
  }

  #members(id: number, base: number, members: Map<string, number>, nested: Map<string, string>, depth: number): void {
    const type = this.#type(id);
    if (type === undefined || depth > 16 || (type.kind !== KIND_STRUCT && type.kind !== KIND_UNION)) return;
    const view = type.btf.#view;
    const hasBitFields = (view.getUint32(type.at + 4, true) & 0x8000_0000) !== 0;
    for (let i = 0, at = type.at + 12; i < type.vlen; i++, at += 12) {
      const bits = view.getUint32(at + 8, true) & (hasBitFields ? 0xff_ffff : 0xffff_ffff);
      const offset = base + ((bits >>> 0) >>> 3);
      const member = view.getUint32(at + 4, true);
      const name = type.btf.#string(view.getUint32(at, true));
      if (name === '') this.#members(member, offset, members, nested, depth + 1);
      else if (!members.has(name)) {
        members.set(name, offset);
        const of = this.#type(member);
        if (of?.kind === KIND_STRUCT) nested.set(name, of.btf.#string(of.btf.#view.getUint32(of.at, true)));
      }
    }
  }

  /**
   * All functions of this part by name: whether they take or give anything. Of assembly the assembler leaves functions that
   * do neither, with no prototype to know better.
   */
  functions(): Map<string, boolean> {
    const found = new Map<string, boolean>();
    for (const at of this.#types) {
      if (((this.#view.getUint32(at + 4, true) >>> 24) & 0x1f) !== KIND_FUNC) continue;
      const name = this.#string(this.#view.getUint32(at, true));
      const type = this.#type(this.#view.getUint32(at + 8, true));
      const hasMore = type !== undefined && (type.vlen > 0 || type.btf.#view.getUint32(type.at + 8, true) !== 0);
      found.set(name, hasMore || found.get(name) === true);
    }
    return found;
  }

  /** The prototypes of all functions of this part called `name`. */
  prototypes(name: string): Prototype[] {
    const found: Prototype[] = [];
    for (let i = 0; i < this.#types.length; i++) {
      const at = this.#types[i]!;
      if (((this.#view.getUint32(at + 4, true) >>> 24) & 0x1f) !== KIND_FUNC) continue;
      if (this.#string(this.#view.getUint32(at, true)) !== name) continue;
      const prototype = this.#prototype(name, this.#view.getUint32(at + 8, true));
      if (prototype !== undefined) found.push(prototype);
    }
    return found;
  }

  #prototype(name: string, id: number): Prototype | undefined {
    const type = this.#type(id);
    if (type === undefined || type.kind !== KIND_FUNC_PROTO) return undefined;
    const view = type.btf.#view;
    const result = view.getUint32(type.at + 8, true);
    const resultSize = result === 0 ? 0 : this.#sizeOf(result);
    let complete = resultSize !== undefined;
    // ELFv2 returns aggregates of up to 16 bytes in r3 and r4; for larger ones the caller passes an address.
    let words = (resultSize ?? 0) > 16 ? 1 : 0;
    let variadic = false;
    for (let i = 0; i < type.vlen; i++) {
      const parameter = view.getUint32(type.at + 12 + i * 8 + 4, true);
      if (parameter === 0) {
        variadic = true;
        continue;
      }
      const size = this.#sizeOf(parameter);
      if (size === undefined) complete = false;
      // Something of 16 bytes may have to begin at an even doubleword.
      if ((size ?? 8) > 8 && words % 2 === 1) words++;
      words += Math.max(1, Math.ceil((size ?? 8) / 8));
    }
    return { name, parameters: type.vlen - (variadic ? 1 : 0), variadic, words, complete };
  }
}

/**
 * The object's own BTF.
 *
 * @param kernel the BTF of the kernel that the module was built for, if the caller has it
 */
export function btfOf(elf: ElfFile, kernel?: Btf): Btf | undefined {
  const section = elf.sectionNamed('.BTF');
  if (section === undefined) return undefined;
  const baseSection = elf.sectionNamed('.BTF.base');
  const base = baseSection === undefined ? undefined : Btf.parse(elf.contents(baseSection));
  return Btf.parse(elf.contents(section), base) ?? (kernel && Btf.parse(elf.contents(section), kernel));
}
