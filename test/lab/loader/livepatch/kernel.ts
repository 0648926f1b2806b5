// The lab's kernel with CONFIG_LIVEPATCH (../../harness/livepatch-kernel makes it), what tocsin knows of it, and modules
// for it: its own samples and tests, and those of source/.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildKernel } from '../../../../src/kernel/knowledge/build.ts';
import type { KernelKnowledge } from '../../../../src/kernel/knowledge/model.ts';
import { encodeIndex, type KernelParts, openIndex } from '../../../../src/kernel/knowledge/store.ts';
import { cacheFolder } from '../../harness/harness.ts';

const folder = join(cacheFolder, 'livepatch');

export const vmlinux = join(folder, 'vmlinux');

/** Whether the kernel is in the cache. */
export function isThere(): boolean {
  return existsSync(vmlinux);
}

/** Builds it where it is missing: ten minutes and more. Throws an Error that says what is missing. */
export function makeKernel(): void {
  execFileSync(resolve(import.meta.dirname, '../../harness/livepatch-kernel'), {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** The kernel's own livepatches and what they patch, by file name without `.ko`. */
export function kernelModules(): ReadonlyMap<string, Buffer> {
  return modulesIn(join(folder, 'modules'));
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
    buildFor(sources, scratch, 'KBUILD_MODPOST_WARN=1');
    const objects = readdirSync(scratch).filter(name => name.endsWith('_object.o'));
    return new Map([...modulesIn(scratch), ...objects.map(name => [name, readFileSync(join(scratch, name))] as const)]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Builds the modules of source folders (a Kbuild with obj-m), later ones laid over earlier ones, in `scratch`. */
export function buildFor(sources: readonly string[], scratch: string, ...more: readonly string[]): void {
  for (const source of sources) cpSync(source, scratch, { recursive: true });
  const flags = `-ffile-prefix-map=${scratch}/=`;
  execFileSync(
    'make',
    [
      ...['-s', '-C', join(folder, 'build'), `M=${scratch}`, 'ARCH=powerpc'],
      ...['CROSS_COMPILE=powerpc64le-linux-gnu-', `KCFLAGS=${flags}`, `KAFLAGS=${flags}`, ...more, 'modules'],
    ],
    { stdio: 'pipe' },
  );
}

function modulesIn(path: string): ReadonlyMap<string, Buffer> {
  const names = readdirSync(path).filter(name => name.endsWith('.ko'));
  return new Map(names.sort().map(name => [name.slice(0, -3), readFileSync(join(path, name))]));
}

/** What tocsin knows of the kernel. It has neither BTF nor DWARF, so a module tells the size of `struct module`. */
export function livepatchKnowledge(): KernelKnowledge {
  return openIndex(encodeIndex(livepatchParts()));
}

export function livepatchParts(): KernelParts {
  return buildKernel({
    image: readFileSync(vmlinux),
    config: readFileSync(join(folder, 'config')),
    symvers: readFileSync(join(folder, 'Module.symvers')),
    module: kernelModules().get('livepatch-sample')!,
  });
}
