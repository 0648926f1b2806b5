/** `tocsin load` as a user runs it, against an index that is made here. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import type { LoadDocument } from '../../../src/report/load/document.ts';
import { inThread, temporaryFolder } from '../../support/cli.ts';
import { writeKernelIndex } from '../../support/kernel-index.ts';
import { type ObjectBuilder, R, SHF } from '../../support/object-builder.ts';
import { root } from '../../support/samples.ts';
import { type SmallModule, smallModule } from '../../support/small-module.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const index = at('6.1.index');
const BASE = '0xc008000000000000';
const demo = 'samples/6.1/tocsin_demo.ko';

const validate = new Ajv2020({ strict: true }).compile<LoadDocument>(
  JSON.parse(fs.readFileSync(`${root}schemas/tocsin.load-1.schema.json`, 'utf8')),
);

function mapOf(dir: string): LoadDocument {
  const document = JSON.parse(fs.readFileSync(join(dir, 'map.json'), 'utf8'));
  if (!validate(document)) throw new Error(JSON.stringify(validate.errors, null, 2));
  return document;
}

const load = (...args: string[]) => inThread(['load', '--kernel', index, ...args]);

beforeAll(() => {
  writeKernelIndex(index, { options: { modversions: false, moduleSig: false } });
});

describe('tocsin load', () => {
  it('writes each section and a map of them', () => {
    const dir = at('image');
    const { code: exit, stdout, stderr } = load(demo, '--base', BASE, '-o', dir);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const talking = load(demo, '--base', BASE, '-o', at('talking'), '--verbose').stderr;
    expect(talking).toContain('kernel: tocsin_demo: loading out-of-tree module taints kernel.');
    const map = mapOf(dir);
    expect(map).toMatchObject({ file: demo, module: 'tocsin_demo', kernel: '6.1.0-50-powerpc64le' });
    expect(fs.readdirSync(dir).sort()).toEqual(['map.json', ...map.sections.map(s => s.path)].sort());
    for (const { path, size, excluded } of map.sections) {
      expect(fs.statSync(join(dir, path)).size).toBe(size);
      for (const { offset, length } of excluded) expect(offset + length).toBeLessThanOrEqual(size);
    }
    const text = map.sections.find(s => s.name === '.text')!;
    expect(text).toMatchObject({ address: BASE, path: '.text', memory: 'core', excluded: [] });
    // Calls of the tracer became nops: at their records there is one.
    const code = fs.readFileSync(join(dir, '.text'));
    const records = fs.readFileSync(join(dir, '__mcount_loc'));
    const places = Array.from({ length: records.length / 8 }, (_, i) =>
      Number(records.readBigUInt64LE(i * 8) - BigInt(BASE)),
    );
    const inText = places.filter(place => place < text.size);
    expect(inText.length).toBeGreaterThan(5);
    expect(inText.map(place => code.readUInt32LE(place))).toEqual(inText.map(() => 0x60000000));
    expect(map.stubs.map(s => s.name)).toContain('ftrace_caller');
    expect(map.sections.find(s => s.name === '.gnu.linkonce.this_module')!.excluded).toMatchObject([{ offset: 0 }]);
    expect(stdout).toContain(`written to ${dir}`);
    expect(load(demo, '--base', BASE, '-o', at('quiet'), '--quiet')).toMatchObject({ code: 0, stdout: '' });
  });

  it('prints the map as JSON, and takes bases and sections', () => {
    const { code, stdout } = load(demo, '--base', BASE, '-o', at('json'), '--format', 'json');
    expect([code, JSON.parse(stdout)]).toEqual([0, mapOf(at('json'))]);
    fs.writeFileSync(at('bases'), `core ${BASE}\n\ninit  0xc008000000400000\n`);
    expect(load(demo, '--bases', at('bases'), '-o', at('by-bases')).code).toBe(0);
    const map = mapOf(at('by-bases'));
    const lines = map.sections.map(s => `${s.name} ${s.address}`);
    fs.writeFileSync(at('sections'), lines.join('\n'));
    expect(load(demo, '--sections', at('sections'), '-o', at('by-sections')).code).toBe(0);
    expect(mapOf(at('by-sections'))).toEqual(map);
    for (const { path } of map.sections)
      expect(fs.readFileSync(join(at('by-sections'), path)).equals(fs.readFileSync(join(at('by-bases'), path)))).toBe(
        true,
      );
  });

  it("shows the kernel's words where it refuses, and writes nothing", () => {
    const bytes = Buffer.from(fs.readFileSync(`${root}${demo}`));
    for (let i = bytes.indexOf('_printk\0'); i >= 0; i = bytes.indexOf('_printk\0')) bytes.write('_prontk', i);
    fs.writeFileSync(at('unknown.ko'), bytes);
    const { code, stdout, stderr } = load(at('unknown.ko'), '--base', BASE, '-o', at('refused'));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('the kernel refuses the module: ENOENT (2)');
    expect(stderr).toContain('kernel: tocsin_demo: Unknown symbol _prontk (err -2)');
    expect(fs.existsSync(at('refused'))).toBe(false);
  });

  it('keeps what it did not write', () => {
    fs.mkdirSync(at('mine'));
    fs.writeFileSync(join(at('mine'), 'map.json'), '{"schema":"tocsin.load/1","sections":[]}');
    fs.writeFileSync(join(at('mine'), 'thesis'), 'x');
    expect(load(demo, '--base', BASE, '-o', at('mine'), '--force')).toMatchObject({ code: 2 });
    expect(fs.readFileSync(join(at('mine'), 'thesis'), 'utf8')).toBe('x');
    expect(load(demo, '--base', BASE, '-o', at('twice')).code).toBe(0);
    expect(load(demo, '--base', BASE, '-o', at('twice')).stderr).toContain('[IO040]');
    expect(load(demo, '--base', BASE, '-o', at('twice'), '--force').code).toBe(0);
  });

  it('writes sections of odd and of equal names beside each other', () => {
    const bytes = smallModule('6.1', [0x4e800020], ({ builder }) => {
      for (const name of ['../escape', 'map.json', 'a/b'])
        builder.section(name, { flags: SHF.ALLOC, bytes: Buffer.from('odd!') });
    });
    fs.writeFileSync(at('odd.ko'), bytes);
    expect(load(at('odd.ko'), '--base', BASE, '-o', at('odd')).code).toBe(0);
    const map = mapOf(at('odd'));
    const odd = map.sections.filter(s => s.size === 4 && s.name !== '.text');
    expect(odd.map(s => s.path)).toEqual(['..%2fescape', expect.stringMatching(/^map\.json~\d+$/), 'a%2fb']);
    for (const { path } of odd) expect(fs.readFileSync(join(at('odd'), path), 'utf8')).toBe('odd!');
    expect(fs.existsSync(at('escape'))).toBe(false);
  });

  it('takes imports from other modules from where the running kernel has them', () => {
    const add = ({ builder, code }: SmallModule) => exportSymbol(builder, code, 'provided');
    fs.writeFileSync(at('provider.ko'), smallModule('6.1', [0x4e800020], add, 'provider'));
    const user = smallModule('6.1', [0x48000001, 0x60000000, 0x4e800020], ({ builder, text }) =>
      builder.relocate(text, 0, R.REL24, builder.undefined('provided')),
    );
    fs.writeFileSync(at('user.ko'), user);
    const args = [at('user.ko'), '--base', BASE, '--modules', at('provider.ko')];
    expect(load(...args.slice(0, 3), '-o', at('none')).stderr).toContain('small: Unknown symbol provided (err -2)');
    expect(load(...args, '-o', at('none'))).toMatchObject({ code: 2, stderr: expect.stringContaining('[LOD005]') });
    fs.writeFileSync(at('kallsyms'), 'c000000000010000 T _printk\nc008000001234560 T provided\t[provider]\n');
    expect(load(...args, '--kallsyms', at('kallsyms'), '-o', at('user')).code).toBe(0);
    expect(mapOf(at('user')).stubs.map(s => [s.name, s.target])).toContainEqual(['provided', '0xc008000001234560']);
  });

  it.each([
    [['--base', '0x10'], 'LOD006'],
    [['--base', '12'], 'LOD006'],
    [['--bases', 'f'], 'LOD003', 'text 0xc008000000000000\nmiddle 0xc008000000000000'],
    [['--bases', 'f'], 'LOD007', 'init 0xc008000000000000'],
    [['--sections', 'f'], 'LOD001', '.text'],
    [['--sections', 'f'], 'LOD001', '.text 12x'],
    [['--sections', 'f'], 'LOD002', '.text 0x1\n.text 0x2'],
    [['--base', BASE, '--kallsyms', 'f'], 'LOD001', 'nonsense'],
    [['--base', BASE, '--kallsyms', 'f'], 'LOD004', '0000000000000000 T _stext'],
  ])('refuses %j with %s', (args, code, contents = '') => {
    fs.writeFileSync(at('f'), contents);
    const done = load(demo, '-o', at('bad'), ...args.map(a => (a === 'f' ? at('f') : a)));
    expect(done).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(`[${code}]`) });
    expect(fs.existsSync(at('bad'))).toBe(false);
  });

  it('wants a kernel, one placement, and a folder', () => {
    expect(inThread(['load', demo, '--base', BASE, '-o', at('x')])).toMatchObject({ code: 2 });
    expect(load(demo, '-o', at('x')).stderr).toContain('--sections, --bases and --base');
    expect(load(demo, '--base', BASE, '--bases', 'b', '-o', at('x')).code).toBe(2);
    expect(load(demo, '--base', BASE).stderr).toContain('-o DIR');
  });
});

/** An entry of `__ksymtab` without checksum. */
function exportSymbol(builder: ObjectBuilder, target: ReturnType<ObjectBuilder['symbol']>, name: string): void {
  const strings = builder.section('__ksymtab_strings', { flags: SHF.ALLOC, bytes: Buffer.from(`${name}\0\0`) });
  const text = builder.sectionSymbol(strings);
  const table = builder.section('__ksymtab', { flags: SHF.ALLOC | SHF.WRITE, align: 8, bytes: new Uint8Array(24) });
  builder.relocate(table, 0, R.ADDR64, target);
  builder.relocate(table, 8, R.ADDR64, text);
  builder.relocate(table, 16, R.ADDR64, text, name.length + 1);
  builder.symbol(`__ksymtab_${name}`, { section: table, value: 0 });
}
