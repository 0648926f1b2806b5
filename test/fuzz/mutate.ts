/**
 * Damages object files on purpose: bits, bytes and whole fields of headers, sections, symbols, relocations, notes, tracer
 * tables, names and code; ranges copied, swapped and cut. Every change depends on the seed alone and is told in words, so
 * that a finding can be made again.
 */
import { RawElf, type RawSection } from '../support/raw-elf.ts';
import { Random } from './random.ts';

/** A table of equal entries in a file, and where the fields of an entry lie. */
interface Target {
  readonly what: string;
  readonly offset: number;
  readonly entry: number;
  readonly count: number;
  readonly fields: readonly (readonly [offset: number, size: number])[];
}

/** A file with what is known about its structure. */
export interface Subject {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Each kind of target as often as it is to be hit. */
  readonly targets: readonly (readonly Target[])[];
  /** Numbers that mean something in this file. */
  readonly numbers: readonly bigint[];
}

export interface Mutated {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mutations: readonly string[];
}

const HEADER = [
  [16, 2],
  [18, 2],
  [20, 4],
  [24, 8],
  [32, 8],
  [40, 8],
  [48, 4],
  [52, 2],
  [54, 2],
  [56, 2],
  [58, 2],
  [60, 2],
  [62, 2],
] as const;
const SECTION = [
  [0, 4],
  [4, 4],
  [8, 8],
  [16, 8],
  [24, 8],
  [32, 8],
  [40, 4],
  [44, 4],
  [48, 8],
  [56, 8],
] as const;
const SYMBOL = [
  [0, 4],
  [4, 1],
  [5, 1],
  [6, 2],
  [8, 8],
  [16, 8],
] as const;
const RELOCATION = [
  [0, 8],
  [8, 4],
  [12, 4],
  [16, 8],
] as const;

const SYMTAB = 2;
const STRTAB = 3;
const RELA = 4;
const NOTE = 7;
const NOBITS = 8;
const GROUP = 17;

/** How often each kind of target is hit. */
const WEIGHTS = { header: 1, section: 4, symbol: 5, relocation: 5, note: 3, tracer: 3, names: 1, code: 3, other: 3 };

export function subject(name: string, bytes: Uint8Array): Subject {
  const raw = new RawElf(bytes);
  const kinds: Record<keyof typeof WEIGHTS, Target[]> = {
    header: [{ what: 'ELF header', offset: 0, entry: 64, count: 1, fields: HEADER }],
    section: [{ what: 'section', offset: raw.shoff, entry: 64, count: raw.sections.length, fields: SECTION }],
    symbol: [],
    relocation: [],
    note: [],
    tracer: [],
    names: [],
    code: [],
    other: [],
  };
  for (const section of raw.sections) {
    if (section.size === 0 || section.type === 0 || section.type === NOBITS) continue;
    const [kind, entry, fields] = layoutOf(section);
    const count = Math.floor(section.size / entry);
    if (count > 0) kinds[kind].push({ what: section.name, offset: section.offset, entry, count, fields });
  }
  const targets = Object.entries(WEIGHTS).flatMap(([kind, weight]) => {
    const list = kinds[kind as keyof typeof WEIGHTS];
    return list.length === 0 ? [] : new Array<readonly Target[]>(weight).fill(list);
  });
  const sizes = raw.sections.flatMap(s => [s.size, s.offset, s.offset + s.size]);
  const numbers = [bytes.length, raw.sections.length, raw.symbols.length, ...sizes].map(BigInt);
  return { name, bytes, targets, numbers };
}

function layoutOf(section: RawSection): [keyof typeof WEIGHTS, number, Target['fields']] {
  if (section.type === SYMTAB) return ['symbol', 24, SYMBOL];
  if (section.type === RELA) return [/mcount|patchable/.test(section.name) ? 'tracer' : 'relocation', 24, RELOCATION];
  if (section.type === STRTAB) return ['names', 1, [[0, 1]]];
  if (section.type === NOTE) return ['note', 4, [[0, 4]]];
  if (/mcount_loc|patchable/.test(section.name)) return ['tracer', 8, [[0, 8]]];
  if (section.type === GROUP) return ['other', 4, [[0, 4]]];
  return (section.flags & 4n) !== 0n
    ? ['code', 4, [[0, 4]]]
    : [
        'other',
        4,
        [
          [0, 4],
          [0, 1],
        ],
      ];
}

