/** `tocsin check` and `tocsin explain` as a user runs them, against an index that is made here. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { functionsOf } from '../../../src/kernel/functions.ts';
import { inThread, temporaryFolder } from '../../support/cli.ts';
import { writeKernelIndex } from '../../support/kernel-index.ts';
import { root } from '../../support/samples.ts';
import { appended, message, signatory } from '../../support/signatures.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const index = at('6.1.index');
const demo = 'samples/6.1/tocsin_demo.ko';
const fix = 'samples/6.1/tocsin_fix.ko';

interface Step {
  readonly text: string;
  readonly r2: string;
}

interface Document {
  readonly file: string;
  readonly loads: boolean;
  readonly errno: string | null;
  readonly kernelMessage: string | null;
  readonly toc: {
    readonly functions: number;
    readonly proved: number;
    readonly unknown: number;
    readonly judged: boolean;
  };
  readonly findings: readonly {
    readonly code: string;
    readonly level: string;
    readonly message: string;
    readonly function?: string;
    readonly verdict?: string;
    readonly path?: readonly Step[];
    readonly callers?: readonly string[];
  }[];
  readonly explanation?: { readonly verdict: string; readonly steps: readonly Step[] };
}

const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile<Document>(
  JSON.parse(fs.readFileSync(`${root}schemas/tocsin.check-1.schema.json`, 'utf8')),
);

function documents(text: string): Document[] {
  const value = JSON.parse(text);
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.map(document => {
    if (!validate(document)) throw new Error(JSON.stringify(validate.errors, null, 2));
    return document;
  });
}

/** The sample with one byte changed where `text` stands. */
function spoiled(name: string, text: string, replacement: string): string {
  const bytes = Buffer.from(fs.readFileSync(`${root}${demo}`));
  for (let i = bytes.indexOf(text); i >= 0; i = bytes.indexOf(text, i + 1)) bytes.write(replacement, i, 'latin1');
  fs.writeFileSync(at(name), bytes);
  return at(name);
}

const check = (...args: string[]) => inThread(['check', '--kernel', index, ...args]);

beforeAll(() => {
  writeKernelIndex(index);
  spoiled('unknown.ko', '_printk', '_prontk');
  spoiled('magic.ko', '6.1.0-50-powerpc64le SMP mod_unload', '6.1.0-50-powerpc64le SMP mod_unlobd');
  fs.writeFileSync(at('cut.ko'), fs.readFileSync(`${root}${demo}`).subarray(0, 3000));
  fs.writeFileSync(at('junk.ko'), 'not an object');
  fs.writeFileSync(at('broken.ko.xz'), Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2, 3]));
});

