/** The exports that were read from an image against the `Module.symvers` of the same build. */
import { InputError } from '../../util/errors.ts';
import { type ExportedSymbol, parseSymvers } from '../symvers.ts';
import { numberNames } from './names.ts';
import { EXPORT_GPL_ONLY, EXPORT_HAS_CRC, type ExportArrays, IndexedExports } from './tables.ts';

/** The exports of vmlinux among those of a whole build. */
export function vmlinuxExports(text: string): ExportedSymbol[] {
  return [...parseSymvers(text).values()].filter(symbol => symbol.exporter === 'vmlinux');
}

/**
 * @throws InputError KER002, KER017 for the first symbol about which the two disagree
 */
export function checkSymvers(arrays: ExportArrays, text: string): void {
  const listed = vmlinuxExports(text);
  const exports = new IndexedExports(arrays);
  for (const symbol of listed) {
    const at = exports.find(symbol.name);
    if (at < 0) throw disagrees(symbol.name, 'exported', 'not exported');
    const crc = exports.crc(at);
    // Without CONFIG_MODVERSIONS every line says zero.
    if (crc !== undefined && crc !== symbol.crc) throw disagrees(symbol.name, hex(symbol.crc), hex(crc));
    if (crc === undefined && symbol.crc !== 0) throw disagrees(symbol.name, hex(symbol.crc), 'no checksum');
    const kinds = ['for all modules', 'for modules under the GPL only'] as const;
    if (exports.gplOnly(at) !== symbol.gplOnly)
      throw disagrees(symbol.name, kinds[symbol.gplOnly ? 1 : 0], kinds[symbol.gplOnly ? 0 : 1]);
    const namespace = exports.namespace(at);
    if (namespace !== symbol.namespace)
      throw disagrees(symbol.name, `namespace "${symbol.namespace}"`, `"${namespace}"`);
  }
  if (listed.length === exports.count) return;
  const names = new Set(listed.map(symbol => symbol.name));
  for (let i = 0; i < exports.count; i++)
    if (!names.has(exports.name(i))) throw disagrees(exports.name(i), 'not exported', 'exported');
}

const hex = (value: number) => `0x${value.toString(16).padStart(8, '0')}`;

function disagrees(name: string, expected: string, found: string): InputError {
  return new InputError({
    code: 'KER017',
    message: `Module.symvers and the image disagree about ${name}`,
    expected: `${expected}, as Module.symvers says`,
    found: `${found} in the image`,
    remedy: 'give the Module.symvers of the same build, or leave it out: the image alone is enough',
  });
}

/**
 * The table of exports made of a `Module.symvers` and the addresses of a System.map, for kernels of which there is no image.
 *
 * @throws InputError KER002, KER019 where an exported symbol has no address
 */
export function exportsOfPieces(
  text: string,
  address: (name: string) => bigint | undefined,
  modversions: boolean,
): ExportArrays {
  const listed = vmlinuxExports(text);
  const starts = new Uint32Array(listed.length);
  const strings: string[] = [];
  const namespaces = [''];
  const namespacePlaces = new Map<string, number>([['', 0]]);
  const addresses = new Uint32Array(listed.length * 2);
  const crcs = new Uint32Array(listed.length);
  const flags = new Uint8Array(listed.length);
  const namespaceAt = new Uint32Array(listed.length);
  let length = 0;
  let namespacesLength = 1;
  listed.forEach((symbol, i) => {
    const value = address(symbol.name);
    if (value === undefined)
      throw new InputError({
        code: 'KER019',
        message: 'the System.map is not of this kernel',
        expected: `the exported symbol ${symbol.name}`,
        found: 'no such symbol',
        remedy: 'give the System.map and the Module.symvers of one build',
      });
    starts[i] = length;
    strings.push(symbol.name);
    length += Buffer.byteLength(symbol.name) + 1;
    addresses[i * 2] = Number(value & 0xffff_ffffn);
    addresses[i * 2 + 1] = Number(value >> 32n);
    crcs[i] = symbol.crc;
    flags[i] = (symbol.gplOnly ? EXPORT_GPL_ONLY : 0) | (modversions ? EXPORT_HAS_CRC : 0);
    let place = namespacePlaces.get(symbol.namespace);
    if (place === undefined) {
      place = namespacesLength;
      namespacePlaces.set(symbol.namespace, place);
      namespaces.push(symbol.namespace);
      namespacesLength += Buffer.byteLength(symbol.namespace) + 1;
    }
    namespaceAt[i] = place;
  });
  const { numbers: _numbers, ...names } = numberNames(Buffer.from(`${strings.join('\0')}\0`), starts);
  return {
    ...names,
    addresses,
    crcs,
    flags,
    namespaceAt,
    namespaces: Buffer.from(namespaces.map(text => `${text}\0`).join('')),
  };
}
