/** `tocsin patch --plan FILE`: what a plan asks for, of the module of the command line or of several. */
import type { PatchDocument, PlanComments } from '../../report/patch/document.ts';
import { InputError } from '../../util/errors.ts';
import { keepApart, truePath } from '../outputs.ts';
import {
  type PlanEntries,
  type PlanFile,
  type PlannedModule,
  type PlanSettings,
  readPlan,
} from '../patch/plan-file.ts';
import { alwaysRead, readModules } from '../patch/read-files.ts';
import { type PatchSettings, type SaidSettings, withDefaults } from '../patch/settings.ts';
import { print, report } from '../terminal.ts';
import { type PatchArguments, type Proving, patchCommand } from './patch.ts';

export interface PlanArguments extends Omit<PatchArguments, 'file' | 'planned' | keyof PatchSettings>, SaidSettings {
  readonly plan: string;
  /** Absent where the plan names the modules. */
  readonly file: string | undefined;
}

/**
 * Several modules are done one after the other; what goes wrong with one does not stop the rest.
 *
 * @returns the worst exit code
 * @throws InputError IO, PLN codes, PAT220
 */
export async function patchPlanCommand(args: PlanArguments, proving: Proving): Promise<number> {
  const plan = await readPlan(args.plan);
  if (plan.modules === undefined) return patchCommand(single(args, plan), proving);
  if (args.file !== undefined || args.output !== undefined || args.report !== undefined)
    throw new InputError({
      code: 'PLN003',
      message: 'the plan names its modules and where they go, and so does the command line',
      file: args.plan,
      expected: 'no FILE, no -o and no --report beside a plan with modules',
      remedy: 'leave them out, or take "modules" out of the plan',
    });
  const requests = plan.modules.map(module => requestOf(args, plan, module));
  keepAllApart(requests, args.plan);
  const documents: PatchDocument[] = [];
  const tell = args.format === 'json' ? (doc: PatchDocument) => documents.push(doc) : undefined;
  const missing = new Set<string>();
  let worst = 0;
  for (const request of requests) {
    const code = await patchOne(request, missing, proving, tell);
    if (code !== 0 || args.dryRun) missing.add(truePath(request.output!));
    worst = Math.max(worst, code);
  }
  if (args.format === 'json') print(`${JSON.stringify(documents, null, 2)}\n`);
  return worst;
}

/** @param missing outputs of modules before this one that were not written */
async function patchOne(
  args: PatchArguments,
  missing: ReadonlySet<string>,
  proving: Proving,
  tell: ((doc: PatchDocument) => void) | undefined,
): Promise<number> {
  try {
    const absent = readModules(args).find(path => missing.has(truePath(path)));
    if (absent !== undefined)
      throw new InputError({
        code: 'CLI021',
        message: `reads ${absent}, which the plan writes before, and which was not written`,
        file: args.file,
        remedy: args.dryRun
          ? 'give --dry-run to a plan for this module alone'
          : 'see why the module before was refused',
      });
    return await patchCommand(args, proving, tell);
  } catch (error) {
    return report(error);
  }
}

/**
 * All of this before anything is written. One module's output may be another one's input, or be loaded before it, where that comes later.
 *
 * @throws InputError PLN004, PAT220
 */
function keepAllApart(requests: readonly PatchArguments[], plan: string): void {
  const outputs = requests.map(r => truePath(r.output!));
  const twice = outputs.findIndex((path, i) => outputs.indexOf(path) < i);
  if (twice >= 0)
    throw new InputError({
      code: 'PLN004',
      message: `two modules of the plan go to one file, ${requests[twice]!.output}`,
      file: plan,
      expected: 'an output of its own for each module',
      remedy: 'name another output',
    });
  const read = requests.flatMap((request, i) => {
    const before = new Set(outputs.slice(0, i));
    return [...alwaysRead(request), ...readModules(request).filter(path => !before.has(truePath(path)))];
  });
  keepApart(
    requests.flatMap(r => [r.output, r.report]),
    read,
  );
}

function requestOf(args: PlanArguments, plan: PlanFile, module: PlannedModule): PatchArguments {
  const { file, output, report } = module;
  return { ...withEntries(args, plan, module), file, output, report };
}

function single(args: PlanArguments, plan: PlanFile): PatchArguments {
  const { file, output, dryRun } = args;
  const missing = file === undefined ? 'FILE' : output === undefined && !dryRun ? '-o OUT' : undefined;
  if (missing !== undefined)
    throw new InputError({
      code: 'PLN003',
      message: 'the plan names no modules, and the command line does not say what to patch',
      file: args.plan,
      expected: missing,
      remedy: 'give FILE and -o OUT, or "modules" in the plan',
    });
  return { ...withEntries(args, plan), file: file! };
}

/** What an entry says of itself counts most, then the command line, then what the module says, then what the plan says. */
function settings(args: PlanArguments, plan: PlanSettings, module: PlanSettings): PatchSettings {
  const said: PlanSettings = { ...plan, ...module };
  return withDefaults({
    kernel: args.kernel ?? said.kernel,
    signing: args.signing ?? said.sign,
    strategy: args.strategy ?? said.strategy,
    toc: args.toc ?? said.toc,
    at: args.at ?? said.at,
    shadowStack: args.shadowStack ?? said.shadowStack,
    allowUnproved: args.allowUnproved ?? said.allowUnproved,
  });
}

/** What stands above all modules is done to each. */
function withEntries(args: PlanArguments, plan: PlanFile, module?: PlanEntries): Omit<PatchArguments, 'file'> {
  const from = module === undefined ? [plan] : [plan, module];
  const symvers = from.flatMap(e => e.symvers);
  const loaded = from.flatMap(e => e.loaded);
  const objects = from.flatMap(e => e.with);
  const nops = from.flatMap(e => e.nop);
  const redirects = from.flatMap(e => e.redirect);
  const hooks = from.flatMap(e => e.hook);
  const retargets = from.flatMap(e => e.retarget);
  const epilogues = from.flatMap(e => e.epilogue);
  const entries: PlanComments['entries'] = [
    ...symvers.map(e => ({ entry: `symvers ${e.file}`, comment: e.comment })),
    ...loaded.map(e => ({ entry: `loaded ${e.file}`, comment: e.comment })),
    ...objects.map(e => ({ entry: `with ${e.file}`, comment: e.comment })),
    ...nops.map(e => ({ entry: `nop ${e.functions}`, comment: e.comment })),
    ...redirects.map(e => ({ entry: `redirect ${e.function}=${e.to}`, comment: e.comment })),
    ...hooks.map(e => ({ entry: `hook ${e.functions}=${e.before ?? e.after}`, comment: e.comment })),
    ...epilogues.map(e => ({ entry: `epilogue ${e.functions}`, comment: e.comment })),
    ...retargets.map(e => ({ entry: `retarget ${e.function}:${e.call}=${e.to}`, comment: e.comment })),
  ].flatMap(({ entry, comment }) => (comment === undefined ? [] : [{ entry, comment }]));
  const comments = from.flatMap(e => e.comment ?? []);
  return {
    ...args,
    ...settings(args, plan, module ?? {}),
    symvers: [...args.symvers, ...symvers.map(e => e.file)],
    modules: [...args.modules, ...loaded.map(e => e.file)],
    objects: [...args.objects, ...objects.map(e => e.file)],
    nops: [...args.nops, ...nops.map(e => e.functions)],
    planned: { file: plan.path, redirects, hooks, retargets, epilogues, comments: { comments, entries } },
  };
}
