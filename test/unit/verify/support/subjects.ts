/**
 * Honest patches of every kind that needs more than the module: objects merged in, tables and counters of `shadow`, trampolines of the
 * user's own, copies, exports, islands and long branches. Each with all that a judge is given.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { placeOf } from '../../../../src/cli/patch/attempt.ts';
import { type MergedModule, mergeInto, undefinedNames } from '../../../../src/cli/patch/merge.ts';
import { type ElfFile, readElf } from '../../../../src/elf/read.ts';
import type { KernelKnowledge } from '../../../../src/kernel/knowledge/model.ts';
import { applyMerge } from '../../../../src/merge/apply.ts';
import { customObject } from '../../../../src/merge/custom.ts';
import type { MergeObject } from '../../../../src/merge/objects.ts';
import { planMerge } from '../../../../src/merge/plan.ts';
import { sortExports } from '../../../../src/merge/sort-exports.ts';
import type { PatchPlan } from '../../../../src/plan/plan.ts';
import { applyPlan } from '../../../../src/rewrite/apply.ts';
import { makeEpilogues } from '../../../../src/rewrite/epilogue/epilogues.ts';
import { makePlan, type PatchRequest } from '../../../../src/rewrite/plan.ts';
import { Expectation } from '../../../../src/verify/expectation.ts';
import type { MergeCase } from '../../../../src/verify/merged/verify-merge.ts';
import { verifyMerge } from '../../../../src/verify/merged/verify-merge.ts';
import { assumedKernel } from '../../../../src/verify/patched/assumed-kernel.ts';
import { PatchProver } from '../../../../src/verify/patched/prove-patched.ts';
import { verifyOutput } from '../../../../src/verify/verify.ts';
import { root } from '../../../support/samples.ts';
import { exporting } from './exporting.ts';
import { farSample, REACH } from './far.ts';
import { EXPORTS, redirect, sample } from './patched.ts';

/** All that a judge is given, and what it was made from. */
export interface Subject {
  readonly name: string;
  /** As the user gave it. */
  readonly bytes: Uint8Array;
  readonly merge?: MergeCase;
  /** The merged module, or the input. */
  readonly elf: ElfFile;
  readonly middle?: MergedModule['middle'];
  readonly plan: PatchPlan;
  readonly output: Uint8Array;
  readonly request: Partial<PatchRequest>;
}

export const STACK = { threadInfo: 2312, sp: 16 };

export function objectOf(name: string, bytes: Uint8Array): MergeObject {
  return { name, elf: readElf(bytes), sha256: createHash('sha256').update(bytes).digest('hex'), isOwn: true };
}

export function runtime(name: string): MergeObject {
  return objectOf(name, new Uint8Array(readFileSync(`${root}runtime/${name}`)));
}

/** Patches `bytes` with the objects in it. */
export function subject(
  name: string,
  bytes: Uint8Array,
  objects: readonly MergeObject[],
  request: Partial<PatchRequest> | ((merged: MergedModule) => Partial<PatchRequest>),
  renamed: MergeCase['renamed'] = undefined,
): Subject {
  const module = readElf(bytes);
  if (objects.length === 0) return patched({ name, bytes, elf: module }, request as Partial<PatchRequest>);
  const merged = mergeInto(module, objects, new Map(), undefined);
  const asked = typeof request === 'function' ? request(merged) : request;
  const merge = { module, objects: merged.objects, plan: merged.plan, renamed };
  return patched({ name, bytes, merge, elf: merged.elf, middle: merged.middle }, asked, merged);
}

/** What others export: besides what plans ask for, all that the objects import. */
export function exportsFor(objects: readonly { readonly elf: ElfFile }[]): NonNullable<PatchRequest['exports']> {
  const like = EXPORTS.get('elsewhere')!;
  return new Map([
    ...EXPORTS,
    ...undefinedNames(objects as readonly MergeObject[]).map(name => [name, { ...like, name }] as const),
  ]);
}

