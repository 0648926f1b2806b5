// Relocations of every type against values at and beyond the edges of what they hold, calls without room for the
// restored r2, and entries that point elsewhere. They go to the victim's playground, whose code nobody runs.

import { type Editor, NotApplicable } from './editor.ts';
import { type Operator, SHN } from './model.ts';

/** psABI numbers; those that the kernel may know first. */
export const TYPES = {
  NONE: 0,
  ADDR32: 1,
  ADDR24: 2,
  ADDR16: 3,
  ADDR16_LO: 4,
  ADDR16_HI: 5,
  ADDR16_HA: 6,
  ADDR14: 7,
  REL24: 10,
  REL14: 11,
  GOT16: 14,
  COPY: 19,
  GLOB_DAT: 20,
  JMP_SLOT: 21,
  RELATIVE: 22,
  REL32: 26,
  ADDR64: 38,
  ADDR16_HIGHEST: 41,
  UADDR64: 43,
  REL64: 44,
  TOC16: 47,
  TOC16_LO: 48,
  TOC16_HI: 49,
  TOC16_HA: 50,
  TOC: 51,
  ADDR16_DS: 56,
  TOC16_DS: 63,
  TOC16_LO_DS: 64,
  TLS: 67,
  DTPMOD64: 68,
  TPREL64: 73,
  TLSGD: 107,
  TOCSAVE: 109,
  REL24_NOTOC: 116,
  ENTRY: 118,
  PLTSEQ: 119,
  PLTCALL: 120,
  D34: 128,
  PCREL34: 132,
  GOT_PCREL34: 133,
  REL16: 249,
  REL16_LO: 250,
  REL16_HI: 251,
  REL16_HA: 252,
  GNU_VTINHERIT: 253,
} as const;
type TypeName = keyof typeof TYPES;

/** Values of an absolute symbol. */
const VALUES: readonly bigint[] = [
  0n,
  1n,
  2n,
  0x7fffn,
  0x8000n,
  0x7fff_ffffn,
  0x1_0000_0000n,
  0xc008_0000_0000_0000n,
  0xffff_ffff_ffff_fffcn,
];

/** Types whose arithmetic has an edge; the others only have to be known or not. */
const WITH_EDGES: readonly TypeName[] = [
  'REL24',
  'REL24_NOTOC',
  'REL32',
  'TOC16',
  'TOC16_LO',
  'TOC16_HI',
  'TOC16_HA',
  'TOC16_DS',
  'TOC16_LO_DS',
  'REL16_HA',
  'REL16_LO',
  'ADDR32',
  'ADDR64',
  'REL64',
  'PCREL34',
  'GOT_PCREL34',
];

function absolute(): Operator[] {
  return Object.entries(TYPES).flatMap(([name, type]) => {
    const values = WITH_EDGES.includes(name as TypeName) ? VALUES : [0x1234n];
    return values.map(
      (value): Operator => ({
        name: `${name} against ${value.toString(16)}`,
        apply: module => {
          const symbol = module.addSymbol('lab_absolute', value, SHN.abs);
          module.addRelocation('.text', place(module, 16), type, symbol, 0);
        },
      }),
    );
  });
}

/** Offset in .text of a byte of the playground. */
function place(module: Editor, offset: number): number {
  return Number(module.get(module.symbol('lab_playground').at + 8, 8)) + offset;
}

