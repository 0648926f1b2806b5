// The ELF header, the length of the file, and what may follow behind the last section.

import { type Editor, HEADER, type HeaderField, SECTION } from './editor.ts';
import type { Operator } from './model.ts';

const HUGE = 0xffff_ffff_ffff_fff0n;

/** Values for fields of the ELF header; a function gets the module. */
const FIELDS: Readonly<Partial<Record<HeaderField, readonly (bigint | number | readonly [string, Value])[]>>> = {
  type: [0, 2, 3, 4, 0xff00, 0xffff],
  machine: [0, 20, 22, 62, 183, 0xffff],
  version: [0, 2, 0xffffffff],
  entry: [1, HUGE],
  phoff: [64, HUGE],
  flags: [0, 1, 3, 4, 0x80000002, 0xffffffff],
  ehsize: [0, 63, 0xffff],
  phentsize: [1, 56],
  phnum: [1, 0xffff],
  shentsize: [0, 40, 63, 65, 128],
  shnum: [0, 1, 2, ['less one', e => e.count - 1], ['more one', e => e.count + 1], 0x7fff, 0xffff],
  shoff: [
    0,
    1,
    64,
    HUGE,
    0x7fff_ffff_ffff_ffffn,
    ['length', e => e.bytes.length],
    ['length less one', e => e.bytes.length - 1],
    ['length less one header', e => e.bytes.length - 64],
    ['one further', e => e.header('shoff') + 1],
    ['eight further', e => e.header('shoff') + 8],
    ['one header further', e => e.header('shoff') + 64],
    ['one header before', e => e.header('shoff') - 64],
  ],
  shstrndx: [
    0,
    1,
    0xffff,
    0xff00,
    ['count', e => e.count],
    ['of .strtab', e => e.section('.strtab')],
    ['of .symtab', e => e.section('.symtab')],
    ['of .bss', e => e.section('.bss')],
    ['of .modinfo', e => e.section('.modinfo')],
  ],
};

type Value = (module: Editor) => number;

function fields(): Operator[] {
  return Object.entries(FIELDS).flatMap(([field, values]) =>
    values.map((value): Operator => {
      const [label, of] = Array.isArray(value) ? (value as [string, Value]) : [`${value}`, () => value as number];
      return {
        name: `header ${field} = ${label}`,
        base: field === 'shstrndx' ? 'victim' : 'small',
        apply: module => module.setHeader(field as HeaderField, of(module)),
      };
    }),
  );
}

function identity(): Operator[] {
  return Array.from({ length: 16 }, (_, at) => ({
    name: `header ident[${at}] changed`,
    base: 'small' as const,
    apply: (module: Editor) => {
      module.bytes[at]! ^= 0x41;
    },
  }));
}

function cut(module: Editor, length: number): void {
  module.bytes = module.bytes.subarray(0, Math.max(0, length));
}

function truncations(): Operator[] {
  const lengths: readonly [string, (module: Editor) => number][] = [
    ...[0, 1, 4, 16, 63, 64, 65].map(length => [`to ${length}`, () => length] as [string, Value]),
    ['by 1', e => e.bytes.length - 1],
    ['by 63', e => e.bytes.length - 63],
    ['by 64', e => e.bytes.length - 64],
    ['to the section headers', e => e.header('shoff')],
    ['to 1 byte of the section headers', e => e.header('shoff') + 1],
    ['to half', e => e.bytes.length >> 1],
  ];
  const boundaries = [
    '.text',
    '.symtab',
    '.strtab',
    '.shstrtab',
    '.modinfo',
    '.gnu.linkonce.this_module',
    '.rela.text',
  ];
  return [
    ...lengths.map(
      ([label, length]): Operator => ({
        name: `truncated ${label}`,
        base: 'small',
        apply: module => cut(module, length(module)),
      }),
    ),
    // The headers come first here, so that each section's end can be cut by itself.
    ...boundaries.flatMap(name =>
      [-1, 0, 1].map(
        (by): Operator => ({
          name: `headers first, truncated ${by} from the end of ${name}`,
          apply: module => {
            const index = module.section(name);
            const end = module.field(index, 'offset') + module.field(index, 'size');
            headersFirst(module);
            cut(module, end + module.count * 64 + by);
          },
        }),
      ),
    ),
    { name: 'headers first', apply: headersFirst },
  ];
}

