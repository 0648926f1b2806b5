/** `tocsin check`: what a kernel will do with modules, before any of them is loaded. */
import { expandInputs } from '../../io/inputs.ts';
import { STDIN } from '../../io/read.ts';
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import type { CheckedFile, CheckRun } from '../../report/check/document.ts';
import { InputError } from '../../util/errors.ts';
import { version } from '../../util/version.ts';
import { type CheckRequest, FileChecker } from '../check/checker.ts';
import { checkTogether } from '../check/together.ts';
import { openKernel } from '../kernel-option.ts';
import { Progress } from '../progress.ts';
import { report } from '../terminal.ts';

export type CheckFormat = 'table' | 'json' | 'ndjson' | 'sarif' | 'junit';

export interface CheckArguments {
  readonly files: readonly string[];
  readonly filesFrom: string | undefined;
  /** An index, a vmlinux, or an installed release. */
  readonly kernel: string;
  /** Folders (or files) of modules to import from. */
  readonly modules: readonly string[];
  readonly parameters: string | undefined;
  readonly format: CheckFormat;
  /** A file for a second report, in the form that its ending names. */
  readonly report: string | undefined;
  readonly jobs: number | undefined;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean | undefined;
}

/** Fewer files than this are not worth the start of a thread; unpacking one takes as long as checking many. */
const WORTH_THREADS = { plain: 128, packed: 16 };
const BATCH = { plain: 32, packed: 4 };

/** @returns the exit code */
export async function checkCommand(args: CheckArguments): Promise<number> {
  if (args.report !== undefined) await import('../check/output.ts').then(output => output.reportFormat(args.report!));
  const { files, problems } = await expandInputs(args.files, { filesFrom: args.filesFrom });
  let code = 0;
  for (const problem of problems) code = Math.max(code, report(problem));
  const context = args.modules.length === 0 ? undefined : await expandInputs(args.modules);
  for (const problem of context?.problems ?? []) code = Math.max(code, report(problem));
  const request: CheckRequest = {
    context: [...new Set([...files, ...(context?.files ?? [])])].filter(file => file !== STDIN),
    parameters: args.parameters,
  };
  const kernel = await openKernel(args.kernel);
  const checked = await checkAll(kernel, files, request, args);
  for (const c of checked) {
    if ('complaint' in c) report(new InputError(c.complaint));
    code = Math.max(code, codeOf(c));
  }
  const unread = problems.map(({ complaint }) => ({ file: complaint.file ?? '', complaint }));
  const single =
    args.files.length === 1 && args.filesFrom === undefined && files.length === 1 && files[0] === args.files[0];
  await show({ release: kernel.release, version, files: [...checked, ...unread] }, args, single);
  return code;
}

function codeOf(checked: CheckedFile): number {
  if ('complaint' in checked) return 2;
  const { loads, findings } = checked.result;
  return !loads || findings.some(f => f.level === 'error') ? 1 : 0;
}

async function show(run: CheckRun, args: CheckArguments, single: boolean): Promise<void> {
  const output = await import('../check/output.ts');
  await output.showCheck(run, args, single);
}

async function checkAll(
  kernel: KernelKnowledge,
  files: readonly string[],
  request: CheckRequest,
  args: CheckArguments,
): Promise<readonly CheckedFile[]> {
  const progress = new Progress('checking', args.quiet);
  const tick = (done: number) => progress.tick(done, files.length);
  try {
    const packed = files.some(f => /\.(xz|zst|gz)$/.test(f)) ? 'packed' : 'plain';
    const jobs = files.includes(STDIN) ? 1 : (args.jobs ?? (await usefulThreads(files.length, WORTH_THREADS[packed])));
    if (jobs > 1 && files.length > 1) {
      const { checkInThreads } = await import('../check/threads.ts');
      const threads = Math.min(jobs, files.length);
      const { checked, checker } = await checkInThreads(args.kernel, request, files, threads, BATCH[packed], tick);
      return await checkTogether(checked, checker, files);
    }
    const checker = new FileChecker(kernel, request);
    const checked: CheckedFile[] = [];
    for (const file of files) {
      checked.push(await checker.check(file));
      await tick(checked.length);
    }
    return files.length === 1 ? checked : await checkTogether(checked, checker, files);
  } finally {
    progress.stop();
  }
}

async function usefulThreads(count: number, worth: number): Promise<number> {
  return count < worth ? 1 : (await import('node:os')).availableParallelism();
}
