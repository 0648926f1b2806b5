/** `--hook`, `--hook-exit` and `--retarget`: how they are written, and what a pattern leaves out because it is not proved. */
import type { ElfFile } from '../../elf/read.ts';
import type { PatchPlan } from '../../plan/plan.ts';
import type { HookRequest } from '../../rewrite/hooks.ts';
import type { RetargetRequest } from '../../rewrite/retargets.ts';
import { InputError, RefusalError } from '../../util/errors.ts';
import { isGlob } from '../../util/glob.ts';
import type { PatchArguments } from '../commands/patch.ts';
import { type Attempt, attempt, type Judge, type Tried, type World } from './attempt.ts';

interface Asked {
  readonly hooks: readonly HookRequest[];
  readonly retargets: readonly RetargetRequest[];
}

/** What the command line and the plan file ask for; the plan's word counts more. @throws InputError CLI001 */
export function hooksOf(args: PatchArguments): Asked {
  const { hooks, retargets } = readHooks(args);
  const { planned, allowUnproved: isForced } = args;
  if (planned === undefined) return { hooks, retargets };
  const more = planned.hooks.flatMap(({ functions, before, after, at = args.at, toc = args.toc }) => [
    ...(before === undefined ? [] : [{ functions, hook: before, when: 'before', at, toc, isForced } as const]),
    ...(after === undefined ? [] : [{ functions, hook: after, when: 'after', at, toc, isForced } as const]),
  ]);
  const calls = planned.retargets.map(e => ({ from: e.function, call: e.call, to: e.to }));
  // As on the command line, so that the same things give the same bytes.
  const inOrder = [...hooks, ...more].sort((a, b) => Number(a.when === 'after') - Number(b.when === 'after'));
  return { hooks: inOrder, retargets: [...retargets, ...calls] };
}

/** @throws InputError CLI001 */
export function readHooks(
  args: Pick<PatchArguments, 'hooks' | 'exitHooks' | 'retargets' | 'at' | 'toc' | 'allowUnproved'>,
): Asked {
  const { at, toc, allowUnproved: isForced } = args;
  const hook = (option: string, text: string, when: HookRequest['when']): HookRequest => {
    const [functions, name, more] = text.split('=');
    if (!functions || !name || more !== undefined)
      throw malformed(option, text, 'GLOB=H', 'write the functions, "=", and whom to call');
    return { functions, hook: name, when, at, toc, isForced };
  };
  return {
    hooks: [
      ...args.hooks.map(text => hook('--hook', text, 'before')),
      ...args.exitHooks.map(text => hook('--hook-exit', text, 'after')),
    ],
    retargets: args.retargets.map(text => {
      const [, from, call, to] = /^([^:=]+):([^:=]+)=([^=]+)$/.exec(text) ?? [];
      if (from === undefined || call === undefined || to === undefined)
        throw malformed(
          '--retarget',
          text,
          'F:CALL=G',
          'write the function, ":", whom it calls, "=", and whom to call',
        );
      return { from, call, to };
    }),
  };
}

function malformed(option: string, text: string, expected: string, remedy: string): InputError {
  return new InputError({
    code: 'CLI001',
    message: `${option} ${JSON.stringify(text)} is not of the form ${expected}`,
    expected,
    remedy,
  });
}

/**
 * As `attempt`. Of the functions that match a pattern, those with which the result is not proved stay as they are, and a warning
 * names them; one that was asked for by name does not.
 *
 * @throws RefusalError PAT001 to PAT069
 */
export function attemptHooks(world: World, prover: Judge, withShadowData?: () => World): Tried {
  const { request } = world;
  const except = new Map<string, string>();
  let best: Tried | undefined;
  for (;;) {
    const hooks = request.hooks?.map(h => (isGlob(h.functions) ? { ...h, except } : h));
    const hooked = (w: World): World => ({ ...w, request: { ...w.request, hooks } });
    let found: Tried;
    try {
      found = attempt(hooked(world), prover, withShadowData && (() => hooked(withShadowData())));
    } catch (error) {
      // Nothing is left of a pattern: what was wrong with the first of them counts.
      if (best === undefined || !(error instanceof RefusalError)) throw error;
      return best;
    }
    best ??= found;
    const before = except.size;
    for (const [name, code] of suspects(found.world.elf, found, request.hooks ?? [])) except.set(name, code);
    if (found.proof.verdict === 'proved' || except.size === before) return found;
  }
}

/** Hooked functions that a pattern named, and that are not proved; their names with a code. */
function suspects(elf: ElfFile, { plan, proof }: Attempt, hooks: readonly HookRequest[]): ReadonlyMap<string, string> {
  const wrong = new Map(proof.functions.flatMap(f => (f.verdict === 'proved' ? [] : [[f.function, f.code!] as const])));
  const named = new Set(hooks.filter(h => !isGlob(h.functions)).map(h => h.functions));
  const newNames = branchTargets(elf, plan);
  const found = new Map<string, string>();
  for (const action of plan.actions) {
    if (action.kind !== 'hook') continue;
    const names = [action.function, ...action.aliases];
    const all = [...names, ...(newNames.get(`${action.section}+${action.offset}`) ?? [])];
    const code = all.map(name => wrong.get(name)).find(c => c !== undefined);
    if (code === undefined || names.some(name => named.has(name))) continue;
    for (const name of names) found.set(name, code);
  }
  return found;
}

/** Symbols of the code that functions branch to, by the place of the branch. The body of a hooked function comes not far before it. */
function branchTargets(
  elf: ElfFile,
  { addedRelocations, newSymbols }: PatchPlan,
): ReadonlyMap<string, readonly string[]> {
  const targets = new Map<string, readonly string[]>();
  for (const { section, offset, symbol } of addedRelocations)
    if ('added' in symbol) {
      const names = newSymbols.slice(Math.max(0, symbol.added - 2), symbol.added + 1).map(s => s.name);
      targets.set(`${elf.sections[section]!.name}+${offset}`, names);
    }
  return targets;
}