/** The edges of a range relative to the place or to the TOC pointer, as addends to a symbol that lies there. */
const EDGES: Readonly<Partial<Record<TypeName, readonly bigint[]>>> = {
  REL24: [0x1ff_fffcn, 0x200_0000n, 0x200_0004n, -0x200_0000n, -0x200_0004n, 1n, 2n, 3n, -1n],
  REL24_NOTOC: [0x1ff_fffcn, 0x200_0000n, -0x200_0000n, -0x200_0004n, 1n],
  REL32: [0x7fff_ffffn, 0x8000_0000n, -0x8000_0000n, -0x8000_0001n],
  REL16_HA: [0x7fff_7fffn, 0x7fff_8000n, -0x8000_8000n, -0x8000_8001n],
  REL16_LO: [0x7fffn, 0x8000n],
  REL64: [-1n],
  PCREL34: [0x1_ffff_ffffn, 0x2_0000_0000n, -0x2_0000_0000n, -0x2_0000_0001n],
};
const TOC_EDGES: Readonly<Partial<Record<TypeName, readonly bigint[]>>> = {
  TOC16: [0x7fffn, 0x8000n, -0x8000n, -0x8001n],
  TOC16_DS: [0x7ffcn, 0x7ffdn, 0x7ffen, 0x7fffn, 0x8000n, -0x8000n, -0x8004n],
  TOC16_LO: [0x8000n, 0x7fff_ffffn],
  TOC16_LO_DS: [1n, 2n, 3n, 4n, 0x8000n],
  TOC16_HA: [0x7fff_7fffn, 0x7fff_8000n, -0x8000_8000n, -0x8000_8001n],
};

function edges(): Operator[] {
  const relative = Object.entries(EDGES).flatMap(([name, addends]) =>
    addends!.map(
      (addend): Operator => ({
        name: `${name} ${addend} from its place`,
        apply: module => {
          const { index } = module.symbol('lab_playground');
          module.addRelocation('.text', place(module, 16), TYPES[name as TypeName], index, addend + 16n);
        },
      }),
    ),
  );
  const fromToc = Object.entries(TOC_EDGES).flatMap(([name, addends]) =>
    addends!.map(
      (addend): Operator => ({
        name: `${name} ${addend} from the TOC pointer`,
        apply: module => {
          const toc = module.symbols().find(symbol => symbol.name === '.TOC.');
          if (!toc) throw new NotApplicable('no .TOC.');
          module.addRelocation('.text', place(module, 16), TYPES[name as TypeName], toc.index, addend);
        },
      }),
    ),
  );
  return [...relative, ...fromToc];
}

function unknown(): Operator[] {
  const known = new Set<number>(Object.values(TYPES));
  const types = Array.from({ length: 256 }, (_, type) => type).filter(type => !known.has(type) && type % 5 === 0);
  return [...types, 256, 0xffff, 0x10000, 0xffffffff].map(type => ({
    name: `relocation type ${type}`,
    apply: (module: Editor) =>
      module.addRelocation('.text', place(module, 16), type, module.symbol('lab_playground').index, 0),
  }));
}

/** The words of lab_calls, from its start: `bl`, nop, eight times, then `b`, nop, blr. */
const CALLS: readonly (readonly [label: string, from: number, words: readonly number[]])[] = [
  ['bl and nop', 0, [0x48000001, 0x60000000]],
  ['bl and blr', 0, [0x48000001, 0x4e800020]],
  ['bl and ld r2,24(r1)', 0, [0x48000001, 0xe8410018]],
  ['bl and ld r2,40(r1)', 0, [0x48000001, 0xe8410028]],
  ['bl and another nop', 0, [0x48000001, 0x4def7b82]],
  ['bl and zero', 0, [0x48000001, 0]],
  ['b and nop', 0, [0x48000000, 0x60000000]],
  ['b and blr', 0, [0x48000000, 0x4e800020]],
  ['bla and blr', 0, [0x48000003, 0x4e800020]],
  ['bc and blr', 0, [0x40820000, 0x4e800020]],
  ['bcl and blr', 0, [0x40820001, 0x4e800020]],
  ['bctrl and blr', 0, [0x4e800421, 0x4e800020]],
  ['nop and blr', 0, [0x60000000, 0x4e800020]],
  ['zero and zero', 0, [0, 0]],
];

const CALLEES = ['_printk', 'lab_helper_gpl', '_mcount', 'lab_missing', 'lab_playground', 'lab_victim_plain'] as const;

