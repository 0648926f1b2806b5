/**
 * Why a lie that was believed does no harm: an argument about this lie and no other, worked out from the files. Each gives `undefined`
 * where it does not hold.
 */
import { createHash } from 'node:crypto';
import { type ElfFile, readElf } from '../../../../src/elf/read.ts';
import { readPatchNote } from '../../../../src/kernel/patch-note.ts';
import { loadModule } from '../../../../src/loader/load.ts';
import type { PatchPlan } from '../../../../src/plan/plan.ts';
import { assumedKernel } from '../../../../src/verify/patched/assumed-kernel.ts';

const BASE = 0xc008_0000_0100_0000n;
/** More than a section of the samples has, and so little that a branch reaches from any of them to `.stubs`. */
const FAR = 0x4_0000n;
const NOP = 0x60000000;

/** Sections that tocsin adds are told apart by their order, all others by name. */
function placesOf(elf: ElfFile): ReadonlyMap<string, string> {
  let added = 0;
  const allocated = elf.sections.filter(s => s.isAllocated);
  return new Map(allocated.map(({ name }) => [name, /^\.(init\.)?text\.tocsin/.test(name) ? `new ${added++}` : name]));
}

/** What the kernel keeps for backtraces: `symbols` has of it what is compared. */
const SYMBOLS = new Set(['.symtab', '.strtab']);

/** A file as it lies in memory: each section at an address of its own, whatever stands before it. */
function image(elf: ElfFile, all: readonly string[]) {
  const places = placesOf(elf);
  const addresses = new Map<string, bigint>();
  for (const [name, place] of [...places, ['.stubs', '.stubs'] as const])
    addresses.set(name, BASE + BigInt(all.indexOf(place)) * FAR);
  const outcome = loadModule({
    bytes: elf.bytes,
    kernel: assumedKernel(elf),
    modules: new Map(),
    placement: { kind: 'sections', addresses },
  });
  const { loads, log, remarks, dangerous } = outcome;
  // Two files that are not loaded have nothing in memory that could be the same.
  if (!loads || outcome.image === undefined) return undefined;
  const memory = outcome.image?.sections
    .filter(s => s.name !== '.modinfo' && !SYMBOLS.has(s.name))
    .map(
      s =>
        `${places.get(s.name)} ${s.flags} ${s.memory} ${s.size} ${createHash('sha256').update(s.bytes).digest('hex')}`,
    )
    .sort();
  // The names and types of what tocsin adds are told apart from places: they are for people and backtraces.
  const symbols = outcome.image?.symbols
    .map(s => `${s.name.startsWith('__tocsin_') ? '' : `${s.name} ${s.info}`} ${s.address} ${s.other}`)
    .sort();
  const exports = [...outcome.exports].map(([name, e]) => `${name} ${e.address} ${e.crc} ${e.gplOnly} ${e.namespace}`);
  return JSON.stringify({ loads, log, remarks, dangerous, memory, symbols, exports });
}

/** The kernel has the same in memory: bytes, permissions, symbols, exports and what it says. */
export function isSameInMemory(honest: Uint8Array, lie: Uint8Array): boolean {
  const [a, b] = [readElf(honest), readElf(lie)];
  const all = [...new Set([...placesOf(a).values(), ...placesOf(b).values(), '.stubs'])];
  const was = image(a, all);
  return was !== undefined && was === image(b, all);
}

/** What the plan says but for its sentences for people. */
function isSameButSentences(honest: PatchPlan, lie: PatchPlan): boolean {
  const bare = ({ warnings: _, actions, ...rest }: PatchPlan) =>
    JSON.stringify({ ...rest, actions: actions.map(a => ({ ...a, grounds: [] })) });
  return bare(honest) === bare(lie);
}

/** The note of the lie is that of the honest file, but for the sentences. */
function notesDiffer(honest: Uint8Array, lie: Uint8Array): boolean {
  const said = (bytes: Uint8Array) => {
    const record = readPatchNote(readElf(bytes))?.record;
    return JSON.stringify({ ...record, actions: record?.actions.map(a => ({ ...a, grounds: [] })) });
  };
  return said(honest) !== said(lie);
}

/** The same in another order, where nothing stands on one place with something else. */
function isSameButOrder(honest: PatchPlan, lie: PatchPlan): boolean {
  const texts = (list: readonly object[]) => list.map(r => JSON.stringify(r)).sort();
  const sorted = (plan: PatchPlan) =>
    JSON.stringify({
      ...plan,
      addedRelocations: texts(plan.addedRelocations),
      addedVersions: texts(plan.addedVersions),
      newCode: plan.newCode.map(c => ({ ...c, relocations: texts(c.relocations) })),
    });
  const lists = [lie.addedRelocations.map(r => `${r.section} ${r.offset}`)];
  for (const { relocations } of lie.newCode) lists.push(relocations.map(r => `${r.offset}`));
  return lists.every(list => new Set(list).size === list.length) && sorted(honest) === sorted(lie);
}

/** Branches lead further to the front or behind, and there are nops between. */
function isOnlyNops(honest: PatchPlan, lie: PatchPlan): boolean {
  const bare = (plan: PatchPlan) =>
    JSON.stringify({ ...plan, addedRelocations: plan.addedRelocations.map(r => ({ ...r, addend: 0 })) });
  if (bare(honest) !== bare(lie)) return false;
  return lie.addedRelocations.every(({ symbol, addend }, i) => {
    const was = honest.addedRelocations[i]!.addend;
    if (was === addend) return true;
    const { code, value } = 'added' in symbol ? lie.newSymbols[symbol.added]! : { code: undefined, value: 0 };
    if (code === undefined || addend % 4 !== 0) return false;
    const [from, to] = [Math.min(was, addend), Math.max(was, addend)].map(a => (value + a) / 4);
    return lie.newCode[code]!.words.slice(from, to).every(word => word === NOP);
  });
}

/** @returns the argument that holds for this lie; `undefined` where none does */
export function reasonFor(
  honest: { readonly plan: PatchPlan; readonly output: Uint8Array },
  lie: { readonly plan: PatchPlan; readonly output: Uint8Array },
): string | undefined {
  if (isSameButSentences(honest.plan, lie.plan)) return 'sentences for people';
  if (isSameButOrder(honest.plan, lie.plan)) return 'another order';
  if (notesDiffer(honest.output, lie.output)) return undefined;
  if (isSameInMemory(honest.output, lie.output)) return 'the same in memory';
  return isOnlyNops(honest.plan, lie.plan) ? 'nops between' : undefined;
}
