import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, describe, expect, it } from 'vitest';
import { writeAtomic } from '../../../src/io/atomic-write.ts';
import { codeOf, isRoot, sampleBytes, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
let count = 0;

/** A fresh folder, so that no test sees the files of another. */
function fresh(): (name: string) => string {
  const inside = join(folder, `${count++}`);
  fs.mkdirSync(inside);
  return name => join(inside, name);
}

const text = (path: string) => fs.readFileSync(path, 'utf8');
const bytes = (content: string) => Buffer.from(content);
const permissions = (path: string) => (fs.statSync(path).mode & 0o7777).toString(8);

describe('writeAtomic', () => {
  it('creates and replaces', async () => {
    const at = fresh();
    await writeAtomic(at('out.ko'), bytes('one'));
    expect(text(at('out.ko'))).toBe('one');
    await writeAtomic(at('out.ko'), bytes('two'));
    expect(text(at('out.ko'))).toBe('two');
    await writeAtomic(at('out.ko'), new Uint8Array());
    expect(text(at('out.ko'))).toBe('');
    expect(fs.readdirSync(at(''))).toEqual(['out.ko']);
  });

  it('takes a path without a folder', async () => {
    const at = fresh();
    const cwd = process.cwd();
    try {
      process.chdir(at(''));
      await writeAtomic('out.ko', bytes('one'));
    } finally {
      process.chdir(cwd);
    }
    expect(fs.readdirSync(at(''))).toEqual(['out.ko']);
  });

  it('gives a new file the mode of the input, or that of any new file', async () => {
    const at = fresh();
    await writeAtomic(at('a'), bytes('a'), { mode: 0o100751 });
    expect(permissions(at('a'))).toBe('751');
    await writeAtomic(at('b'), bytes('b'));
    fs.writeFileSync(at('c'), 'c');
    expect(permissions(at('b'))).toBe(permissions(at('c')));
  });

  it('keeps the mode of an existing target', async () => {
    const at = fresh();
    fs.writeFileSync(at('out'), 'old');
    fs.chmodSync(at('out'), 0o604);
    await writeAtomic(at('out'), bytes('new'), { mode: 0o777 });
    expect(permissions(at('out'))).toBe('604');
  });

  it('keeps the owner of an existing target (root)', async ctx => {
    if (!isRoot) {
      console.warn('skipped: only root may give files away');
      return ctx.skip();
    }
    const at = fresh();
    fs.writeFileSync(at('out'), 'old');
    fs.chownSync(at('out'), 1234, 4321);
    await writeAtomic(at('out'), bytes('new'));
    expect(fs.statSync(at('out'))).toMatchObject({ uid: 1234, gid: 4321 });
  });

  it('writes through symbolic links', async () => {
    const at = fresh();
    fs.mkdirSync(at('deep'));
    fs.writeFileSync(at('deep/real'), 'old');
    fs.symlinkSync('deep/second', at('first'));
    fs.symlinkSync('real', at('deep/second'));
    await writeAtomic(at('first'), bytes('new'));
    expect(text(at('deep/real'))).toBe('new');
    expect(fs.readlinkSync(at('first'))).toBe('deep/second');
    expect(fs.lstatSync(at('deep/second')).isSymbolicLink()).toBe(true);

    fs.symlinkSync('deep/not-yet', at('dangling'));
    await writeAtomic(at('dangling'), bytes('made'));
    expect(text(at('deep/not-yet'))).toBe('made');

    // ".." after a linked folder means the true parent.
    fs.mkdirSync(at('x/y'), { recursive: true });
    fs.symlinkSync('x/y', at('linked'));
    fs.symlinkSync('../target', at('x/y/up'));
    await writeAtomic(at('linked/up'), bytes('up'));
    expect(text(at('x/target'))).toBe('up');
  });

  it('replaces one name of several hard links', async () => {
    const at = fresh();
    fs.writeFileSync(at('a'), 'old');
    fs.linkSync(at('a'), at('b'));
    await writeAtomic(at('a'), bytes('new'));
    expect([text(at('a')), text(at('b'))]).toEqual(['new', 'old']);
  });

  it('writes directly to devices, and leaves them what they are', async () => {
    await writeAtomic('/dev/null', bytes('x'));
    expect(fs.statSync('/dev/null').isCharacterDevice()).toBe(true);
    expect(await codeOf(() => writeAtomic('/dev/full', bytes('x')))).toBe('IO033');
  });

  it('accepts the longest name there can be', async () => {
    const at = fresh();
    for (const name of ['n'.repeat(255), 'é'.repeat(127)]) {
      await writeAtomic(at(name), bytes('x'));
      expect(text(at(name))).toBe('x');
    }
    expect(await codeOf(() => writeAtomic(at('n'.repeat(256)), bytes('x')))).toBe('IO030');
  });

  it('says what is wrong with the target, and leaves nothing behind', async () => {
    const at = fresh();
    fs.mkdirSync(at('folder'));
    fs.writeFileSync(at('file'), 'x');
    fs.symlinkSync('circle', at('circle'));
    const before = fs.readdirSync(at(''));
    for (const [name, code] of [
      ['missing/out', 'IO030'],
      ['file/out', 'IO030'],
      ['circle', 'IO030'],
      ['nul\0', 'IO030'],
      ['folder', 'IO032'],
      ['new/', 'IO032'],
    ] as const) {
      expect([name, await codeOf(() => writeAtomic(at(name), bytes('x')))]).toEqual([name, code]);
    }
    await expect(writeAtomic(at('missing/out'), bytes('x'))).rejects.toMatchObject({
      complaint: { file: at('missing/out') },
    });
    expect(fs.readdirSync(at(''))).toEqual(before);
    expect(fs.readdirSync(at('folder'))).toEqual([]);
  });

  it('writes many files at once', async () => {
    const at = fresh();
    const names = Array.from({ length: 100 }, (_, i) => `${i}.ko`);
    await Promise.all(names.map(name => writeAtomic(at(name), bytes(name))));
    expect(fs.readdirSync(at('')).length).toBe(100);
    for (const name of names) expect(text(at(name))).toBe(name);
    expect(process.listenerCount('SIGTERM')).toBeLessThanOrEqual(1);
  });
});

/** `writeAtomic` for another process, which runs plain JavaScript. */
const bundle = join(folder, 'atomic-write.mjs');
buildSync({
  entryPoints: [new URL('../../../src/io/atomic-write.ts', import.meta.url).pathname],
  bundle: true,
  platform: 'node',
  format: 'esm',
  outfile: bundle,
  logLevel: 'error',
});

const script = (body: string) => `import { writeAtomic } from '${pathToFileURL(bundle)}';\n${body}`;
const children = new Set<ChildProcess>();
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

function start(body: string, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script(body), '--', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  child.on('exit', () => children.delete(child));
  return child;
}

describe('without permission', () => {
  /** As user nobody where we are root. */
  function asNobody(target: string, options: object): string {
    const body = `writeAtomic(process.argv[1], Buffer.from('new'), ${JSON.stringify(options)})
      .then(() => console.log('written'), error => console.log(error.code ?? error));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script(body), '--', target], {
      encoding: 'utf8',
      cwd: '/',
      ...(isRoot ? { uid: 65534, gid: 65534 } : {}),
    });
    return stdout.trim();
  }

  it('refuses a folder or a target that may not be written, and replaces the target if forced', () => {
    const at = fresh();
    fs.chmodSync(folder, 0o755);
    fs.mkdirSync(at('locked'));
    fs.chmodSync(at('locked'), 0o555);
    expect(asNobody(at('locked/out'), {})).toBe('IO031');
    fs.mkdirSync(at('open'));
    fs.chmodSync(at('open'), 0o777);
    fs.writeFileSync(at('open/out'), 'old');
    fs.chmodSync(at('open/out'), 0o474);
    expect(asNobody(at('open/out'), {})).toBe('IO038');
    expect(text(at('open/out'))).toBe('old');
    expect(asNobody(at('open/out'), { force: true })).toBe('written');
    expect(text(at('open/out'))).toBe('new');
    // Where the group could not be kept, it has lost its rights.
    expect(permissions(at('open/out'))).toBe(isRoot ? '444' : '474');
    expect(fs.readdirSync(at('open'))).toEqual(['out']);
  });
});

describe('on a full disk', () => {
  it('leaves the old file and no temporary one', async ctx => {
    const at = fresh();
    fs.mkdirSync(at('disk'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', at('disk')]).status === 0;
    if (!mounted) {
      console.warn('skipped: a small file system cannot be mounted here');
      return ctx.skip();
    }
    try {
      await writeAtomic(at('disk/out'), bytes('old'));
      expect(await codeOf(() => writeAtomic(at('disk/out'), sampleBytes(1 << 20)))).toBe('IO033');
      expect(text(at('disk/out'))).toBe('old');
      expect(fs.readdirSync(at('disk'))).toEqual(['out']);
      spawnSync('mount', ['-o', 'remount,ro', at('disk')]);
      expect(await codeOf(() => writeAtomic(at('disk/out'), bytes('new')))).toBe('IO035');
      expect(await codeOf(() => writeAtomic(at('disk/other'), bytes('new')))).toBe('IO035');
    } finally {
      spawnSync('umount', [at('disk')]);
    }
  });
});

/** Two contents that differ in every byte and in length. */
const OLD_SIZE = 3_000_000;
const NEW_SIZE = 4_000_000;
const isWhole = (content: Uint8Array) =>
  (content.length === OLD_SIZE && content.every(byte => byte === 1)) ||
  (content.length === NEW_SIZE && content.every(byte => byte === 2));

const WRITE_FOR_EVER = `
  const contents = [new Uint8Array(${OLD_SIZE}).fill(1), new Uint8Array(${NEW_SIZE}).fill(2)];
  for (let i = 0; ; i++) {
    await writeAtomic(process.argv[1], contents[i % 2]);
    if (i === 0) console.log('ready');
  }`;

const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));
const temporaries = (path: string) => fs.readdirSync(path).filter(name => name.endsWith('.tmp'));

// TOCSIN_KILLS=200 for a thorough run.
const kills = Number(process.env.TOCSIN_KILLS ?? 12);

describe('killed', { timeout: 600_000 }, () => {
  it(`at ${kills} random moments, leaves the old or the new file, and the next run tidies up`, async () => {
    const at = fresh();
    let left = 0;
    for (let i = 0; i < kills; i++) {
      const child = start(WRITE_FOR_EVER, at('out.ko'));
      await once(child.stdout!, 'data');
      expect(temporaries(at('')).length).toBeLessThanOrEqual(1);
      await sleep(Math.random() * 30);
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(isWhole(fs.readFileSync(at('out.ko')))).toBe(true);
      left += temporaries(at('')).length;
      expect(temporaries(at('')).length).toBeLessThanOrEqual(1);
    }
    // Otherwise the kills came too early or too late to prove anything.
    expect(left).toBeGreaterThan(0);
    await writeAtomic(at('out.ko'), bytes('last'));
    expect(fs.readdirSync(at(''))).toEqual(['out.ko']);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('by %s, dies of it and leaves no temporary file', async signal => {
    const at = fresh();
    for (let i = 0; i < Math.ceil(kills / 3); i++) {
      const child = start(WRITE_FOR_EVER, at('out.ko'));
      await once(child.stdout!, 'data');
      await sleep(Math.random() * 30);
      // Between two writes as well as within one.
      child.kill(signal);
      expect(await once(child, 'exit')).toEqual([null, signal]);
      expect(fs.readdirSync(at(''))).toEqual(['out.ko']);
      expect(isWhole(fs.readFileSync(at('out.ko')))).toBe(true);
    }
  });

  it('leaves a program with its own handler alive; the write fails', async () => {
    const at = fresh();
    const child = start(
      `process.on('SIGTERM', () => {});
       const writing = writeAtomic(process.argv[1], new Uint8Array(50_000_000));
       process.kill(process.pid, 'SIGTERM');
       await writing.then(() => console.log('written'), error => console.log(error.code));`,
      at('out.ko'),
    );
    const [said] = await once(child.stdout!, 'data');
    expect(String(said).trim()).toBe('IO037');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(fs.readdirSync(at(''))).toEqual([]);
  });

  it('by its own process.exit, leaves no temporary file', async () => {
    const at = fresh();
    const child = start(`writeAtomic(process.argv[1], new Uint8Array(1_000_000)); process.exit(3);`, at('out.ko'));
    expect(await once(child, 'exit')).toEqual([3, null]);
    expect(fs.readdirSync(at(''))).toEqual([]);
  });
});

describe('temporary files of others', () => {
  const OTHER_SPACE = '00000000';
  const DEAD = 2 ** 22 - 1;
  const days = (count: number) => Date.now() / 1000 - count * 24 * 3600;

  it('go only if no one can still be writing them', async () => {
    const at = fresh();
    const make = (name: string, age: number) => {
      fs.writeFileSync(at(name), 'part');
      fs.utimesSync(at(name), days(age), days(age));
    };
    const kept = [
      `.out.ko.tocsin-${DEAD}-${OTHER_SPACE}11111111.tmp`,
      `.out.ko.tocsin-1-${OTHER_SPACE}22222222.tmp`,
      `.other.ko.tocsin-${DEAD}-${OTHER_SPACE}33333333.tmp`,
      '.out.ko.tocsin-12-short.tmp',
      '.out.ko.tmp',
    ];
    const gone = [`.out.ko.tocsin-${DEAD}-${OTHER_SPACE}44444444.tmp`, `.out.ko.tocsin-1-${OTHER_SPACE}55555555.tmp`];
    for (const [i, name] of kept.entries()) make(name, i < 2 ? 0.5 : 3);
    for (const name of gone) make(name, 1.5);
    await writeAtomic(at('out.ko'), bytes('x'));
    expect(fs.readdirSync(at('')).sort()).toEqual([...kept, 'out.ko'].sort());
  });
});
