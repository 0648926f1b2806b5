// klp_fix (source/fix.c) made into a livepatch: the right way, and in all the ways that go wrong.

import { type Conversion, type ConversionOptions, makeLivepatch } from '../../../support/klp.ts';

export interface Variant {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The kernel writes where it must not, or reads what it freed: only the twin is asked. */
  readonly dangerous?: true;
}

type Names = Readonly<Record<'same' | 'counter' | 'processes' | 'line', string>>;

const NAMES: Names = {
  same: '.klp.sym.klp_target.klp_same,2',
  counter: '.klp.sym.klp_target.klp_counter,1',
  processes: '.klp.sym.vmlinux.nr_processes,0',
  line: '.klp.sym.vmlinux.saved_command_line,1',
};

const REL24 = 10;
const ADDR64 = 38;
const TOC16_HA = 50;
const TOC16_DS = 63;
const BLR = 0x4e80_0020;
const SYMBOLS = {
  same: 'klp_same_of_target',
  counter: 'klp_counter_of_target',
  processes: 'processes_of_kernel',
  line: 'command_line_of_kernel',
};

/** In `.toc`: what comes first is the kernel's, and the module's own init goes where it leads. */
const isOfTarget = (r: { readonly offset: number }, section: string): boolean => section === '.toc' && r.offset !== 0;

