// The modules of ./modules, built for a kernel once, and what the twin and the prover say to them.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadModule } from '../../../src/loader/load.ts';
import type { LoadedImage, LoadedModule } from '../../../src/loader/model.ts';
import { type Proof, proveModule } from '../../../src/verify/proof/proof.ts';
import { buildOnce, cacheFolder, type Generation, kernel, samplesFolder } from '../harness/harness.ts';
import { knowledge, loadedModule } from '../loader/twin.ts';

export interface ProverModules {
  /** Replacements that are called from outside of their object. */
  readonly fix: string;
  readonly probe: string;
  /** Changes words of code that is loaded. */
  readonly poke: string;
  readonly historical: string;
  readonly victim: string;
}

export function proverModules(generation: Generation): ProverModules {
  const sources = [
    join(samplesFolder, 'src'),
    join(import.meta.dirname, '../modules'),
    join(import.meta.dirname, 'modules'),
  ];
  const digest = createHash('sha256').update(kernel(generation).release);
  for (const source of sources)
    for (const entry of readdirSync(source, { withFileTypes: true }))
      if (entry.isFile()) digest.update(entry.name).update(readFileSync(join(source, entry.name)));
  const folder = join(cacheFolder, 'modules', `prover-${generation}-${digest.digest('hex').slice(0, 12)}`);
  buildOnce(generation, sources, folder);
  const file = (name: string): string => join(folder, `${name}.ko`);
  return {
    fix: file('canary_fix'),
    probe: file('probe'),
    poke: file('poke'),
    historical: file('historical'),
    victim: file('victim'),
  };
}

/** Apart from each other, as the kernel places modules. */
const BASES = [0xc008_0000_0100_0000n, 0xc008_0000_0180_0000n, 0xc008_0000_0200_0000n] as const;

/** The twin's images of modules in a kernel where nothing else is loaded; each sees the exports of those before it. */
export class TwinKernel {
  readonly #generation: Generation;
  readonly #modules = new Map<string, LoadedModule>();
  readonly #proofs: Proof[] = [];

  constructor(generation: Generation, before: readonly string[]) {
    this.#generation = generation;
    for (const path of before) {
      const { outcome, image } = this.#load(readFileSync(path));
      this.#proofs.push(proveModule(image));
      this.#modules.set(outcome.name, loadedModule(outcome));
    }
  }

  #load(bytes: Uint8Array): { outcome: ReturnType<typeof loadModule>; image: LoadedImage } {
    const outcome = loadModule({
      bytes,
      kernel: knowledge(this.#generation),
      placement: { kind: 'base', base: BASES[this.#modules.size]! },
      modules: this.#modules,
    });
    if (!outcome.loads || outcome.image === undefined)
      throw new Error(`the twin refuses ${outcome.name}: ${outcome.log.map(line => line.text).join('; ')}`);
    return { outcome, image: outcome.image };
  }

  /** One more module as the kernel would have it. Throws where the twin refuses it. */
  image(bytes: Uint8Array): LoadedImage {
    return this.#load(bytes).image;
  }

  /** The proof of one more module, which knows the functions of those before it. */
  prove(bytes: Uint8Array): Proof {
    return proveModule(this.image(bytes), this.#proofs);
  }

  /** What those before it do with their callers' stack arguments. */
  parametersAt(address: bigint): ReturnType<Proof['parametersAt']> {
    for (const proof of this.#proofs) {
      const use = proof.parametersAt(address);
      if (use !== undefined) return use;
    }
    return undefined;
  }
}