function patched(
  given: Pick<Subject, 'name' | 'bytes' | 'merge' | 'elf' | 'middle'>,
  request: Partial<PatchRequest>,
  merged?: MergedModule,
): Subject {
  const plan = makePlan(given.elf, {
    nops: [],
    redirects: [],
    exports: exportsFor(given.merge?.objects ?? []),
    ...(merged && { merge: merged.plan }),
    ...request,
  });
  return { ...given, plan, output: made(given, plan), request };
}

/** What the plan makes of the subject's input. */
export function made({ elf, bytes, middle }: Pick<Subject, 'elf' | 'bytes' | 'middle'>, plan: PatchPlan): Uint8Array {
  const before = middle && { bytes, merged: middle };
  return applyPlan(elf, plan, { toolVersion: 'test', ...(before && { before }) }).bytes;
}

/** As the command line asks: the judge of merges, that of patches, and the prover. Empty where all agree. */
export function refusals(
  given: Subject,
  {
    plan = given.plan,
    output = given.output,
    merge = given.merge,
    middle = given.middle,
    elf = given.elf,
  }: Partial<Subject>,
): readonly string[] {
  const expected = new Expectation({ elf, bytes: given.bytes }, plan, exportsFor(merge?.objects ?? []));
  const merging = merge === undefined ? undefined : verifyMerge({ ...merge, patch: plan }, middle!.bytes);
  const codes = (list: readonly { readonly code: string; readonly level: string }[]) =>
    list.filter(f => f.level === 'error').map(f => f.code);
  if (merging?.ok === false) return ['merge', ...codes(merging.findings)];
  const verified = verifyOutput(expected, output);
  if (!verified.ok) return ['patch', ...codes(verified.findings)];
  const proof = proved(elf, output, plan);
  return proof.verdict === 'proved'
    ? []
    : ['proof', ...proof.functions.flatMap(f => f.code ?? []), proof.obstacle?.code ?? ''];
}

function proved(elf: ElfFile, output: Uint8Array, plan: PatchPlan) {
  const after = readElf(output);
  const usesStack = plan.actions.some(a => a.kind === 'redirect' && a.stack !== undefined);
  const kernel: KernelKnowledge = { ...assumedKernel(after), livepatchStack: { ...STACK, source: 'handler' } };
  const given = usesStack ? { kernel, exporterOf: () => undefined } : undefined;
  return new PatchProver(elf, given).prove(after, plan.actions.flatMap(placeOf));
}

/** @param file of samples/custom */
export function customOf(bytes: Uint8Array, file: string, from: string, to: string): Subject {
  const given = objectOf(file, sample(`custom/${file}`));
  const use = { from, to, entry: `__tocsin_custom_${from}` };
  const custom = customObject(given, use);
  if (!('object' in custom)) throw new Error(custom[0]);
  const renamed = [{ name: file, given: given.elf, copy: custom.object.elf, ...use }];
  const asked = ({ plan }: MergedModule) => {
    const places = custom.places.map(p => {
      const { target, offset } = plan.pieces.find(piece => piece.object === 0 && piece.section === p.section)!;
      return { ...p, section: target, offset: offset + p.offset };
    });
    const { namesTarget, movesStack } = custom;
    const told = { object: file, sha256: given.sha256, entry: use.entry, places, namesTarget, movesStack };
    return { redirects: [redirect(from, to, { strategy: 'custom' as const, custom: told })] };
  };
  return subject(`custom ${file}`, bytes, [custom.object], asked, renamed);
}

/** @param names of functions that get a copy */
export function epilogueOf(bytes: Uint8Array, names: readonly string[]): Subject {
  const made = makeEpilogues(
    readElf(bytes),
    names.map(functions => ({ functions })),
  );
  return subject('epilogue', bytes, [objectOf('epilogues.o', made.bytes)], { epilogues: made });
}

