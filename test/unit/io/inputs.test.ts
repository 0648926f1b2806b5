import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expandInputs, modulesBelow } from '../../../src/io/inputs.ts';
import { isRoot, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

function tree(...paths: string[]): void {
  for (const path of paths) {
    fs.mkdirSync(join(at(path), '..'), { recursive: true });
    fs.writeFileSync(at(path), 'x');
  }
}

tree('m/a.ko', 'm/a/b.ko.xz', 'm/a-b/c.ko.zst', 'm/a/d.ko.gz', 'm/z/deep/er/é.ko', 'm/z/\u{1F514}.ko', 'm/z/\uFF01.ko');
tree('m/a.ko.bak', 'm/notes.txt', 'm/a/x.ko.bz2', 'm/.hidden.ko', 'none/readme', 'other/vmlinux');
fs.symlinkSync('..', at('m/a/build'));
fs.symlinkSync('../../other', at('m/a/folder.ko'));
fs.symlinkSync('../a.ko', at('m/a/link.ko'));
fs.symlinkSync('m', at('to-m'));

const MODULES = [
  'm/.hidden.ko',
  'm/a-b/c.ko.zst',
  'm/a.ko',
  'm/a/b.ko.xz',
  'm/a/d.ko.gz',
  'm/a/link.ko',
  'm/z/deep/er/é.ko',
  'm/z/\uFF01.ko',
  'm/z/\u{1F514}.ko',
];

const codes = (result: { problems: readonly { code: string }[] }) => result.problems.map(p => p.code);

describe('modulesBelow', () => {
  it('finds modules in every form, sorted by bytes, and does not follow links to folders', () => {
    expect(modulesBelow(at('m'))).toEqual({ files: MODULES.map(at), problems: [] });
  });

  it('tells once that there are many', () => {
    let told = 0;
    modulesBelow(at('m'), () => told++);
    expect(told).toBe(0);
    for (let i = 0; i < 600; i++) tree(`many/${i % 5}/${i}.ko`);
    expect(modulesBelow(at('many'), () => told++).files.length).toBe(600);
    expect(told).toBe(1);
  });

  it('keeps the folder as it was given', () => {
    const cwd = process.cwd();
    try {
      process.chdir(folder);
      expect(modulesBelow('m///').files).toEqual(MODULES);
      expect(modulesBelow('./m').files[0]).toBe('./m/.hidden.ko');
      expect(modulesBelow('to-m').files[0]).toBe('to-m/.hidden.ko');
      process.chdir('m');
      expect(modulesBelow('.').files[0]).toBe('./.hidden.ko');
    } finally {
      process.chdir(cwd);
    }
  });

  it('reports a folder without modules, a dangling link, a link to itself', () => {
    expect(codes(modulesBelow(at('none')))).toEqual(['IO020']);
    tree('broken/ok.ko');
    fs.symlinkSync('nothing', at('broken/dangling.ko'));
    fs.symlinkSync('self.ko', at('broken/self.ko'));
    const result = modulesBelow(at('broken'));
    expect(result.files).toEqual([at('broken/ok.ko')]);
    expect(codes(result)).toEqual(['IO001', 'IO001']);
  });

  it('reports a name that is not UTF-8', () => {
    tree('latin/ok.ko', 'latin/\uFFFD-fine.ko');
    fs.writeFileSync(Buffer.concat([Buffer.from(`${at('latin')}/b`), Buffer.from([0xe4]), Buffer.from('d.ko')]), 'x');
    const result = modulesBelow(at('latin'));
    expect(result.files).toEqual([at('latin/ok.ko'), at('latin/\uFFFD-fine.ko')]);
    expect(codes(result)).toEqual(['IO023']);
  });

  it('reports a folder that may not be read and goes on', ctx => {
    if (isRoot) {
      console.warn('skipped: root may read everything');
      return ctx.skip();
    }
    tree('locked/in/a.ko', 'locked/b.ko');
    fs.chmodSync(at('locked/in'), 0);
    const result = modulesBelow(at('locked'));
    fs.chmodSync(at('locked/in'), 0o755);
    expect(result.files).toEqual([at('locked/b.ko')]);
    expect(codes(result)).toEqual(['IO002']);
  });
});

describe('expandInputs', () => {
  it('keeps the order of the arguments, takes a file whatever its name, and each path once', async () => {
    const args = [at('other/vmlinux'), at('m/a'), at('m/a/b.ko.xz'), '-', at('m/notes.txt')];
    expect(await expandInputs(args)).toEqual({
      files: [at('other/vmlinux'), at('m/a/b.ko.xz'), at('m/a/d.ko.gz'), at('m/a/link.ko'), '-', at('m/notes.txt')],
      problems: [],
    });
  });

  it('reports what does not exist and goes on', async () => {
    const result = await expandInputs([at('missing.ko'), at('m/a.ko'), at('m/a.ko/x'), at('nul\0'), '']);
    expect(result.files).toEqual([at('m/a.ko')]);
    expect(codes(result)).toEqual(['IO001', 'IO001', 'IO001', 'IO001']);
  });

  it.each([
    ['lines', '\n', '\n'],
    ['lines of another system', '\r\n', ''],
    ['NUL bytes', '\0', '\0'],
    ['NUL bytes, the last one missing', '\0', ''],
  ])('reads a list separated by %s', async (_, separator, end) => {
    const list = at('list');
    fs.writeFileSync(list, [at('m/z'), at('missing.ko'), '', at('m/a.ko')].join(separator) + end);
    const result = await expandInputs([at('other/vmlinux')], { filesFrom: list });
    expect(result.files).toEqual([at('other/vmlinux'), ...MODULES.slice(6).map(at), at('m/a.ko')]);
    expect(codes(result)).toEqual(['IO001']);
  });

  it('takes names with newlines from a list with NUL bytes', async () => {
    tree('odd/new\nline.ko');
    fs.writeFileSync(at('list'), `${at('odd/new\nline.ko')}\0`);
    expect((await expandInputs([], { filesFrom: at('list') })).files).toEqual([at('odd/new\nline.ko')]);
  });

  it('reports a list that is missing, empty, blank or not UTF-8, and standard input asked for twice', async () => {
    fs.writeFileSync(at('empty'), '');
    fs.writeFileSync(at('blank'), '\n\n');
    fs.writeFileSync(at('latin1'), Buffer.from('b\xe4d.ko\n', 'latin1'));
    expect(codes(await expandInputs([], { filesFrom: at('no-list') }))).toEqual(['IO001']);
    expect(codes(await expandInputs([], { filesFrom: at('empty') }))).toEqual(['IO021']);
    expect(codes(await expandInputs([], { filesFrom: at('blank') }))).toEqual(['IO021']);
    expect(codes(await expandInputs([], { filesFrom: at('latin1') }))).toEqual(['IO023']);
    fs.writeFileSync(at('list'), '-\n');
    expect((await expandInputs([], { filesFrom: at('list') })).files).toEqual([]);
  });
});
