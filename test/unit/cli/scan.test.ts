import * as fs from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { inThread, shell, temporaryFolder, tocsin } from '../../support/cli.ts';
import { ET, ObjectBuilder, R, SHF } from '../../support/object-builder.ts';
import { root, samples } from '../../support/samples.ts';
import { BLR, b, bl, MFLR_R0, NOP } from '../../support/words.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const demo = 'samples/6.1/tocsin_demo.ko';
const other = 'samples/6.1/tocsin_fix.ko';

interface ScanDocument {
  readonly file: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly calls?: readonly unknown[];
  readonly callSites?: readonly unknown[];
}

const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile<ScanDocument>(
  JSON.parse(fs.readFileSync(`${root}schemas/tocsin.scan-1.schema.json`, 'utf8')),
);

function document(text: string): ScanDocument {
  const value = JSON.parse(text);
  if (!validate(value)) throw new Error(JSON.stringify(validate.errors, null, 2));
  return value;
}

fs.writeFileSync(at('bad.ko'), 'not an object');
fs.writeFileSync(at('cut.ko'), fs.readFileSync(`${root}${demo}`).subarray(0, 3000));
fs.writeFileSync(at('empty.ko'), '');
fs.mkdirSync(at('tree/a/b'), { recursive: true });
fs.copyFileSync(`${root}${demo}`, at('tree/z.ko'));
fs.copyFileSync(`${root}samples/6.12/tocsin_demo.ko.xz`, at('tree/a/one.ko.xz'));
fs.copyFileSync(`${root}samples/6.12/tocsin_demo.ko.zst`, at('tree/a/b/two.ko.zst'));
fs.copyFileSync(`${root}samples/6.12/tocsin_demo.ko.gz`, at('tree/a/b/three.ko.gz'));
fs.writeFileSync(at('tree/notes.txt'), 'no module');
fs.copyFileSync(`${root}${demo}`, at('-dash.ko'));
fs.writeFileSync(at('odd.ko'), oddObject());
fs.writeFileSync(at('image'), image());

/** Something of everything that can be odd about sites and records. */
function oddObject(): Uint8Array {
  const builder = new ObjectBuilder();
  const text = builder.code('.text', [MFLR_R0, bl(0), NOP, NOP, BLR, b(0), NOP, NOP, BLR]);
  const section = builder.sectionSymbol(text);
  const f = builder.function('f', text, 0, 20);
  builder.function('g', text, 24, 12, { bind: 10 });
  builder.relocate(text, 4, R.REL24, builder.undefined('_mcount'));
  builder.relocate(text, 20, R.REL24, f);
  builder.records('__patchable_function_entries', section, [8, 16, 8, 1000]);
  return builder.build();
}

function image(): Uint8Array {
  const builder = new ObjectBuilder({ type: ET.EXEC });
  const text = builder.code('.text', [MFLR_R0, bl(1 + 1), BLR, BLR], { address: 0xc000000000000000n });
  builder.function('f', text, 0xc000000000000000n, 12);
  builder.function('_mcount', text, 0xc00000000000000cn, 4);
  const table = builder.section('.init.data', {
    flags: SHF.ALLOC,
    align: 8,
    bytes: new Uint8Array(8),
    address: 0xc000000000010000n,
  });
  builder.relocate(0, 0xc000000000010000n, R.RELATIVE, undefined, -0x3ffffffffffffffcn);
  builder.symbol('__start_mcount_loc', { section: table, value: 0xc000000000010000n, bind: 1 });
  builder.symbol('__stop_mcount_loc', { section: table, value: 0xc000000000010008n, bind: 1 });
  return builder.build();
}

