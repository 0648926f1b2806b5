// Call sites and entry points as GNU readelf shows them, many files a process. Nothing here uses tocsin's own code.

import { lines } from './programs.ts';

const program = 'powerpc64le-linux-gnu-readelf';

/** `SECTION+0xOFFSET` texts, sorted: easily compared. */
export interface ModuleFacts {
  readonly file: string;
  /** What the kernel's tracer is told of: calls of `_mcount`, or else the entries of the patchable table. */
  readonly sites: readonly string[];
  /** Every entry of a tracer table, resolved. */
  readonly records: readonly string[];
  /** FUNC symbols that are defined: `NAME SECTION global local`. */
  readonly functions: readonly string[];
}

interface SectionRow {
  readonly name: string;
  readonly type: string;
  readonly address: bigint;
  readonly offset: number;
  readonly info: number;
}

const SECTION =
  /^ {2}\[ *(\d+)\] (\S*)\s+([A-Z][A-Z_0-9]+) +([0-9a-f]{16}) ([0-9a-f]+) [0-9a-f]+ [0-9a-f]+ +[A-Za-z]* +\d+ +(\d+) +\d+$/;
const SYMBOL = /^ *(\d+): ([0-9a-f]{16}) +(?:0x)?[0-9a-f]+ (\S+) +\S+ +\S+ +(?:\[(.*?)\] +)?(\S+)(?: (.*))?$/;
const RELOCATION_SECTION = /^Relocation section '.*' at offset 0x([0-9a-f]+) contains/;

/** Collects the lines about one file. readelf prints section headers, relocations, symbols, in this order. */
class Reader {
  readonly file: string;
  readonly #sections: SectionRow[] = [];
  readonly #mcountCalls: string[] = [];
  readonly #records: { readonly symbol: number; readonly addend: number }[] = [];
  readonly #wanted = new Set<number>();
  readonly #symbols = new Map<number, { readonly section: number; readonly value: number }>();
  readonly #functions: string[] = [];
  #target: SectionRow | undefined;
  #isTable = false;

  constructor(file: string) {
    this.file = file;
  }

  add(line: string): void {
    if (line.length > 36 && line.charCodeAt(16) === 0x20 && /^[0-9a-f]{16} /.test(line)) this.#relocation(line);
    else if (line.startsWith('  [')) this.#section(line);
    else if (line.startsWith('Relocation section')) this.#relocationSection(line);
    else if (line.includes(': 0000') || line.includes(': c000')) this.#symbol(line);
  }

  #section(line: string): void {
    const [, index, name, type, address, offset, info] = SECTION.exec(line) ?? [];
    if (index === undefined) return;
    this.#sections[Number(index)] = {
      name: name!,
      type: type!,
      address: BigInt(`0x${address}`),
      offset: Number.parseInt(offset!, 16),
      info: Number(info),
    };
  }

  #relocationSection(line: string): void {
    const offset = Number.parseInt(RELOCATION_SECTION.exec(line)![1]!, 16);
    const table = this.#sections.find(s => s?.type === 'RELA' && s.offset === offset);
    this.#target = table && this.#sections[table.info];
    this.#isTable = /^__(mcount_loc|patchable_function_entries)$/.test(this.#target?.name ?? '');
  }

  #relocation(line: string): void {
    if (this.#isTable) {
      if (!line.includes('R_PPC64_ADDR64')) throw new Error(`${this.file}: a record without ADDR64: ${line}`);
      const symbol = Number.parseInt(line.slice(18, 26), 16);
      const addend = / ([+-]) ([0-9a-f]+)$/.exec(line);
      this.#wanted.add(symbol);
      this.#records.push({
        symbol,
        addend: addend === null ? 0 : Number.parseInt(addend[2]!, 16) * (addend[1] === '-' ? -1 : 1),
      });
    } else if (line.endsWith(' _mcount + 0') && line.includes(' R_PPC64_REL24 ')) {
      this.#mcountCalls.push(place(this.#target!.name, Number.parseInt(line.slice(0, 16), 16)));
    }
  }

  #symbol(line: string): void {
    const isFunction = line.includes(' FUNC ') || line.includes(' IFUNC ');
    const number = Number.parseInt(line, 10);
    if (!isFunction && !this.#wanted.has(number)) return;
    const [, , value, , other, ndx, name] = SYMBOL.exec(line) ?? [];
    if (value === undefined) throw new Error(`${this.file}: not understood: ${line}`);
    const section = Number(ndx);
    if (!Number.isInteger(section)) return;
    const header = this.#sections[section]!;
    const offset = Number(BigInt(`0x${value}`) - header.address);
    this.#symbols.set(number, { section, value: offset });
    if (!isFunction) return;
    const distance = Number(/<localentry>: (\d+)/.exec(other ?? '')?.[1] ?? 0);
    this.#functions.push(`${name} ${header.name} ${offset} ${offset + distance}`);
  }

  facts(): ModuleFacts {
    const records = this.#records.map(({ symbol, addend }) => {
      const known = this.#symbols.get(symbol);
      if (known === undefined) throw new Error(`${this.file}: a record refers to symbol ${symbol}, which is nowhere`);
      return place(this.#sections[known.section]!.name, known.value + addend);
    });
    records.sort();
    return {
      file: this.file,
      sites: this.#mcountCalls.length > 0 ? this.#mcountCalls.sort() : records,
      records,
      functions: this.#functions.sort(),
    };
  }
}

export function place(section: string, offset: number): string {
  return `${section}+0x${offset.toString(16)}`;
}

/** The facts of each file, in order. */
export async function* moduleFacts(files: readonly string[]): AsyncGenerator<ModuleFacts> {
  const batch = 400;
  for (let at = 0; at < files.length; at += batch) {
    const some = files.slice(at, at + batch);
    let reader = some.length === 1 ? new Reader(some[0]!) : undefined;
    for await (const line of lines(program, ['-SrsW', ...some])) {
      if (line.startsWith('File: ')) {
        if (reader !== undefined) yield reader.facts();
        reader = new Reader(line.slice('File: '.length));
      } else reader?.add(line);
    }
    if (reader !== undefined) yield reader.facts();
  }
}
