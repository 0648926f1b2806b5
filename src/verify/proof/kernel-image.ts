/** A linked kernel as the prover's subject: dynamic relocations applied at the addresses that it was linked for. */
import { SHT_RELA, STT_FUNC } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import { btfOf } from '../../kernel/btf.ts';
import { imageRecords, imageThunks, type Thunk } from '../../kernel/image.ts';
import { symbolAddress } from '../../kernel/image-layout.ts';
import { addedTo } from '../../kernel/image-tables.ts';
import { localEntryOffset } from '../../ppc64/entry-points.ts';
import { NOP } from '../../ppc64/words.ts';
import type { ProofSubject } from '../../prove/subject.ts';
import { LIMIT } from '../../prove/values.ts';
import { InputError } from '../../util/errors.ts';
import { lazy } from '../../util/lazy.ts';
import type { TableRange } from './edges.ts';
import { type Locate, Memory, type PlacedSection } from './memory.ts';
import { type PlacedFunction, proofSubject } from './subject.ts';

const R_PPC64_RELATIVE = 22;
const SHF_WRITE = 1;

/** Writable sections that are read-only once the kernel runs, or that hold addresses which nobody changes. */
const CONSTANT = /^(\.rodata|\.got|\.toc|\.branch_lt|\.data\.rel\.ro)/;

/** @throws InputError PRV101 for an image without symbols or TOC */
export function kernelSubject(elf: ElfFile): {
  readonly subject: ProofSubject;
  readonly locate: Locate;
  readonly origin: bigint;
} {
  const { symbols } = elf;
  const toc = symbols?.find('.TOC.') ?? -1;
  if (symbols === undefined || toc < 0)
    throw new InputError({
      code: 'PRV101',
      message: 'the image has no symbols to tell its functions by',
      expected: 'a symbol table with .TOC.',
      remedy: 'give the unstripped vmlinux of the kernel',
    });
  const loaded = elf.sections.filter(s => s.index > 0 && s.isAllocated && s.sh_size > 0 && s.sh_addr > 0n);
  const origin = loaded.filter(s => s.isCode).reduce((a, s) => (s.sh_addr < a ? s.sh_addr : a), 1n << 64n);
  const sections: PlacedSection[] = loaded
    .map(s => ({
      name: s.name,
      offset: Number(s.sh_addr - origin),
      bytes: s.hasContents ? new Uint8Array(elf.contents(s)) : new Uint8Array(0),
      size: s.sh_size,
      isCode: s.isCode,
      isConstant: s.isCode || (s.sh_flags & SHF_WRITE) === 0 || CONSTANT.test(s.name),
    }))
    .sort((a, b) => a.offset - b.offset);
  const far = Math.max(...sections.map(s => s.offset + s.size), Number(symbols.address(toc) - origin));
  if (far >= LIMIT)
    throw new InputError({
      code: 'PRV102',
      message: 'the image spans more than the prover can name',
      expected: `less than ${LIMIT} bytes`,
      found: `${far}`,
      remedy: 'report the image: no kernel is known that is as large',
    });
  applyRelative(elf, origin, sections);
  const memory = new Memory(origin, sections);
  const at = (name: string) => {
    const index = symbols.find(name);
    return index < 0 ? undefined : Number(symbols.address(index) - origin);
  };
  const functions = placedFunctions(elf, origin, memory);
  const records = imageRecords(elf);
  const thunks = imageThunks(elf);
  const sites = records === undefined ? [] : tracedPlaces(elf, records.values).map(v => Number(v - origin));
  const functionAt = lazy(() => new Map(functions.map(f => [f.global, f.name])));
  const targets = lazy(
    () =>
      new Map(
        thunks.map(t => [Number(t.address - origin), functionAt().get(Number((t.target ?? 0n) - origin)) ?? t.name]),
      ),
  );
  const lrIsSavedAtSite = switchTracerOff(memory, sites, at('_mcount'), thunks, origin);
  const subject = proofSubject({
    memory,
    functions,
    toc: Number(symbols.address(toc) - origin),
    stubs: thunks.map(t => [Number(t.address - origin), Number(t.address - origin) + 16] as const),
    stubData: [],
    sites,
    tables: tables(sections, at),
    pacaToc: undefined,
    isKernel: true,
    lrIsSavedAtSite,
    externalName: () => undefined,
    typedFunctions: lazy(() => btfOf(elf)?.functions()),
    stubName: offset => targets().get(offset),
    // Any module may import a symbol, and addresses are also made by code: nothing here is known to be private.
    isExposed: () => true,
  });
  return { subject, locate: offset => memory.locate(offset), origin };
}

