/** `tocsin patch --with OBJECT.o` as a user calls it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { moduleExports } from '../../../src/kernel/module-exports.ts';
import { readPatchNote } from '../../../src/kernel/patch-note.ts';
import { inThread, temporaryFolder } from '../../support/cli.ts';
import { ObjectBuilder, R, SHF, STB } from '../../support/object-builder.ts';
import { RawElf } from '../../support/raw-elf.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const demo = (generation: string) => `${root}samples/${generation}/tocsin_demo.ko`;
const object = (generation: string) => `${root}samples/${generation}/demo_object.o`;
const FIX = ['--redirect', 'demo_in_range=fixed_in_range', '--strategy', 'direct'];

const validPatch = new Ajv2020({ strict: false }).compile(
  JSON.parse(readFileSync(`${root}schemas/tocsin.patch-1.schema.json`, 'utf8')),
);

/** A `Module.symvers` with all that the object and nobody else leaves undefined. */
function symvers(): readonly string[] {
  const names = [
    ...['__arch_hweight64', 'default_amr', 'do_uaccess_flush', 'gcd', 'mmu_feature_keys'],
    ...['static_key_disable', 'static_key_enable', 'uaccess_flush_key'],
  ];
  const lines = names.map((name, i) => `0x0000000${i + 1}\t${name}\tvmlinux\tEXPORT_SYMBOL_GPL\t\n`);
  writeFileSync(at('Module.symvers'), lines.join(''));
  return ['--symvers', at('Module.symvers')];
}

describe.each(['6.1', '6.12', '7.2'])('the %s sample with an object merged in', generation => {
  it('is proved, verified, written, and comes back', () => {
    const out = at(`merged-${generation}.ko`);
    const done = inThread(['patch', demo(generation), '-o', out, '--with', object(generation), ...FIX, ...symvers()]);
    expect(done.code, done.stderr).toBe(0);
    expect(done.stdout).toMatch(/merged demo_object\.o: \d+ sections, \d+ of \d+ bytes, SHA-256 [0-9a-f]{64}/);
    expect(done.stdout).toContain("demo_hits is the module's local symbol, .bss+0x10");
    expect(done.stdout).toContain('gcd is a new import');
    expect(done.stdout).toContain('fixed_in_range (replacement)');
    expect(readPatchNote(readElf(new Uint8Array(readFileSync(out))))?.record.merged).toMatchObject([
      { name: 'demo_object.o' },
    ]);
    const back = at(`back-${generation}.ko`);
    expect(inThread(['revert', out, '-o', back]).code).toBe(0);
    expect(readFileSync(back).equals(readFileSync(demo(generation)))).toBe(true);
  });

  it('is enough by itself', () => {
    const out = at(`alone-${generation}.ko`);
    const asked = ['--with', object(generation), ...symvers()];
    const done = inThread(['patch', demo(generation), '-o', out, ...asked]);
    expect(done.code, done.stderr).toBe(0);
    expect(done.stdout).toContain('tocsin_demo.ko: no function changed, objects merged\n\nmerged demo_object.o');
    const elf = readElf(new Uint8Array(readFileSync(out)));
    expect(elf.symbols!.find('fixed_in_range')).toBeGreaterThan(0);
    expect(readPatchNote(elf)?.record).toMatchObject({ actions: [], merged: [{ name: 'demo_object.o' }] });
    const back = at(`alone-back-${generation}.ko`);
    expect(inThread(['revert', out, '-o', back]).stdout).toContain('restored, merged objects taken out;');
    expect(readFileSync(back).equals(readFileSync(demo(generation)))).toBe(true);
    const plan = at(`alone-${generation}.json`);
    const modules = [{ file: demo(generation), output: at(`planned-${generation}.ko`), with: [object(generation)] }];
    writeFileSync(plan, JSON.stringify({ schema: 'tocsin.patch-plan/1', modules }));
    expect(inThread(['patch', '--plan', plan, ...symvers()]).code).toBe(0);
    expect(readFileSync(at(`planned-${generation}.ko`)).equals(readFileSync(out))).toBe(true);
  });

  it('is told in JSON as the schema has it', () => {
    const out = at(`json-${generation}.ko`);
    const asked = ['--with', object(generation), ...FIX, ...symvers(), '--format', 'json'];
    for (const how of [['--dry-run'], ['-o', out]]) {
      const done = inThread(['patch', demo(generation), ...how, ...asked]);
      expect(done.code, done.stderr).toBe(0);
      const document = JSON.parse(done.stdout);
      expect(validPatch(document), JSON.stringify(validPatch.errors)).toBe(true);
      expect(document.merged.bindings).toContainEqual({
        object: 'demo_object.o',
        name: 'demo_checks',
        to: 'local',
        place: '.bss+0x0',
      });
      expect(document.merged.symbols).toContain('fixed_sum_ten');
      expect(document.proof.verdict).toBe('proved');
    }
  });

  it('can lose its call sites at the same time', () => {
    const out = at(`nop-${generation}.ko`);
    const asked = ['--with', object(generation), '--nop', 'demo_alarm', '--nop', 'fixed_*', ...symvers()];
    const done = inThread(['patch', demo(generation), '-o', out, ...asked]);
    expect(done.code, done.stderr).toBe(0);
    expect(done.stdout).toContain('6 call sites out');
  });
});

