// Section headers, fields of one after the other, and sections that are missing, doubled or one over the other.

import type { Editor, SectionField } from './editor.ts';
import { type Operator, SHF, SHT } from './model.ts';

/** Those that the loader looks at by itself. */
const LOOKED_AT = [
  '.text',
  '.rela.text',
  '.data',
  '.bss',
  '.stubs',
  '.toc',
  '.symtab',
  '.strtab',
  '.shstrtab',
  '.modinfo',
  '__versions',
  '.gnu.linkonce.this_module',
  '.data..percpu',
  '__param',
  '__ksymtab',
  '__kcrctab',
  '__ksymtab_strings',
  '__bug_table',
  '__jump_table',
  '.note.gnu.build-id',
] as const;

type Change = readonly [label: string, field: SectionField, value: (module: Editor, index: number) => bigint | number];

const MAX = 0xffff_ffff_ffff_ffffn;

/** For every one of LOOKED_AT. */
const COMMON: readonly Change[] = [
  ['begins at the end of the file', 'offset', e => e.bytes.length],
  ['begins beyond the file', 'offset', e => e.bytes.length + 1],
  ['begins at the highest address', 'offset', () => MAX],
  ['is one byte too long for the file', 'size', (e, i) => e.bytes.length - e.field(i, 'offset') + 1],
  ['has the highest size', 'size', () => MAX],
  ['is empty', 'size', () => 0],
  ['is without type', 'type', () => SHT.null],
  ['is NOBITS', 'type', () => SHT.nobits],
  ['is not allocated', 'flags', (e, i) => e.field(i, 'flags') & ~SHF.alloc],
  ['has a name beyond the table', 'name', e => e.field(e.header('shstrndx'), 'size')],
  ['has no name', 'name', () => 0],
];

