// Stock modules with one thing broken, or a few: the operators of the tables, which were written for the lab's own modules,
// and random changes of headers, symbols, relocations and bytes. Always the same for a seed.

import { type Editor, NotApplicable, type SectionField } from './editor.ts';
import { OPERATORS } from './mutants.ts';

type Random = (limit: number) => number;

/** Numbers below `limit` that are always the same (xorshift). */
export function randomNumbers(seed: number): Random {
  let x = seed | 1;
  return limit => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % limit;
  };
}

const SMALL = [-24, -16, -8, -4, -1, 1, 4, 8, 16, 24];
const FLAGS = [1, 2, 4, 0x10, 0x40, 0x80, 0x400];
const TYPES = [0, 1, 2, 3, 4, 7, 8, 9, 14];
const RELOCATION_TYPES = [0, 1, 10, 26, 38, 44, 47, 48, 50, 51, 63, 64, 109, 116, 118, 132, 250, 252];
const FIELDS: readonly SectionField[] = ['size', 'offset', 'alignment', 'entrySize', 'link', 'info', 'address'];
/** Names that mean something to the loader. */
const NAMES = [
  '__jump_table',
  '__trace_printk_fmt',
  '__dyndbg_classes',
  '__dyndbg',
  '__bug_table',
  '__ex_table',
  '__param',
  '___srcu_struct_ptrs',
  '_ftrace_events',
  '_ftrace_eval_map',
  '__tracepoints_ptrs',
  '__ftr_fixup',
  '__lwsync_fixup',
  '.toc',
  '.stubs',
  '.data..ro_after_init',
  '.data..percpu',
  '_kprobe_blacklist',
  '.BTF',
  '.codetag.alloc_tags',
  '.static_call_sites',
  '.livepatch',
];

type Change = (module: Editor, random: Random) => void;

const pick = <Item>(list: readonly Item[], random: Random): Item => list[random(list.length)]!;
const section = (module: Editor, random: Random) => 1 + random(module.count - 1);

/** A section whose entries have `size` bytes, of this type; throws where there is none. */
function tableOf(module: Editor, type: number, random: Random): { readonly at: number; readonly count: number } {
  const found: number[] = [];
  for (let i = 1; i < module.count; i++)
    if (module.field(i, 'type') === type && module.field(i, 'size') >= 24) found.push(i);
  if (found.length === 0) throw new NotApplicable('no such table');
  const index = pick(found, random);
  return { at: module.field(index, 'offset'), count: Math.floor(module.field(index, 'size') / 24) };
}

const CHANGES: readonly Change[] = [
  (module, random) => {
    const index = section(module, random);
    module.setField(index, 'flags', module.field(index, 'flags') ^ pick(FLAGS, random));
  },
  (module, random) => module.setField(section(module, random), 'type', pick(TYPES, random)),
  (module, random) => {
    const index = section(module, random);
    const field = pick(FIELDS, random);
    module.setField(index, field, Math.max(0, module.field(index, field) + pick(SMALL, random)));
  },
  (module, random) => module.rename(section(module, random), pick(NAMES, random)),
  (module, random) => module.setField(section(module, random), 'name', module.field(section(module, random), 'name')),
  // Of a symbol: its name, type, st_other, section, value or size.
  (module, random) => {
    const { at, count } = tableOf(module, 2, random);
    const symbol = at + 24 * random(count);
    const change: readonly (() => void)[] = [
      () => module.set(symbol, 4, Number(module.get(symbol, 4)) + pick(SMALL, random)),
      () => module.set(symbol + 4, 1, random(256)),
      () => module.set(symbol + 5, 1, random(8) << 5),
      () => module.set(symbol + 6, 2, pick([0, 1, random(module.count + 2), 0xff20, 0xfff1, 0xfff2], random)),
      () => module.set(symbol + 8, 8, Number(module.get(symbol + 8, 8)) + pick(SMALL, random)),
      () => module.set(symbol + 16, 8, Number(module.get(symbol + 16, 8)) + pick(SMALL, random)),
    ];
    pick(change, random)();
  },
  // Of a relocation: its place, type, symbol or addend.
  (module, random) => {
    const { at, count } = tableOf(module, 4, random);
    const relocation = at + 24 * random(count);
    const change: readonly (() => void)[] = [
      () => module.set(relocation, 8, Number(module.get(relocation, 8)) + pick(SMALL, random)),
      () => module.set(relocation + 8, 4, pick(RELOCATION_TYPES, random)),
      () => module.set(relocation + 12, 4, Math.max(0, Number(module.get(relocation + 12, 4)) + pick(SMALL, random))),
      () => module.set(relocation + 16, 8, module.get(relocation + 16, 8) + BigInt(pick(SMALL, random))),
    ];
    pick(change, random)();
  },
  // Bytes of a section.
  (module, random) => {
    const index = section(module, random);
    const size = module.field(index, 'size');
    if (size === 0 || module.field(index, 'type') === 8) throw new NotApplicable('no bytes');
    for (let i = random(3); i >= 0; i--) {
      const at = module.field(index, 'offset') + random(size);
      if (at < module.bytes.length) module.bytes[at] = random(256);
    }
  },
];

/** Breaks one thing, or up to three. */
export function spoil(module: Editor, random: Random): void {
  try {
    if (random(3) === 0) pick(OPERATORS, random).apply(module);
    else for (let i = random(3); i >= 0; i--) pick(CHANGES, random)(module, random);
  } catch (error) {
    // An operator for what this module does not have, or one that follows what another has broken.
    if (!(error instanceof NotApplicable || error instanceof RangeError)) throw error;
  }
}