describe('tocsin scan FILE', () => {
  it('prints a table of functions and their sites', () => {
    const { code, stdout, stderr } = inThread(['scan', demo]);
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(`${demo}: module, profiling mprofile-kernel`);
    expect(lines[1]).toMatch(
      /^\d+ functions, \d+ call sites \(all recorded\); calls: \d+ local, \d+ external, \d+ sibling, \d+ indirect$/,
    );
    expect(lines[3]).toMatch(/^FUNCTION +SECTION +GLOBAL +LOCAL +TOC +BINDING +SITE +FORM +RECORDED$/);
    expect(stdout).toMatch(
      /^demo_in_range +\.text +0x[0-9a-f]+ +0x[0-9a-f]+ +load-add +global +0x[0-9a-f]+ +mprofile-kernel +yes$/m,
    );
    expect(stdout).toMatch(/^demo_swap_halves .* -$/m);
    expect(stdout).not.toMatch(/ $/m);
  });

  it('adds the calls with --calls', () => {
    const { stdout } = inThread(['scan', '--calls', demo]);
    expect(stdout).toMatch(/^FROM +SECTION +OFFSET +EDGE +TO$/m);
    expect(stdout).toMatch(/^demo_sibling +\.text +0x[0-9a-f]+ +sibling +demo_in_range$/m);
    expect(stdout).toMatch(/^demo_indirect +\.text +0x[0-9a-f]+ +indirect$/m);
  });

  it('has a row a file and a total with --summary', () => {
    const { stdout, code } = inThread(['scan', '--summary', ...samples]);
    const rows = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(rows).toHaveLength(samples.length + 2);
    expect(rows[0]).toMatch(/^FILE +KIND +PROFILING +FUNCTIONS +SITES +RECORDED +LOCAL +EXTERNAL +SIBLING +INDIRECT$/);
    expect(rows.at(-1)).toMatch(new RegExp(`^${samples.length} files +\\d+`));
    expect(inThread(['scan', '--summary', demo]).stdout.trimEnd().split('\n')).toHaveLength(2);
  });

  it('keeps to functions whose names match', () => {
    const value = document(inThread(['scan', '--format', 'json', '--calls', '--functions', 'demo_s*', demo]).stdout);
    const names = new Set(
      (value as unknown as { entryPoints: { function: string }[] }).entryPoints.map(e => e.function),
    );
    expect([...names].every(n => n.startsWith('demo_s'))).toBe(true);
    expect(names.size).toBeGreaterThan(2);
    const summary = document(
      inThread(['scan', '--format', 'json', '--summary', '--functions', 'demo_s*', demo]).stdout,
    );
    expect(summary.counts).toEqual(value.counts);
    expect(summary.callSites).toBeUndefined();
    expect(inThread(['scan', '--functions', '[z-a&', demo]).code).toBe(0);
  });

  it('tells what does not fit together', () => {
    const { stdout } = inThread(['scan', at('odd.ko')]);
    expect(stdout).toContain('site without a record: f, .text+0x4');
    expect(stdout).toContain('record without a site: __patchable_function_entries+0x10: repeated (.text+0x8)');
    expect(stdout).toContain('record without a site: __patchable_function_entries+0x8: no site there (.text+0x10)');
    expect(stdout).toContain('record without a site: __patchable_function_entries+0x18: not code');
    expect(stdout).toMatch(/^1 entries begin with nops that no record names .*: g$/m);
    document(inThread(['scan', '--calls', '--format', 'json', at('odd.ko')]).stdout);
  });

  it('tells functions of one name apart, and lists all names of one place', () => {
    const builder = new ObjectBuilder();
    const text = builder.code('.text', [NOP, BLR, NOP, BLR, BLR]);
    for (const place of [0, 8, 16]) builder.function('same', text, place, 4, { bind: 0 });
    builder.function('alias', text, 8, 4);
    builder.records('__patchable_function_entries', builder.sectionSymbol(text), [0, 8]);
    fs.writeFileSync(at('names.ko'), builder.build());
    const rows = inThread(['scan', at('names.ko')])
      .stdout.split('\n')
      .slice(4);
    expect(rows.filter(r => r !== '').map(r => r.replace(/ +/g, ' '))).toEqual([
      'same .text 0x0 0x0 none local 0x0 patchable-out-of-line yes',
      'same .text 0x8 0x8 none local 0x8 patchable-out-of-line yes',
      'alias .text 0x8 0x8 none global 0x8 patchable-out-of-line yes',
      'same .text 0x10 0x10 none local -',
    ]);
  });

  it('shows addresses for a linked image', () => {
    expect(inThread(['scan', at('image')]).stdout).toMatch(
      /^f +\.text +0x0 +0x0 +none +global +0xc000000000000004 +mprofile-kernel +yes$/m,
    );
    expect(document(inThread(['scan', '--format', 'json', at('image')]).stdout)).toMatchObject({
      kind: 'vmlinux',
      callSites: [{ address: '0xc000000000000004' }],
    });
  });
});

