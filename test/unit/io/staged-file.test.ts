/** A file that waits beside its place until somebody has judged what it holds. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stageFile } from '../../../src/io/atomic-write.ts';
import { codeOf, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
let count = 0;

function fresh(): string {
  const inside = join(folder, `${count++}`);
  fs.mkdirSync(inside);
  return inside;
}

const NEW = Buffer.from('the new contents');

describe('a staged file', () => {
  it('leaves the target alone until it is committed', async () => {
    const inside = fresh();
    const target = join(inside, 'out.ko');
    fs.writeFileSync(target, 'old');
    const staged = await stageFile(target, NEW);
    expect(fs.readFileSync(target, 'utf8')).toBe('old');
    expect(fs.readdirSync(inside)).toHaveLength(2);
    await staged.commit();
    expect(fs.readFileSync(target)).toEqual(NEW);
    expect(fs.readdirSync(inside)).toEqual(['out.ko']);
  });

  it('gives back what the file holds, and not what was meant', async () => {
    const inside = fresh();
    const staged = await stageFile(join(inside, 'out.ko'), NEW);
    expect(Buffer.from((await staged.readBack())!)).toEqual(NEW);
    const [temporary] = fs.readdirSync(inside);
    fs.writeFileSync(join(inside, temporary!), 'The new contents');
    expect(Buffer.from((await staged.readBack())!).toString()).toBe('The new contents');
    fs.writeFileSync(join(inside, temporary!), 'cut');
    expect(Buffer.from((await staged.readBack())!).toString()).toBe('cut');
    await staged.discard();
  });

  it('says whether it holds what was meant, piece by piece', async () => {
    const inside = fresh();
    // More than two pieces, and a part of one.
    const bytes = new Uint8Array(2_500_000).map((_, i) => i * 7 + (i >> 12));
    const staged = await stageFile(join(inside, 'out.ko'), bytes);
    expect(await staged.holds(bytes)).toBe(true);
    expect(await staged.holds(bytes.subarray(0, -1))).toBe(false);
    expect(await staged.holds(Uint8Array.of(...bytes.subarray(0, 10)))).toBe(false);
    const path = join(inside, fs.readdirSync(inside)[0]!);
    const spoil = (at: number) => {
      const file = Buffer.from(bytes);
      file[at]! ^= 1;
      fs.writeFileSync(path, file);
    };
    for (const at of [0, 1_048_575, 1_048_576, 2_400_000, bytes.length - 1]) {
      spoil(at);
      expect([at, await staged.holds(bytes)]).toEqual([at, false]);
    }
    for (const size of [0, 1_048_576, bytes.length - 1]) {
      fs.writeFileSync(path, bytes.subarray(0, size));
      expect([size, await staged.holds(bytes)]).toEqual([size, false]);
    }
    fs.writeFileSync(path, Buffer.concat([bytes, bytes.subarray(0, 1)]));
    expect(await staged.holds(bytes)).toBe(false);
    fs.writeFileSync(path, bytes);
    expect(await staged.holds(bytes)).toBe(true);
    await staged.discard();
  });

  it('is gone once it is discarded, and the target is as it was', async () => {
    const inside = fresh();
    const target = join(inside, 'out.ko');
    const staged = await stageFile(target, NEW);
    await staged.discard();
    expect(fs.readdirSync(inside)).toEqual([]);
    fs.writeFileSync(target, 'old');
    await (await stageFile(target, NEW)).discard();
    expect(fs.readdirSync(inside)).toEqual(['out.ko']);
    expect(fs.readFileSync(target, 'utf8')).toBe('old');
  });

  it('refuses what cannot be written to before anything is judged', async () => {
    const inside = fresh();
    expect(await codeOf(() => stageFile(inside, NEW))).toBe('IO032');
    expect(await codeOf(() => stageFile(join(inside, 'no', 'out.ko'), NEW))).toBe('IO030');
    expect(fs.readdirSync(inside)).toEqual([]);
  });

  it('is nothing yet for a device, and cannot be read back', async () => {
    const staged = await stageFile('/dev/null', NEW);
    expect(await staged.readBack()).toBeUndefined();
    await staged.commit();
  });
});
