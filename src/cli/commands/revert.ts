/** `tocsin revert`: the file as it was before its last patch. */
import { createHash } from 'node:crypto';
import { writeAtomic } from '../../io/atomic-write.ts';
import { compress } from '../../io/compression.ts';
import { readObject } from '../../io/read.ts';
import type { PatchRecord } from '../../kernel/patch-note.ts';
import { revert } from '../../rewrite/revert.ts';
import { inFile } from '../../util/errors.ts';
import { keepApart } from '../outputs.ts';
import { print } from '../terminal.ts';

export interface RevertArguments {
  readonly file: string;
  readonly output: string;
  readonly force: boolean;
  readonly quiet: boolean;
}

/**
 * @returns the exit code
 * @throws InputError PAT220, IO codes; RefusalError
 */
export async function revertCommand(args: RevertArguments): Promise<number> {
  keepApart([args.output], [args.file]);
  const input = await readObject(args.file);
  try {
    const { original, record } = revert(input.bytes);
    const form = record.original.packed?.form ?? input.form;
    const stored = await compress(original, form);
    await writeAtomic(args.output, stored, { mode: input.mode, force: args.force });
    if (!args.quiet) {
      const { size, sha256, packed } = record.original;
      print(`${args.output}: restored, ${undone(record)}; ${size} bytes, SHA-256 ${sha256}\n`);
      if (packed !== undefined && createHash('sha256').update(stored).digest('hex') !== packed.sha256)
        print(
          `note: the object is the original bit for bit; packed again with ${form} it has other bytes than the file that was patched\n`,
        );
    }
    return 0;
  } catch (error) {
    throw inFile(error, args.file);
  }
}

function undone({ actions, merged }: PatchRecord): string {
  if (actions.length === 0 && merged !== undefined) return 'merged objects taken out';
  return actions.length === 1 ? '1 change undone' : `${actions.length} changes undone`;
}
