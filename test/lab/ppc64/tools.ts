/** The cross binutils as functions: assemble text, disassemble words or a module's code. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const prefix = process.env.TOCSIN_CROSS ?? 'powerpc64le-linux-gnu-';

/** Where the lab keeps kernels: `TOCSIN_LAB_CACHE` or `~/.cache/tocsin-lab`. */
export const labCache = process.env.TOCSIN_LAB_CACHE ?? join(homedir(), '.cache/tocsin-lab');

function inTemporaryFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-ppc64-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One line of objdump's output: an instruction of four or eight bytes, with all white space made single. */
export interface ObjdumpLine {
  readonly address: bigint;
  readonly words: readonly number[];
  readonly text: string;
}

/** `c0 e8 ff 4b` as one little-endian word. */
function wordOf(bytes: string): number {
  return Number.parseInt(bytes.trim().split(' ').toReversed().join(''), 16);
}

/** Parses lines of `objdump -d` with raw bytes; the second half of a prefixed instruction has a line without text. */
export class ObjdumpParser {
  readonly #lines: ObjdumpLine[] = [];

  add(line: string): void {
    const [place, bytes, ...text] = line.split('\t');
    if (bytes === undefined || place === undefined || bytes.trim().length !== 11) return;
    const address = BigInt(`0x${place.trim().slice(0, -1)}`);
    const last = this.#lines.at(-1);
    if (text.length === 0 && last !== undefined)
      this.#lines[this.#lines.length - 1] = { ...last, words: [...last.words, wordOf(bytes)] };
    else this.#lines.push({ address, words: [wordOf(bytes)], text: text.join(' ').replaceAll(/\s+/g, ' ').trim() });
  }

  get lines(): readonly ObjdumpLine[] {
    return this.#lines;
  }
}

/** What objdump prints for words at address 0. */
export function objdumpWords(words: readonly number[]): readonly ObjdumpLine[] {
  return inTemporaryFolder(folder => {
    const file = join(folder, 'words.bin');
    const bytes = Buffer.alloc(words.length * 4);
    words.forEach((word, at) => {
      bytes.writeUInt32LE(word >>> 0, at * 4);
    });
    writeFileSync(file, bytes);
    const options = ['-D', '-z', '-b', 'binary', '-m', 'powerpc:common64', '-EL', '-Mpower10', file];
    const output = execFileSync(`${prefix}objdump`, options, { encoding: 'utf8', maxBuffer: 2 ** 30 });
    const parser = new ObjdumpParser();
    for (const line of output.split('\n')) parser.add(line);
    return parser.lines;
  });
}

/** What objdump prints for all code sections of a module. */
export async function objdumpModule(file: string): Promise<readonly ObjdumpLine[]> {
  const child = spawn(`${prefix}objdump`, ['-d', '-z', '-Mpower10', file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const parser = new ObjdumpParser();
  for await (const line of createInterface({ input: child.stdout })) parser.add(line);
  return parser.lines;
}

/** The words that GNU as makes of a text, or its complaint. */
export function assemble(text: string): readonly number[] | string {
  return inTemporaryFolder(folder => {
    const [source, object, binary] = ['text.s', 'text.o', 'text.bin'].map(name => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(source, text);
    try {
      execFileSync(`${prefix}as`, ['-mpower10', '-mregnames', '-o', object, source], {
        encoding: 'utf8',
        stdio: 'pipe',
      });
    } catch (error) {
      return String((error as { stderr?: string }).stderr ?? error);
    }
    execFileSync(`${prefix}objcopy`, ['-O', 'binary', '-j', '.text', object, binary]);
    const bytes = readFileSync(binary);
    return Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readUInt32LE(at * 4));
  });
}

/** The relocation names that GNU readelf knows, by number. */
export function readelfRelocationNames(): ReadonlyMap<number, string> {
  return inTemporaryFolder(folder => {
    const [source, object] = [join(folder, 'all.s'), join(folder, 'all.o')];
    const lines = Array.from({ length: 256 }, () => '.reloc ., R_PPC64_ADDR32, symbol\n.long 0\n');
    writeFileSync(source, `.text\n${lines.join('')}`);
    execFileSync(`${prefix}as`, ['-o', object, source]);
    renumberRelocations(object);
    const output = execFileSync(`${prefix}readelf`, ['-rW', object], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const rows = output.matchAll(/^[0-9a-f]{16}\s+[0-9a-f]{8}([0-9a-f]{8})\s+(R_PPC64_\w+)/gm);
    return new Map([...rows].map(([, type, name]) => [Number.parseInt(type as string, 16), name as string]));
  });
}

/**
 * Links one relocation of each type, eight zero bytes apart from `text` on, against a symbol with the value `S`. Gives the
 * words that the linker left and the value of `.TOC.`. Overflows are reported by the linker and ignored here.
 */
export function linkRelocations(
  names: readonly string[],
  S: bigint,
  text: bigint,
): { readonly slots: readonly { readonly first: number; readonly second: number }[]; readonly toc: bigint } {
  return inTemporaryFolder(folder => {
    const [source, object, linked] = ['all.s', 'all.o', 'all'].map(name => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const slots = names.map(name => `.reloc ., ${name}, symbol\n.quad 0\n`);
    // The doubleword at the end keeps `.TOC.` near the code and shows its value.
    writeFileSync(source, `.abiversion 2\n.data\n${slots.join('')}.quad .TOC.@tocbase\n.section .toc,"aw"\n.quad 1\n`);
    execFileSync(`${prefix}as`, ['-mpower10', '-o', object, source]);
    const options = ['--noinhibit-exec', '--no-toc-optimize', '--no-warnings', `--defsym=symbol=${S}`, '-e', '0'];
    spawnSync(`${prefix}ld`, [...options, `-Tdata=0x${text.toString(16)}`, '-o', linked, object], { stdio: 'pipe' });
    const binary = join(folder, 'all.bin');
    execFileSync(`${prefix}objcopy`, ['-O', 'binary', '-j', '.data', linked, binary]);
    const bytes = readFileSync(binary);
    const words = names.map((_, at) => ({ first: bytes.readUInt32LE(at * 8), second: bytes.readUInt32LE(at * 8 + 4) }));
    return { slots: words, toc: bytes.readBigUInt64LE(names.length * 8) };
  });
}

/** Gives the n-th RELA entry of an object the type n. */
function renumberRelocations(object: string): void {
  const bytes = readFileSync(object);
  const sections = Number(bytes.readBigUInt64LE(0x28));
  for (let at = 0; at < bytes.readUInt16LE(0x3c); at++) {
    const header = sections + at * 64;
    if (bytes.readUInt32LE(header + 4) !== 4) continue;
    const start = Number(bytes.readBigUInt64LE(header + 24));
    const size = Number(bytes.readBigUInt64LE(header + 32));
    for (let entry = 0; entry * 24 < size; entry++) bytes.writeUInt32LE(entry, start + entry * 24 + 8);
  }
  writeFileSync(object, bytes);
}
