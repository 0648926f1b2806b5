/** Checks files one after the other with one read buffer for all of them. */
import { decompressSync, detectForm, prepare } from '../../io/compression.ts';
import { createReadPool, readObject, readPlainInto, STDIN } from '../../io/read.ts';
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import type { CheckedFile } from '../../report/check/document.ts';
import { InputError, inFile } from '../../util/errors.ts';
import { checkModule } from '../../verify/check/check.ts';
import { Exporters, type ExportingFile } from '../../verify/check/exporters.ts';
import { ExportReader } from './exports.ts';

/** What every check of one run has in common; plain data, so that a thread can be told. */
export interface CheckRequest {
  /** Paths of modules that import from one another, those to be checked first. */
  readonly context: readonly string[];
  readonly parameters: string | undefined;
}

export class FileChecker {
  readonly #pool = createReadPool();
  readonly #kernel: KernelKnowledge;
  readonly #request: CheckRequest;
  #exporters: Exporters | undefined;

  constructor(kernel: KernelKnowledge, request: CheckRequest) {
    this.#kernel = kernel;
    this.#request = request;
  }

  /** Reads what the modules of the context export, unless that was done. */
  async readContext(): Promise<Exporters> {
    if (this.#exporters === undefined) {
      const reader = new ExportReader();
      const files: ExportingFile[] = [];
      for (const file of this.#request.context) {
        const exports = await reader.read(file);
        if (exports !== undefined) files.push({ file, exports });
      }
      this.#exporters = new Exporters(files);
    }
    return this.#exporters;
  }

  /** What somebody else has read. */
  useContext(exporters: Exporters): void {
    this.#exporters = exporters;
  }

  /**
   * @param missing files whose modules are not there to import from
   */
  async check(path: string, missing: ReadonlySet<string> = new Set()): Promise<CheckedFile> {
    try {
      const bytes = await this.#bytesOf(path);
      const first = this.#checkBytes(path, bytes, missing);
      if (first !== 'context wanted') return { file: path, result: first };
      await this.readContext();
      const second = this.#checkBytes(path, bytes, missing);
      if (second === 'context wanted') throw new Error('the context was read and is still wanted');
      return { file: path, result: second };
    } catch (error) {
      const placed = inFile(error, path);
      if (placed instanceof InputError) return { file: path, complaint: placed.complaint };
      throw error;
    }
  }

  /** Reading the context may wait, the twin does not: where it turns out to be needed, the check is begun anew. */
  #checkBytes(path: string, bytes: Uint8Array, missing: ReadonlySet<string>) {
    const exporters = this.#exporters;
    let isWanted = false;
    const hasContext = this.#request.context.some(file => file !== path);
    const own = exporters?.moduleOf(path);
    const result = checkModule({
      bytes,
      kernel: this.#kernel,
      parameters: this.#request.parameters,
      exporterOf: symbol => {
        if (exporters === undefined) {
          isWanted = hasContext;
          return undefined;
        }
        return exporters.of(symbol, (file, module) => file !== path && module !== own && !missing.has(file));
      },
    });
    return isWanted ? ('context wanted' as const) : result;
  }

  async #bytesOf(path: string): Promise<Uint8Array> {
    if (path === STDIN) return (await readObject(path)).bytes;
    const stored = readPlainInto(this.#pool, path);
    const form = detectForm(stored);
    if (form === 'plain') return stored;
    await prepare(form);
    return decompressSync(stored, form);
  }
}
