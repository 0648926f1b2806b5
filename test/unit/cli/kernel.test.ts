import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { openIndexFile, openKernel } from '../../../src/cli/kernel-option.ts';
import { InputError } from '../../../src/util/errors.ts';
import { inThread, temporaryFolder } from '../../support/cli.ts';
import { codeOf } from '../../support/errors.ts';
import { CONFIG, DEFAULT_EXPORTS, kernelImage, RELEASE, symversOf, systemMapOf } from '../../support/kernel-image.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
let count = 0;

/** An unpacked tree as Debian 12 has it, with a made-up kernel. */
function tree(change: { readonly image?: Uint8Array; readonly symvers?: string } = {}): string {
  const at = join(folder, `tree-${count++}`);
  const put = (path: string, content: string | Uint8Array) => {
    fs.mkdirSync(dirname(join(at, path)), { recursive: true });
    fs.writeFileSync(join(at, path), content);
  };
  put(`boot/vmlinux-${RELEASE}`, change.image ?? kernelImage());
  put(`boot/config-${RELEASE}`, CONFIG);
  put(`boot/System.map-${RELEASE}`, 'ffffffffffffffff B The real System.map is elsewhere\n');
  put(`usr/src/linux-headers-${RELEASE}/Module.symvers`, change.symvers ?? symversOf());
  put(`lib/modules/${RELEASE}/kernel/README`, 'no module here\n');
  fs.symlinkSync(`/usr/src/linux-headers-${RELEASE}`, join(at, 'lib/modules', RELEASE, 'build'));
  return at;
}

