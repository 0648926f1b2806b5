/** The addresses that `tocsin load` is told: on the command line, and in files of lines `NAME ADDRESS`. */
import { readObject } from '../../io/read.ts';
import type { MemoryKind, Placement } from '../../loader/model.ts';
import { InputError } from '../../util/errors.ts';

const KINDS: ReadonlySet<string> = new Set<MemoryKind>([
  'core',
  'init',
  'text',
  'data',
  'rodata',
  'ro_after_init',
  'init_text',
  'init_data',
  'init_rodata',
]);

const TOP = 1n << 64n;

/** Hexadecimal with `0x`, as /sys/module has them, or 16 digits without, as /proc/kallsyms has them. */
export function parseAddress(text: string): bigint | undefined {
  if (!/^(?:0[xX][0-9a-fA-F]{1,16}|[0-9a-fA-F]{16})$/.test(text)) return undefined;
  const value = BigInt(/^0[xX]/.test(text) ? text : `0x${text}`);
  return value < TOP ? value : undefined;
}

/** Lines of a text file. */
export async function linesOf(path: string): Promise<string[]> {
  const { bytes } = await readObject(path);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1').split(/\r?\n/);
}

/**
 * Lines `NAME ADDRESS`; blank lines do not count.
 *
 * @throws InputError LOD001, LOD002
 */
export async function readAddresses(path: string): Promise<Map<string, bigint>> {
  const addresses = new Map<string, bigint>();
  for (const [i, line] of (await linesOf(path)).entries()) {
    const text = line.trim();
    if (text === '') continue;
    const [, name, address] = /^(.*\S)\s+(\S+)$/.exec(text) ?? [];
    const value = parseAddress(address ?? '');
    if (name === undefined || value === undefined)
      throw new InputError({
        code: 'LOD001',
        file: path,
        message: `line ${i + 1} is not of the form NAME ADDRESS`,
        found: text.slice(0, 80),
        remedy: 'write the name, a blank, and the address in hexadecimal with 0x',
      });
    if (addresses.has(name))
      throw new InputError({
        code: 'LOD002',
        file: path,
        message: `line ${i + 1} gives a second address for ${name}`,
        remedy: 'leave one line for each name',
      });
    addresses.set(name, value);
  }
  return addresses;
}

/** @throws InputError LOD003 for a name that is no memory area */
export async function readBases(path: string): Promise<Placement> {
  const bases = new Map<MemoryKind, bigint>();
  let percpu: bigint | undefined;
  for (const [name, address] of await readAddresses(path)) {
    if (name === 'percpu') percpu = address;
    else if (KINDS.has(name)) bases.set(name as MemoryKind, address);
    else
      throw new InputError({
        code: 'LOD003',
        file: path,
        message: `${name} is no memory area of a module`,
        expected: `${[...KINDS].join(', ')} or percpu`,
        remedy: 'give the base of each area; the addresses of sections go with --sections',
      });
  }
  return { kind: 'bases', bases, ...(percpu === undefined ? {} : { percpu }) };
}
