// A merge by tocsin beside one by `ld -r`, of the same module and object. The linker lays things out in its own order, so
// contents are compared section by section and relocations by what they mean: the place that they name, or the name.

import { SHN_UNDEF, SHT_NOBITS, STB_LOCAL, STT_SECTION } from '../../../src/elf/constants.ts';
import type { ElfFile } from '../../../src/elf/read.ts';
import type { Section } from '../../../src/elf/section.ts';
import { relocationName } from '../../../src/ppc64/relocations.ts';

interface Linked {
  readonly object: ElfFile;
  readonly merged: ElfFile;
  readonly linked: ElfFile;
}

export interface Comparison {
  readonly differences: readonly string[];
  readonly sections: number;
  readonly relocations: number;
  /** Names that the linker leaves undefined, and that tocsin bound to a local symbol of the module. */
  readonly bound: readonly string[];
}

interface Meaning {
  /** Place and type. */
  readonly at: string;
  readonly target: string;
  /** The name, where the symbol is undefined or a named local one. */
  readonly undefined?: string;
  readonly local?: string;
}

/** The linker keeps several sections of one name where their link order differs. */
function sectionsCalled(elf: ElfFile, name: string): Section[] {
  return elf.sections.filter(s => s.index > 0 && s.isAllocated && s.name === name);
}

function contentsCalled(elf: ElfFile, name: string): Buffer {
  return Buffer.concat(
    sectionsCalled(elf, name).map(s => (s.sh_type === SHT_NOBITS ? Buffer.alloc(s.sh_size) : elf.contents(s))),
  );
}

/** Merged strings are sorted and shared by the linker. */
function strings(bytes: Buffer): string[] {
  return [
    ...new Set(
      bytes
        .toString('latin1')
        .split('\0')
        .filter(s => s !== ''),
    ),
  ].sort();
}

/** Padding between the parts of code is nops in one and may be zeros in the other. */
function withoutPadding(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let at = 0; at + 4 <= copy.length; at += 4) if (copy.readUInt32LE(at) === 0x60000000) copy.writeUInt32LE(0, at);
  return copy;
}

/** What a module says of itself as a whole, and the linker lets each object say again. */
const WHOLE = /^(license|description|version)=/;

function lines(bytes: Buffer): string[] {
  return bytes.toString('latin1').split('\0').filter(Boolean);
}

/** What `list` has more than `some`, which has to have its lines in the same order. */
function leftOut(some: readonly string[], list: readonly string[]): string[] | undefined {
  let at = 0;
  const left = list.filter(line => (line === some[at] ? at++ < 0 : true));
  return at === some.length ? left : undefined;
}

const SHF_STRINGS = 0x20;
/** Not in a module, or of no use in one: tocsin leaves them out of the object. */
const IGNORED = /^\.(note|comment|eh_frame|gnu\.attributes|group)/;

export function linkedDifferences({ object, merged, linked }: Linked): Comparison {
  const differences: string[] = [];
  const names = new Set(merged.sections.filter(s => s.isAllocated && !IGNORED.test(s.name)).map(s => s.name));
  const bound = new Set<string>();
  let relocations = 0;
  for (const name of names) {
    const [section] = sectionsCalled(merged, name);
    const ours = contentsCalled(merged, name);
    const theirs = contentsCalled(linked, name);
    if (name === '.modinfo') {
      const [own, both] = [lines(ours), lines(theirs)];
      const left = leftOut(own, both);
      if (left === undefined || !left.every(line => WHOLE.test(line) || own.includes(line)))
        differences.push(`${name}: ${own.join(', ')}, by ld ${both.join(', ')}`);
    } else if ((section!.sh_flags & SHF_STRINGS) !== 0) {
      if (strings(ours).join('\n') !== strings(theirs).join('\n')) differences.push(`${name}: other strings`);
    } else if (!withoutPadding(ours).equals(withoutPadding(theirs)))
      differences.push(`${name}: ${ours.length} bytes, and ${theirs.length} or other ones by ld`);
    const a = meanings(merged, name);
    const b = meanings(linked, name);
    relocations += a.length;
    for (const [i, { at, target, local }] of a.entries()) {
      const other = b[i];
      if (other?.at === at && other.target === target) continue;
      if (other?.at === at && local !== undefined && other.undefined === local) bound.add(local);
      else differences.push(`${name}: ${at} ${target}, by ld ${other?.at} ${other?.target}`);
    }
    if (a.length !== b.length) differences.push(`${name}: ${a.length} relocations, by ld ${b.length}`);
  }
  for (const section of object.sections)
    if (section.isAllocated && section.sh_size > 0 && !IGNORED.test(section.name) && !names.has(section.name))
      differences.push(`${section.name} of the object is missing`);
  return { differences, sections: names.size, relocations, bound: [...bound].sort() };
}

/** The relocations of all sections of a name, sorted by place. */
function meanings(elf: ElfFile, name: string): Meaning[] {
  const symbols = elf.symbols!;
  const found: Meaning[] = [];
  let base = 0;
  for (const target of sectionsCalled(elf, name)) {
    for (const table of elf.relocationSectionsFor(target.index)) {
      const entries = elf.relocations(table);
      for (let i = 0; i < entries.count; i++) {
        const symbol = entries.symbol(i);
        const addend = entries.addend(i);
        const at = (base + entries.offset(i)).toString(16).padStart(8, '0');
        const text = symbols.name(symbol);
        const isUndefined = symbol > 0 && symbols.rawSection(symbol) === SHN_UNDEF;
        const isLocal = symbols.binding(symbol) === STB_LOCAL && symbols.type(symbol) !== STT_SECTION;
        found.push({
          at: `${at} ${relocationName(entries.type(i))}`,
          target: meaning(symbol, addend),
          ...(isUndefined && { undefined: text }),
          ...(isLocal && { local: text }),
        });
      }
    }
    base += target.sh_size;
  }
  return found.sort((a, b) => (a.at < b.at || (a.at === b.at && a.target < b.target) ? -1 : 1));

  function meaning(symbol: number, addend: number): string {
    if (symbol === 0) return `${addend}`;
    if (symbols.rawSection(symbol) === SHN_UNDEF) return `${symbols.name(symbol)}${addend === 0 ? '' : `+${addend}`}`;
    const section = elf.sections[symbols.sectionOf(symbol)];
    const value = symbols.value(symbol) + addend;
    if (section === undefined) return `${value}`;
    if ((section.sh_flags & SHF_STRINGS) !== 0) {
      const bytes = Buffer.from(elf.contents(section));
      return `"${bytes.toString('latin1', value, bytes.indexOf(0, value))}"`;
    }
    return `${section.name}+0x${value.toString(16)}`;
  }
}
