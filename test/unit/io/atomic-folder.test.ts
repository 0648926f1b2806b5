import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeFolderAtomic } from '../../../src/io/atomic-folder.ts';
import { codeOf, isRoot, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
let count = 0;

/** A path inside a fresh folder. */
function fresh(): string {
  const inside = join(folder, `${count++}`);
  fs.mkdirSync(inside);
  return join(inside, 'out');
}

const files = (...names: string[]) => new Map(names.map(name => [name, Buffer.from(name)]));
const listed = (path: string) => fs.readdirSync(path).sort();

describe('writeFolderAtomic', () => {
  it('creates a folder, and fills an empty one', () => {
    const target = fresh();
    writeFolderAtomic(target, files('a', '.text'));
    expect(listed(target)).toEqual(['.text', 'a']);
    expect(fs.readFileSync(join(target, '.text'), 'utf8')).toBe('.text');
    const empty = fresh();
    fs.mkdirSync(empty);
    writeFolderAtomic(empty, files('a'));
    expect(listed(empty)).toEqual(['a']);
    expect(listed(join(empty, '..'))).toEqual(['out']);
  });

  it('replaces only what it may', async () => {
    const target = fresh();
    writeFolderAtomic(target, files('a', 'b'));
    expect(await codeOf(() => writeFolderAtomic(target, files('c')))).toBe('IO040');
    expect(await codeOf(() => writeFolderAtomic(target, files('c'), { mayReplace: names => names.length > 5 }))).toBe(
      'IO040',
    );
    expect(listed(target)).toEqual(['a', 'b']);
    writeFolderAtomic(target, files('c'), { mayReplace: names => names.includes('a') });
    expect(listed(target)).toEqual(['c']);
    expect(listed(join(target, '..'))).toEqual(['out']);
  });

  it('follows a link to a folder', () => {
    const target = fresh();
    fs.mkdirSync(`${target}.real`);
    fs.symlinkSync(`${target}.real`, target);
    writeFolderAtomic(target, files('a'));
    expect(fs.lstatSync(target).isSymbolicLink()).toBe(true);
    expect(listed(`${target}.real`)).toEqual(['a']);
  });

  it('refuses a file, and a place without a folder', async () => {
    const target = fresh();
    fs.writeFileSync(target, 'x');
    expect(await codeOf(() => writeFolderAtomic(target, files('a'), { mayReplace: () => true }))).toBe('IO040');
    expect(fs.readFileSync(target, 'utf8')).toBe('x');
    expect(await codeOf(() => writeFolderAtomic(join(fresh(), 'deeper', 'out'), files('a')))).toBe('IO030');
    expect(await codeOf(() => writeFolderAtomic('a\0b', files('a')))).toBe('IO030');
  });

  it.skipIf(isRoot)('says that it may not write', async () => {
    const target = fresh();
    fs.chmodSync(join(target, '..'), 0o555);
    expect(await codeOf(() => writeFolderAtomic(target, files('a')))).toBe('IO031');
  });

  it('leaves nothing behind where a file cannot be written', async () => {
    const target = fresh();
    expect(await codeOf(() => writeFolderAtomic(target, files('a', `b/${'c'.repeat(10)}`)))).toBe('IO030');
    expect(fs.existsSync(target)).toBe(false);
    expect(listed(join(target, '..'))).toEqual([]);
  });
});
