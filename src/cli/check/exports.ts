/** Reading what modules export, from thousands of files: only the parts that say so, and those of packed files after unpacking. */
import * as fs from 'node:fs';
import { decompressSync, detectForm, prepare } from '../../io/compression.ts';
import { errnoOf } from '../../io/diagnostics.ts';
import { createReadPool, type ReadPool, readPlainInto } from '../../io/read.ts';
import { type ModuleExports, moduleExports, readModuleExports } from '../../kernel/module-exports.ts';
import { InputError } from '../../util/errors.ts';

/** Bytes; nothing that says what a module exports is larger, and a damaged size is not worth the memory. */
const LARGEST = 1 << 26;
/** Bytes: an ELF header. */
const HEADER = 64;

export class ExportReader {
  readonly #buffer = Buffer.allocUnsafeSlow(1 << 18);
  #pool: ReadPool | undefined;

  /** `undefined` where the module exports nothing, or is no module. A file that cannot be read is left to whoever checks it. */
  async read(path: string): Promise<ModuleExports | undefined> {
    let fd: number;
    try {
      // A pipe would wait for its writer.
      fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    } catch {
      return undefined;
    }
    try {
      // A folder, a pipe or a socket gives an error here.
      const header = Buffer.from(this.#part(fd, 0, HEADER));
      if (detectForm(header) === 'plain')
        return readModuleExports(header, (offset, length) => this.#part(fd, offset, length));
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return undefined;
    } finally {
      fs.closeSync(fd);
    }
    return this.#readPacked(path);
  }

  #part(fd: number, offset: number, length: number): Buffer {
    // No file has such a place, and Node takes a number of this size for a mistake of the program.
    if (length > LARGEST || !Number.isSafeInteger(offset)) return this.#buffer.subarray(0, 0);
    const buffer = length <= this.#buffer.length ? this.#buffer : Buffer.allocUnsafeSlow(length);
    return buffer.subarray(0, fs.readSync(fd, buffer, 0, length, offset));
  }

  async #readPacked(path: string): Promise<ModuleExports | undefined> {
    try {
      this.#pool ??= createReadPool();
      const stored = readPlainInto(this.#pool, path);
      const form = detectForm(stored);
      await prepare(form);
      return moduleExports(decompressSync(stored, form));
    } catch (error) {
      if (error instanceof InputError) return undefined;
      throw error;
    }
  }
}
