// The twin, asked about what the booted kernel did: the kernel's knowledge from its own files, and the modules that were
// loaded before, in the order of loading.

import { readFileSync } from 'node:fs';
import { buildKernel } from '../../../src/kernel/knowledge/build.ts';
import type { KernelKnowledge } from '../../../src/kernel/knowledge/model.ts';
import { encodeIndex, openIndex } from '../../../src/kernel/knowledge/store.ts';
import type { LoadedModule, LoadOutcome, MemoryKind, Placement } from '../../../src/loader/model.ts';
import { type Generation, kernel } from '../harness/harness.ts';

const known = new Map<Generation, KernelKnowledge>();

/** What tocsin knows of a generation's kernel, from its image, configuration and Module.symvers. */
export function knowledge(generation: Generation): KernelKnowledge {
  let found = known.get(generation);
  if (found === undefined) {
    const { vmlinux, config, symvers } = kernel(generation);
    found = openIndex(
      encodeIndex(
        buildKernel({ image: readFileSync(vmlinux), config: readFileSync(config), symvers: readFileSync(symvers) }),
      ),
    );
    known.set(generation, found);
  }
  return found;
}

/** A module that the twin loaded, as others see it. */
export function loadedModule(outcome: LoadOutcome): LoadedModule {
  return {
    name: outcome.name,
    exports: outcome.exports,
    gplCompatible: outcome.gplCompatible,
    ...(outcome.image && { image: outcome.image }),
  };
}

/** Modules by what they export, for thousands of them. */
export class Loaded {
  readonly modules = new Map<string, LoadedModule>();
  private readonly exporters = new Map<string, LoadedModule>();

  add(outcome: LoadOutcome): void {
    // Their images are of no use to the others and would fill the memory.
    const { image: _, ...module } = loadedModule(outcome);
    this.modules.set(module.name, module);
    for (const symbol of module.exports.keys()) if (!this.exporters.has(symbol)) this.exporters.set(symbol, module);
  }

  exporter(symbol: string): LoadedModule | undefined {
    return this.exporters.get(symbol);
  }
}

/** From the bases of areas, by the kernel's names, and `percpu`. */
export function basesOf(addresses: ReadonlyMap<string, bigint>): Placement {
  const bases = new Map<MemoryKind, bigint>();
  for (const [kind, address] of addresses) if (kind !== 'percpu') bases.set(kind as MemoryKind, address);
  const percpu = addresses.get('percpu');
  return { kind: 'bases', bases, ...(percpu !== undefined && { percpu }) };
}
