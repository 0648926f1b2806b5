/** A loaded module, as the loader twin leaves it, as the prover's subject. */
import { SHF_EXECINSTR, SHF_WRITE, SHN_LIVEPATCH, SHN_UNDEF } from '../../elf/constants.ts';
import { Btf } from '../../kernel/btf.ts';
import type { LoadedImage, LoadedSection } from '../../loader/model.ts';
import { localEntryOffset } from '../../ppc64/entry-points.ts';
import { MFLR_R0, STD_R0_16_R1 } from '../../ppc64/words.ts';
import type { ProofSubject } from '../../prove/subject.ts';
import { LIMIT } from '../../prove/values.ts';
import { InputError } from '../../util/errors.ts';
import { lazy } from '../../util/lazy.ts';
import type { TableRange } from './edges.ts';
import { type Locate, Memory, type PlacedSection } from './memory.ts';
import { type PlacedFunction, proofSubject, type SubjectParts } from './subject.ts';

/** Areas of one module that lie further apart than this (bytes) are not one module's. */
const MOST_SPAN = LIMIT;

const NO_TOC = 0xffff_ffff_ffff_ffffn;

/** Writable to the loader, and never changed after it. */
const CONSTANT = /^(\.toc|\.got|\.mygot|\.data\.rel\.ro)/;

const TABLES: Readonly<Record<string, readonly [kind: TableRange['kind'], entrySize: number]>> = {
  __ex_table: ['exception', 8],
  __bug_table: ['bug', 12],
  __jump_table: ['jump label', 16],
  __ftr_fixup: ['feature', 48],
  __mmu_ftr_fixup: ['feature', 48],
  __fw_ftr_fixup: ['feature', 48],
};

const RECORDS: ReadonlySet<string> = new Set(['__mcount_loc', '__patchable_function_entries']);

/**
 * @param outside what is known of functions outside of the module, by their addresses
 * @throws InputError PRV102 for an image whose areas lie too far apart
 */
export function moduleSubject(
  image: LoadedImage,
  outside: Pick<SubjectParts, 'parametersAt' | 'successorAt'> = {},
): { readonly subject: ProofSubject; readonly locate: Locate; readonly origin: bigint; readonly memory: Memory } {
  const loaded = image.sections.filter(s => s.size > 0 && s.memory !== 'percpu');
  const code = loaded.filter(s => (s.flags & SHF_EXECINSTR) !== 0 || ALTERNATIVE.test(s.name));
  const origin = code.reduce((a, s) => (s.address < a ? s.address : a), code[0]?.address ?? image.toc);
  const sections = loaded.map(s => placed(s, origin)).sort((a, b) => a.offset - b.offset);
  const last = sections.reduce((end, s) => (s.isCode ? Math.max(end, s.offset + s.size) : end), 0);
  // A kernel without TOCs has this in its place.
  const toc = image.toc === NO_TOC ? undefined : Number(image.toc - origin);
  const far = Math.max(last, Math.abs(toc ?? 0));
  if (far >= MOST_SPAN)
    throw new InputError({
      code: 'PRV102',
      message: 'the code of the module and its TOC lie too far apart to be one object',
      expected: `less than ${MOST_SPAN} bytes`,
      found: `${far}`,
      remedy: 'check the addresses that were given for its sections',
    });
  const memory = new Memory(origin, sections);
  // A stub to a place beside an import leads to nothing that keeps a contract.
  const imports = new Set(
    image.symbols.flatMap(s => (s.section === SHN_UNDEF || s.section === SHN_LIVEPATCH ? [s.address] : [])),
  );
  const names = new Map(
    image.stubs.flatMap(s => (s.kind !== 'call' || imports.has(s.target) ? [[s.target, s.name] as const] : [])),
  );
  const stubNames = lazy(() => new Map(image.stubs.map(s => [Number(s.address - origin), s.name])));
  const sites = recordedSites(memory, sections);
  const first = sites[0];
  const before = first === undefined ? undefined : memory.word(first - 4);
  const subject = proofSubject({
    memory,
    functions: placedFunctions(image, origin, memory),
    toc,
    stubs: sections.filter(s => s.name === '.stubs').map(s => [s.offset, s.offset + s.size] as const),
    stubData: image.stubs.flatMap(({ address, data }) => {
      const start = Number(address - origin);
      return data === undefined ? [] : [[start + data[0], start + data[1]] as const];
    }),
    sites,
    tables: sections.flatMap(s => {
      const table = TABLES[s.name];
      return table === undefined ? [] : [{ kind: table[0], entrySize: table[1], offset: s.offset, size: s.size }];
    }),
    pacaToc: undefined,
    isKernel: false,
    lrIsSavedAtSite: before !== undefined && (before >>> 0 === MFLR_R0 || before >>> 0 === STD_R0_16_R1),
    externalName: address => names.get(address),
    typedFunctions: typedFunctions(image),
    stubName: offset => stubNames().get(offset),
    isExposed: exposure(memory, sections),
    ...outside,
    livepatchStack: image.livepatchStack,
  });
  return { subject, locate: offset => memory.locate(offset), origin, memory };
}

