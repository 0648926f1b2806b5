// The tracer table of a linked kernel, from what readelf and nm print. Nothing here uses tocsin's own code.

import { closeSync, openSync, readSync } from 'node:fs';
import { lines } from './programs.ts';

export interface ImageFacts {
  /** Addresses that the entries of the table name, sorted; entries that stay zero are left out. */
  readonly sites: readonly bigint[];
  /** All entries. */
  readonly entries: number;
}

interface Row {
  readonly address: bigint;
  readonly offset: bigint;
  readonly size: bigint;
}

export async function imageFacts(file: string): Promise<ImageFacts> {
  const bounds = new Map<string, bigint>();
  for await (const line of lines('powerpc64le-linux-gnu-nm', [file])) {
    const [, address, name] = /^([0-9a-f]{16}) \w (__(?:start|stop)_mcount_loc)$/.exec(line) ?? [];
    if (name !== undefined) bounds.set(name, BigInt(`0x${address}`));
  }
  const start = bounds.get('__start_mcount_loc')!;
  const stop = bounds.get('__stop_mcount_loc')!;
  const values = await stored(file, start, stop);
  for await (const line of lines('powerpc64le-linux-gnu-readelf', ['-rW', file])) {
    const [, offset, type, addend] = /^([0-9a-f]{16}) +[0-9a-f]{16} (\S+) +([0-9a-f]+)$/.exec(line) ?? [];
    if (offset === undefined) continue;
    const address = BigInt(`0x${offset}`);
    if (address < start || address >= stop) continue;
    if (type !== 'R_PPC64_RELATIVE') throw new Error(`a record is filled by ${type}`);
    values[Number(address - start) / 8] = BigInt(`0x${addend}`);
  }
  const sites = values.filter(value => value !== 0n).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return { sites, entries: values.length };
}

/** The 8-byte words that the file itself has between two addresses. */
async function stored(file: string, start: bigint, stop: bigint): Promise<bigint[]> {
  const rows: Row[] = [];
  for await (const line of lines('powerpc64le-linux-gnu-readelf', ['-SW', file])) {
    const [, type, address, offset, size] =
      /^ {2}\[ *\d+\] \S+ +(\w+) +([0-9a-f]{16}) ([0-9a-f]+) ([0-9a-f]+) /.exec(line) ?? [];
    if (type === undefined || type === 'NOBITS') continue;
    rows.push({ address: BigInt(`0x${address}`), offset: BigInt(`0x${offset}`), size: BigInt(`0x${size}`) });
  }
  const row = rows.find(r => r.address !== 0n && start >= r.address && stop <= r.address + r.size);
  if (row === undefined) throw new Error(`${file}: no section holds the tracer's table`);
  const bytes = Buffer.alloc(Number(stop - start));
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, bytes, 0, bytes.length, row.offset + (start - row.address));
  } finally {
    closeSync(descriptor);
  }
  return Array.from({ length: bytes.length / 8 }, (_, at) => bytes.readBigUInt64LE(at * 8));
}