/** Values at which checks and arithmetic go wrong. */
const BOUNDARIES = [
  0n,
  1n,
  2n,
  3n,
  4n,
  7n,
  8n,
  0x18n,
  0x7fn,
  0x80n,
  0xe0n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xfeffn,
  0xff00n,
  0xff20n,
  0xfff1n,
  0xfff2n,
  0xffffn,
  0x0100_0000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_fffcn,
  0xffff_ffffn,
  1n << 32n,
  (1n << 48n) + 8n,
  (1n << 53n) - 1n,
  (1n << 53n) + 1n,
  1n << 62n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 24n,
  (1n << 64n) - 8n,
  (1n << 64n) - 1n,
];

/** Instructions that make scanning and patching look twice. */
const INSTRUCTIONS = [
  0x60000000n,
  0x48000001n,
  0x48000000n,
  0x4e800020n,
  0x4e800420n,
  0x4e800421n,
  0x7c0802a6n,
  0xf8010010n,
  0xe84cfff8n,
  0x3c4c0000n,
  0x06000000n,
  0x429f0005n,
  0x4bfffffdn,
  0x48000009n,
];

/** One to five changes, most often few; the same for one seed and one subject. */
export function mutate(from: Subject, seed: number): Mutated {
  const random = new Random(seed);
  const file = new Mutable(from.bytes);
  const mutations: string[] = [];
  for (let n = 1 + Math.min(random.below(4), random.below(6)); n > 0; n--) mutations.push(change(file, from, random));
  return { bytes: file.bytes, mutations };
}

class Mutable {
  bytes: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array) {
    this.bytes = new Uint8Array(bytes);
  }

  get(at: number, size: number): bigint {
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.bytes[at + i] ?? 0);
    return value;
  }

  set(at: number, size: number, value: bigint): void {
    for (let i = 0; i < size && at + i < this.bytes.length; i++)
      this.bytes[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }

  copy(from: number, to: number, length: number): void {
    this.bytes.copyWithin(to, from, from + length);
  }
}

function change(file: Mutable, from: Subject, random: Random): string {
  const dice = random.below(100);
  if (dice < 4) return cut(file, random);
  if (dice < 8) return moveRange(file, random);
  if (dice < 12) return flip(file, random.below(file.bytes.length), 'the file', random);
  const target = random.pick(random.pick(from.targets));
  const index = random.below(target.count);
  const entry = target.offset + index * target.entry;
  if (dice < 22 && target.count > 1) return copyEntry(file, target, index, random);
  const [offset, size] = random.pick(target.fields);
  const where = `${target.what}[${index}]+${offset}`;
  if (dice < 40) return flip(file, entry + offset + random.below(size), where, random);
  const old = file.get(entry + offset, size);
  const value = BigInt.asUintN(size * 8, newValue(old, target, from, random));
  file.set(entry + offset, size, value);
  return `${where}: 0x${old.toString(16)} becomes 0x${value.toString(16)}`;
}

function newValue(old: bigint, target: Target, from: Subject, random: Random): bigint {
  switch (random.below(target.entry === 4 ? 5 : 4)) {
    case 0:
      return random.pick(BOUNDARIES);
    case 1:
      return random.pick(from.numbers) + BigInt(random.below(3) - 1);
    case 2:
      return old + BigInt(random.pick([-24, -8, -4, -1, 1, 4, 8, 24]));
    case 3:
      return (BigInt(random.next()) << 32n) | BigInt(random.next());
    default:
      return random.pick(INSTRUCTIONS);
  }
}

function flip(file: Mutable, at: number, where: string, random: Random): string {
  const bit = random.below(8);
  file.set(at, 1, file.get(at, 1) ^ BigInt(1 << bit));
  return `${where}: bit ${bit} of byte 0x${at.toString(16)} flips`;
}

function cut(file: Mutable, random: Random): string {
  const size = random.below(file.bytes.length);
  file.bytes = file.bytes.slice(0, size);
  return `cut to ${size} bytes`;
}

function moveRange(file: Mutable, random: Random): string {
  const length = 1 + random.below(random.pick([8, 64, 2048]));
  const align = random.pick([1, 8]);
  const place = () => Math.floor(random.below(file.bytes.length) / align) * align;
  const a = place();
  const b = place();
  if (random.chance(2)) {
    file.copy(a, b, length);
    return `${length} bytes from 0x${a.toString(16)} over those at 0x${b.toString(16)}`;
  }
  const first = file.bytes.slice(a, a + length);
  const second = file.bytes.slice(b, b + first.length);
  file.bytes.set(second, a);
  file.bytes.set(first.subarray(0, file.bytes.length - b), b);
  return `${length} bytes at 0x${a.toString(16)} and 0x${b.toString(16)} swap`;
}

function copyEntry(file: Mutable, target: Target, index: number, random: Random): string {
  const other = random.below(target.count);
  file.copy(target.offset + other * target.entry, target.offset + index * target.entry, target.entry);
  return `${target.what}[${index}] becomes a copy of [${other}]`;
}
