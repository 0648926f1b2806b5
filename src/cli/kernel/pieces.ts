/**
 * Where distributions keep what a kernel consists of. A release is looked for below a root folder, `/` or that of an unpacked
 * tree; every place may be missing.
 */
import * as fs from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { errnoOf } from '../../io/diagnostics.ts';
import { InputError } from '../../util/errors.ts';

/** Paths. */
export interface KernelPieces {
  /** The first that turns out to be the image of a kernel counts. */
  readonly images: readonly string[];
  readonly systemMap?: string | undefined;
  readonly symvers?: string | undefined;
  readonly config?: string | undefined;
  /** Where modules of the release are, for a look at one of them. */
  readonly modulesFolder?: string | undefined;
}

const PACKED = ['', '.xz', '.zst', '.gz'];
const MODULE_FOLDERS = ['lib/modules', 'usr/lib/modules'];

/**
 * The pieces that belong to `path`: a vmlinux with what lies beside it, a folder `.../lib/modules/RELEASE`, the root of an
 * unpacked tree with one release, or a release by name.
 *
 * @throws InputError KER013
 */
export function findPieces(path: string, root = '/'): KernelPieces {
  const kind = kindOf(path);
  if (kind?.isDirectory()) return ofFolder(path);
  if (kind !== undefined) return besideImage(path);
  if (!path.includes('/'))
    for (const folder of MODULE_FOLDERS) {
      const modules = join(root, folder, path);
      if (isFolder(modules)) return ofRelease(resolve(root), modules, path);
    }
  throw new InputError({
    code: 'KER013',
    message: 'no such file, and no installed kernel of this name',
    file: path,
    expected: 'an index, a vmlinux, /lib/modules/RELEASE, or a release below /lib/modules',
    remedy: 'see which kernels are installed: ls /lib/modules',
  });
}

function ofFolder(path: string): KernelPieces {
  const folder = fs.realpathSync(path);
  const match = /^(.*?)\/(?:usr\/)?lib\/modules\/([^/]+)$/.exec(folder);
  if (match !== null) return ofRelease(match[1] === '' ? '/' : match[1]!, folder, match[2]!);
  const releases = MODULE_FOLDERS.flatMap(below => {
    const modules = join(folder, below);
    return isFolder(modules) ? fs.readdirSync(modules).map(name => join(modules, name)) : [];
  }).filter(isFolder);
  const distinct = new Map(releases.map(release => [fs.realpathSync(release), release]));
  if (distinct.size === 1) {
    const modules = [...distinct.keys()][0]!;
    return ofRelease(folder, modules, basename(modules));
  }
  throw new InputError({
    code: 'KER013',
    message: distinct.size === 0 ? 'the folder holds no kernel' : 'the folder holds several kernels',
    file: path,
    expected: 'a folder .../lib/modules/RELEASE',
    found: [...distinct.keys()].map(name => basename(name)).join(', ') || undefined,
    remedy: 'name the release: FOLDER/lib/modules/RELEASE',
  });
}

/** @param root absolute; @param modules `ROOT/[usr/]lib/modules/RELEASE` */
function ofRelease(root: string, modules: string, release: string): KernelPieces {
  // `build` is a link to an absolute path, which in an unpacked tree leads out of it.
  const builds = [join(root, 'usr/src', `linux-headers-${release}`), join(root, 'usr/src/kernels', release)];
  const build = join(modules, 'build');
  if (root === '/' || leadsBelow(build, root)) builds.push(build);
  const boot = join(root, 'boot');
  const debug = join(root, 'usr/lib/debug');
  return {
    images: [
      join(boot, `vmlinux-${release}`),
      join(modules, 'vmlinux'),
      join(modules, 'vmlinuz'),
      join(boot, `vmlinuz-${release}`),
      join(debug, 'boot', `vmlinux-${release}`),
      join(debug, 'lib/modules', release, 'vmlinux'),
      join(debug, 'usr/lib/modules', release, 'vmlinux'),
      ...builds.map(folder => join(folder, 'vmlinux')),
    ]
      .flatMap(path => PACKED.map(ending => path + ending))
      .filter(isFile),
    systemMap: firstFile([join(boot, `System.map-${release}`), join(modules, 'System.map')]),
    symvers: firstFile([
      ...builds.map(folder => join(folder, 'Module.symvers')),
      ...PACKED.flatMap(ending => [join(boot, `symvers-${release}${ending}`), join(modules, `symvers${ending}`)]),
    ]),
    config: firstFile([
      join(boot, `config-${release}`),
      join(modules, 'config'),
      ...builds.map(folder => join(folder, '.config')),
    ]),
    modulesFolder: modules,
  };
}

/** A vmlinux by itself, and what lies beside it under the names that go with it. */
function besideImage(path: string): KernelPieces {
  const folder = dirname(path);
  const release = /^vmlinu[xz]-(.+?)(?:\.(?:xz|zst|gz))?$/.exec(basename(path))?.[1];
  const isInModules = /\/lib\/modules\/[^/]+$/.test(`/${resolve(folder).slice(1)}`);
  const near = (name: string) => [
    ...(release === undefined ? [] : [join(folder, `${name}-${release}`)]),
    ...(isInModules ? [join(folder, name)] : []),
  ];
  return {
    images: [path],
    systemMap: firstFile(near('System.map')),
    config: firstFile(near('config')),
    modulesFolder: isInModules ? folder : undefined,
  };
}

/** Places that may not be looked at hold nothing. */
function kindOf(path: string): fs.Stats | undefined {
  try {
    return fs.statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

function isFile(path: string): boolean {
  return kindOf(path)?.isFile() ?? false;
}

function isFolder(path: string): boolean {
  return kindOf(path)?.isDirectory() ?? false;
}

function firstFile(paths: readonly string[]): string | undefined {
  return paths.find(isFile);
}

function leadsBelow(path: string, root: string): boolean {
  try {
    return fs.realpathSync(path).startsWith(`${root}/`);
  } catch {
    return false;
  }
}

const MODULE_NAME = /\.ko(?:\.xz|\.zst|\.gz)?$/;

/** Some module below a folder; the first in the order of the file system. */
export function someModule(folder: string): string | undefined {
  const pending = [join(folder, 'kernel'), folder];
  for (let below = pending.pop(); below !== undefined; below = pending.pop()) {
    let entries: fs.Dirent[];
    try {
      entries = fs.readdirSync(below, { withFileTypes: true });
    } catch {
      continue;
    }
    for (const entry of entries) {
      if (entry.isFile() && MODULE_NAME.test(entry.name)) return join(below, entry.name);
      if (entry.isDirectory() && below !== folder) pending.push(join(below, entry.name));
    }
  }
  return undefined;
}
