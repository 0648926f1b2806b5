/** A file that waits beside its place until somebody has judged what it holds. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStage, stageFile } from '../../../src/io/atomic-write.ts';
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

  it('puts what the file holds into the place of what was written', async () => {
    const inside = fresh();
    const bytes = new Uint8Array(2_500_000).map((_, i) => i * 7 + (i >> 12));
    const memory = bytes.slice();
    const stage = openStage(join(inside, 'out.ko'), { mode: 0o640 });
    const path = join(inside, fs.readdirSync(inside)[0]!);
    expect(await stage.pass(memory)).toBe(true);
    expect(Buffer.compare(memory, bytes)).toBe(0);
    memory.set(NEW, 1_000_000);
    expect(stage.passPart(memory, 1_000_000, NEW.length)).toBe(true);
    bytes.set(NEW, 1_000_000);
    expect(Buffer.compare(fs.readFileSync(path), bytes)).toBe(0);
    stage.seal();
    await stage.commit();
    expect(fs.readdirSync(inside)).toEqual(['out.ko']);
    expect(Buffer.compare(fs.readFileSync(join(inside, 'out.ko')), bytes)).toBe(0);
    expect(fs.statSync(join(inside, 'out.ko')).mode & 0o777).toBe(0o640);
  });

  it('gives back what somebody else has written there, and says when the size is another', async () => {
    const inside = fresh();
    const memory = Buffer.from(NEW);
    const stage = openStage(join(inside, 'out.ko'));
    const path = join(inside, fs.readdirSync(inside)[0]!);
    // Behind what is written.
    fs.writeFileSync(path, 'x'.repeat(NEW.length + 5));
    expect(await stage.pass(memory)).toBe(false);
    expect(stage.passPart(memory, 4, 3)).toBe(false);
    fs.truncateSync(path, NEW.length);
    expect(stage.passPart(memory, 4, 3)).toBe(true);
    expect(memory).toEqual(NEW);
    await stage.discard();
    expect(fs.readdirSync(inside)).toEqual([]);
  });

  it('is not closed while another thread writes to it', async () => {
    const inside = fresh();
    const stage = openStage(join(inside, 'out.ko'));
    const passing = stage.pass(new Uint8Array(20_000_000));
    await stage.discard();
    expect(await passing).toBe(true);
    expect(fs.readdirSync(inside)).toEqual([]);
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
    const stage = openStage('/dev/null');
    expect(await stage.pass(NEW)).toBe(true);
    stage.seal();
    await stage.commit();
  });
});