/** Moves the table of section headers to just behind the ELF header. */
function headersFirst(module: Editor): void {
  const length = module.count * 64;
  const headers = Buffer.from(module.bytes.subarray(module.headerAt(0), module.headerAt(module.count)));
  const [at] = SECTION.offset;
  for (let index = 1; index < module.count; index++)
    headers.writeBigUInt64LE(headers.readBigUInt64LE(64 * index + at) + BigInt(length), 64 * index + at);
  module.bytes = Buffer.concat([module.bytes.subarray(0, 64), headers, module.bytes.subarray(64)]);
  module.set(...HEADER.shoff, 64);
}

const MARKER = Buffer.from('~Module signature appended~\n');

/** algo, hash, id_type, signer_len, key_id_len, three zeros, sig_len (big-endian). */
function signature(fields: readonly number[], length: number, body: Uint8Array): Buffer {
  const descriptor = Buffer.alloc(12);
  for (const [at, value] of fields.entries()) descriptor[at] = value;
  descriptor.writeUInt32BE(length >>> 0, 8);
  return Buffer.concat([body, descriptor, MARKER]);
}

function signatures(): Operator[] {
  const tails: readonly [string, (module: Editor) => Uint8Array][] = [
    ['one zero byte', () => Buffer.from([0])],
    ['4096 zero bytes', () => Buffer.alloc(4096)],
    ['the marker', () => MARKER],
    ['the marker without its line feed', () => MARKER.subarray(0, MARKER.length - 1)],
    ['the marker and a byte', () => Buffer.concat([MARKER, Buffer.from('x')])],
    ['the marker twice', () => Buffer.concat([MARKER, MARKER])],
    ['an empty signature', () => signature([0, 0, 2], 0, Buffer.alloc(0))],
    ['a signature of another type', () => signature([0, 0, 1], 16, Buffer.alloc(16))],
    ['a signature of type 0', () => signature([0, 0, 0], 16, Buffer.alloc(16))],
    ['a signature longer than the file', () => signature([0, 0, 2], 0x7fffffff, Buffer.alloc(16))],
    ['a signature of length -1', () => signature([0, 0, 2], 0xffffffff, Buffer.alloc(16))],
    ['a signature as long as the file', e => signature([0, 0, 2], e.bytes.length, Buffer.alloc(0))],
    ['a signature with an algorithm', () => signature([1, 0, 2], 16, Buffer.alloc(16))],
    ['a signature with a hash', () => signature([0, 4, 2], 16, Buffer.alloc(16))],
    ['a signature with a signer', () => signature([0, 0, 2, 1], 16, Buffer.alloc(16))],
    ['a signature with a key', () => signature([0, 0, 2, 0, 1], 16, Buffer.alloc(16))],
    ['a signature with padding', () => signature([0, 0, 2, 0, 0, 1], 16, Buffer.alloc(16))],
    ['a signature of zeros', () => signature([0, 0, 2], 16, Buffer.alloc(16))],
    ['a signature of noise', () => signature([0, 0, 2], 64, Buffer.alloc(64, 0x5a))],
    ['a signature that is an empty sequence', () => signature([0, 0, 2], 2, Buffer.from([0x30, 0]))],
  ];
  return tails.map(([label, tail]) => ({
    name: `followed by ${label}`,
    base: 'small' as const,
    apply: (module: Editor) => {
      module.bytes = Buffer.concat([module.bytes, tail(module)]);
    },
  }));
}

function otherFiles(): Operator[] {
  const contents: readonly [string, Uint8Array][] = [
    ['text', Buffer.from('not a module\n'.repeat(100))],
    ['zeros', Buffer.alloc(4096)],
    ['only the marker', MARKER],
    ['gzip', Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.alloc(200)])],
    ['xz', Buffer.concat([Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), Buffer.alloc(200)])],
  ];
  return contents.map(([label, bytes]) => ({
    name: `another file: ${label}`,
    base: 'small' as const,
    apply: (module: Editor) => {
      module.bytes = Buffer.from(bytes);
    },
  }));
}

export const HEADER_OPERATORS: readonly Operator[] = [
  ...fields(),
  ...identity(),
  ...truncations(),
  ...signatures(),
  ...otherFiles(),
];