describe('tocsin check', () => {
  it('says that a good module loads', () => {
    expect(check(demo)).toEqual({
      code: 0,
      stdout: `${demo}: 6.1.0-50-powerpc64le loads it; 24 of 24 functions proved; hand-written: 1 of 1 proved\n`,
      stderr: '',
    });
    expect(check(demo, '--no-proof').stdout).toBe(`${demo}: 6.1.0-50-powerpc64le loads it\n`);
    expect(check(demo, '--quiet')).toEqual({ code: 0, stdout: '', stderr: '' });
    const [document] = documents(check(demo, '--format', 'json').stdout);
    expect(document).toMatchObject({ file: demo, loads: true, errno: null, kernelMessage: null, findings: [] });
    expect(document!.toc.functions).toBeGreaterThan(5);
    expect(document!.toc).toMatchObject({ proved: document!.toc.functions, unknown: 0, judged: true });
    const quick = documents(check(demo, '--format', 'json', '--no-proof').stdout)[0]!;
    expect(quick.toc).toMatchObject({ proved: 0, unknown: quick.toc.functions, judged: false });
  });

  it("has the kernel's errno and words for one that is refused", () => {
    const { code, stdout } = check(at('unknown.ko'), '--format', 'json');
    expect(code).toBe(1);
    const [document] = documents(stdout);
    expect(document).toMatchObject({ loads: false, errno: 'ENOENT' });
    expect(document!.kernelMessage).toBe('tocsin_demo: Unknown symbol _prontk (err -2)');
    expect(document!.findings.map(f => f.code)).toEqual(['SYM301']);
    const magic = documents(check(at('magic.ko'), '--format', 'ndjson').stdout)[0]!;
    expect(magic.findings.map(f => f.code)).toEqual(['MOD301']);
    expect(magic.kernelMessage).toMatch(/^tocsin_demo: version magic '.*' should be '.*'$/);
    expect(magic.findings[0]!.message).toContain('it lacks mod_unload; it has mod_unlobd');
  });

  it('takes damaged files for what the kernel would say, and unreadable ones for bad input', () => {
    const { code, stdout, stderr } = check(
      '--format',
      'json',
      at('junk.ko'),
      at('cut.ko'),
      demo,
      at('gone.ko'),
      at('broken.ko.xz'),
    );
    expect(code).toBe(2);
    expect(stderr).toMatch(/gone\.ko: no such file.*\[IO001\]/);
    expect(stderr).toMatch(/broken\.ko\.xz: .*\[IO010\]/);
    const list = documents(stdout);
    expect(list.map(d => [d.file, d.loads, d.errno])).toEqual([
      [at('junk.ko'), false, 'ENOEXEC'],
      [at('cut.ko'), false, 'ENOEXEC'],
      [demo, true, null],
    ]);
    expect(list[0]!.findings.map(f => f.code)).toEqual(['ELF301']);
    expect(check(at('junk.ko')).code).toBe(1);
  });

  it('unpacks, reads folders and lists', () => {
    fs.mkdirSync(at('tree/a'), { recursive: true });
    fs.copyFileSync(`${root}${demo}`, at('tree/a/one.ko'));
    fs.writeFileSync(at('list'), `${root}${demo}\n${root}${fix}\n`);
    expect(documents(check('--format', 'json', at('tree')).stdout).map(d => d.file)).toEqual([at('tree/a/one.ko')]);
    expect(documents(check('--format', 'json', '--files-from', at('list')).stdout)).toHaveLength(2);
    const packed = 'samples/6.12/tocsin_demo.ko.xz';
    expect(documents(check('--format', 'json', packed).stdout)[0]).toMatchObject({ loads: false });
  });

  it('says in two forms at once', () => {
    for (const [ending, beginning] of [
      ['json', '['],
      ['ndjson', '{"schema":"tocsin.check/1"'],
      ['sarif', '{\n  "$schema": "https://json.schemastore.org/sarif-2.1.0.json"'],
      ['xml', '<?xml version="1.0" encoding="UTF-8"?>'],
      ['txt', `${demo}: `],
    ]) {
      const report = at(`report.${ending}`);
      const { code, stdout } = check(demo, at('junk.ko'), '--report', report);
      expect(code).toBe(1);
      expect(stdout).toContain('2 files for 6.1.0-50-powerpc64le: 1 load, 1 refused; 1 error, 0 warnings, 0 notes');
      expect([ending, fs.readFileSync(report, 'utf8').startsWith(beginning!)]).toEqual([ending, true]);
    }
    const wrong = check(demo, '--report', at('report.pdf'));
    expect([wrong.code, wrong.stdout]).toEqual([2, '']);
    expect(wrong.stderr).toContain('[CLI010]');
  });

  it('wants a kernel and a file', () => {
    expect(inThread(['check', demo])).toMatchObject({ code: 2, stdout: '' });
    expect(inThread(['check', demo]).stderr).toContain('[CLI012]');
    expect(inThread(['check', '--kernel', index])).toMatchObject({ code: 2, stdout: '' });
    const none = inThread(['check', demo, '--kernel', at('no-kernel')]);
    expect([none.code, none.stdout]).toEqual([2, '']);
    expect(none.stderr).toMatch(/\[[A-Z]+\d{3}\]/);
  });

  it('passes parameters on', () => {
    expect(check(demo, '--parameters', 'no_such_parameter=1', '--format', 'json').stdout).toContain('MOD308');
  });

  it('gives the same answers with several threads', () => {
    const many = Array.from({ length: 40 }, (_, i) => {
      const path = at(`many-${i}.ko`);
      fs.copyFileSync(i % 3 === 0 ? at('magic.ko') : `${root}${demo}`, path);
      return path;
    });
    const one = check('--format', 'ndjson', '-j', '1', ...many);
    const three = check('--format', 'ndjson', '-j', '3', ...many);
    expect(three).toEqual(one);
    expect(one.code).toBe(1);
    expect(one.stdout.split('\n')).toHaveLength(41);
  });
});

describe('signatures', () => {
  const who = signatory('Tocsin test key');
  const changed = at('changed.ko');
  const kernel = at('keys.index');
  beforeAll(() => {
    writeKernelIndex(kernel, { certificates: [who.certificate] });
    const bytes = fs.readFileSync(`${root}${fix}`);
    bytes.write('intree=Y\0x=', bytes.indexOf('\0description=') + 1, 'latin1');
    const signature = message(bytes, who);
    fs.writeFileSync(at('signed.ko'), appended(bytes, signature));
    // Of what the kernel never looks at, so that only the signature tells.
    bytes.write('y', bytes.indexOf('\0x=') + 3, 'latin1');
    fs.writeFileSync(changed, appended(bytes, signature));
  });
  const run = (...args: string[]) => inThread(['check', '--kernel', kernel, '--no-proof', '--format', 'json', ...args]);

  it('are verified with the keys of the kernel', () => {
    expect(documents(run(at('signed.ko')).stdout)[0]).toMatchObject({ loads: true, findings: [] });
    const { code, stdout } = run(changed);
    expect(code).toBe(1);
    expect(documents(stdout)[0]).toMatchObject({ loads: false, errno: 'EKEYREJECTED', findings: [{ code: 'SIG303' }] });
    expect(documents(run('--no-signatures', changed).stdout)[0]).toMatchObject({ loads: true, findings: [] });
  });

  it('of many files are verified as well, unless that is not wanted', () => {
    const others = Array.from({ length: 8 }, (_, i) => {
      const path = at(`beside-${i}.ko`);
      fs.copyFileSync(at('magic.ko'), path);
      return path;
    });
    expect(documents(run(changed, ...others).stdout)[0]!.errno).toBe('EKEYREJECTED');
    const quick = run('--no-signatures', changed, ...others);
    expect(documents(quick.stdout)[0]).toMatchObject({ loads: true, findings: [] });
  });
});

