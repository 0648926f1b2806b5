/** `tocsin check`: what a kernel will do with modules, before any of them is loaded. */
import { expandInputs } from '../../io/inputs.ts';
import { STDIN } from '../../io/read.ts';
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import type { CheckedFile, CheckRun } from '../../report/check/document.ts';
import { InputError } from '../../util/errors.ts';
import { version } from '../../util/version.ts';
import { passes } from '../../verify/check/finding.ts';
import { type CheckRequest, FileChecker } from '../check/checker.ts';
import { PlainWorkers } from '../check/plain-workers.ts';
import { checkTogether } from '../check/together.ts';
import { areScreened, mayScreen, screeningThreads, usefulThreads } from '../check/worth.ts';
import { openKernel } from '../kernel-option.ts';
import { keepApart } from '../outputs.ts';
import { Progress } from '../progress.ts';
import { report } from '../terminal.ts';

export type CheckFormat = 'table' | 'json' | 'ndjson' | 'sarif' | 'junit';

export interface CheckArguments {
  readonly files: readonly string[];
  readonly filesFrom: string | undefined;
  /** An index, a vmlinux, or an installed release; nothing where only kernel images are checked. */
  readonly kernel: string | undefined;
  /** Folders (or files) of modules to import from. */
  readonly modules: readonly string[];
  readonly parameters: string | undefined;
  /** Whether to judge the functions of what loads. */
  readonly proof: boolean;
  /** Whether to verify signatures. */
  readonly signatures: boolean;
  readonly allowUnproved: boolean;
  /** Name of a function whose verdict is to be derived. */
  readonly explain: string | undefined;
  readonly format: CheckFormat;
  /** A file for a second report, in the form that its ending names. */
  readonly report: string | undefined;
  readonly jobs: number | undefined;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean | undefined;
}

/** @returns the exit code */
export async function checkCommand(args: CheckArguments): Promise<number> {
  if (args.report !== undefined) await import('../check/output.ts').then(output => output.reportFormat(args.report!));
  const workers = new PlainWorkers();
  const threads = mayScreen(args) ? await screeningThreads(args.jobs) : 1;
  const onMany = () => workers.start(threads - 1);
  const { files, problems } = await expandInputs(args.files, { filesFrom: args.filesFrom, onMany });
  let code = 0;
  for (const problem of problems) code = Math.max(code, report(problem));
  keepApart([args.report], [...files, args.kernel, args.filesFrom]);
  const context = args.modules.length === 0 ? undefined : await expandInputs(args.modules);
  for (const problem of context?.problems ?? []) code = Math.max(code, report(problem));
  const request: CheckRequest = {
    context: [...new Set([...files, ...(context?.files ?? [])])].filter(file => file !== STDIN),
    parameters: args.parameters,
    proof: args.proof,
    signatures: args.signatures,
    allowUnproved: args.allowUnproved,
    // The table has paths of what is wrong for certain, unless more is asked for.
    paths: args.format !== 'table' || args.verbose || args.report !== undefined,
    explain: args.explain,
  };
  const kernel = args.kernel === undefined ? undefined : await openKernel(args.kernel);
  const checked = await checkAll(kernel, files, request, args, workers).finally(() => workers.stop());
  for (const c of checked) {
    if ('complaint' in c) report(new InputError(c.complaint));
    code = Math.max(code, codeOf(c));
  }
  if (args.explain !== undefined && !checked.some(c => 'result' in c && c.result.explanation !== undefined))
    code = Math.max(code, report(notExplained(args.explain)));
  const unread = problems.map(({ complaint }) => ({ file: complaint.file ?? '', complaint }));
  const single =
    args.files.length === 1 && args.filesFrom === undefined && files.length === 1 && files[0] === args.files[0];
  await show({ release: kernel?.release ?? '', version, files: [...checked, ...unread] }, args, single);
  return code;
}

function codeOf(checked: CheckedFile): number {
  if ('complaint' in checked) return 2;
  return passes(checked.result) ? 0 : 1;
}

function notExplained(name: string): InputError {
  return new InputError({
    code: 'CLI014',
    message: `no function ${name} was judged`,
    remedy:
      'check the spelling (tocsin scan --functions); a module that is not loaded is not judged, nor anything with --no-proof',
  });
}

async function show(run: CheckRun, args: CheckArguments, single: boolean): Promise<void> {
  const output = await import('../check/output.ts');
  await output.showCheck(run, args, single);
}

async function checkAll(
  kernel: KernelKnowledge | undefined,
  files: readonly string[],
  request: CheckRequest,
  args: CheckArguments,
  workers: PlainWorkers,
): Promise<readonly CheckedFile[]> {
  const progress = new Progress('checking', args.quiet);
  const tick = (done: number) => progress.tick(done, files.length);
  try {
    if (kernel === undefined || args.kernel === undefined || !mayScreen(request) || !areScreened(files)) {
      workers.stop();
      const { checked, checker } = await checkEach(kernel, files, request, args, tick);
      return files.length === 1 ? checked : await checkTogether(checked, checker, files);
    }
    const { screenFiles } = await import('../check/plain.ts');
    const proof = request.proof ? { allowUnproved: request.allowUnproved, paths: request.paths } : undefined;
    const screened = await screenFiles(kernel, args.kernel, proof, files, request.context, workers, tick);
    const left = files.filter((_file, i) => screened.checked[i] === undefined);
    const rest = await checkEach(kernel, left, { ...request, context: screened.context }, args, tick);
    const others = new Map(rest.checked.map(c => [c.file, c]));
    const checked = files.map((file, i) => screened.checked[i] ?? others.get(file)!);
    return await checkTogether(checked, rest.checker, files, left.length > 0);
  } finally {
    progress.stop();
  }
}

/** Each file by itself, in several threads where that is worth it. */
async function checkEach(
  kernel: KernelKnowledge | undefined,
  files: readonly string[],
  request: CheckRequest,
  args: CheckArguments,
  tick: (done: number) => Promise<void>,
): Promise<{ readonly checked: readonly CheckedFile[]; readonly checker: FileChecker }> {
  const { threads, batch } = await usefulThreads(files, args.jobs);
  if (threads > 1 && files.length > 1) {
    const { checkInThreads } = await import('../check/threads.ts');
    return checkInThreads(args.kernel, request, files, threads, batch, tick);
  }
  const checker = new FileChecker(kernel, request);
  const checked: CheckedFile[] = [];
  for (const file of files) {
    checked.push(await checker.check(file));
    await tick(checked.length);
  }
  return { checked, checker };
}