export function variants(fix: Uint8Array): readonly Variant[] {
  const found: Variant[] = [];
  const add = (
    name: string,
    names: Partial<Names> = {},
    options: ConversionOptions = {},
    more: Partial<Record<keyof Names, Partial<Conversion>>> = {},
    dangerous?: true,
  ) => {
    const conversions = (Object.keys(SYMBOLS) as (keyof Names)[]).map(key => ({
      from: SYMBOLS[key],
      to: names[key] ?? NAMES[key],
      ...more[key],
    }));
    found.push({
      name: `fix-${name}`,
      bytes: makeLivepatch(fix, conversions, options),
      ...(dangerous && { dangerous }),
    });
  };
  const TARGET = { object: 'klp_target' } as const;
  const KERNEL = { object: 'vmlinux' } as const;

  add('good');
  add('first', { same: '.klp.sym.klp_target.klp_same,1' });
  add('blank-position', { same: '.klp.sym.klp_target.klp_same, 2nd' });
  add('many-of-kernel', { processes: '.klp.sym.vmlinux.__nr_to_section,3' });
  // What is wrong with symbols of the target shows when the target is there.
  add('third', { same: '.klp.sym.klp_target.klp_same,3' });
  add('ambiguous', { same: '.klp.sym.klp_target.klp_same,0' });
  add('missing', { counter: '.klp.sym.klp_target.klp_nothing,0' });
  add('undefined-counts-not', { counter: '.klp.sym.klp_target.sprintf,1' });
  add('no-comma', { same: '.klp.sym.klp_target.klp_same' });
  add('no-position', { same: '.klp.sym.klp_target.klp_same,' });
  add('negative', { same: '.klp.sym.klp_target.klp_same,-1' });
  add('huge-position', { same: '.klp.sym.klp_target.klp_same,99999999999999999999999' });
  add('no-symbol', { same: '.klp.sym.klp_target.,1' });
  add('no-object', { same: '.klp.sym..klp_same,1' }, {}, { same: TARGET });
  add('other-prefix', { same: '.klp.symbol.klp_target.klp_same,1' }, {}, { same: TARGET });
  add('long-object', { same: `.klp.sym.${'o'.repeat(56)}.klp_same,1` }, {}, { same: TARGET });
  add('longest-object', { same: `.klp.sym.${'o'.repeat(55)}.klp_same,1` }, {}, { same: TARGET });
  add('long-symbol', { same: `.klp.sym.klp_target.${'s'.repeat(512)},1` });
  add('longest-symbol', { same: `.klp.sym.klp_target.${'s'.repeat(511)},1` });
  add('unloaded-object', { same: '.klp.sym.klp_nobody.klp_same,1' }, {}, { same: TARGET });
  add('unloaded-section', { same: '.klp.sym.klp_nobody.klp_same,1' });
  add('own-object', { same: '.klp.sym.klp_fix.fixed_other,1' });
  add('kernel-in-target', { same: '.klp.sym.vmlinux.nr_processes,1' }, {}, { same: TARGET });
  add('toc', { counter: '.klp.sym.klp_target..TOC.,1' });
  add('bare-toc', { counter: '.TOC.' }, {}, { counter: TARGET });
  // The same for symbols of the kernel, which are looked for at once.
  add('kernel-second', { processes: '.klp.sym.vmlinux.nr_processes,2' });
  add('kernel-ambiguous', { processes: '.klp.sym.vmlinux.__nr_to_section,0' });
  add('kernel-eighth', { processes: '.klp.sym.vmlinux.__nr_to_section,8' });
  add('kernel-missing', { processes: '.klp.sym.vmlinux.klp_nothing,0' });
  add('kernel-no-comma', { processes: '.klp.sym.vmlinux.nr_processes' });
  add('kernel-toc', { line: '.klp.sym.vmlinux..TOC.,1' });
  add('target-in-kernel', { processes: '.klp.sym.klp_target.klp_same,1' }, {}, { processes: KERNEL });
  // Sections.
  add('section-without-object', {}, { rename: name => (name.endsWith('..toc') ? '.klp.rela..toc' : name) });
  add('section-other-prefix', {}, { rename: name => name.replace('.klp.rela', '.klp.more') });
  add('section-long-object', {}, { rename: name => name.replace('klp_target', 'o'.repeat(60)) });
  add(
    'section-without-section',
    {},
    { rename: name => (name === '.klp.rela.klp_target..toc' ? '.klp.rela.klp_target' : name) },
  );
  // The loader takes the livepatch symbols for ordinary ones, and the module's own init goes to where their zeros lead.
  add('unflagged', {}, { flags: 0x42 }, {}, true);
  // Relocations.
  add('ordinary-symbol', {}, { change: (r, section) => (section === '.toc' ? { ...r, symbol: 1 } : r) });
  add('undefined-symbol', {}, {}, { same: { shndx: 0 } });
  add('unknown-type', {}, { change: r => (r.type === REL24 ? { ...r, type: 200 } : r) });
  add('unknown-type-of-target', {}, { change: (r, section) => (isOfTarget(r, section) ? { ...r, type: 200 } : r) });
  add('no-type', {}, { change: (r, section) => (isOfTarget(r, section) ? { ...r, type: 0 } : r) });
  add('toc16-ds', {}, { change: (r, section) => (isOfTarget(r, section) ? { ...r, type: TOC16_DS } : r) });
  add('toc16-ha', {}, { change: (r, section) => (isOfTarget(r, section) ? { ...r, type: TOC16_HA } : r) });
  add('rel32', {}, { change: (r, section) => (isOfTarget(r, section) ? { ...r, type: 26 } : r) });
  add('addend', {}, { change: (r, section) => (isOfTarget(r, section) ? { ...r, addend: 4 } : r) });
  add('no-nop-after-target', {}, { words: [{ section: '.text', offset: 0x88, word: BLR }] });
  add('no-nop-after-kernel', {}, { words: [{ section: '.text', offset: 0x30, word: BLR }] });
  add(
    'sibling-call',
    {},
    {
      words: [
        { section: '.text', offset: 0x84, word: 0x4800_0000 },
        { section: '.text', offset: 0x88, word: BLR },
      ],
    },
  );
  add(
    'late-store-to-code',
    {},
    { change: (r, section) => (section === '.text' && r.offset === 0x84 ? { ...r, type: ADDR64 } : r) },
    {},
    true,
  );
  add('freed-relocations', {}, { flags: 0x10_0040 }, {}, true);
  return found;
}

/** Other names of the same length for what struct klp_patch points to. */
export function renamed(fix: Uint8Array, from: string, to: string): Uint8Array {
  const bytes = Buffer.from(fix);
  const at = bytes.indexOf(`\0${from}\0`, 0, 'latin1');
  if (at < 0 || from.length !== to.length) throw new Error(`no ${from}, or ${to} is of another length`);
  bytes.write(to, at + 1, 'latin1');
  return bytes;
}

export function convert(fix: Uint8Array): Uint8Array {
  return makeLivepatch(
    fix,
    (Object.keys(SYMBOLS) as (keyof Names)[]).map(key => ({ from: SYMBOLS[key], to: NAMES[key] })),
  );
}
