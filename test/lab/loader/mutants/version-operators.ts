// Versions of imported symbols, in both forms, and the arguments that a module is loaded with.

import type { Editor } from './editor.ts';
import { type Operator, SHN } from './model.ts';

/** 64 bytes each: a checksum (8 bytes) and a name. */
function versions(): Operator[] {
  const at = (module: Editor, name: string): number => {
    const data = module.data(module.section('__versions'));
    for (let entry = 0; entry + 64 <= data.length; entry += 64)
      if (data.toString('latin1', entry + 8, entry + 64).split('\0')[0] === name)
        return module.field(module.section('__versions'), 'offset') + entry;
    return module.section(`__versions of ${name}`);
  };
  const symbols = ['module_layout', '_printk', 'lab_helper_plain', 'lab_helper_gpl'];
  return [
    ...symbols.flatMap((name): Operator[] => [
      {
        name: `version of ${name} is wrong`,
        apply: module => {
          module.bytes[at(module, name)]! ^= 1;
        },
      },
      {
        name: `version of ${name} is zero`,
        apply: module => module.set(at(module, name), 8, 0),
      },
      {
        name: `version of ${name} has more than 32 bits`,
        apply: module => module.set(at(module, name) + 4, 4, 1),
      },
      {
        name: `version of ${name} is called otherwise`,
        apply: module => {
          module.bytes[at(module, name) + 8]! ^= 0x20;
        },
      },
      {
        name: `version of ${name} twice, the second one wrong`,
        apply: module => {
          const index = module.section('__versions');
          const entry = Buffer.from(module.bytes.subarray(at(module, name), at(module, name) + 64));
          entry[0]! ^= 1;
          module.replace(index, Buffer.concat([module.data(index), entry]));
        },
      },
    ]),
    ...[1, 63, 64, 65, 0].map(
      (size): Operator => ({
        name: `__versions of ${size} bytes`,
        apply: module => module.setField(module.section('__versions'), 'size', size),
      }),
    ),
    {
      name: '__versions shorter by one entry',
      apply: module => {
        const index = module.section('__versions');
        module.setField(index, 'size', module.field(index, 'size') - 64);
      },
    },
    {
      name: '__versions at an odd place',
      apply: module => {
        const index = module.section('__versions');
        const moved = Buffer.concat([Buffer.alloc(1), module.data(index)]);
        module.setField(index, 'offset', module.append(moved) + 1);
      },
    },
    ...(['__versions', '__kcrctab'] as const).map(
      (name): Operator => ({
        name: `version of module_layout without ${name}`,
        base: 'helper',
        apply: module => module.rename(module.section(name), '.lab'),
      }),
    ),
    {
      name: 'versions of 6.14 and later beside',
      base: 'small',
      apply: module => {
        module.addSection('__version_ext_crcs', { alignment: 4 }, Buffer.alloc(4));
        module.addSection('__version_ext_names', {}, Buffer.from('module_layout\0'));
      },
    },
    {
      name: 'names of versions of 6.14 and later without checksums',
      base: 'small',
      apply: module => void module.addSection('__version_ext_names', {}, Buffer.from('module_layout\0')),
    },
    {
      name: 'checksums of 6.14 and later without names',
      base: 'small',
      apply: module => void module.addSection('__version_ext_crcs', { alignment: 4 }, Buffer.alloc(4)),
    },
    {
      name: 'checksums of 6.14 and later, three bytes',
      base: 'small',
      apply: module => {
        module.addSection('__version_ext_crcs', { alignment: 4 }, Buffer.alloc(3));
        module.addSection('__version_ext_names', {}, Buffer.from('module_layout\0'));
      },
    },
    {
      name: 'names of versions of 6.14 and later without an end',
      base: 'small',
      apply: module => {
        module.addSection('__version_ext_crcs', { alignment: 4 }, Buffer.alloc(8));
        module.addSection('__version_ext_names', {}, Buffer.from('module_layout\0_printk'));
      },
    },
    {
      name: 'fewer names than checksums of 6.14 and later',
      base: 'small',
      apply: module => {
        module.addSymbol('_printk', 0, SHN.undef);
        module.addSection('__version_ext_crcs', { alignment: 4 }, Buffer.alloc(16));
        module.addSection('__version_ext_names', {}, Buffer.from('module_layout\0'));
      },
    },
  ];
}

const ARGUMENTS = [
  'number=1',
  'number=x',
  'number=',
  'number',
  'number=99999999999',
  'number=0x10',
  'number=-5',
  'number="12"',
  'number="12',
  'byte=255',
  'byte=256',
  'byte=-1',
  'flag',
  'flag=1',
  'flag=maybe',
  'flag=on',
  'flag=',
  'text=hello',
  'text',
  'text="two words"',
  `text=${'x'.repeat(1024)}`,
  `text=${'x'.repeat(1025)}`,
  'line=0123456789abcde',
  'line=0123456789abcdef',
  'list=1,2,3,4',
  'list=1,2,3,4,5',
  'list=1,x',
  'list=',
  'list=1,,2',
  'risky=1',
  'nothing=1',
  'nothing',
  'nothing=1 other=2',
  'number=1 nothing=1 byte=300',
  'byte=300 number=x',
  '-- rest',
  'number=1 -- rest of it',
  '--',
  ' number=1 ',
  'num-ber=1',
  'number=1 number=2',
  'dyndbg=+p',
  'dyndbg',
  'dyndbg=nonsense',
  'lab_victim.dyndbg=+p',
  'async_probe',
  'async_probe=1',
  '=1',
  '"number=3"',
  'risky=x',
];

function parameters(): Operator[] {
  return ARGUMENTS.map(text => ({
    name: `loaded with ${text.length > 60 ? `${text.slice(0, 20)}… (${text.length})` : text}`,
    parameters: text,
    apply: () => {},
  }));
}

export const VERSION_OPERATORS: readonly Operator[] = [...versions(), ...parameters()];