function calls(): Operator[] {
  return CALLEES.flatMap(callee =>
    CALLS.flatMap(([label, from, words]) =>
      (
        [
          ['REL24', TYPES.REL24],
          ['REL24_NOTOC', TYPES.REL24_NOTOC],
        ] as const
      )
        .filter(([type]) => type === 'REL24' || callee === '_printk' || callee === 'lab_playground')
        .map(
          ([type, number]): Operator => ({
            name: `${type} of ${callee}: ${label}`,
            apply: module => {
              const at = module.fileOffset('lab_calls') + from;
              words.forEach((word, index) => void module.bytes.writeUInt32LE(word, at + 4 * index));
              const offset = Number(module.get(module.symbol('lab_calls').at + 8, 8)) + from;
              const found = module.symbols().find(symbol => symbol.name === callee);
              const symbol = found?.index ?? module.addSymbol(callee, 0, SHN.undef);
              module.addRelocation('.text', offset, number, symbol, 0);
            },
          }),
        ),
    ),
  );
}

type EntryChange = readonly [label: string, change: (module: Editor, at: number) => void];

const ENTRIES: readonly EntryChange[] = [
  ['has a symbol beyond the table', (e, at) => e.set(at + 12, 4, e.symbols().length)],
  ['has symbol 0', (e, at) => e.set(at + 12, 4, 0)],
  ['has type 0', (e, at) => e.set(at + 8, 4, 0)],
  ['has an addend of 2^63', (e, at) => e.set(at + 16, 8, 1n << 63n)],
  ['has an addend of 1', (e, at) => e.set(at + 16, 8, Number(e.get(at + 16, 8)) + 1)],
  ['is one byte further', (e, at) => e.set(at, 8, Number(e.get(at, 8)) + 1)],
  ['is one word further', (e, at) => e.set(at, 8, Number(e.get(at, 8)) + 4)],
  ['is at 0', (e, at) => e.set(at, 8, 0)],
];

function entries(): Operator[] {
  return ['.text', '.toc', '.data', '__param', '__ksymtab', '.gnu.linkonce.this_module'].flatMap(section =>
    ENTRIES.map(
      ([label, change]): Operator => ({
        name: `first relocation of ${section} ${label}`,
        apply: module => change(module, module.relocations(section).at),
      }),
    ),
  );
}

function whole(): Operator[] {
  return [
    {
      name: 'R_PPC64_ENTRY on something else',
      apply: module =>
        module.addRelocation('.text', place(module, 16), TYPES.ENTRY, module.symbol('lab_playground').index, 0),
    },
    {
      name: 'relocations of .text backwards',
      apply: module => {
        const { at, count } = module.relocations('.text');
        const old = Buffer.from(module.bytes.subarray(at, at + 24 * count));
        for (let k = 0; k < count; k++) old.copy(module.bytes, at + 24 * k, 24 * (count - 1 - k), 24 * (count - k));
      },
    },
    {
      name: 'relocations of .text twice',
      apply: module => {
        const { index } = module.relocations('.text');
        const data = Buffer.from(module.data(index));
        module.replace(index, Buffer.concat([data, data]));
      },
    },
    {
      name: '300 calls of one import',
      apply: module => {
        const symbol = module.symbol('_printk').index;
        const at = place(module, 16);
        module.addRelocations(
          '.text',
          TYPES.REL24,
          symbol,
          Array.from({ length: 300 }, (_, k) => [at, 4 * k] as const),
        );
      },
    },
    {
      name: 'a relocation beyond its section',
      apply: module =>
        module.addRelocation(
          '.text',
          module.field(module.section('.text'), 'size') + 4,
          TYPES.NONE,
          module.symbol('lab_playground').index,
          0,
        ),
    },
  ];
}

export const RELOCATION_OPERATORS: readonly Operator[] = [
  ...absolute(),
  ...edges(),
  ...unknown(),
  ...calls(),
  ...entries(),
  ...whole(),
];
