// Reads what a booted kernel's memory held after its loader was done with a module (capture.ts makes these files).
//
//   for (const module of capturedModules('6.1')) {
//     module.areas                      // [{ kind: 'core', base, bytes, changed }, { kind: 'init', ... }]
//     memoryAt(module, address, length) // bytes of an address inside any area
//     module.sections.get('.text')      // address, from /sys/module/NAME/sections
//   }
//
// The bytes are those of the moment after the kernel's own notifiers (jump labels, trace events, ...) and before any of
// the module's code; the page protections and the tracer's nops are in place, parameters are not parsed yet.
// `area.changed` has what the notifiers overwrote, as load_module() left it.

import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Generation } from '../harness/harness.ts';
import { type CaptureIndex, type CaptureSet, captureFolder } from './capture.ts';

const MAGIC = 0x70616374;
const BEGIN = 1;
const AREA = 2;
const CHANGED = 3;
const PERCPU = 4;
const END = 5;

/** 6.1 has `core` and `init`; later kernels `text`, `data`, `rodata`, `ro_after_init`, `init_text`, `init_data`, `init_rodata`. */
export interface CapturedArea {
  readonly kind: string;
  readonly base: bigint;
  /** As large as the kernel says, which rounds up to pages in 6.1. */
  readonly bytes: Uint8Array;
  /** Runs of bytes as they were before the notifiers. Offsets from the start of the area. */
  readonly changed: readonly { readonly offset: number; readonly bytes: Uint8Array }[];
}

export interface CapturedModule {
  readonly name: string;
  /** Path of the plain file that was loaded. */
  readonly file: string;
  readonly areas: readonly CapturedArea[];
  /** Address by name of section. Two sections of one name: the one that sysfs shows last. */
  readonly sections: ReadonlyMap<string, bigint>;
  /** Address of `struct module`. */
  readonly module: bigint;
  /** `base` is the pointer that the symbols have; the bytes are processor 0's copy. */
  readonly percpu?: { readonly base: bigint; readonly bytes: Uint8Array };
  /** As `mod->kallsyms` had it while the module was coming: the whole symbol table, in the init area. */
  readonly kallsyms?: {
    readonly symtab: bigint;
    readonly count: number;
    readonly strtab: bigint;
    readonly types: bigint;
  };
  /** What the kernel logged while it loaded the module. */
  readonly log: readonly string[];
}

/**
 * Every module of the cache's dump, in the order of loading. Bytes are read as the iteration reaches them.
 * @param set the full dump if there is one, unless told
 * Throws where nothing was captured yet.
 */
export function* capturedModules(generation: Generation, set?: CaptureSet): Generator<CapturedModule> {
  const folder = captured(generation, set);
  const index = captureIndex(folder);
  const byName = new Map(index.modules.map(module => [module.name, module]));
  for (const module of readRecords(join(folder, 'dump'))) {
    const listed = byName.get(module.name);
    if (!listed) continue;
    yield {
      ...module,
      file: listed.file,
      log: listed.log,
      sections: new Map(Object.entries(listed.sections).map(([name, address]) => [name, BigInt(address)])),
    };
  }
}

export function captureIndex(folder: string): CaptureIndex {
  return JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as CaptureIndex;
}

/** @returns `length` bytes at an address of the kernel, where one of the module's areas has them. */
export function memoryAt(module: CapturedModule, address: bigint, length: number): Uint8Array | undefined {
  for (const { base, bytes } of module.areas) {
    if (address < base || address + BigInt(length) > base + BigInt(bytes.length)) continue;
    const at = Number(address - base);
    return bytes.subarray(at, at + length);
  }
  return undefined;
}

function captured(generation: Generation, set?: CaptureSet): string {
  for (const candidate of set === undefined ? (['full', 'sample'] as const) : [set]) {
    const folder = captureFolder(generation, candidate);
    if (existsSync(join(folder, 'index.json'))) return folder;
  }
  throw new Error(`no module of ${generation} was captured yet: npm run test:lab -- --only loader/image`);
}

type Recorded = Pick<CapturedModule, 'name' | 'areas' | 'module' | 'percpu' | 'kallsyms'>;

function* readRecords(path: string): Generator<Recorded> {
  const file = openSync(path, 'r');
  const head = Buffer.alloc(16);
  let position = 0;
  let draft: Draft | undefined;
  try {
    while (readSync(file, head, 0, 16, position) === 16) {
      if (head.readUInt32LE(0) !== MAGIC) throw new Error(`${path}: no record at ${position}`);
      const length = Number(head.readBigUInt64LE(8));
      const payload = Buffer.alloc(length);
      if (readSync(file, payload, 0, length, position + 16) !== length) return;
      position += 16 + Math.ceil(length / 8) * 8;
      const kind = head.readUInt32LE(4);
      if (kind === BEGIN) draft = begin(payload);
      else if (draft === undefined) throw new Error(`${path}: a record of kind ${kind} belongs to no module`);
      else if (kind === END) yield finished(draft);
      else add(draft, kind, payload);
    }
  } finally {
    closeSync(file);
  }
}

interface Draft {
  readonly name: string;
  /** The numbers of the record, in order. */
  readonly numbers: readonly bigint[];
  readonly areas: (CapturedArea & { readonly changed: { readonly offset: number; readonly bytes: Uint8Array }[] })[];
  percpu?: Uint8Array;
}

function begin(payload: Buffer): Draft {
  const numbers = Array.from({ length: 8 }, (_, at) => payload.readBigUInt64LE(64 + 8 * at));
  return { name: text(payload, 64), numbers, areas: [] };
}

function add(draft: Draft, kind: number, payload: Buffer): void {
  if (kind === AREA) {
    draft.areas.push({
      kind: text(payload, 16),
      base: payload.readBigUInt64LE(16),
      bytes: payload.subarray(24),
      changed: [],
    });
  } else if (kind === CHANGED) {
    draft.areas.at(-1)!.changed.push({ offset: Number(payload.readBigUInt64LE(8)), bytes: payload.subarray(16) });
  } else if (kind === PERCPU) draft.percpu = payload;
}

function finished({ name, numbers, areas, percpu }: Draft): Recorded {
  const [module, pointer, , , symtab, count, strtab, types] = numbers as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  return {
    name,
    module,
    areas,
    ...(percpu !== undefined && { percpu: { base: pointer, bytes: percpu } }),
    ...(symtab !== 0n && { kallsyms: { symtab, count: Number(count), strtab, types } }),
  };
}

function text(bytes: Buffer, length: number): string {
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end === -1 ? length : Math.min(end, length));
}
