/**
 * Modules that export copies of functions which keep r2 (`patch --epilogue`), as they lie in memory beside one that imports them: each is
 * loaded by the twin at a place of its own and proved there, so that the importer's branches meet the addresses that the copies have,
 * and its proof can ask what is known of them.
 */
import type { LoadedModule, LoadOutcome, Placement } from '../loader/model.ts';
import { InputError } from '../util/errors.ts';
import { isCopy } from './proof/copies.ts';
import { type Proof, proveModule } from './proof/proof.ts';

/** Away from the importer and from where symbols are put of modules that are not loaded. */
const FIRST_BASE = 0xc008_0000_8000_0000n;
/** Bytes; larger than any module. */
const DISTANCE = 0x1000_0000n;

type ExporterOf = (symbol: string) => LoadedModule | undefined;

/** Loads the bytes of a module for a kernel, with an image. */
type Load = (bytes: Uint8Array, placement: Placement, exporterOf: ExporterOf) => LoadOutcome;

export class CopyModules {
  readonly #load: Load;
  readonly #bytesOf: (module: string) => Uint8Array | undefined;
  readonly #exporterOf: ExporterOf;
  readonly #loaded = new Map<string, LoadedModule | undefined>();
  /** Of the modules that copies were asked of, those that they import copies from first. */
  readonly proofs: Proof[] = [];

  /** @param exporterOf who exports a symbol, at whatever address @param bytesOf of a module, by its name, if it is given */
  constructor(load: Load, bytesOf: (module: string) => Uint8Array | undefined, exporterOf: ExporterOf) {
    this.#load = load;
    this.#bytesOf = bytesOf;
    this.#exporterOf = exporterOf;
  }

  /** The same, where copies have the addresses at which they are proved. */
  exporterOf = (symbol: string): LoadedModule | undefined => {
    const told = this.#exporterOf(symbol);
    if (told === undefined || !isCopy(symbol)) return told;
    const module = this.#module(told.name);
    // What cannot be loaded stays an import of which nothing is known.
    return module?.exports.has(symbol) === true ? module : told;
  };

  #module(name: string): LoadedModule | undefined {
    if (this.#loaded.has(name)) return this.#loaded.get(name);
    // Modules that import from one another in a circle cannot be loaded.
    this.#loaded.set(name, undefined);
    const bytes = this.#bytesOf(name);
    if (bytes === undefined) return undefined;
    const base = FIRST_BASE + BigInt(this.#loaded.size) * DISTANCE;
    const outcome = this.#load(bytes, { kind: 'base', base }, symbol => {
      const other = this.exporterOf(symbol);
      // The loader also asks who else exports what the module exports itself.
      return other?.name === name ? undefined : other;
    });
    const { image, exports, gplCompatible } = outcome;
    if (!outcome.loads || outcome.dangerous || image === undefined) return undefined;
    try {
      this.proofs.push(proveModule(image, this.proofs));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return undefined;
    }
    const module = { name: outcome.name, exports, gplCompatible };
    this.#loaded.set(name, module);
    return module;
  }
}