/** By the module's own type information, where that stands alone: what is split from the kernel's cannot be read without it. */
function typedFunctions(image: LoadedImage): () => ReadonlyMap<string, boolean> | undefined {
  return lazy(() => {
    const part = (name: string) => image.sections.find(s => s.name === name)?.bytes;
    const own = part('.BTF');
    const base = part('.BTF.base');
    return own && Btf.parse(own, base && Btf.parse(base))?.functions();
  });
}

/** Alternatives of feature sections lie in data; the kernel copies them over the code. */
const ALTERNATIVE = /^__ftr_alt/;

/**
 * Sections whose addresses nobody calls: `struct module` holds where the areas begin, which may be where a function begins, the
 * symbol table is there for kallsyms, and the tracer's records name places to be patched.
 */
const CALLS_NOBODY: ReadonlySet<string> = new Set(['.gnu.linkonce.this_module', '.symtab', ...RECORDS]);

/** Modules make no address without a word of data that holds it: `.toc`, tables, `__ksymtab`. */
function exposure(memory: Memory, sections: readonly PlacedSection[]): (offset: number) => boolean {
  let known: Set<number> | undefined;
  return offset => {
    if (known === undefined) {
      known = new Set();
      for (const { name, isCode, bytes, offset: start } of sections) {
        if (isCode || CALLS_NOBODY.has(name)) continue;
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        for (let at = (8 - (start & 7)) & 7; at + 8 <= bytes.length; at += 8) {
          const distance = memory.distance(view.getUint32(at, true), view.getUint32(at + 4, true));
          if (distance >= 0 && distance < MOST_SPAN) known.add(distance);
        }
      }
    }
    return known.has(offset);
  };
}

function placed(section: LoadedSection, origin: bigint): PlacedSection {
  const isCode = (section.flags & SHF_EXECINSTR) !== 0 || ALTERNATIVE.test(section.name);
  return {
    name: section.name,
    offset: Number(section.address - origin),
    bytes: section.bytes,
    size: section.size,
    isCode,
    isConstant: isCode || (section.flags & SHF_WRITE) === 0 || CONSTANT.test(section.name),
  };
}

/** What the tracer's records name, after relocation: one address each. */
function recordedSites(memory: Memory, sections: readonly PlacedSection[]): number[] {
  const sites: number[] = [];
  for (const section of sections) {
    if (!RECORDS.has(section.name)) continue;
    const view = new DataView(section.bytes.buffer, section.bytes.byteOffset, section.bytes.length);
    for (let at = 0; at + 8 <= section.bytes.length; at += 8) {
      const distance = memory.distance(view.getUint32(at, true), view.getUint32(at + 4, true));
      if (distance >= 0 && distance < MOST_SPAN) sites.push(distance);
    }
  }
  return sites;
}

function placedFunctions(image: LoadedImage, origin: bigint, memory: Memory): PlacedFunction[] {
  const found = new Map<number, PlacedFunction & { readonly size: number }>();
  for (const symbol of image.functions) {
    const global = Number(symbol.address - origin);
    if (global < 0 || global % 4 !== 0 || memory.sectionAt(global)?.isCode !== true) continue;
    const known = found.get(global);
    if (known !== undefined && known.size >= symbol.size) continue;
    const entryCode = symbol.other >>> 5;
    const local = global + localEntryOffset(entryCode << 5);
    if (local >> 2 >= memory.code.length) continue;
    found.set(global, {
      name: symbol.name,
      global,
      local,
      end: global + symbol.size,
      entryCode,
      isSizeless: symbol.size === 0,
      size: symbol.size,
    });
  }
  const list = [...found.values()].sort((a, b) => a.global - b.global);
  return list.map((f, i) => {
    if (f.size > 0) return f;
    const section = memory.sectionAt(f.global);
    const limit = section === undefined ? f.global : section.offset + section.bytes.length;
    return { ...f, end: Math.min(list[i + 1]?.global ?? limit, limit) };
  });
}