describe('modules that import from each other', () => {
  it('resolve one another, as files and from a folder', () => {
    const { importer, exporter, exporterGone } = writeImporters();
    const alone = documents(check('--format', 'json', importer).stdout)[0]!;
    expect([alone.loads, alone.errno]).toEqual([false, 'ENOENT']);
    expect(alone.kernelMessage).toContain('Unknown symbol fix_in_range (err -2)');
    expect(documents(check('--format', 'json', importer, exporter).stdout).map(d => d.loads)).toEqual([true, true]);
    fs.mkdirSync(at('context'));
    fs.copyFileSync(exporter, at('context/fix.ko'));
    expect(check(importer, '--modules', at('context'))).toMatchObject({ code: 0 });
    const broken = documents(check('--format', 'json', importer, exporterGone).stdout);
    expect(broken.map(d => d.loads)).toEqual([false, false]);
    expect(broken[0]!.kernelMessage).toContain('Unknown symbol fix_in_range (err -2)');
  });

  it('are told who goes on with what a wrong function leaves', () => {
    const { importer, exporter } = writeImporters();
    const bytes = fs.readFileSync(exporter);
    const elf = readElf(bytes);
    const wrong = functionsOf(elf).find(f => f.name === 'fix_in_range')!;
    const LI_R14_0 = 0x39c00000;
    // Behind `mflr r0; bl _mcount`.
    bytes.writeUInt32LE(LI_R14_0, wrong.section.sh_offset + wrong.local + 8);
    const spoiled = at('spoiled-fix.ko');
    fs.writeFileSync(spoiled, bytes);
    const [alone] = documents(check('--format', 'json', spoiled).stdout);
    const refuted = alone!.findings.find(f => f.verdict === 'refuted')!;
    expect(refuted).toMatchObject({ function: 'fix_in_range' });
    expect(refuted.callers).toBeUndefined();
    const both = check('--format', 'json', importer, spoiled);
    expect(both.code).toBe(1);
    expect(documents(both.stdout)[1]!.findings.find(f => f.verdict === 'refuted')!.callers).toEqual([
      '__tocsin_frame_demo_in_range [tocsin_demo]',
    ]);
    expect(check(importer, spoiled).stdout).toContain(
      'fix_in_range is called by __tocsin_frame_demo_in_range [tocsin_demo], and they go on with what it leaves',
    );
  });

  it('may export the same', () => {
    const copy = at('copy.ko');
    const bytes = Buffer.from(fs.readFileSync(`${root}${fix}`));
    for (let i = bytes.indexOf('tocsin_fix'); i >= 0; i = bytes.indexOf('tocsin_fix', i + 1))
      bytes.write('tocsin_fox', i);
    fs.writeFileSync(copy, bytes);
    const list = documents(check('--format', 'json', fix, copy).stdout);
    expect(list.map(d => d.findings.some(f => f.code === 'SYM201' || f.code === 'SYM306'))).toEqual([true, true]);
  });
});

/** The demo patched to call the fix module. */
function writeImporters() {
  const importer = at('importer.ko');
  const symvers = ['--symvers', 'samples/6.1/Module.symvers'];
  const done = inThread([
    'patch',
    demo,
    '-o',
    importer,
    '--redirect',
    'demo_in_range=fix_in_range',
    ...symvers,
    '--force',
  ]);
  expect(done.code, done.stderr).toBe(0);
  const exporterGone = at('exporter-gone.ko');
  const bytes = Buffer.from(fs.readFileSync(`${root}${fix}`));
  bytes.write('6.2.0', bytes.indexOf('vermagic=6.1.0') + 9);
  bytes.write('mod_unlobd', bytes.indexOf('mod_unload'));
  fs.writeFileSync(exporterGone, bytes);
  return { importer, exporter: `${root}${fix}`, exporterGone };
}

describe('tocsin explain', () => {
  it('has cause and remedy', () => {
    const { code, stdout } = inThread(['explain', 'rel303']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^REL303 .*\n\ncause: {3}a call to another object without a nop.*\nremedy: {2}/);
    expect(inThread(['explain', 'ELF001', '[SIG301]']).stdout).toMatch(/ELF001[\s\S]*SIG301/);
  });

  it('lists all', () => {
    const { code, stdout } = inThread(['explain']);
    expect(code).toBe(0);
    for (const each of ['CLI001', 'IO001', 'REL303', 'VER900']) expect(stdout).toContain(`  ${each}  `);
  });

  it('knows what was meant', () => {
    const { code, stdout, stderr } = inThread(['explain', 'REL399']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/no such code: REL399 \(expected perhaps REL\d{3} or /);
    expect(stderr).toContain('[CLI011]');
  });
});
