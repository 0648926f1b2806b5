// Changes a relocatable ELF file byte by byte, the way a broken tool would: nothing is checked and nothing else follows.
// What grows is appended to the end of the file and its section header is pointed there.

/** Offsets in the ELF header. */
export const HEADER = {
  type: [16, 2],
  machine: [18, 2],
  version: [20, 4],
  entry: [24, 8],
  phoff: [32, 8],
  shoff: [40, 8],
  flags: [48, 4],
  ehsize: [52, 2],
  phentsize: [54, 2],
  phnum: [56, 2],
  shentsize: [58, 2],
  shnum: [60, 2],
  shstrndx: [62, 2],
} as const;

/** Offsets in a section header. */
export const SECTION = {
  name: [0, 4],
  type: [4, 4],
  flags: [8, 8],
  address: [16, 8],
  offset: [24, 8],
  size: [32, 8],
  link: [40, 4],
  info: [44, 4],
  alignment: [48, 8],
  entrySize: [56, 8],
} as const;

export type HeaderField = keyof typeof HEADER;
export type SectionField = keyof typeof SECTION;

export interface SymbolEntry {
  readonly index: number;
  readonly name: string;
  /** Of its 24 bytes, in the file. */
  readonly at: number;
}

const MASK = (1n << 64n) - 1n;