const PARTICULAR: readonly (readonly [section: string, change: Change])[] = [
  ['.symtab', ['has link 0', 'link', () => 0]],
  ['.symtab', ['has a link beyond the table', 'link', e => e.count]],
  ['.symtab', ['has the highest link', 'link', () => 0xffffffff]],
  ['.symtab', ['links to itself', 'link', (_e, i) => i]],
  ['.symtab', ['links to .shstrtab', 'link', e => e.section('.shstrtab')]],
  ['.symtab', ['links to .bss', 'link', e => e.section('.bss')]],
  ['.symtab', ['links to .text', 'link', e => e.section('.text')]],
  ['.symtab', ['has info 0', 'info', () => 0]],
  ['.symtab', ['has the highest info', 'info', () => 0xffffffff]],
  ['.symtab', ['has entries of 16 bytes', 'entrySize', () => 16]],
  ['.symtab', ['is one byte shorter', 'size', (e, i) => e.field(i, 'size') - 1]],
  ['.symtab', ['is one entry shorter', 'size', (e, i) => e.field(i, 'size') - 24]],
  ['.symtab', ['is one entry long', 'size', () => 24]],
  ['.symtab', ['is PROGBITS', 'type', () => SHT.progbits]],
  ['.symtab', ['is allocated', 'flags', () => SHF.alloc]],
  ['.symtab', ['is at an odd place', 'offset', (e, i) => e.field(i, 'offset') + 1]],
  ['.strtab', ['is a symbol table', 'type', () => SHT.symtab]],
  ['.strtab', ['is allocated', 'flags', () => SHF.alloc]],
  ['.strtab', ['is one byte shorter', 'size', (e, i) => e.field(i, 'size') - 1]],
  ['.strtab', ['is one byte longer', 'size', (e, i) => e.field(i, 'size') + 1]],
  ['.strtab', ['is one byte long', 'size', () => 1]],
  ['.shstrtab', ['is one byte shorter', 'size', (e, i) => e.field(i, 'size') - 1]],
  ['.shstrtab', ['is one byte long', 'size', () => 1]],
  ['.rela.text', ['has info 0', 'info', () => 0]],
  ['.rela.text', ['has an info beyond the table', 'info', e => e.count]],
  ['.rela.text', ['has the highest info', 'info', () => 0xffffffff]],
  ['.rela.text', ['has info of a section that is not kept', 'info', e => e.section('.comment')]],
  ['.rela.text', ['has link 0', 'link', () => 0]],
  ['.rela.text', ['links to .strtab', 'link', e => e.section('.strtab')]],
  ['.rela.text', ['is REL', 'type', () => SHT.rel]],
  ['.rela.text', ['is PROGBITS', 'type', () => SHT.progbits]],
  ['.rela.text', ['is one byte shorter', 'size', (e, i) => e.field(i, 'size') - 1]],
  ['.rela.text', ['is half an entry longer', 'size', (e, i) => e.field(i, 'size') + 12]],
  ['.rela.text', ['has entries of 0 bytes', 'entrySize', () => 0]],
  ['.rela.text', ['is allocated', 'flags', () => SHF.alloc]],
  ['.rela.text', ['is for the livepatch core', 'flags', () => SHF.livepatch]],
  ['.rela.data', ['has info of .bss', 'info', e => e.section('.bss')]],
  ['.rela.data', ['has info of .data..percpu', 'info', e => e.section('.data..percpu')]],
  ['.text', ['is not executable', 'flags', () => SHF.alloc]],
  ['.text', ['is writable', 'flags', () => SHF.alloc | SHF.exec | SHF.write]],
  ['.text', ['is compressed', 'flags', () => SHF.alloc | SHF.exec | SHF.compressed]],
  ['.text', ['has an address', 'address', () => 0x1000]],
  ['.text', ['has alignment 0', 'alignment', () => 0]],
  ['.text', ['has alignment 3', 'alignment', () => 3]],
  ['.text', ['has alignment 4096', 'alignment', () => 4096]],
  ['.text', ['has alignment 1 MiB', 'alignment', () => 1 << 20]],
  ['.text', ['is a note', 'type', () => 7]],
  ['.text', ['is of an unknown type', 'type', () => 0x6fffffff]],
  ['.data', ['is read-only', 'flags', () => SHF.alloc]],
  ['.data', ['is executable', 'flags', () => SHF.alloc | SHF.write | SHF.exec]],
  ['.data', ['has an entry size', 'entrySize', () => 8]],
  ['.data', ['lies over .text', 'offset', e => e.field(e.section('.text'), 'offset')]],
  ['.data', ['lies over the section headers', 'offset', e => e.header('shoff')]],
  ['.data', ['lies over the ELF header', 'offset', () => 0]],
  ['.bss', ['is PROGBITS', 'type', () => SHT.progbits]],
  ['.bss', ['is PROGBITS at 0', 'type', () => SHT.progbits]],
  ['.bss', ['is 1 MiB', 'size', () => 1 << 20]],
  ['.bss', ['is 1 TiB', 'size', () => 1n << 40n]],
  ['.stubs', ['is PROGBITS', 'type', () => SHT.progbits]],
  ['.stubs', ['is writable', 'flags', () => SHF.alloc | SHF.exec | SHF.write]],
  ['.stubs', ['has alignment 1', 'alignment', () => 1]],
  ['.stubs', ['has alignment 128', 'alignment', () => 128]],
  ['.toc', ['has alignment 8', 'alignment', () => 8]],
  ['.toc', ['has alignment 1', 'alignment', () => 1]],
  ['.toc', ['is read-only', 'flags', () => SHF.alloc]],
  ['.data..percpu', ['has alignment 4096', 'alignment', () => 4096]],
  ['.data..percpu', ['has alignment 65536', 'alignment', () => 65536]],
  ['.data..percpu', ['has alignment 1 MiB', 'alignment', () => 1 << 20]],
  ['.data..percpu', ['has alignment 0', 'alignment', () => 0]],
  ['.data..percpu', ['is 1 MiB of NOBITS', 'size', () => 1 << 20]],
  ['.gnu.linkonce.this_module', ['is one byte shorter', 'size', (e, i) => e.field(i, 'size') - 1]],
  ['.gnu.linkonce.this_module', ['is one byte longer', 'size', (e, i) => e.field(i, 'size') + 1]],
  ['.gnu.linkonce.this_module', ['is 64 bytes shorter', 'size', (e, i) => e.field(i, 'size') - 64]],
  ['.gnu.linkonce.this_module', ['is 64 bytes longer', 'size', (e, i) => e.field(i, 'size') + 64]],
  ['.gnu.linkonce.this_module', ['is 64 bytes', 'size', () => 64]],
  ['.gnu.linkonce.this_module', ['is a note', 'type', () => 7]],
  ['.gnu.linkonce.this_module', ['is read-only', 'flags', () => SHF.alloc]],
  ['.gnu.linkonce.this_module', ['is executable', 'flags', () => SHF.alloc | SHF.write | SHF.exec]],
  ['.modinfo', ['is allocated', 'flags', () => SHF.alloc]],
  ['.modinfo', ['is one byte shorter', 'size', (e, i) => e.field(i, 'size') - 1]],
  ['.modinfo', ['is one byte long', 'size', () => 1]],
  ['.modinfo', ['is writable', 'flags', () => SHF.alloc | SHF.write]],
  ['.comment', ['is one byte too long for the file', 'size', (e, i) => e.bytes.length - e.field(i, 'offset') + 1]],
  ['.comment', ['has a name beyond the table', 'name', e => e.field(e.header('shstrndx'), 'size')]],
  ['.note.gnu.build-id', ['is 3 bytes', 'size', () => 3]],
  ['.note.gnu.build-id', ['is 16 bytes', 'size', () => 16]],
];

