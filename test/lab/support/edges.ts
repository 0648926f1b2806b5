// Calls of a module, read from what objdump and nm print. Nothing here uses tocsin's own code.

import { lines } from './programs.ts';

export interface EdgeCounts {
  local: number;
  external: number;
  sibling: number;
  indirect: number;
}

interface Branch {
  readonly section: string;
  readonly offset: number;
  readonly mnemonic: string;
  /** Where the word itself leads: an offset in the same section. */
  readonly target: number | undefined;
  /** The relocation at the word: its symbol and addend. */
  relocation?: { readonly symbol: string; readonly addend: number };
  /** For a branch to CTR: whether the register that CTR came from is a function pointer. */
  readonly pointer: boolean;
}

/** A function's entries, by section. */
class Functions {
  /** Start of each function; names that are parts or helpers are marked. */
  readonly #starts = new Map<string, number[]>();
  readonly #entries = new Map<string, Set<number>>();
  readonly #inside = new Set<string>();
  readonly #symbols = new Map<string, { readonly section: string; readonly offset: number }>();

  add(name: string, section: string, global: number, local: number): void {
    this.#symbols.set(name, { section, offset: global });
    if (/\.cold(\.\d+)?$/.test(name) || /^_(rest|save)(gpr|fpr|vr)/.test(name))
      this.#inside.add(`${section} ${global}`);
    const starts = this.#starts.get(section) ?? [];
    starts.push(global);
    this.#starts.set(section, starts);
    const entries = this.#entries.get(section) ?? new Set();
    this.#entries.set(section, entries.add(global).add(local));
  }

  sort(): void {
    for (const starts of this.#starts.values()) starts.sort((a, b) => a - b);
  }

  symbol(name: string): { readonly section: string; readonly offset: number } | undefined {
    return this.#symbols.get(name);
  }

  #around(section: string, offset: number): number | undefined {
    return this.#starts.get(section)?.findLast(start => start <= offset);
  }

  /** Whether a jump from one place to another leaves its function for the beginning of another one. */
  leaves(from: string, offset: number, to: string, target: number): boolean {
    if (!this.#entries.get(to)?.has(target) || this.#inside.has(`${to} ${target}`)) return false;
    return from !== to || this.#around(from, offset) !== this.#around(to, target);
  }
}

/** Counts the calls of each kind. `functions` are lines `NAME SECTION global local`. */
export async function edgesOf(file: string, functions: readonly string[]): Promise<EdgeCounts> {
  const known = new Functions();
  for (const line of functions) {
    const [name, section, global, local] = line.split(' ') as [string, string, string, string];
    known.add(name, section, Number(global), Number(local));
  }
  known.sort();
  const undefinedNames = new Set<string>();
  for await (const line of lines('powerpc64le-linux-gnu-nm', ['-u', file]))
    undefinedNames.add(line.trim().split(' ')[1]!);
  const counts: EdgeCounts = { local: 0, external: 0, sibling: 0, indirect: 0 };
  for await (const branch of branchesOf(file)) count(branch, known, undefinedNames, counts);
  return counts;
}

function count(branch: Branch, known: Functions, undefinedNames: ReadonlySet<string>, counts: EdgeCounts): void {
  const { section, offset, mnemonic, target, relocation } = branch;
  const bare = mnemonic.replace(/[+-]$/, '');
  if (/(ctr|lr|tar)l$/.test(bare)) counts.indirect++;
  else if (/(ctr|lr|tar)$/.test(bare)) counts.indirect += bare === 'bctr' && branch.pointer ? 1 : 0;
  else if (relocation !== undefined) {
    const isUndefined = undefinedNames.has(relocation.symbol);
    if (/l$/.test(bare)) {
      if (!isUndefined) counts.local++;
      else if (relocation.symbol !== '_mcount') counts.external++;
    } else if (isUndefined) counts.sibling++;
    else {
      const symbol = known.symbol(relocation.symbol) ?? { section: relocation.symbol, offset: 0 };
      if (known.leaves(section, offset, symbol.section, symbol.offset + relocation.addend)) counts.sibling++;
    }
  } else if (target !== undefined) {
    if (/l$/.test(bare)) counts.local += target === offset + 4 ? 0 : 1;
    else if (known.leaves(section, offset, section, target)) counts.sibling++;
  }
}

async function* branchesOf(file: string): AsyncGenerator<Branch> {
  let section = '';
  // The instructions of the last while, for the question where CTR came from.
  let recent: string[] = [];
  for await (const line of lines('powerpc64le-linux-gnu-objdump', ['-drw', '-z', '--no-show-raw-insn', file])) {
    const heading = /^Disassembly of section (.*):$/.exec(line);
    if (heading !== null) section = heading[1]!;
    const [, address, text] = /^ *([0-9a-f]+):\t(.*)$/.exec(line) ?? [];
    if (text === undefined) {
      recent = [];
      continue;
    }
    // With -w the relocations of a word follow it on its line, each as two columns.
    const [code, ...relocations] = text.split('\t');
    const instruction = code!.trim().replace(/\s+/g, ' ');
    recent.push(instruction);
    if (recent.length > 16) recent.shift();
    if (!/^b/.test(instruction)) continue;
    const mnemonic = instruction.split(' ')[0]!;
    if (/^b(c?d|permd|rinc|rd|rh|rw|rectangle)/.test(mnemonic) && !/^bd(n?z)/.test(mnemonic)) continue;
    const target = /(?:^|[ ,])([0-9a-f]+)(?: <.*>)?$/.exec(instruction)?.[1];
    const branch: Branch = {
      section,
      offset: Number.parseInt(address!, 16),
      mnemonic,
      target: target === undefined ? undefined : Number.parseInt(target, 16),
      pointer: ctrIsPointer(recent),
    };
    for (let i = 0; i + 1 < relocations.length; i += 2) {
      if (!/ R_PPC64_REL(24|14)/.test(relocations[i]!)) continue;
      const [, symbol, sign, digits] = /^(\S+?)(?:([+-])0x([0-9a-f]+))?$/.exec(relocations[i + 1]!.trim())!;
      branch.relocation = { symbol: symbol!, addend: Number.parseInt(digits ?? '0', 16) * (sign === '-' ? -1 : 1) };
    }
    yield branch;
  }
}

/** Functions are called through r12; what was added up is the address of a case of a switch. */
function ctrIsPointer(recent: readonly string[]): boolean {
  const moved = recent.findLastIndex(text => text.startsWith('mtctr'));
  if (moved < 0 || recent[moved] !== 'mtctr r12') return false;
  const made = recent.slice(0, moved).findLast(text => /^\S+ r12,/.test(text));
  return made === undefined || !made.startsWith('add ');
}
