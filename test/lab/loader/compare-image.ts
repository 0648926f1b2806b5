// One module: what the twin says lies in memory against what did.

import type { LoadedImage, LoadedSection } from '../../../src/loader/model.ts';
import { type CapturedModule, memoryAt } from './dumps.ts';

const SHF_EXECINSTR = 4;
const NOTHING = new Uint8Array(0);

export interface ImageCounts {
  /** Bytes of sections that were compared, and those left out, by reason. */
  compared: number;
  readonly excluded: Map<string, number>;
  /** The same of executable sections. */
  text: number;
  textExcluded: number;
  /** Bytes outside of all sections: zeros, or the tables that kallsyms keeps. */
  between: number;
  sections: number;
  symbols: number;
}

export function noCounts(): ImageCounts {
  return { compared: 0, excluded: new Map(), text: 0, textExcluded: 0, between: 0, sections: 0, symbols: 0 };
}

/** @returns differences, at most one for each section; numbers are added to `counts` */
export function compareImage(module: CapturedModule, image: LoadedImage, counts: ImageCounts): string[] {
  const complaints = image.sections.flatMap(section => compareSection(module, section, counts));
  complaints.push(...compareSymbols(module, image, counts), ...compareBetween(module, image, counts));
  return complaints.map(text => `${module.name}: ${text}`);
}

/** The twin's addresses of sections, from bases only, against /sys/module/NAME/sections. */
export function compareLayout(module: CapturedModule, image: LoadedImage): string[] {
  const complaints: string[] = [];
  const kept = image.sections.filter(section => section.size > 0 && section.memory !== 'percpu');
  const predicted = new Map(kept.map(({ name, address }) => [name, address]));
  for (const [name, address] of module.sections) {
    const found = predicted.get(name);
    if (found === undefined) complaints.push(`${module.name}: ${name} is at ${hex(address)}, not in the twin's image`);
    else if (found !== address)
      complaints.push(`${module.name}: ${name} is at ${hex(address)}, the twin has it at ${hex(found)}`);
  }
  for (const name of predicted.keys())
    if (!module.sections.has(name)) complaints.push(`${module.name}: the twin has ${name}, the kernel has not`);
  return complaints;
}

function compareSection(module: CapturedModule, section: LoadedSection, counts: ImageCounts): string[] {
  if (section.size === 0) return [];
  counts.sections++;
  const actual =
    section.memory === 'percpu'
      ? module.percpu?.bytes.subarray(0, section.size)
      : memoryAt(module, section.address, section.size);
  if (actual === undefined) return [`${section.name}: nothing is at ${hex(section.address)}`];
  const expected = section.bytes;
  if (expected.length !== section.size)
    return [`${section.name}: ${section.size} bytes in memory, ${expected.length} in the twin's image`];
  const left = new Uint8Array(section.size);
  for (const { offset, length, reason } of section.excluded) {
    let fresh = 0;
    for (let at = offset; at < offset + length; at++) {
      if (at < 0 || at >= left.length)
        return [`${section.name}: a range is left out that lies outside: ${offset}+${length} (${reason})`];
      if (left[at] === 0) fresh++;
      left[at] = 1;
    }
    counts.excluded.set(reason, (counts.excluded.get(reason) ?? 0) + fresh);
    if (section.flags & SHF_EXECINSTR) counts.textExcluded += fresh;
  }
  if (section.flags & SHF_EXECINSTR) counts.text += section.size;
  let first = -1;
  let different = 0;
  for (let at = 0; at < expected.length; at++) {
    if (left[at] === 1) continue;
    counts.compared++;
    if (expected[at] === actual[at]) continue;
    different++;
    if (first === -1) first = at;
  }
  if (first === -1) return [];
  const start = first & ~7;
  const show = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(start, start + 16)).toString('hex');
  return [
    `${section.name}+0x${start.toString(16)}: kernel ${show(actual)}, twin ${show(expected)} (${different} bytes differ in the section)`,
  ];
}

/** Every symbol's resolved value, in the table that the loader wrote. */
function compareSymbols(module: CapturedModule, image: LoadedImage, counts: ImageCounts): string[] {
  const { kallsyms } = module;
  if (kallsyms === undefined) return ['the kernel kept no symbol table'];
  const table = memoryAt(module, kallsyms.symtab, kallsyms.count * 24);
  if (table === undefined) return ['the symbol table is outside of the areas'];
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  if (image.symbols.length !== kallsyms.count - 1)
    return [`${kallsyms.count - 1} symbols in the kernel, ${image.symbols.length} in the twin`];
  const left = new Set<number>();
  const section = image.sections.find(({ address }) => address === kallsyms.symtab);
  for (const { offset, length } of section?.excluded ?? [])
    for (let at = offset; at < offset + length; at += 8) left.add(Math.floor(at / 24));
  for (const [at, symbol] of image.symbols.entries()) {
    // In a section that is not kept: its value leads to the copy of the file, which is gone.
    if (left.has(at + 1)) continue;
    counts.symbols++;
    const value = view.getBigUint64(24 * (at + 1) + 8, true);
    if (value !== symbol.address)
      return [`symbol ${at + 1} ${symbol.name}: kernel ${hex(value)}, twin ${hex(symbol.address)}`];
  }
  return [];
}

/** What lies in the areas outside of sections: nothing but zeros, and the tables that kallsyms keeps. */
function compareBetween(module: CapturedModule, image: LoadedImage, counts: ImageCounts): string[] {
  for (const area of module.areas) {
    const covered = new Uint8Array(area.bytes.length);
    const cover = (address: bigint, length: number): void => {
      const at = Number(address - area.base);
      if (at >= 0 && at < covered.length) covered.fill(1, at, at + length);
    };
    for (const { address, size, memory } of image.sections) if (memory !== 'percpu') cover(address, size);
    const kept = image.kallsyms;
    if (kept) {
      let at = kept.address;
      for (const [what, table] of [
        ['symbols', kept.symtab],
        ['names', kept.strtab],
        ['types', kept.types],
      ] as const) {
        const actual = memoryAt(module, at, table.length) ?? NOTHING;
        const different = table.findIndex((byte, index) => byte !== actual[index]);
        if (different !== -1) return [`${what} that kallsyms keeps differ at ${different} of ${table.length}`];
        counts.compared += area === module.areas[0] ? table.length : 0;
        cover(at, table.length);
        at += BigInt(table.length);
      }
    }
    // struct mod_kallsyms (32 bytes) and the type letters of the whole table, which go with the init area.
    const { kallsyms } = module;
    if (kallsyms) cover(kallsyms.types - 32n, 32 + kallsyms.count);
    for (let at = 0; at < covered.length; at++) {
      if (covered[at] === 1) continue;
      counts.between++;
      if (area.bytes[at] !== 0) return [`${area.kind}+0x${at.toString(16)} is in no section and not zero`];
    }
  }
  return [];
}

function hex(address: bigint): string {
  return `0x${address.toString(16)}`;
}
