/** `tocsin diff`: what changed between two objects. Exit code 0 where nothing that matters did, else 1. */
import { diffObjects } from '../../diff/diff.ts';
import { readElf } from '../../elf/read.ts';
import { readObject } from '../../io/read.ts';
import { diffDocument } from '../../report/diff/document.ts';
import { diffJson } from '../../report/diff/json.ts';
import { type DiffStyle, diffText, MOST_FUNCTIONS } from '../../report/diff/text.ts';
import { inFile } from '../../util/errors.ts';
import { print, type Style, styler } from '../terminal.ts';

export interface DiffArguments {
  readonly old: string;
  readonly new: string;
  readonly format: 'text' | 'json';
  readonly verbose: boolean;
  readonly color: boolean | undefined;
}

const STYLES: Readonly<Record<DiffStyle, Style>> = {
  heading: 'bold',
  added: 'green',
  removed: 'red',
  changed: 'yellow',
  faint: 'dim',
};

/** @returns the exit code */
export async function diffCommand(args: DiffArguments): Promise<number> {
  const [old, fresh] = [await load(args.old), await load(args.new)];
  const diff = diffObjects(old.elf, fresh.elf);
  const file = (side: { path: string; size: number }) => ({ file: side.path, size: side.size });
  const all = args.format === 'json' || args.verbose;
  const document = await diffDocument(diff, file(old), file(fresh), all ? {} : { mostFunctions: MOST_FUNCTIONS });
  if (args.format === 'json') for (const piece of diffJson(document)) print(piece);
  else {
    const paint = styler(args.color !== false);
    print(diffText(document, { style: (style, text) => paint(STYLES[style], text), verbose: args.verbose }));
  }
  return diff.same ? 0 : 1;
}

async function load(path: string) {
  const { bytes } = await readObject(path);
  try {
    return { elf: readElf(bytes), path, size: bytes.length };
  } catch (error) {
    throw inFile(error, path);
  }
}