async function codeOfAsync(action: () => Promise<unknown>): Promise<string> {
  try {
    await action();
  } catch (error) {
    if (error instanceof InputError) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}

const fresh = () => ({ cacheFolder: join(folder, `cache-${count++}`, 'deep') });

describe('--kernel', () => {
  it('takes an image, a folder of modules, the root of a tree, and a release', async () => {
    const at = tree();
    const choice = fresh();
    for (const path of [
      join(at, 'boot', `vmlinux-${RELEASE}`),
      join(at, 'lib/modules', RELEASE),
      `${join(at, 'lib/modules', RELEASE)}/`,
      at,
    ])
      expect((await openKernel(path, choice)).exports.find('gamma'), path).toBe(3);
    expect((await openKernel(RELEASE, { ...choice, root: at })).release).toBe(RELEASE);
    expect((await openKernel(at, choice)).assumptions.join()).not.toContain('no configuration');
  });

  it('keeps the index, and makes it again when a piece changes', async () => {
    const at = tree();
    const choice = fresh();
    await openKernel(at, choice);
    const entries = () => fs.readdirSync(choice.cacheFolder);
    expect(entries()).toHaveLength(1);
    const entry = join(choice.cacheFolder, entries()[0]!);
    expect(fs.statSync(entry).mode & 0o777).toBe(0o600);
    const { ino } = fs.statSync(entry);
    await openKernel(at, choice);
    expect(fs.statSync(entry).ino).toBe(ino);
    fs.utimesSync(join(at, 'boot', `config-${RELEASE}`), 1, 1);
    await openKernel(at, choice);
    expect(entries()).toHaveLength(2);
  });

  it('does not trust a damaged entry, one of another build, or one that others may write', async () => {
    const at = tree();
    const choice = fresh();
    await openKernel(at, choice);
    const entry = join(choice.cacheFolder, fs.readdirSync(choice.cacheFolder)[0]!);
    const good = fs.readFileSync(entry);
    const other = Buffer.from(kernelImage().buffer);
    other.write('ffff', other.indexOf(Buffer.from('0011223344', 'hex')), 'hex');
    const strange = await (async () => {
      const elsewhere = fresh();
      await openKernel(tree({ image: other }), elsewhere);
      return fs.readFileSync(join(elsewhere.cacheFolder, fs.readdirSync(elsewhere.cacheFolder)[0]!));
    })();
    const damaged = Buffer.from(good);
    damaged[200]! ^= 1;
    for (const bytes of [damaged, good.subarray(0, 100), Buffer.from('x'), strange]) {
      fs.writeFileSync(entry, bytes);
      expect((await openKernel(at, choice)).buildId).toMatch(/^0011/);
      expect(Buffer.compare(fs.readFileSync(entry), good)).toBe(0);
    }
    fs.chmodSync(entry, 0o666);
    await openKernel(at, choice);
    expect(fs.statSync(entry).mode & 0o022).toBe(0);
  });

  it('does without a cache that cannot be written', async () => {
    const blocked = join(folder, 'a file');
    fs.writeFileSync(blocked, 'in the way');
    expect((await openKernel(tree(), { cacheFolder: join(blocked, 'tocsin') })).release).toBe(RELEASE);
    expect((await openKernel(tree(), { cacheFolder: '/proc/nowhere' })).release).toBe(RELEASE);
  });

  it('keeps a few indexes only', async () => {
    const choice = fresh();
    for (let i = 0; i < 10; i++) await openKernel(tree(), choice);
    expect(fs.readdirSync(choice.cacheFolder)).toHaveLength(8);
  });

  it('skips what is no image of a kernel among several', async () => {
    const at = tree();
    fs.renameSync(join(at, 'boot', `vmlinux-${RELEASE}`), join(at, 'lib/modules', RELEASE, 'vmlinuz'));
    fs.writeFileSync(join(at, 'boot', `vmlinux-${RELEASE}`), 'MZ, a boot wrapper');
    expect((await openKernel(at, fresh())).release).toBe(RELEASE);
  });

  it('says what is wrong', async () => {
    const choice = fresh();
    expect(await codeOfAsync(() => openKernel(join(folder, 'nothing'), choice))).toBe('KER013');
    expect(await codeOfAsync(() => openKernel('6.99-nobody', choice))).toBe('KER013');
    expect(await codeOfAsync(() => openKernel(fs.mkdtempSync(join(folder, 'empty-')), choice))).toBe('KER013');
    const several = tree();
    fs.mkdirSync(join(several, 'lib/modules/6.2'));
    expect(await codeOfAsync(() => openKernel(several, choice))).toBe('KER013');
    expect(await codeOfAsync(() => openKernel(tree({ symvers: symversOf(DEFAULT_EXPORTS.slice(1)) }), choice))).toBe(
      'KER017',
    );
    // Debian's System.map is looked at only where the image has no symbols.
    expect(await codeOfAsync(() => openKernel(tree({ image: kernelImage({ stripped: true }) }), choice))).toBe(
      'KER018',
    );
  });
});

describe('tocsin kernel', () => {
  const at = tree();
  const image = join(at, 'boot', `vmlinux-${RELEASE}`);
  const schema = JSON.parse(fs.readFileSync(`${root}schemas/tocsin.kernel-1.schema.json`, 'utf8'));
  const isValid = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);

  it('writes an index that --kernel opens, and shows it', () => {
    const index = join(folder, 'k.index');
    const made = inThread(['kernel', image, '-o', index]);
    expect([made.code, made.stderr]).toEqual([0, '']);
    expect(made.stdout).toMatch(/^release +6\.1\.0-test-powerpc64le$/m);
    expect(made.stdout).toContain(index);
    expect(openIndexFile(index)?.exports.count).toBe(5);
    const shown = inThread(['kernel', index, '--verbose']);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(/^struct module +1024 bytes/m);
    const damaged = fs.readFileSync(index);
    damaged[300]! ^= 1;
    fs.writeFileSync(index, damaged);
    expect(codeOf(() => openIndexFile(index))).toBe('KER012');
    const refused = inThread(['kernel', index]);
    expect([refused.code, refused.stdout]).toEqual([2, '']);
    expect(refused.stderr).toMatch(/k\.index: .*\[KER012\]/);
  });

  it('prints JSON that keeps to its schema', () => {
    const { code, stdout } = inThread(['kernel', at, '--format', 'json']);
    expect(code).toBe(0);
    const document = JSON.parse(stdout);
    expect(isValid(document), JSON.stringify(isValid.errors)).toBe(true);
    expect(document).toMatchObject({
      release: RELEASE,
      output: null,
      exports: { count: 5, gplOnly: 2, withChecksum: 5, namespaces: { DMA_BUF: 2 } },
      sources: { image, config: join(at, 'boot', `config-${RELEASE}`) },
    });
    expect(isValid({ ...document, release: 7 })).toBe(false);
    expect(isValid({ ...document, more: 1 })).toBe(false);
  });

  it('takes pieces in place of an image', () => {
    const release = '6.1.0-50-powerpc64le';
    const put = (name: string, content: string | Uint8Array) => {
      fs.writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const pieces = [
      ['--system-map', put('System.map', systemMapOf({ release }))],
      ['--symvers', put('Module.symvers', symversOf())],
      ['--config', put('config', CONFIG)],
      ['--module', `${root}samples/6.1/tocsin_demo.ko`],
    ];
    const whole = inThread(['kernel', ...pieces.flat(), '--format', 'json']);
    expect(whole.code).toBe(0);
    const document = JSON.parse(whole.stdout);
    expect(isValid(document)).toBe(true);
    expect([document.file, document.release, document.buildId]).toEqual([null, release, null]);
    expect(inThread(['kernel', ...pieces.slice(0, 3).flat()]).stderr).toContain('KER015');
  });

  it('refuses what it cannot use', () => {
    const codes = (args: readonly string[]) => {
      const { code, stderr } = inThread(['kernel', ...args]);
      return [code, /\[([A-Z]{2,3}\d{3})\]/.exec(stderr)?.[1]];
    };
    expect(codes([`${root}samples/6.1/tocsin_demo.ko`])).toEqual([2, 'KER014']);
    expect(codes([image, '--structure', 'module'])).toEqual([2, 'KER025']);
    expect(codes([image, '--symvers', image])).toEqual([2, 'KER002']);
    expect(codes([image, '-o', folder])).toEqual([2, 'IO032']);
    expect(codes([])).toEqual([2, undefined]);
    expect(codes([image, image])).toEqual([2, undefined]);
    expect(codes([image, '--symvers', 'a', '--symvers', 'b'])).toEqual([2, undefined]);
  });
});