describe('JSON', () => {
  it.each(samples)('of %s keeps to the schema, with and without lists', path => {
    for (const options of [[], ['--calls'], ['--summary']]) {
      const { code, stdout, stderr } = inThread(['scan', '--format', 'json', ...options, path]);
      expect([code, stderr]).toEqual([0, '']);
      const value = document(stdout);
      expect(value.file).toBe(path);
      expect('calls' in value).toBe(options.includes('--calls'));
      expect('callSites' in value).toBe(!options.includes('--summary'));
    }
  });

  it('of several files is one array', () => {
    const values = JSON.parse(inThread(['scan', '--format', 'json', '--summary', ...samples]).stdout);
    expect(values.map((v: { file: string }) => v.file)).toEqual(samples);
    for (const value of values) expect(validate(value)).toBe(true);
  });

  it('of a folder or a list is an array, even of one', () => {
    fs.mkdirSync(at('single'), { recursive: true });
    fs.copyFileSync(`${root}${demo}`, at('single/only.ko'));
    expect(JSON.parse(inThread(['scan', '--format', 'json', at('single')]).stdout)).toHaveLength(1);
  });

  it('is an array of nothing where nothing could be read, and nothing for one file', () => {
    const several = inThread(['scan', '--format', 'json', at('bad.ko'), at('cut.ko')]);
    expect([several.code, JSON.parse(several.stdout)]).toEqual([2, []]);
    const one = inThread(['scan', '--format', 'json', at('bad.ko')]);
    expect([one.code, one.stdout]).toEqual([2, '']);
  });

  it('a line with ndjson', () => {
    const { stdout } = inThread(['scan', '--format', 'ndjson', '--calls', ...samples]);
    const lines = stdout.split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map(line => document(line).file)).toEqual(samples);
  });

  it('schema refuses what is not in it', () => {
    const value = JSON.parse(inThread(['scan', '--format', 'json', demo]).stdout);
    expect(validate(value)).toBe(true);
    expect(validate({ ...value, extra: 1 })).toBe(false);
    expect(validate({ ...value, callSites: [{ ...value.callSites[0], more: 1 }] })).toBe(false);
    expect(validate({ ...value, callSites: undefined })).toBe(false);
    expect(validate({ ...value, counts: { ...value.counts, functions: -1 } })).toBe(false);
  });
});

describe('several inputs', () => {
  it('one that cannot be read does not stop the rest', () => {
    const args = [
      'scan',
      '--summary',
      '--format',
      'ndjson',
      demo,
      at('bad.ko'),
      at('missing.ko'),
      at('cut.ko'),
      at('empty.ko'),
      other,
    ];
    const { code, stdout, stderr } = inThread(args);
    expect(code).toBe(2);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map(line => document(line).file),
    ).toEqual([demo, other]);
    expect(stderr).toMatch(/missing\.ko/);
    expect(stderr).toMatch(/bad\.ko: not an ELF file .*\[ELF001\]/);
    expect(stderr).toMatch(/cut\.ko: .*\[ELF010\]/);
    expect(stderr).toMatch(/empty\.ko/);
  });

  it('a folder means all modules below, in the order of their paths', () => {
    const { stdout, code } = inThread(['scan', '--summary', '--format', 'ndjson', at('tree')]);
    expect(code).toBe(0);
    const names = ['tree/a/b/three.ko.gz', 'tree/a/b/two.ko.zst', 'tree/a/one.ko.xz', 'tree/z.ko'];
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map(line => document(line).file),
    ).toEqual(names.map(at));
    expect(
      new Set(
        stdout
          .trimEnd()
          .split('\n')
          .slice(0, 3)
          .map(line => JSON.stringify(document(line).counts)),
      ).size,
    ).toBe(1);
  });

  it('--files-from names them in a file or on standard input', () => {
    fs.writeFileSync(at('list'), `${samples.join('\n')}\n`);
    const from = (args: string[], input = '') =>
      tocsin(['scan', '--summary', '--format', 'ndjson', ...args], { input });
    const expected = tocsin(['scan', '--summary', '--format', 'ndjson', ...samples]).stdout;
    expect(from(['--files-from', at('list')]).stdout).toBe(expected);
    expect(from(['--files-from', '-'], `${samples.join('\r\n')}`).stdout).toBe(expected);
    expect(from(['--files-from', '-'], samples.join('\0')).stdout).toBe(expected);
    expect(from(['--files-from', '-'])).toMatchObject({ code: 2, stdout: '' });
    expect(from(['--files-from', at('nowhere')])).toMatchObject({ code: 2, stdout: '' });
    expect(from([demo, '--files-from', at('list')]).stdout.split('\n')).toHaveLength(samples.length + 1);
  });

  it('reads standard input as a file', () => {
    const { stdout, code } = tocsin(['scan', '--summary', '--format', 'json', '-'], {
      input: fs.readFileSync(`${root}${demo}`),
    });
    expect([code, document(stdout).file]).toEqual([0, '-']);
    const packed = tocsin(['scan', '--summary', '--format', 'json', '-'], {
      input: fs.readFileSync(`${root}samples/6.12/tocsin_demo.ko.xz`),
    });
    expect(document(packed.stdout).counts).toEqual(
      document(tocsin(['scan', '--format', 'json', 'samples/6.12/tocsin_demo.ko']).stdout).counts,
    );
  });

  it('takes names behind -- as they are', () => {
    const { stdout, code, stderr } = tocsin(['scan', '--summary', '--format', 'json', '--', '-dash.ko'], {
      cwd: folder,
    });
    expect([code, stderr]).toEqual([0, '']);
    expect(document(stdout).file).toBe('-dash.ko');
  });

  it('gives the same with workers', () => {
    for (const format of ['table', 'json', 'ndjson'])
      for (const jobs of ['2', '7']) {
        const args = ['scan', '--calls', '--format', format, ...samples, at('bad.ko'), at('tree')];
        const one = inThread([...args, '-j', '1']);
        const two = inThread([...args, '-j', jobs]);
        expect(two).toEqual(one);
        expect(one.code).toBe(2);
      }
  });
});

