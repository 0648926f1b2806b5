// The symbol table: what is imported, what it says of itself, and numbers that point elsewhere.

import { type Editor, NotApplicable, type SymbolEntry } from './editor.ts';
import { type Operator, SHN } from './model.ts';

/** Bytes of an entry: name 4, info 1, other 1, section 2, value 8, size 8. */
const FIELD = { name: [0, 4], info: [4, 1], other: [5, 1], section: [6, 2], value: [8, 8], size: [16, 8] } as const;

type Change = readonly [label: string, field: keyof typeof FIELD, value: (module: Editor) => bigint | number];

const CHANGES: readonly Change[] = [
  ['has a name beyond the string table', 'name', e => e.field(e.section('.strtab'), 'size')],
  ['has a name far beyond the string table', 'name', () => 0x10_0000],
  ['has no name', 'name', () => 0],
  ['is undefined', 'section', () => SHN.undef],
  ['is absolute', 'section', () => SHN.abs],
  ['is common', 'section', () => SHN.common],
  ['is of a livepatch', 'section', () => SHN.livepatch],
  ['is in section 0xff00', 'section', () => 0xff00],
  ['is in an extended section', 'section', () => SHN.xindex],
  ['is in a section beyond the table', 'section', e => e.count],
  ['is in a section far beyond the table', 'section', () => 0x4000],
  ['is in a section that is not kept', 'section', e => e.section('.comment')],
  ['is in .data..percpu', 'section', e => e.section('.data..percpu')],
  ['is local', 'info', () => 0x02],
  ['is weak', 'info', () => 0x22],
  ['is of binding 10', 'info', () => 0xa2],
  ['is of type 10', 'info', () => 0x1a],
  ['is a section', 'info', () => 0x13],
  ['is a file', 'info', () => 0x14],
  ['has the highest value', 'value', () => 0xffff_ffff_ffff_ffffn],
  ['has value 2^40', 'value', () => 1n << 40n],
  ['has the highest size', 'size', () => 0xffff_ffff_ffff_ffffn],
  ...[1, 2, 3, 6, 7].map((entry): Change => [`has local entry ${entry}`, 'other', () => entry << 5]),
  ['is hidden', 'other', () => 2],
];

/** Symbols to be changed: imported from the kernel and from the helper, weak, defined, exported, called. */
const SUBJECTS = [
  '_printk',
  'lab_helper_plain',
  'lab_missing',
  'lab_playground',
  'lab_victim_plain',
  'lab_words',
  'init_module',
  '__this_module',
] as const;

function set(module: Editor, symbol: SymbolEntry, field: keyof typeof FIELD, value: bigint | number): void {
  const [at, size] = FIELD[field];
  module.set(symbol.at + at, size, value);
}

function changes(): Operator[] {
  return SUBJECTS.flatMap(name =>
    CHANGES.map(
      ([label, field, value]): Operator => ({
        name: `symbol ${name} ${label}`,
        apply: module => set(module, module.symbol(name), field, value(module)),
      }),
    ),
  );
}

/** Names that imports may get: exported only for the GPL, in a namespace, local to the kernel, by nobody. */
const NAMES = [
  'no_such_symbol',
  'lab_helper_gpl',
  'lab_helper_ns',
  'lab_victim_plain',
  'kallsyms_lookup_name',
  'start_kernel',
  'ktime_get',
  'get_user_pages_fast',
  'dma_buf_get',
  'dma_buf_put',
  'vfs_fallocate',
  'kernel_write',
  'memcpy',
  '_mcount',
  '_savegpr0_14',
  '_restgpr0_14',
  '.TOC.',
  '__this_module',
  'a_name_that_is_longer_than_fifty_six_characters_and_so_has_no_version',
  '_GLOBAL_OFFSET_TABLE_',
  '',
] as const;

