/** Writes what `knowledge()` makes up as an index file, for tests that run the command line. */
import { writeFileSync } from 'node:fs';
import { numberNames } from '../../src/kernel/knowledge/names.ts';
import { encodeIndex } from '../../src/kernel/knowledge/store.ts';
import {
  EXPORT_GPL_ONLY,
  EXPORT_HAS_CRC,
  type ExportArrays,
  type SymbolArrays,
} from '../../src/kernel/knowledge/tables.ts';
import { type KnowledgeSpec, knowledge } from './kernel-knowledge.ts';

/** @param path of the file */
export function writeKernelIndex(path: string, spec: KnowledgeSpec = {}): void {
  const kernel = knowledge(spec);
  const { exports: table } = kernel;
  const names = Array.from({ length: table.count }, (_, i) => table.name(i));
  const exports: ExportArrays = {
    ...namesOf(names),
    addresses: Uint32Array.from(names.flatMap((_, i) => halves(table.address(i)))),
    crcs: Uint32Array.from(names, (_, i) => table.crc(i) ?? 0),
    flags: Uint8Array.from(
      names,
      (_, i) => (table.gplOnly(i) ? EXPORT_GPL_ONLY : 0) | (table.crc(i) === undefined ? 0 : EXPORT_HAS_CRC),
    ),
    namespaceAt: new Uint32Array(names.length),
    namespaces: new Uint8Array(1),
  };
  const known = [...new Set([...names, ...Object.keys(spec.symbols ?? {}), 'ftrace_caller', 'ftrace_regs_caller'])];
  const addresses = known.map(name => kernel.symbols.find(name));
  const first = new Uint32Array(known.length + 1);
  addresses.forEach((list, i) => {
    first[i + 1] = first[i]! + list.length;
  });
  const symbols: SymbolArrays = {
    ...namesOf(known),
    first,
    addresses: Uint32Array.from(addresses.flat().flatMap(halves)),
  };
  writeFileSync(path, encodeIndex({ ...kernel, exports, symbols }));
}

function namesOf(names: readonly string[]) {
  const starts: number[] = [];
  let at = 0;
  for (const name of names) {
    starts.push(at);
    at += Buffer.byteLength(name) + 1;
  }
  const { numbers: _numbers, ...arrays } = numberNames(Buffer.from(`${names.join('\0')}\0`), Uint32Array.from(starts));
  return arrays;
}

const halves = (address: bigint) => [Number(address & 0xffff_ffffn), Number(address >> 32n)];