const COPIED = ['demo_in_range', 'demo_external', 'demo_sibling', 'demo_sum_variadic'];

const MAKERS: Readonly<Record<string, (generation: string) => Subject>> = {
  'shadow table': g =>
    subject('shadow table', sample(`${g}/tocsin_demo.ko`), [runtime('shadow.o')], {
      redirects: [redirect('demo_in_range', 'elsewhere', { strategy: 'shadow' })],
    }),
  'shadow, r2 saved': g =>
    subject('shadow, r2 saved', sample(`${g}/tocsin_demo.ko`), [runtime('shadow.o')], {
      redirects: [redirect('demo_parity', 'elsewhere', { strategy: 'shadow', at: 'site' })],
    }),
  'shadow, global entry': g =>
    subject('shadow, global entry', sample(`${g}/tocsin_demo.ko`), [runtime('shadow.o')], {
      redirects: [redirect('demo_in_range', 'elsewhere', { strategy: 'shadow', at: 'global-entry' })],
    }),
  'shadow stack': g =>
    subject('shadow stack', sample(`${g}/tocsin_demo.ko`), [runtime('shadow-stack.o')], {
      redirects: [redirect('demo_in_range', 'elsewhere', { strategy: 'shadow', stack: STACK })],
    }),
  'custom frame.o': g => customOf(sample(`${g}/tocsin_demo.ko`), 'frame.o', 'demo_in_range', 'elsewhere'),
  'custom count.o': g => customOf(sample(`${g}/tocsin_demo.ko`), 'count.o', 'demo_in_range', 'demo_in_range'),
  island: g =>
    subject('island', farSample(g), [], {
      redirects: [redirect('demo_in_range', 'far_add', { strategy: 'direct' })],
      reach: REACH,
    }),
  'long branch': g =>
    subject('long branch', sample(`${g}/tocsin_demo.ko`), [], {
      redirects: [redirect('demo_in_range', 'demo_in_range_fixed')],
      reach: 16,
    }),
  merge: g =>
    subject('merge', sample(`${g}/tocsin_demo.ko`), [objectOf('demo_object.o', sample(`${g}/demo_object.o`))], {
      redirects: [redirect('demo_in_range', 'fixed_in_range', { strategy: 'direct' })],
    }),
  exports: g =>
    subject('exports', sample(`${g}/tocsin_demo.ko`), [exporting()], {
      redirects: [redirect('demo_in_range', 'fix_exported', { strategy: 'frame' })],
    }),
  epilogue: g => epilogueOf(sample(`${g}/tocsin_demo.ko`), COPIED),
};

export const KINDS = Object.keys(MAKERS);

export function subjectOf(kind: string, generation: string): Subject {
  return MAKERS[kind]!(generation);
}

/**
 * The subject with other bytes for the n-th merged object, merged and patched honestly.
 *
 * @throws Error where they cannot be merged
 */
export function withObject(given: Subject, n: number, bytes: Uint8Array): Partial<Subject> {
  const { module, objects, plan: told } = given.merge!;
  const like = objects[n]! as MergeObject;
  const other = { ...like, elf: readElf(bytes), sha256: createHash('sha256').update(bytes).digest('hex') };
  const all = objects.map((o, i) => (i === n ? other : (o as MergeObject)));
  const joined = planMerge(module, all);
  const { merged: middle, tables } = sortExports(applyMerge(module, all, joined));
  const renamed = given.merge!.renamed?.map(r => (r.copy === like.elf ? { ...r, copy: other.elf } : r));
  const merge = { ...given.merge!, objects: all, renamed, plan: { ...joined, sorted: tables, exports: told.exports } };
  const elf = readElf(middle.bytes);
  const plan = makePlan(elf, {
    nops: [],
    redirects: [],
    exports: exportsFor(all),
    merge: merge.plan,
    ...given.request,
  });
  const output = made({ elf, bytes: given.bytes, middle }, plan);
  return { merge, middle, elf, plan, output };
}
