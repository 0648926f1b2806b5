/** Modules that were given with a patch: what they export, where it lies, and what is proved of the copies that they export. */
import { readElf } from '../../elf/read.ts';
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import { moduleExports } from '../../kernel/module-exports.ts';
import type { ExportedSymbol } from '../../kernel/symvers.ts';
import { loadModule } from '../../loader/load.ts';
import type { LoadedModule } from '../../loader/model.ts';
import { Exporters } from '../check/exporters.ts';
import { CopyModules } from '../copy-modules.ts';
import type { Proof } from '../proof/proof.ts';
import { assumedKernel } from './assumed-kernel.ts';
import { type ExporterOf, exportersFor } from './exporters.ts';
import { unsigned } from './unsigned.ts';

/** A module beside the one that is patched, unpacked. */
export interface GivenModule {
  readonly file: string;
  readonly bytes: Uint8Array;
}

export class GivenModules {
  readonly #exporters: Exporters;
  readonly #copies: CopyModules;

  /**
   * @param kernel that all modules are for; without one, each is taken to be for a kernel that has what it imports
   * @param exports what `Module.symvers` files say, by name
   */
  constructor(
    modules: readonly GivenModule[],
    kernel: KernelKnowledge | undefined,
    exports: ReadonlyMap<string, ExportedSymbol> = new Map(),
  ) {
    const files = modules.flatMap(({ file, bytes }) => {
      const found = moduleExports(bytes);
      return found === undefined ? [] : [{ file, exports: found }];
    });
    this.#exporters = new Exporters(files);
    const bytesOf = (module: string) => modules.find(m => m.file === this.#exporters.fileOf(module))?.bytes;
    this.#copies = new CopyModules(
      (bytes, placement, exporterOf) => {
        const elf = readElf(bytes);
        const assumed = exportersFor(elf, exports);
        return loadModule({
          bytes,
          kernel: kernel === undefined ? assumedKernel(elf, this.has) : unsigned(kernel),
          modules: new Map(),
          exporter: symbol => exporterOf(symbol) ?? (kernel === undefined ? undefined : assumed(symbol)),
          placement,
          verifySignature: false,
        });
      },
      bytesOf,
      symbol => this.#exporters.of(symbol, () => true),
    );
  }

  /** Whether one of them exports a symbol. */
  has = (symbol: string): boolean => this.#exporters.of(symbol, () => true) !== undefined;

  exporterOf: ExporterOf = (symbol: string): LoadedModule | undefined => this.#copies.exporterOf(symbol);

  /** Of the modules whose copies were asked for. */
  get proofs(): readonly Proof[] {
    return this.#copies.proofs;
  }
}