/** What breaking does to memory that the kernel trusts: these wait for a fresh machine if they kill it. */
function changes(): Operator[] {
  const one = (section: string, [label, field, value]: Change): Operator => ({
    name: `${section} ${label}`,
    apply: module => {
      const index = module.section(section);
      module.setField(index, field, value(module, index));
    },
  });
  return [
    ...LOOKED_AT.flatMap(section => COMMON.map(change => one(section, change))),
    ...PARTICULAR.map(([section, change]) => one(section, change)),
  ];
}

function sectionZero(): Operator[] {
  const fields: readonly [SectionField, bigint | number][] = [
    ['type', 1],
    ['size', 1],
    ['size', MAX],
    ['address', 1],
    ['offset', MAX],
    ['flags', SHF.alloc],
    ['link', 1],
    ['name', 0xffffffff],
    ['alignment', MAX],
  ];
  return fields.map(([field, value]) => ({
    name: `section 0 has ${field} ${value}`,
    base: 'small' as const,
    apply: (module: Editor) => module.setField(0, field, value),
  }));
}

const MISSING = [
  '.symtab',
  '.strtab',
  '.stubs',
  '.toc',
  '.modinfo',
  '__versions',
  '.gnu.linkonce.this_module',
  '.data..percpu',
  '__kcrctab',
  '__ksymtab',
  '__mcount_loc',
  '__patchable_function_entries',
  '.ftrace.tramp',
  '__kflagstab',
  '__kcrctab_gpl',
];

function presence(): Operator[] {
  return [
    ...MISSING.map(
      (name): Operator => ({
        name: `${name} is called otherwise`,
        apply: module => module.rename(module.section(name), `${name}x`),
      }),
    ),
    ...['.symtab', '.gnu.linkonce.this_module', '.modinfo', '__versions', '.stubs', '.toc', '__param'].map(
      (name): Operator => ({
        name: `another ${name}`,
        apply: module => {
          const index = module.section(name);
          module.addSection(
            name,
            {
              type: module.field(index, 'type'),
              flags: module.field(index, 'flags'),
              link: module.field(index, 'link'),
              info: module.field(index, 'info'),
              alignment: module.field(index, 'alignment'),
              entrySize: module.field(index, 'entrySize'),
            },
            Buffer.from(module.field(index, 'type') === SHT.nobits ? Buffer.alloc(16) : module.data(index)),
          );
        },
      }),
    ),
    {
      name: 'an allocated section of 40,000 bytes',
      apply: module => module.addSection('.lab', { flags: SHF.alloc }, Buffer.alloc(40_000, 1)),
    },
    {
      name: 'an executable section',
      apply: module => module.addSection('.lab.text', { flags: SHF.alloc | SHF.exec, alignment: 4 }, Buffer.alloc(64)),
    },
    {
      name: 'a discarded init section',
      apply: module => module.addSection('.init.lab', { flags: SHF.alloc | SHF.write }, Buffer.alloc(64)),
    },
    {
      name: 'an exit section',
      apply: module => module.addSection('.exit.lab', { flags: SHF.alloc | SHF.exec }, Buffer.alloc(64)),
    },
    {
      name: 'two sections of one name',
      apply: module => {
        module.addSection('.lab', { flags: SHF.alloc }, Buffer.alloc(8));
        module.addSection('.lab', { flags: SHF.alloc | SHF.write }, Buffer.alloc(8));
      },
    },
    {
      name: 'a section without a name',
      apply: module => {
        const index = module.addSection('.lab', { flags: SHF.alloc }, Buffer.alloc(8));
        module.setField(index, 'name', 0);
      },
    },
    {
      name: 'an empty section name table',
      base: 'small',
      apply: module => module.setField(module.header('shstrndx'), 'size', 0),
    },
    {
      name: 'a section name table without a zero at its end',
      base: 'small',
      apply: module => {
        const data = module.data(module.header('shstrndx'));
        data[data.length - 1] = 0x41;
      },
    },
    {
      name: 'a section name table that begins otherwise',
      base: 'small',
      apply: module => {
        module.data(module.header('shstrndx'))[0] = 0x41;
      },
    },
    {
      name: 'a string table without a zero at its end',
      base: 'small',
      apply: module => {
        const data = module.data(module.section('.strtab'));
        data[data.length - 1] = 0x41;
      },
    },
    {
      name: 'a string table that begins otherwise',
      base: 'small',
      apply: module => {
        module.data(module.section('.strtab'))[0] = 0x41;
      },
    },
  ];
}

export const SECTION_OPERATORS: readonly Operator[] = [...changes(), ...sectionZero(), ...presence()];
