// The tables that parts of the kernel read from a module: exports, parameters, jump labels, tracer records, exceptions,
// bugs, feature fixups and the like. Entries that point elsewhere, and sizes that are not whole entries.

import { type Editor, NotApplicable } from './editor.ts';
import { type Operator, SHN } from './model.ts';

const TABLES = [
  '__ksymtab',
  '__ksymtab_gpl',
  '__kcrctab',
  '__kcrctab_gpl',
  '__kflagstab',
  '__param',
  '__bug_table',
  '__jump_table',
  '__ex_table',
  '__mcount_loc',
  '__patchable_function_entries',
  '__ftr_fixup',
  '__barrier_nospec_fixup',
  '___srcu_struct_ptrs',
  '_kprobe_blacklist',
  '__dyndbg',
] as const;

function sizes(): Operator[] {
  return TABLES.flatMap(name =>
    (
      [
        ['one byte shorter', size => size - 1],
        ['one byte longer', size => size + 1],
        ['four bytes shorter', size => size - 4],
        ['eight bytes longer', size => size + 8],
        ['one byte', () => 1],
      ] as readonly [string, (size: number) => number][]
    ).map(
      ([label, change]): Operator => ({
        name: `${name}: ${label}`,
        apply: module => {
          const index = module.section(name);
          module.setField(index, 'size', Math.max(0, change(module.field(index, 'size'))));
        },
      }),
    ),
  );
}

/** Addend of relocation `at` of a section's, changed. */
function addend(module: Editor, section: string, at: number, change: (old: bigint) => bigint): void {
  const relocations = module.relocations(section);
  if (at >= relocations.count) throw new NotApplicable('too few relocations');
  const place = relocations.at + 24 * at + 16;
  module.set(place, 8, change(module.get(place, 8)));
}

/** The tracer's records: one relocation each, which says where a call or a nop is. */
function tracer(): Operator[] {
  const section = (module: Editor): string =>
    module.has('__mcount_loc') ? '__mcount_loc' : '__patchable_function_entries';
  const changes: readonly [string, (old: bigint) => bigint][] = [
    ['one byte further', old => old + 1n],
    ['one word further', old => old + 4n],
    ['one word before', old => old - 4n],
    ['two words further', old => old + 8n],
    ['far outside', old => old + 0x10_0000n],
    ['before the module', old => old - 0x1000_0000n],
  ];
  return [
    ...changes.map(
      ([label, change]): Operator => ({
        name: `tracer record 0 ${label}`,
        apply: module => addend(module, section(module), 0, change),
      }),
    ),
    {
      name: 'tracer records 0 and 1 equal',
      apply: module => {
        const { at } = module.relocations(section(module));
        module.bytes.copy(module.bytes, at + 24 + 8, at + 8, at + 24);
      },
    },
    {
      name: 'tracer record 0 without relocation',
      apply: module => module.set(module.relocations(section(module)).at + 8, 4, 0),
    },
    {
      name: 'tracer record 0 leads to data',
      apply: module => {
        const { at } = module.relocations(section(module));
        module.set(at + 12, 4, module.symbol('lab_words').index);
        module.set(at + 16, 8, 0);
      },
    },
    {
      name: 'tracer record 0 leads to init text',
      apply: module => {
        const { at } = module.relocations(section(module));
        module.set(at + 12, 4, module.symbol('init_module').index);
        module.set(at + 16, 8, 16);
      },
    },
    {
      name: 'tracer record 0 leads to the kernel',
      apply: module => {
        const { at } = module.relocations(section(module));
        module.set(at + 12, 4, module.symbol('_printk').index);
        module.set(at + 16, 8, 0);
      },
    },
    {
      name: 'the word of tracer record 0 is something else',
      apply: module => {
        const { at } = module.relocations(section(module));
        const symbol = module.symbols()[Number(module.get(at + 12, 4))]!;
        const text = module.field(Number(module.get(symbol.at + 6, 2)), 'offset');
        const offset = Number(module.get(symbol.at + 8, 8)) + Number(module.get(at + 16, 8));
        module.bytes.writeUInt32LE(0x38600000, text + offset);
      },
    },
  ];
}

function exports(): Operator[] {
  const rename = (module: Editor, from: string, to: string): void => {
    const strings = module.section('__ksymtab_strings');
    const data = module.data(strings);
    const at = data.indexOf(`${from}\0`, 0, 'latin1');
    if (at === -1) throw new NotApplicable(`no export ${from}`);
    if (to.length > from.length) throw new Error(`${to} is longer than ${from}`);
    data.fill(0, at, at + from.length);
    data.write(to, at, 'latin1');
  };
  const names = ['_printk', 'kfree', 'lab_helper_gpl', 'lab_helper_ns', 'ktime_get', 'lab_victim_gpl', '', 'memcpy'];
  return [
    ...names.flatMap(name =>
      ['lab_victim_plain', 'lab_victim_gpl']
        .filter(from => from !== name)
        .map(
          (from): Operator => ({
            name: `${from} exported as '${name}'`,
            apply: module => rename(module, from, name),
          }),
        ),
    ),
    ...['helper', 'victim'].map(
      (name): Operator => ({
        name: `export of ${name} without relocations`,
        ...(name === 'helper' && { base: 'helper' as const }),
        apply: module => {
          if (name === 'helper')
            module.data(module.section('.gnu.linkonce.this_module')).write('lab_other\0', 24, 'latin1');
          const index = module.section('.rela__ksymtab');
          module.setField(index, 'size', 0);
        },
      }),
    ),
  ];
}