describe('tocsin scan --summary of many files', () => {
  it('gives the same with a second thread and without, damaged files included', () => {
    fs.mkdirSync(at('many/a'), { recursive: true });
    const contents = ['samples/6.1/tocsin_demo.ko', 'samples/7.2/tocsin_fix.ko', 'samples/legacy/pg.o'].map(path =>
      fs.readFileSync(`${root}${path}`),
    );
    contents.push(contents[0]!.subarray(0, 3000), Buffer.alloc(0));
    for (let i = 0; i < 700; i++) fs.writeFileSync(at(`many/${i % 2 === 0 ? 'a/' : ''}${i}.ko`), contents[i % 5]!);
    for (const format of ['table', 'ndjson']) {
      const args = ['scan', '--summary', '--format', format, at('many')];
      const one = inThread([...args, '-j', '1']);
      expect(inThread(args)).toEqual(one);
      expect([one.code, one.stderr.split('IO005').length - 1]).toEqual([2, 140]);
    }
  });

  it('does without WebAssembly', () => {
    const args = ['scan', '--summary', demo, at('image'), at('cut.ko')];
    const { code, stdout } = tocsin(args, { env: { NODE_OPTIONS: '--jitless' } });
    expect({ code, stdout }).toEqual({ code: 2, stdout: inThread(args).stdout });
  });
});

describe('where output goes', () => {
  it('a reader that goes away early is no error', () => {
    const { stdout, stderr } = shell(
      `$TOCSIN scan --calls ${samples.join(' ')} samples samples | head -1; echo "\${PIPESTATUS[0]}"`,
    );
    expect(stdout.split('\n')[0]).toContain('profiling');
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('0');
    expect(stderr).toBe('');
  });

  it('a closed standard output is no crash', () => {
    expect(shell(`$TOCSIN scan ${demo} >&-`).stderr).not.toContain('bug in tocsin');
    expect(shell(`$TOCSIN scan ${demo} 2>&-`).code).toBe(0);
    expect(shell(`$TOCSIN scan ${demo} <&-`).code).toBe(0);
  });

  it('a full disk is told', () => {
    const { code, stderr } = shell(`$TOCSIN scan ${demo} >/dev/full`);
    expect(code).toBe(2);
    expect(stderr).toContain('ENOSPC');
  });

  it('colours only where they are wanted', () => {
    for (const env of [{}, { NO_COLOR: '1' }, { FORCE_COLOR: '0' }])
      expect(tocsin(['scan', demo], { env }).stdout).not.toContain('\u001b');
    expect(tocsin(['scan', demo, '--no-color']).stdout).toBe(tocsin(['scan', demo]).stdout);
  });

  it('errors go to standard error, and say what to do', () => {
    const { stdout, stderr, code } = inThread(['scan', at('bad.ko')]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^tocsin: .*bad\.ko: not an ELF file .* \[ELF001\]\n {2}remedy: .*\n$/);
  });

  it('no control character of a file reaches the terminal', () => {
    const builder = new ObjectBuilder();
    const text = builder.code('.text\u001b[31m', [BLR]);
    builder.function('f\u001b]0;title\u0007\n', text, 0, 4);
    fs.writeFileSync(at('escape.ko'), builder.build());
    const { stdout } = inThread(['scan', '--calls', at('escape.ko')]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect(stdout.split('\n').filter(line => line.startsWith('f'))).toHaveLength(1);
  });
});
