/** `tocsin kernel`: what has to be known of a kernel, written as an index for `check`, `load` and `patch`. */
import { writeAtomic } from '../../io/atomic-write.ts';
import { readObject } from '../../io/read.ts';
import { isIndex, openIndex } from '../../kernel/knowledge/store.ts';
import { kernelDocument, kernelText } from '../../report/kernel/document.ts';
import { InputError } from '../../util/errors.ts';
import { makeIndex } from '../kernel/make.ts';
import { findPieces } from '../kernel/pieces.ts';
import { openIndexFile } from '../kernel-option.ts';
import { keepApart } from '../outputs.ts';
import { print } from '../terminal.ts';

export interface KernelArguments {
  /** A vmlinux, an installed release, or an index; undefined where the pieces are enough. */
  readonly file: string | undefined;
  /** Without it the summary is all. */
  readonly output: string | undefined;
  readonly symvers: string | undefined;
  readonly config: string | undefined;
  readonly systemMap: string | undefined;
  readonly module: string | undefined;
  /** NAME=BYTES each. */
  readonly structures: readonly string[];
  readonly root: string | undefined;
  readonly format: 'table' | 'json';
  readonly force: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/** @returns the exit code */
export async function kernelCommand(args: KernelArguments): Promise<number> {
  const { bytes, sources } = await indexOf(args);
  keepApart([args.output], [args.file, args.symvers, args.config, args.systemMap, args.module]);
  if (args.output !== undefined) await writeAtomic(args.output, bytes, { force: args.force });
  const document = kernelDocument(openIndex(bytes), {
    file: args.file,
    output: args.output,
    size: bytes.length,
    sources,
  });
  if (args.format === 'json') print(`${JSON.stringify(document, null, 2)}\n`);
  else if (!args.quiet) print(kernelText(document, args.verbose));
  return 0;
}

interface Index {
  readonly bytes: Uint8Array;
  readonly sources: Readonly<Record<string, string>>;
}

async function indexOf(args: KernelArguments): Promise<Index> {
  const { file, symvers, config, systemMap, module } = args;
  const structures = parseStructures(args.structures);
  if (file !== undefined && openIndexFile(file) !== undefined) {
    const { bytes } = await readObject(file);
    if (isIndex(bytes)) return { bytes, sources: { index: file } };
  }
  const pieces = file === undefined ? { images: [] } : findPieces(file, args.root);
  const { bytes, used } = await makeIndex(pieces, { symvers, config, systemMap, module, structures });
  return { bytes, sources: { ...used } };
}

/** @throws InputError KER025 */
function parseStructures(given: readonly string[]): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const text of given) {
    const [, name, value] = /^([\w.]+)=(0x[0-9a-f]{1,6}|\d{1,7})$/i.exec(text) ?? [];
    if (name === undefined || value === undefined)
      throw new InputError({
        code: 'KER025',
        message: '--structure is not NAME=BYTES',
        expected: 'such as module=1024 (a size) or module.init=312 (an offset in struct module)',
        found: JSON.stringify(text),
        remedy: 'write the name of the structure, an equals sign and a number',
      });
    values.set(name, Number(value));
  }
  return values;
}