function imports(): Operator[] {
  return [
    ...['_printk', 'lab_helper_plain'].flatMap(from =>
      NAMES.map(
        (name): Operator => ({
          name: `import ${from} is called '${name}'`,
          apply: module => module.renameSymbol(module.symbol(from), name),
        }),
      ),
    ),
    ...NAMES.flatMap(name =>
      ([0x10, 0x20] as const).map(
        (info): Operator => ({
          name: `${info === 0x20 ? 'weak ' : ''}import of '${name}'`,
          base: 'small',
          apply: module => void module.addSymbol(name, 0, SHN.undef, info),
        }),
      ),
    ),
    ...['no_such_symbol', 'ktime_get', 'lab_helper_gpl', 'lab_helper_ns', '_printk'].map(
      (name): Operator => ({
        name: `proprietary, imports ${name}`,
        base: 'small',
        apply: module => {
          module.setModinfo(module.modinfo().map(text => (text === 'license=GPL' ? 'license=Proprietary' : text)));
          module.addSymbol(name, 0, SHN.undef);
        },
      }),
    ),
    {
      name: 'two imports that nobody has',
      apply: module => {
        module.renameSymbol(module.symbol('_printk'), 'no_such_one');
        module.renameSymbol(module.symbol('lab_helper_gpl'), 'no_such_two');
      },
    },
    {
      name: 'import with a value',
      apply: module => set(module, module.symbol('_printk'), 'value', 0x1234),
    },
    {
      name: 'import that is a local symbol',
      base: 'small',
      apply: module => void module.addSymbol('no_such_symbol', 0, SHN.undef, 0x00),
    },
    {
      name: 'import of type NOTYPE from .note',
      base: 'small',
      apply: module => void module.addSymbol('$$dyncall', 0, SHN.undef, 0x10),
    },
  ];
}

function whole(): Operator[] {
  const first: readonly Change[] = [
    ['has a name', 'name', () => 1],
    ['is defined', 'section', () => 1],
    ['is absolute', 'section', () => SHN.abs],
    ['has a value', 'value', () => 0x1000],
    ['is common', 'section', () => SHN.common],
  ];
  return [
    ...first.map(
      ([label, field, value]): Operator => ({
        name: `symbol 0 ${label}`,
        apply: module => set(module, module.symbols()[0]!, field, value(module)),
      }),
    ),
    {
      name: 'a symbol table without symbols',
      base: 'small',
      apply: module => module.setField(module.symtab, 'size', 0),
    },
    {
      name: 'a common symbol',
      base: 'small',
      apply: module => void module.addSymbol('lab_common', 8, SHN.common),
    },
    {
      name: 'the common symbol of a compiler for LTO',
      base: 'small',
      apply: module => void module.addSymbol('__gnu_lto_slim', 1, SHN.common),
    },
    {
      name: 'a symbol of the livepatch core',
      base: 'small',
      apply: module => void module.addSymbol('.klp.sym.vmlinux.cmdline_proc_show,0', 0, SHN.livepatch),
    },
    {
      name: 'a symbol twice',
      apply: module => {
        const { at } = module.symbol('lab_playground');
        const [value, section] = [module.get(at + 8, 8), Number(module.get(at + 6, 2))];
        module.addSymbol('lab_playground', value, section, 0x12);
      },
    },
    {
      name: 'a thousand symbols more',
      base: 'small',
      apply: module =>
        void module.addSymbols(
          Array.from({ length: 1000 }, (_, value) => ({ name: `lab_absolute_${value}`, value, section: SHN.abs })),
        ),
    },
    {
      name: '.TOC. is defined',
      apply: module => {
        const toc = module.symbols().find(symbol => symbol.name === '.TOC.');
        if (!toc) throw new NotApplicable('no .TOC.');
        set(module, toc, 'section', SHN.abs);
        set(module, toc, 'value', 0x4242);
      },
    },
    {
      name: '.TOC. is called otherwise',
      apply: module => module.renameSymbol(module.symbol('.TOC.'), '.TOC'),
    },
    {
      name: '.TOC. is local',
      apply: module => set(module, module.symbol('.TOC.'), 'info', 0),
    },
    {
      name: '.TOC. twice',
      apply: module => void module.addSymbol('.TOC.', 0, SHN.undef),
    },
  ];
}

export const SYMBOL_OPERATORS: readonly Operator[] = [...changes(), ...imports(), ...whole()];