it('takes objects from a plan file', () => {
  const plan = at('plan.yaml');
  writeFileSync(
    plan,
    `schema: tocsin.patch-plan/1
symvers: [Module.symvers]
modules:
  - file: ${demo('6.1')}
    output: planned.ko
    with: [${object('6.1')}]
    redirect:
      - { function: demo_in_range, to: fixed_in_range, strategy: direct }
`,
  );
  symvers();
  const done = inThread(['patch', '--plan', plan]);
  expect(done.code, done.stderr).toBe(0);
  expect(done.stdout).toContain('merged demo_object.o');
});

it('refuses and writes nothing where a new import has no version', () => {
  const done = inThread(['patch', demo('6.1'), '-o', at('never.ko'), '--with', object('6.1'), ...FIX]);
  expect([done.code, done.stdout]).toEqual([1, '']);
  expect(done.stderr).toContain('[PAT026]');
});

it('refuses an object for another tracer', () => {
  const done = inThread(['patch', demo('6.1'), '-o', at('never.ko'), '--with', object('6.12'), ...FIX, ...symvers()]);
  expect(done.code).toBe(1);
  expect(done.stderr).toContain('[PAT114]');
});

it('says which object is damaged', () => {
  const path = at('damaged.o');
  writeFileSync(path, new ObjectBuilder().build().slice(0, 40));
  const done = inThread(['patch', demo('6.1'), '-o', at('never.ko'), '--with', path, ...FIX]);
  expect(done.code).toBe(2);
  expect(done.stderr).toContain(`${path}: `);
});

it('an object whose tracer records are damaged is not merged into a module that works', () => {
  // 6.12 turns the tracer off for the whole machine.
  const bytes = new Uint8Array(readFileSync(object('6.12')));
  const elf = new RawElf(bytes);
  const records = elf.sections.filter(s => s.name === '.rela__patchable_function_entries');
  const out = at('records.ko');
  for (const [addend, code] of [
    [-0x40000n, 'FTR203'],
    [8n, 'FTR202'],
  ] as const) {
    const damaged = bytes.slice();
    const view = new DataView(damaged.buffer);
    const field = records.at(-1)!.offset + 16;
    view.setBigInt64(field, view.getBigInt64(field, true) + addend, true);
    writeFileSync(at('records.o'), damaged);
    const asked = ['--with', at('records.o'), ...FIX, ...symvers()];
    const done = inThread(['patch', demo('6.12'), '-o', out, ...asked]);
    expect([done.code, done.stderr.includes(`[${code}]`), existsSync(out)], done.stderr).toEqual([1, true, false]);
    expect(inThread(['patch', demo('6.12'), '-o', at(`${code}.ko`), ...asked, '--allow-unproved']).code).toBe(0);
  }
});

it('exports what the object exports, and lists it for builds of others', () => {
  const path = at('exporting.o');
  const builder = new ObjectBuilder();
  const code = builder.code('.text', [0x38600001, 0x4e800020]);
  const bytes = Buffer.from('GPL\0LAB\0'.padEnd(16, '\0'));
  const section = builder.section('.export_symbol', { flags: SHF.ALLOC, align: 8, bytes });
  builder.symbol('__export_symbol_lab_fix', { section, bind: STB.LOCAL });
  builder.relocate(section, 8, R.ADDR64, builder.function('lab_fix', code, 0, 8));
  writeFileSync(path, builder.build());
  const out = at('exporting.ko');
  const asked = ['--with', path, '--report', at('new.symvers'), '--format', 'json'];
  const done = inThread(['patch', demo('6.12'), '-o', out, ...asked]);
  expect(done.code, done.stderr).toBe(0);
  const document = JSON.parse(done.stdout);
  expect(validPatch(document), JSON.stringify(validPatch.errors)).toBe(true);
  const [told] = document.merged.exports;
  expect(told).toMatchObject({ object: 'exporting.o', module: 'tocsin_demo', symbol: 'lab_fix', gplOnly: true });
  expect(readFileSync(at('new.symvers'), 'utf8')).toBe(`${told.crc}\tlab_fix\ttocsin_demo\tEXPORT_SYMBOL_GPL\tLAB\n`);
  const { names, crcs, namespaces } = moduleExports(readFileSync(out))!;
  const i = names.indexOf('lab_fix');
  expect([namespaces[i], crcs![i]]).toEqual(['LAB', Number(told.crc)]);
  writeFileSync(at('taken.symvers'), '0x00000001\tlab_fix\tvmlinux\tEXPORT_SYMBOL\t\n');
  const no = inThread(['patch', demo('6.12'), '-o', at('never.ko'), ...asked, '--symvers', at('taken.symvers')]);
  expect([no.code, no.stdout]).toEqual([1, '']);
  expect(no.stderr).toContain('[PAT232]');
});

it('an object alone has to be proved as well', () => {
  const builder = new ObjectBuilder();
  // li r14,5; blr
  const code = builder.code('.text', [0x39c00005, 0x4e800020]);
  builder.function('loses_r14', code, 0, 8);
  const path = at('losing.o');
  writeFileSync(path, builder.build());
  const out = at('losing.ko');
  const done = inThread(['patch', demo('7.2'), '-o', out, '--with', path]);
  expect(done.code).toBe(1);
  expect(done.stderr).toContain('loses_r14 returns with a changed non-volatile register: r14 is 5 [TOC012]');
  expect(existsSync(out)).toBe(false);
});