export class Editor {
  bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes);
  }

  get(at: number, size: number): bigint {
    return size === 8 ? this.bytes.readBigUInt64LE(at) : BigInt(this.bytes.readUIntLE(at, size));
  }

  set(at: number, size: number, value: bigint | number): void {
    const bits = BigInt(value) & MASK;
    if (size === 8) this.bytes.writeBigUInt64LE(bits, at);
    else this.bytes.writeUIntLE(Number(bits & ((1n << BigInt(8 * size)) - 1n)), at, size);
  }

  header(field: HeaderField): number {
    const [at, size] = HEADER[field];
    return Number(this.get(at, size));
  }

  setHeader(field: HeaderField, value: bigint | number): void {
    const [at, size] = HEADER[field];
    this.set(at, size, value);
  }

  get count(): number {
    return this.header('shnum');
  }

  /** Where a section's header lies. */
  headerAt(index: number): number {
    return this.header('shoff') + 64 * index;
  }

  field(index: number, field: SectionField): number {
    const [at, size] = SECTION[field];
    return Number(this.get(this.headerAt(index) + at, size));
  }

  setField(index: number, field: SectionField, value: bigint | number): void {
    const [at, size] = SECTION[field];
    this.set(this.headerAt(index) + at, size, value);
  }

  name(index: number): string {
    return this.textAt(this.field(this.header('shstrndx'), 'offset') + this.field(index, 'name'));
  }

  has(name: string): boolean {
    return this.find(name) !== undefined;
  }

  /** Index of the first section of that name. Throws where there is none: an operator is for another module then. */
  section(name: string): number {
    const index = this.find(name);
    if (index === undefined) throw new NotApplicable(`no section ${name}`);
    return index;
  }

  private find(name: string): number | undefined {
    for (let index = 1; index < this.count; index++) if (this.name(index) === name) return index;
    return undefined;
  }

  data(index: number): Buffer {
    const offset = this.field(index, 'offset');
    return this.bytes.subarray(offset, offset + this.field(index, 'size'));
  }

  /** @returns where the bytes lie, a multiple of 16 */
  append(bytes: Uint8Array): number {
    const offset = Math.ceil(this.bytes.length / 16) * 16;
    this.bytes = Buffer.concat([this.bytes, Buffer.alloc(offset - this.bytes.length), bytes]);
    return offset;
  }

  /** Other contents, of any length. */
  replace(index: number, bytes: Uint8Array): void {
    this.setField(index, 'offset', this.append(bytes));
    this.setField(index, 'size', bytes.length);
  }

  /** Overwrites the name in place; a longer one gets a string table of its own. */
  rename(index: number, name: string): void {
    const table = this.header('shstrndx');
    const old = Buffer.from(this.data(table));
    this.replace(table, Buffer.concat([old, Buffer.from(`${name}\0`, 'latin1')]));
    this.setField(index, 'name', old.length);
  }

  /** A new section at the end. The table of headers moves. @returns its index */
  addSection(name: string, fields: Partial<Record<SectionField, bigint | number>>, bytes: Uint8Array): number {
    const index = this.count;
    const headers = Buffer.concat([this.bytes.subarray(this.headerAt(0), this.headerAt(index)), Buffer.alloc(64)]);
    const offset = this.append(bytes);
    this.setHeader('shoff', this.append(headers));
    this.setHeader('shnum', index + 1);
    for (const [field, value] of Object.entries({ type: 1, alignment: 1, offset, size: bytes.length, ...fields }))
      this.setField(index, field as SectionField, value);
    this.rename(index, name);
    return index;
  }

  get symtab(): number {
    return this.section('.symtab');
  }

  symbols(): readonly SymbolEntry[] {
    const start = this.field(this.symtab, 'offset');
    const strings = this.field(this.section('.strtab'), 'offset');
    return Array.from({ length: this.field(this.symtab, 'size') / 24 }, (_, index) => {
      const at = start + 24 * index;
      return { index, name: this.textAt(strings + Number(this.get(at, 4))), at };
    });
  }

  symbol(name: string): SymbolEntry {
    const found = this.symbols().find(symbol => symbol.name === name);
    if (!found) throw new NotApplicable(`no symbol ${name}`);
    return found;
  }

  /** A new global symbol at the end. @returns its index */
  addSymbol(name: string, value: bigint | number, section: number, info = 0x10, other = 0): number {
    return this.addSymbols([{ name, value, section, info, other }]);
  }

  /** @returns the first one's index */
  addSymbols(
    list: readonly { name: string; value: bigint | number; section: number; info?: number; other?: number }[],
  ): number {
    const table = this.symtab;
    const strings = this.section('.strtab');
    let end = this.field(strings, 'size');
    const texts = list.map(({ name }) => Buffer.from(`${name}\0`, 'latin1'));
    this.replace(strings, Buffer.concat([this.data(strings), ...texts]));
    const first = this.field(table, 'size');
    this.replace(table, Buffer.concat([this.data(table), Buffer.alloc(24 * list.length)]));
    for (const [k, { value, section, info = 0x10, other = 0 }] of list.entries()) {
      const at = this.field(table, 'offset') + first + 24 * k;
      this.set(at, 4, end);
      this.set(at + 4, 1, info);
      this.set(at + 5, 1, other);
      this.set(at + 6, 2, section);
      this.set(at + 8, 8, value);
      end += texts[k]!.length;
    }
    return first / 24;
  }

  renameSymbol(symbol: SymbolEntry, name: string): void {
    const strings = this.section('.strtab');
    const old = Buffer.from(this.data(strings));
    this.replace(strings, Buffer.concat([old, Buffer.from(`${name}\0`, 'latin1')]));
    this.set(symbol.at, 4, old.length);
  }

  /** Where the relocations of a section's `.rela` lie, and how many they are. */
  relocations(name: string): { readonly index: number; readonly at: number; readonly count: number } {
    const index = this.section(`.rela${name}`);
    return { index, at: this.field(index, 'offset'), count: this.field(index, 'size') / 24 };
  }

  /** One more relocation, behind the others. */
  addRelocation(section: string, offset: bigint | number, type: number, symbol: number, addend: bigint | number): void {
    this.addRelocations(section, type, symbol, [[offset, addend]]);
  }

  /** Several of one type and symbol. */
  addRelocations(
    section: string,
    type: number,
    symbol: number,
    list: readonly (readonly [offset: bigint | number, addend: bigint | number])[],
  ): void {
    const { index } = this.relocations(section);
    const old = this.field(index, 'size');
    this.replace(index, Buffer.concat([this.data(index), Buffer.alloc(24 * list.length)]));
    for (const [k, [offset, addend]] of list.entries()) {
      const at = this.field(index, 'offset') + old + 24 * k;
      this.set(at, 8, offset);
      this.set(at + 8, 4, type);
      this.set(at + 12, 4, symbol);
      this.set(at + 16, 8, addend);
    }
  }

  /** Where a symbol's section and value are in the file. */
  fileOffset(name: string): number {
    const { at } = this.symbol(name);
    return this.field(Number(this.get(at + 6, 2)), 'offset') + Number(this.get(at + 8, 8));
  }

  /** The strings of `.modinfo`, in order. */
  modinfo(): readonly string[] {
    return this.data(this.section('.modinfo')).toString('latin1').split('\0').filter(Boolean);
  }

  setModinfo(strings: readonly string[]): void {
    this.replace(this.section('.modinfo'), Buffer.from(strings.map(text => `${text}\0`).join(''), 'latin1'));
  }

  textAt(offset: number): string {
    const end = this.bytes.indexOf(0, offset);
    return this.bytes.toString('latin1', offset, end === -1 ? this.bytes.length : end);
  }
}

/** What an operator wants to break is not in this module; it is skipped, and the count says so. */
export class NotApplicable extends Error {}
