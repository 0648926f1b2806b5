/** Whether modules that are plain by themselves are plain together: each import has one exporter, with the same checksum. */

import type { ModuleProof } from './plain-proof.ts';

/** One module that is plain by itself. */
export interface SettledFile {
  readonly module: string;
  readonly functions: number;
  readonly isStaging: boolean;
  readonly isTest: boolean;
  /** Names of the modules whose symbols it uses, in the order in which the loader meets them. */
  readonly uses: string[];
  isExporter: boolean;
  /** Where functions are judged: what is known of them, or nothing; then the twin and the prover have to look. */
  readonly proof?: ModuleProof | 'none';
}

/** What modules export that were not screened, or that are not plain. */
export interface ForeignExports {
  readonly modules: Set<string>;
  /** Numbers of names. */
  readonly names: Set<number>;
}

/** A record of `wasm/records.ts`, in 32-bit words: number of the file plus 1, kind, name, checksum, namespace. */
export const RECORD_WORDS = 5;
const KIND = 1;
export const NAME = 2;
const CRC = 3;
export const NAMESPACE = 4;

const NAMESPACE_IMPORT = 2;
const EXPORT = 3;
const WEAK_IMPORT = 4;
/** A key of a jump label, in bytes (where others have a checksum) behind an export of the kernel. */
const KEY = 5;

/** Number of the file that exports a name, plus 1; these where nobody does, or several do. */
const NOBODY = 0;
const SEVERAL = -1;

/** By number of the name. */
interface Owners {
  readonly file: Int32Array;
  readonly crc: Int32Array;
  /** Number of its name, or -1. */
  readonly namespace: Int32Array;
}

/**
 * @param files fills `uses` and `isExporter`
 * @param records those of one file stand together
 * @param names numbers of names are below it
 * @param isKey whether a key can lie so many bytes behind an export of the kernel
 * @returns by number of the file: 1 where it is plain
 */
export function settle(
  files: readonly SettledFile[],
  records: readonly Int32Array[],
  names: number,
  foreign: ForeignExports,
  isKey: (name: number, distance: number) => boolean,
): Uint8Array {
  const isPlain = new Uint8Array(files.length).fill(1);
  const owners = findOwners(files, records, names, foreign);
  for (const some of records) settleSome(files, some, owners, isPlain, isKey);
  return isPlain;
}

function settleSome(
  files: readonly SettledFile[],
  records: Int32Array,
  owners: Owners,
  isPlain: Uint8Array,
  isKey: (name: number, distance: number) => boolean,
): void {
  let file = NOBODY;
  let namespaces: number[] = [];
  for (let at = 0; at < records.length; at += RECORD_WORDS) {
    if (records[at] !== file) {
      file = records[at]!;
      namespaces = [];
    }
    const name = records[at + NAME]!;
    const kind = records[at + KIND];
    if (kind === NAMESPACE_IMPORT) {
      namespaces.push(name);
      continue;
    }
    const owner = owners.file[name]!;
    let isGood: boolean;
    if (kind === EXPORT) isGood = owner === file;
    // Weak imports that somebody exports are rare enough for the twin.
    else if (kind === WEAK_IMPORT) isGood = owner === NOBODY;
    else if (kind === KEY) isGood = isKey(name, records[at + CRC]!);
    else {
      const namespace = owners.namespace[name]!;
      isGood = owner > 0 && owner !== file && owners.crc[name] === records[at + CRC];
      isGood = isGood && (namespace < 0 || namespaces.includes(namespace));
      if (isGood) note(files[file - 1]!, files[owner - 1]!.module);
    }
    if (!isGood) isPlain[file - 1] = 0;
  }
}

function note({ uses }: SettledFile, module: string): void {
  if (!uses.includes(module)) uses.push(module);
}

function addExports({ file, crc, namespace }: Owners, files: readonly SettledFile[], records: Int32Array): void {
  let last = NOBODY;
  for (let at = 0; at < records.length; at += RECORD_WORDS) {
    if (records[at + KIND] !== EXPORT) continue;
    if (records[at] !== last) {
      last = records[at]!;
      files[last - 1]!.isExporter = true;
    }
    const name = records[at + NAME]!;
    file[name] = file[name] === NOBODY ? last : SEVERAL;
    crc[name] = records[at + CRC]!;
    namespace[name] = records[at + NAMESPACE]!;
  }
}

/** Of several modules with one name only the first counts for the twin; nobody imports from any of them here. */
function findOwners(
  files: readonly SettledFile[],
  records: readonly Int32Array[],
  names: number,
  foreign: ForeignExports,
): Owners {
  const owners = { file: new Int32Array(names), crc: new Int32Array(names), namespace: new Int32Array(names) };
  for (const name of foreign.names) owners.file[name] = SEVERAL;
  for (const some of records) addExports(owners, files, some);
  const seen = new Set(foreign.modules);
  const doubled = new Set<string>();
  for (const { module, isExporter } of files) {
    if (isExporter && seen.has(module)) doubled.add(module);
    if (isExporter) seen.add(module);
  }
  for (let name = 0; name < names && doubled.size > 0; name++)
    if (owners.file[name]! > 0 && doubled.has(files[owners.file[name]! - 1]!.module)) owners.file[name] = SEVERAL;
  return owners;
}
