// File systems for the machine's disks, made by the programs of this machine.

import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Image {
  /** Name of the disk in exercise.sh. */
  readonly name: string;
  /** MiB, of what is made empty; where there is none it is made of a tree of files. */
  readonly size?: number;
  /** Program, Debian package, arguments before the image and the tree. */
  readonly make?: readonly [program: string, debianPackage: string, ...args: string[]];
}

const IMAGES: readonly Image[] = [
  { name: 'blank', size: 16 },
  { name: 'btrfs', size: 128, make: ['mkfs.btrfs', 'btrfs-progs', '-q'] },
  { name: 'erofs', make: ['mkfs.erofs', 'erofs-utils'] },
  { name: 'ext4', size: 32, make: ['mkfs.ext4', 'e2fsprogs', '-q', '-F'] },
  { name: 'f2fs', size: 64, make: ['mkfs.f2fs', 'f2fs-tools', '-q'] },
  { name: 'iso', make: ['genisoimage', 'genisoimage', '-quiet', '-R', '-J', '-o'] },
  { name: 'minix', size: 8, make: ['mkfs.minix', 'util-linux', '-3'] },
  { name: 'squashfs', make: ['mksquashfs', 'squashfs-tools'] },
  { name: 'udf', size: 16, make: ['mkudffs', 'udftools'] },
  { name: 'vfat', size: 16, make: ['mkfs.vfat', 'dosfstools'] },
  { name: 'xfs', size: 320, make: ['mkfs.xfs', 'xfsprogs', '-q'] },
];

/** A disk of the machine is found by its place in this list. */
export const IMAGE_NAMES: readonly string[] = IMAGES.map(image => image.name);

/** Makes all images in a folder. @returns their paths, in order; throws an Error that says what is not installed */
export function makeImages(folder: string): readonly string[] {
  mkdirSync(folder, { recursive: true });
  const tree = makeTree(join(folder, 'tree'));
  return IMAGES.map(({ name, size, make }) => {
    const image = join(folder, `${name}.img`);
    if (size !== undefined) {
      writeFileSync(image, '');
      truncateSync(image, size << 20);
    }
    if (make === undefined) return image;
    const [program, debianPackage, ...args] = make;
    const files = size !== undefined ? [image] : name === 'squashfs' ? [tree, image] : [image, tree];
    run(program, debianPackage, [...args, ...files]);
    return image;
  });
}

function makeTree(tree: string): string {
  for (const folder of ['a/b', 'c']) {
    mkdirSync(join(tree, folder), { recursive: true });
    for (let i = 1; i <= 60; i++)
      writeFileSync(join(tree, folder, `f${i}`), `line ${i} of a file\n`.repeat(i * 29).slice(0, i * 531));
  }
  symlinkSync('a/b/f1', join(tree, 'link'));
  return tree;
}

function run(program: string, debianPackage: string, args: readonly string[]): void {
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
  try {
    execFileSync(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error(`'${program}' is not installed: apt-get install ${debianPackage}`, { cause: error });
  }
}