/** What the tracer patches: it passes over empty records and, from the version on that has these symbols, over exit code. */
function tracedPlaces(elf: ElfFile, values: BigUint64Array): bigint[] {
  const [start, end] = [symbolAddress(elf, '__exittext_begin'), symbolAddress(elf, '__exittext_end')];
  const isExit = (v: bigint) => start !== undefined && end !== undefined && v >= start && v < end;
  return Array.from(values).filter(v => v !== 0n && !isExit(v));
}

/**
 * The first thing that a booting kernel does with its tracer table is to make nops of the calls of `_mcount`.
 *
 * @returns whether it had any: then `mflr r0` stands in front of each site
 */
function switchTracerOff(
  memory: Memory,
  sites: readonly number[],
  mcount: number | undefined,
  thunks: readonly Thunk[],
  origin: bigint,
): boolean {
  if (mcount === undefined) return false;
  const ways = new Set([mcount]);
  for (const { address, target } of thunks)
    if (target !== undefined && Number(target - origin) === mcount) ways.add(Number(address - origin));
  let found = false;
  for (const at of sites) {
    const word = memory.code[at >> 2] ?? 0;
    if ((word & 0xfc000003) >>> 0 !== 0x48000001 || !ways.has(at + ((word << 6) >> 8) * 4)) continue;
    memory.code[at >> 2] = NOP;
    found = true;
  }
  return found;
}

function applyRelative(elf: ElfFile, origin: bigint, sections: readonly PlacedSection[]): void {
  const views = sections.map(s => new DataView(s.bytes.buffer, s.bytes.byteOffset, s.bytes.length));
  for (const table of elf.sections) {
    if (table.sh_type !== SHT_RELA || !table.isAllocated) continue;
    const { words, count } = elf.relocations(table);
    let section = 0;
    for (let i = 0, w = 0; i < count; i++, w += 6) {
      if (words[w + 2] !== R_PPC64_RELATIVE) continue;
      const place = Number(((BigInt(words[w + 1]!) << 32n) | BigInt(words[w]!)) - origin);
      if (!covers(sections[section]!, place)) section = sections.findIndex(s => covers(s, place));
      if (section < 0) {
        section = 0;
        continue;
      }
      const offset = place - sections[section]!.offset;
      views[section]!.setUint32(offset, words[w + 4]!, true);
      views[section]!.setUint32(offset + 4, words[w + 5]!, true);
    }
  }
}

function covers(section: PlacedSection, place: number): boolean {
  return place >= section.offset && place + 8 <= section.offset + section.bytes.length;
}

function placedFunctions(elf: ElfFile, origin: bigint, memory: Memory): PlacedFunction[] {
  const symbols = elf.symbols!;
  const found = new Map<number, PlacedFunction & { size: number }>();
  for (let i = 1; i < symbols.count; i++) {
    const type = symbols.type(i);
    const section = elf.sections[symbols.sectionOf(i)];
    if (type !== STT_FUNC || section === undefined || !section.isCode) continue;
    const global = Number(symbols.address(i) - origin);
    if (global % 4 !== 0 || global < 0 || global >> 2 >= memory.code.length) continue;
    const size = symbols.size(i);
    const known = found.get(global);
    if (known !== undefined && known.size >= size) continue;
    const entryCode = symbols.st_other(i) >>> 5;
    found.set(global, {
      name: symbols.name(i),
      global,
      local: global + localEntryOffset(entryCode << 5),
      end: global + size,
      entryCode,
      isSizeless: false,
      size,
    });
  }
  const list = [...found.values()].sort((a, b) => a.global - b.global);
  return list.map((f, i) => {
    if (f.size > 0) return f;
    const section = memory.sectionAt(f.global);
    const limit = section === undefined ? f.global : section.offset + section.bytes.length;
    return { ...f, end: Math.min(list[i + 1]?.global ?? limit, limit), isSizeless: true };
  });
}

function tables(sections: readonly PlacedSection[], at: (name: string) => number | undefined): TableRange[] {
  const found: TableRange[] = [];
  const bySection = (name: string, kind: TableRange['kind'], entrySize: number) => {
    // What tocsin adds to a table has a name like it.
    for (const s of sections)
      if (addedTo(s.name) === name) found.push({ kind, offset: s.offset, size: s.size, entrySize });
  };
  bySection('__ex_table', 'exception', 8);
  bySection('__bug_table', 'bug', 12);
  for (const name of ['__ftr_fixup', '__mmu_ftr_fixup', '__fw_ftr_fixup']) bySection(name, 'feature', 48);
  const start = at('__start___jump_table');
  const stop = at('__stop___jump_table');
  if (start !== undefined && stop !== undefined)
    found.push({ kind: 'jump label', offset: start, size: stop - start, entrySize: 16 });
  return found;
}