/** First relocations of tables, led elsewhere. */
function pointers(): Operator[] {
  const tables: readonly [string, number][] = [
    ['__jump_table', 0],
    ['__jump_table', 1],
    ['__jump_table', 2],
    ['__ex_table', 0],
    ['__bug_table', 0],
    ['__ftr_fixup', 0],
    ['__ftr_fixup', 1],
    ['__barrier_nospec_fixup', 0],
    ['__param', 0],
    ['___srcu_struct_ptrs', 0],
    ['_kprobe_blacklist', 0],
    ['__dyndbg', 0],
  ];
  const changes: readonly [string, (module: Editor, at: number) => void][] = [
    ['one word further', (e, at) => e.set(at + 16, 8, e.get(at + 16, 8) + 4n)],
    ['one byte further', (e, at) => e.set(at + 16, 8, e.get(at + 16, 8) + 1n)],
    ['far outside', (e, at) => e.set(at + 16, 8, e.get(at + 16, 8) + 0x10_0000n)],
    ['to symbol 0', (e, at) => e.set(at + 12, 4, 0)],
    ['without relocation', (e, at) => e.set(at + 8, 4, 0)],
    ['to data', (e, at) => e.set(at + 12, 4, e.symbol('lab_words').index)],
  ];
  return tables.flatMap(([section, entry]) =>
    changes.map(
      ([label, change]): Operator => ({
        name: `relocation ${entry} of ${section}: ${label}`,
        apply: module => {
          const { at, count } = module.relocations(section);
          if (entry >= count) throw new NotApplicable('too few relocations');
          change(module, at + 24 * entry);
        },
      }),
    ),
  );
}

/** Offsets in struct kernel_param (40 bytes): name 0, mod 8, ops 16, perm 24 (16 bits), level 26, flags 27, arg 32. */
function parameterTable(): Operator[] {
  const at = (module: Editor): number => module.field(module.section('__param'), 'offset');
  return [
    ...[0o7777, 0o666, 0o222, 0, 0o4, 0o755, 0xffff].map(
      (mode): Operator => ({
        name: `parameter with mode ${mode.toString(8)}`,
        apply: module => {
          for (let k = 0; k < module.field(module.section('__param'), 'size') / 40; k++)
            module.set(at(module) + 40 * k + 24, 2, mode);
        },
      }),
    ),
    {
      name: 'parameters that are unsafe',
      parameters: 'number=3',
      apply: module => {
        for (let k = 0; k < module.field(module.section('__param'), 'size') / 40; k++)
          module.set(at(module) + 40 * k + 27, 1, 1);
      },
    },
    {
      name: 'parameters for hardware',
      parameters: 'number=3',
      apply: module => {
        for (let k = 0; k < module.field(module.section('__param'), 'size') / 40; k++)
          module.set(at(module) + 40 * k + 27, 1, 2);
      },
    },
    ...[-2, 5, 127].map(
      (level): Operator => ({
        name: `parameters of level ${level}`,
        parameters: 'number=x',
        apply: module => {
          for (let k = 0; k < module.field(module.section('__param'), 'size') / 40; k++)
            module.set(at(module) + 40 * k + 26, 1, level);
        },
      }),
    ),
  ];
}

function additions(): Operator[] {
  const sections: readonly [string, number][] = [
    ['__mmu_ftr_fixup', 48],
    ['__fw_ftr_fixup', 48],
    ['__lwsync_fixup', 8],
    ['__rfi_flush_fixup', 8],
    ['__kcrctab', 4],
    ['__ksymtab_gpl', 12],
    ['__tracepoints_ptrs', 8],
    ['__tracepoints_ptrs', 7],
    ['_ftrace_events', 8],
    ['__trace_printk_fmt', 0],
    ['.static_call_sites', 8],
    ['_error_injection_whitelist', 0],
    ['.ctors', 8],
    ['.init_array', 8],
    ['.kunit_test_suites', 0],
    ['.BTF', 16],
    ['.BTF', 0],
    ['.opd', 24],
    ['.got', 8],
    ['.fixup', 8],
    ['__obsparm', 8],
    ['.data.once', 8],
    ['.ftrace.tramp', 64],
    ['__bpf_raw_tp_map', 32],
    ['.noinstr.text', 16],
    ['.codetag.alloc_tags', 8],
  ];
  return sections.map(
    ([name, size]): Operator => ({
      name: `a section ${name} of ${size} zero bytes`,
      base: 'small',
      apply: module => void module.addSection(name, { flags: 3, alignment: 8 }, Buffer.alloc(size)),
    }),
  );
}

function percpu(): Operator[] {
  return [
    {
      name: 'a per-cpu section that is empty',
      apply: module => module.setField(module.section('.data..percpu'), 'size', 0),
    },
    {
      name: 'a per-cpu section of 40,000 bytes',
      apply: module => module.replace(module.section('.data..percpu'), Buffer.alloc(40_000)),
    },
    {
      name: 'a second per-cpu section',
      apply: module => void module.addSection('.data..percpu', { flags: 3, alignment: 8 }, Buffer.alloc(8)),
    },
    {
      name: 'an absolute import in the kernel’s per-cpu area',
      base: 'small',
      apply: module => void module.addSymbol('paca_ptrs', 0, SHN.undef),
    },
  ];
}

export const TABLE_OPERATORS: readonly Operator[] = [
  ...sizes(),
  ...tracer(),
  ...exports(),
  ...pointers(),
  ...parameterTable(),
  ...additions(),
  ...percpu(),
];
