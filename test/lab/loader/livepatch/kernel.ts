// The lab's kernels with CONFIG_LIVEPATCH (../../harness/livepatch-kernel makes them), what tocsin knows of them, and modules
// for them: their own samples and tests, and those of source/. Where no generation is said, 6.1 is meant.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildKernel } from '../../../../src/kernel/knowledge/build.ts';
import type { KernelKnowledge } from '../../../../src/kernel/knowledge/model.ts';
import { encodeIndex, type KernelParts, openIndex } from '../../../../src/kernel/knowledge/store.ts';
import { cacheFolder, type Generation } from '../../harness/harness.ts';

const harness = resolve(import.meta.dirname, '../../harness');

const folderOf = (generation: Generation) =>
  join(cacheFolder, generation === '6.1' ? 'livepatch' : `livepatch-${generation}`);

export const vmlinuxOf = (generation: Generation) => join(folderOf(generation), 'vmlinux');
export const vmlinux = vmlinuxOf('6.1');

/** Whether the kernel is in the cache. */
export function isThere(generation: Generation = '6.1'): boolean {
  return existsSync(vmlinuxOf(generation));
}

/** Builds it where it is missing: ten minutes and more. Throws an Error that says what is missing. */
export function makeKernel(generation: Generation = '6.1'): void {
  execFileSync(join(harness, 'livepatch-kernel'), [generation], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** The kernel's own livepatches and what they patch, by file name without `.ko`. */
export function kernelModules(): ReadonlyMap<string, Buffer> {
  return modulesIn(join(folderOf('6.1'), 'modules'));
}

/** The modules of source/, by file name without `.ko`. */
export function ownModules(): ReadonlyMap<string, Buffer> {
  return builtFor([join(import.meta.dirname, 'source')]);
}

/**
 * Modules that are built for the kernel, by file name without `.ko`, and objects that are to be merged, by file name. Of several
 * folders, later ones are laid over earlier ones.
 */
export function builtFor(sources: readonly string[]): ReadonlyMap<string, Buffer> {
  const scratch = mkdtempSync(join(tmpdir(), 'tocsin-livepatch-'));
  try {
    // Symbols that nobody exports are what a livepatch is about.
    buildFor('6.1', sources, scratch, 'KBUILD_MODPOST_WARN=1');
    const objects = readdirSync(scratch).filter(name => name.endsWith('_object.o'));
    return new Map([...modulesIn(scratch), ...objects.map(name => [name, readFileSync(join(scratch, name))] as const)]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * Builds the modules of source folders (a Kbuild with obj-m), later ones laid over earlier ones, and leaves them in `folder`, with what else
 * the build makes.
 */
export function buildFor(
  generation: Generation,
  sources: readonly string[],
  folder: string,
  ...more: readonly string[]
): void {
  // The compiler of another suite sees no folder but the cache.
  const builds = join(cacheFolder, 'build');
  mkdirSync(builds, { recursive: true });
  const scratch = mkdtempSync(join(builds, 'livepatch-'));
  try {
    for (const source of sources) cpSync(source, scratch, { recursive: true });
    const flags = `-ffile-prefix-map=${scratch}/=`;
    const make = [
      ...['make', '-s', '-C', join(folderOf(generation), 'build'), `M=${scratch}`, 'ARCH=powerpc'],
      ...['CROSS_COMPILE=powerpc64le-linux-gnu-', `KCFLAGS=${flags}`, `KAFLAGS=${flags}`, ...more, 'modules'],
    ];
    const run = generation === '6.1' ? make : [join(harness, 'in-toolchain'), generation, ...make];
    execFileSync(run[0]!, run.slice(1), { stdio: 'pipe' });
    cpSync(scratch, folder, { recursive: true });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function modulesIn(path: string): ReadonlyMap<string, Buffer> {
  const names = readdirSync(path).filter(name => name.endsWith('.ko'));
  return new Map(names.sort().map(name => [name.slice(0, -3), readFileSync(join(path, name))]));
}

/** What tocsin knows of the kernel. It has neither BTF nor DWARF, so a module tells the size of `struct module`. */
export function livepatchKnowledge(): KernelKnowledge {
  return openIndex(encodeIndex(livepatchParts()));
}

export function livepatchParts(generation: Generation = '6.1'): KernelParts {
  const folder = folderOf(generation);
  return buildKernel({
    image: readFileSync(vmlinuxOf(generation)),
    config: readFileSync(join(folder, 'config')),
    symvers: readFileSync(join(folder, 'Module.symvers')),
    module: readFileSync(join(folder, 'modules', 'livepatch-sample.ko')),
  });
}
