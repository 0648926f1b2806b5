// What the module says of itself: .modinfo and struct module.

import type { Editor } from './editor.ts';
import type { Operator } from './model.ts';

function value(module: Editor, key: string): string {
  return (
    module
      .modinfo()
      .find(text => text.startsWith(`${key}=`))
      ?.slice(key.length + 1) ?? ''
  );
}

/** Replaces a string of .modinfo; without a new one, takes it out. */
function modinfo(module: Editor, key: string, text?: string): void {
  module.setModinfo(
    module
      .modinfo()
      .flatMap(old => (!old.startsWith(`${key}=`) ? [old] : text === undefined ? [] : [`${key}=${text}`])),
  );
}

const LICENSES = [
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
  'Proprietary',
  'gpl',
  'GPL ',
  'GPL v3',
  'GPL-2.0-only',
  'BSD',
  'MIT',
  '',
  'Broken (too clever)',
];

const VERMAGICS: readonly (readonly [label: string, change: (old: string) => string])[] = [
  ['of another release', old => old.replace(/^\S+/, '5.10.0-1-powerpc64le')],
  ['of another release with a longer name', old => old.replace(/^\S+/, '$&x')],
  ['of another release with a shorter name', old => old.replace(/^(\S+)\S/, '$1')],
  ['without modversions', old => old.replace(' modversions', '')],
  ['with modversions at the end', old => `${old.trimEnd()} modversions`],
  ['without mod_unload', old => old.replace(' mod_unload', '')],
  ['without SMP', old => old.replace(' SMP', '')],
  ['with preempt', old => old.replace(' SMP', ' SMP preempt')],
  ['with a space more', old => `${old} `],
  ['without its last space', old => old.trimEnd()],
  ['that is empty', () => ''],
  ['that is one word', old => old.split(' ')[0]!],
  ['in capitals', old => old.toUpperCase()],
  ['that is long', old => old + 'x'.repeat(400)],
];

function strings(): Operator[] {
  return [
    ...LICENSES.map(
      (license): Operator => ({
        name: `license '${license}'`,
        base: 'small',
        apply: module => modinfo(module, 'license', license),
      }),
    ),
    { name: 'no license', base: 'small', apply: module => modinfo(module, 'license') },
    ...['Proprietary', 'BSD', 'GPL v3'].map(
      (license): Operator => ({
        name: `license '${license}' with imports for the GPL`,
        apply: module => modinfo(module, 'license', license),
      }),
    ),
    { name: 'no license, with imports for the GPL', apply: module => modinfo(module, 'license') },
    {
      name: 'two licenses, the second one free',
      base: 'small',
      apply: module => {
        modinfo(module, 'license', 'Proprietary');
        module.setModinfo([...module.modinfo(), 'license=GPL']);
      },
    },
    ...VERMAGICS.map(
      ([label, change]): Operator => ({
        name: `vermagic ${label}`,
        base: 'small',
        apply: module => modinfo(module, 'vermagic', change(value(module, 'vermagic'))),
      }),
    ),
    { name: 'no vermagic', base: 'small', apply: module => modinfo(module, 'vermagic') },
    {
      name: 'two vermagics, the first one right',
      base: 'small',
      apply: module => module.setModinfo([...module.modinfo(), 'vermagic=wrong']),
    },
    ...[
      'intree=Y',
      'staging=Y',
      'livepatch=Y',
      'test=Y',
      'retpoline=Y',
      'import_ns=NONE',
      'depends=nothing',
      'async_probe=1',
      'srcversion=0',
      'version=',
      'name=other',
    ].map(
      (text): Operator => ({
        name: `modinfo ${text}`,
        base: 'small',
        apply: module => module.setModinfo([...module.modinfo(), text]),
      }),
    ),
    { name: 'no name in .modinfo', base: 'small', apply: module => modinfo(module, 'name') },
    { name: 'another name in .modinfo', base: 'small', apply: module => modinfo(module, 'name', 'something_else') },
    { name: 'no import of the namespace', apply: module => modinfo(module, 'import_ns') },
    { name: 'import of another namespace', apply: module => modinfo(module, 'import_ns', 'LABS') },
    { name: 'import of part of the namespace', apply: module => modinfo(module, 'import_ns', 'LA') },
    { name: 'import of an empty namespace', apply: module => modinfo(module, 'import_ns', '') },
    {
      name: 'import of two namespaces, the second one right',
      apply: module => {
        modinfo(module, 'import_ns', 'OTHER');
        module.setModinfo([...module.modinfo(), 'import_ns=LAB']);
      },
    },
    { name: 'no string in .modinfo', base: 'small', apply: module => module.setModinfo([]) },
    {
      name: 'an empty .modinfo',
      base: 'small',
      apply: module => module.replace(module.section('.modinfo'), Buffer.alloc(0)),
    },
    {
      name: '.modinfo of zeros',
      base: 'small',
      apply: module => module.replace(module.section('.modinfo'), Buffer.alloc(64)),
    },
    {
      name: '.modinfo without a zero at its end',
      base: 'small',
      apply: module => {
        const data = Buffer.from(module.data(module.section('.modinfo')));
        module.replace(module.section('.modinfo'), data.subarray(0, data.length - 1));
      },
    },
    {
      name: '.modinfo with gaps',
      base: 'small',
      apply: module =>
        module.replace(
          module.section('.modinfo'),
          Buffer.from(`\0\0\0${module.modinfo().join('\0\0\0\0')}\0\0`, 'latin1'),
        ),
    },
  ];
}

/** Where the name lies in struct module: behind a state (4 bytes) and a list head, in all of the three kernels. */
const NAME_AT = 24;

function structure(): Operator[] {
  const name =
    (text: string, fill = 0): ((module: Editor) => void) =>
    module => {
      const data = module.data(module.section('.gnu.linkonce.this_module'));
      data.fill(fill, NAME_AT, NAME_AT + 56);
      data.write(text, NAME_AT, 56, 'latin1');
    };
  const names: readonly string[] = [
    '',
    'lab_helper',
    'capture',
    'vmlinux',
    'kernel',
    'a',
    'with-dashes',
    'with space',
    'with/slash',
    '..',
    'with\nline',
    'with %s %d',
    'x'.repeat(55),
    '\u00ff\u00fe',
  ];
  return [
    ...names.map(
      (text): Operator => ({
        name: `struct module is called ${JSON.stringify(text)}`,
        base: 'small',
        apply: name(text),
      }),
    ),
    { name: 'struct module has a name without an end', base: 'small', apply: name('x'.repeat(56)) },
    {
      name: 'struct module is not zero elsewhere',
      base: 'small',
      apply: module => void module.data(module.section('.gnu.linkonce.this_module')).fill(0x5a, 0, 16),
    },
    {
      name: 'helper once more',
      base: 'helper',
      apply: () => {},
    },
    {
      name: 'helper under another name',
      base: 'helper',
      apply: name('lab_other'),
    },
  ];
}

export const INFORMATION_OPERATORS: readonly Operator[] = [
  { name: 'as it is', apply: () => {} },
  { name: 'small as it is', base: 'small', apply: () => {} },
  { name: 'sample as it is', base: 'demo', apply: () => {} },
  ...strings(),
  ...structure(),
];
