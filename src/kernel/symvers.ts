/**
 * `Module.symvers`: what a kernel build or a module build exports, one symbol a line, fields separated by tabs:
 *
 *     0x33aa0619  fix_parity  drivers/fix/fix  EXPORT_SYMBOL_GPL  NAMESPACE
 */
import { InputError } from '../util/errors.ts';

export interface ExportedSymbol {
  readonly name: string;
  readonly crc: number;
  /** Path of the exporting module without its ending, or `vmlinux`. */
  readonly exporter: string;
  readonly gplOnly: boolean;
  /** Empty where the symbol is in no namespace. */
  readonly namespace: string;
}

/**
 * Reads the text of a `Module.symvers`. Where a symbol stands twice, the first counts.
 *
 * @throws InputError KER002 for a line of another form
 */
export function parseSymvers(text: string): Map<string, ExportedSymbol> {
  const symbols = new Map<string, ExportedSymbol>();
  text.split('\n').forEach((line, i) => {
    if (line === '') return;
    const [crc, name, exporter, kind, namespace] = line.split('\t');
    if (
      crc === undefined ||
      !/^0x[0-9a-f]{1,8}$/i.test(crc) ||
      !name ||
      exporter === undefined ||
      !kind?.startsWith('EXPORT_')
    )
      throw new InputError({
        code: 'KER002',
        message: `line ${i + 1} is not one of Module.symvers`,
        expected: 'checksum, name, module and kind of export, separated by tabs',
        found: JSON.stringify(line.slice(0, 80)),
        remedy: 'give the Module.symvers that the build of the kernel or of the exporting module left',
      });
    if (symbols.has(name)) return;
    const gplOnly = kind.includes('GPL');
    symbols.set(name, { name, crc: Number.parseInt(crc, 16), exporter, gplOnly, namespace: namespace ?? '' });
  });
  return symbols;
}
