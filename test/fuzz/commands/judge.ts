/** What is asked of a written output: `revert` gives the input back, and `check` is as content with it as with the input. */
import * as fs from 'node:fs';
import type { Program, Said } from './program.ts';

/** A command with its files. */
interface Judged {
  readonly scenario: { readonly args: readonly string[] };
  path(name: string): string;
  isDamaged(name: string): boolean;
  bytes(name: string): Uint8Array;
}

interface Checked {
  readonly loads: boolean | null;
  readonly errno: { readonly name: string } | string | null;
  readonly kernelMessage: string | null;
  readonly toc: { readonly refuted: number; readonly judged: boolean };
  readonly findings: readonly { readonly code: string; readonly level: string; readonly message: string }[];
}

export async function judgePatched(current: Judged, tocsin: Program): Promise<readonly string[]> {
  const { args } = current.scenario;
  if (args.includes('--dry-run')) return [];
  const out = current.path('out.ko');
  const input = args[1]!.slice(1);
  const found: string[] = [];
  const back = await tocsin(['revert', out, '-o', current.path('back.ko')]);
  if (back.code !== 0) found.push(`revert: exit code ${back.code}\n${back.stderr}`);
  else if (Buffer.compare(fs.readFileSync(current.path('back.ko')), current.bytes(input)) !== 0)
    found.push('what revert gives is not the input');
  return [...found, ...(await compareChecks(current, input, out, tocsin))];
}

async function compareChecks(current: Judged, input: string, out: string, tocsin: Program): Promise<readonly string[]> {
  const { args } = current.scenario;
  // It may have lost what is imported from it, and that it has it was never promised.
  if (current.isDamaged('fix.ko')) return [];
  const isImage = input === 'image';
  const other = args.includes('@epilogue.ko') ? 'epilogue.ko' : 'fix.ko';
  const against = isImage
    ? []
    : ['--kernel', current.path('index'), '--modules', current.path(other), '--no-signatures'];
  const check = async (path: string): Promise<Checked | Said> => {
    const said = await tocsin(['check', path, ...against, '--format', 'json']);
    return said.code > 1 ? said : JSON.parse(said.stdout);
  };
  const before = await check(current.path(input));
  const after = await check(out);
  if ('code' in before) return [];
  if ('code' in after) return [`check of the output: exit code ${after.code}\n${after.stderr}`];
  const found: string[] = [];
  if (before.loads === true && after.loads !== true) found.push(`the output does not load: ${after.kernelMessage}`);
  if (args.includes('--allow-unproved')) return found;
  if (after.toc.refuted > before.toc.refuted)
    found.push(`${after.toc.refuted} refuted after the patch, ${before.toc.refuted} before`);
  const errors = (c: Checked) => c.findings.filter(f => f.level === 'error').map(f => `${f.code}: ${f.message}`);
  const known = new Set(errors(before).map(e => e.slice(0, 6)));
  const fresh = errors(after).filter(e => !known.has(e.slice(0, 6)));
  if (fresh.length > 0) found.push(`new findings: ${fresh.join('; ')}`);
  return found;
}

/** A file that a damaged patch was taken out of is the original: its hash was checked. */
export function judgeReverted(current: Judged): readonly string[] {
  const same = Buffer.compare(fs.readFileSync(current.path('out.ko')), current.bytes('demo.ko')) === 0;
  return same ? [] : ['what revert gives is not the original'];
}

/** `load` writes an image where `check` says that the module loads. */
export async function judgeLoaded(current: Judged, said: Said, tocsin: Program): Promise<readonly string[]> {
  if (said.code > 1) return [];
  const others = ['--modules', current.path('fix.ko'), '--kernel', current.path('index'), '--no-signatures'];
  const checked = await tocsin(['check', current.path('demo.ko'), ...others, '--no-proof', '--format', 'json']);
  if (checked.code > 1) return [`load ends with ${said.code}, check with ${checked.code}: ${checked.stderr}`];
  const { loads }: Checked = JSON.parse(checked.stdout);
  return loads === (said.code === 0) ? [] : [`load ends with ${said.code}, and check says loads: ${loads}`];
}
