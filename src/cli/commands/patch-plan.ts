/** `tocsin patch --plan FILE`: what a plan asks for, of the module of the command line or of several. */
import type { PatchDocument, PlanComments } from '../../report/patch/document.ts';
import { InputError } from '../../util/errors.ts';
import { type PlanEntries, type PlanFile, readPlan } from '../patch/plan-file.ts';
import { print, report } from '../terminal.ts';
import { type PatchArguments, type Proving, patchCommand } from './patch.ts';

export interface PlanArguments extends Omit<PatchArguments, 'file' | 'planned'> {
  readonly plan: string;
  /** Absent where the plan names the modules. */
  readonly file: string | undefined;
}

/**
 * Several modules are done one after the other; what goes wrong with one does not stop the rest.
 *
 * @returns the worst exit code
 * @throws InputError IO, PLN codes
 */
export async function patchPlanCommand(args: PlanArguments, proving: Proving): Promise<number> {
  const plan = await readPlan(args.plan);
  const all = common(args, plan);
  if (plan.modules === undefined) return patchCommand(single(args, all, plan), proving);
  if (args.file !== undefined || args.output !== undefined || args.report !== undefined)
    throw new InputError({
      code: 'PLN003',
      message: 'the plan names its modules and where they go, and so does the command line',
      file: args.plan,
      expected: 'no FILE, no -o and no --report beside a plan with modules',
      remedy: 'leave them out, or take "modules" out of the plan',
    });
  const twice = plan.modules.find(({ output }, i) => plan.modules!.some((m, j) => j < i && m.output === output));
  if (twice !== undefined)
    throw new InputError({
      code: 'PLN004',
      message: `two modules of the plan go to one file, ${twice.output}`,
      file: args.plan,
      expected: 'an output of its own for each module',
      remedy: 'name another output',
    });
  const documents: PatchDocument[] = [];
  let worst = 0;
  for (const module of plan.modules) {
    const entries = both(plan, module);
    const { file, output } = module;
    const request = { ...withEntries(all, entries, plan.path), file, output, report: module.report };
    worst = Math.max(worst, await patchOne(request, proving, doc => documents.push(doc)));
  }
  if (args.format === 'json') print(`${JSON.stringify(documents, null, 2)}\n`);
  return worst;
}

async function patchOne(args: PatchArguments, proving: Proving, tell: (doc: PatchDocument) => void): Promise<number> {
  try {
    return await patchCommand(args, proving, tell);
  } catch (error) {
    return report(error);
  }
}

type Common = Omit<PatchArguments, 'file'>;

/** The command line counts more than the plan. */
function common(args: PlanArguments, plan: PlanFile): Common {
  return {
    ...args,
    kernel: args.kernel ?? plan.kernel,
    symvers: [...args.symvers, ...plan.symvers],
    signing: args.signing ?? plan.sign,
  };
}

function single(args: PlanArguments, all: Common, plan: PlanFile): PatchArguments {
  const missing = args.file === undefined ? 'FILE' : args.output === undefined && !args.dryRun ? '-o OUT' : undefined;
  if (missing !== undefined)
    throw new InputError({
      code: 'PLN003',
      message: 'the plan names no modules, and the command line does not say what to patch',
      file: args.plan,
      expected: missing,
      remedy: 'give FILE and -o OUT, or "modules" in the plan',
    });
  return { ...withEntries(all, plan, plan.path), file: args.file! };
}

/** What stands above all modules is done to each. */
function both(plan: PlanFile, module: PlanEntries): PlanEntries & { readonly comments: readonly string[] } {
  return {
    with: [...plan.with, ...module.with],
    nop: [...plan.nop, ...module.nop],
    redirect: [...plan.redirect, ...module.redirect],
    hook: [...plan.hook, ...module.hook],
    retarget: [...plan.retarget, ...module.retarget],
    epilogue: [...plan.epilogue, ...module.epilogue],
    comments: [plan.comment, module.comment].filter(c => c !== undefined),
  };
}

function withEntries(
  all: Common,
  {
    with: objects,
    nop,
    redirect,
    hook,
    retarget,
    epilogue,
    comment,
    comments,
  }: PlanEntries & { readonly comments?: readonly string[] },
  file: string,
): Common {
  const entries: PlanComments['entries'] = [
    ...nop.map(e => ({ entry: `nop ${e.functions}`, comment: e.comment })),
    ...redirect.map(e => ({ entry: `redirect ${e.function}=${e.to}`, comment: e.comment })),
    ...hook.map(e => ({ entry: `hook ${e.functions}=${e.before ?? e.after}`, comment: e.comment })),
    ...epilogue.map(e => ({ entry: `epilogue ${e.functions}`, comment: e.comment })),
    ...retarget.map(e => ({ entry: `retarget ${e.function}:${e.call}=${e.to}`, comment: e.comment })),
  ].flatMap(({ entry, comment: said }) => (said === undefined ? [] : [{ entry, comment: said }]));
  return {
    ...all,
    objects: [...all.objects, ...objects],
    nops: [...all.nops, ...nop.map(e => e.functions)],
    planned: {
      file,
      redirects: redirect,
      hooks: hook,
      retargets: retarget,
      epilogues: epilogue,
      comments: { comments: comments ?? (comment === undefined ? [] : [comment]), entries },
    },
  };
}
