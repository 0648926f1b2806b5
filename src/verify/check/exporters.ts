/** Which of many modules exports what: made once from what their files say, asked for every import that the kernel does not have. */
import type { ModuleExports } from '../../kernel/module-exports.ts';
import type { LoadedModule, ModuleExport } from '../../loader/model.ts';

/** A file and what it exports. */
export interface ExportingFile {
  readonly file: string;
  readonly exports: ModuleExports;
}

/** Where another module's symbols lie cannot be known and decides nothing: somewhere in the area that modules have. */
const FIRST_ADDRESS = 0xc008_0000_4000_0000n;

export class Exporters {
  readonly #files: readonly ExportingFile[];
  /** By symbol, numbers in `files`: the first that exports it, and the others where there are some. */
  readonly #first = new Map<string, number>();
  readonly #others = new Map<string, number[]>();
  readonly #names = new Map<string, string>();
  readonly #modules: (LoadedModule | undefined)[] = [];

  /** @param files in the order in which they are asked; of several files with one module name the first counts */
  constructor(files: readonly ExportingFile[]) {
    const names = new Set<string>();
    this.#files = files.filter(({ file, exports: { module } }) => {
      this.#names.set(file, module);
      if (module !== '' && names.has(module)) return false;
      names.add(module);
      return true;
    });
    this.#files.forEach(({ exports }, i) => {
      for (const symbol of exports.names) this.#put(symbol, i);
    });
  }

  #put(symbol: string, file: number): void {
    const first = this.#first.get(symbol);
    if (first === undefined) this.#first.set(symbol, file);
    else if (first !== file) {
      const others = this.#others.get(symbol);
      if (others === undefined) this.#others.set(symbol, [file]);
      else if (others.at(-1) !== file) others.push(file);
    }
  }

  /** The first module that exports a symbol, those left out for which `isLoaded` says no. */
  of(symbol: string, isLoaded: (file: string, module: string) => boolean): LoadedModule | undefined {
    const first = this.#first.get(symbol);
    if (first === undefined) return undefined;
    for (const i of [first, ...(this.#others.get(symbol) ?? [])]) {
      const { file, exports } = this.#files[i]!;
      if (isLoaded(file, exports.module)) return this.#module(i);
    }
    return undefined;
  }

  /** Name of the module in a file; `undefined` where it exports nothing. */
  moduleOf(file: string): string | undefined {
    return this.#names.get(file);
  }

  /** The first file with a module of that name that exports something. */
  fileOf(module: string): string | undefined {
    return this.#files.find(({ exports }) => exports.module === module)?.file;
  }

  /** Symbols that several modules export, with the files. */
  *duplicates(): Generator<{ readonly symbol: string; readonly files: readonly string[] }> {
    for (const [symbol, others] of this.#others)
      yield { symbol, files: [this.#first.get(symbol)!, ...others].map(i => this.#files[i]!.file) };
  }

  #module(i: number): LoadedModule {
    const known = this.#modules[i];
    if (known !== undefined) return known;
    const { exports } = this.#files[i]!;
    const symbols = new Map<string, ModuleExport>();
    exports.names.forEach((name, k) => {
      symbols.set(name, {
        name,
        address: FIRST_ADDRESS + BigInt(i) * 0x1_0000n + BigInt(k) * 16n,
        crc: exports.crcs?.[k],
        gplOnly: exports.gplOnly[k] === 1,
        namespace: exports.namespaces[k] ?? '',
      });
    });
    const module = { name: exports.module, exports: symbols, gplCompatible: exports.gplCompatible };
    this.#modules[i] = module;
    return module;
  }
}
