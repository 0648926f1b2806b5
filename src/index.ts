/**
 * tocsin as a library: bytes in, values out. Nothing here touches files, the clock or the terminal.
 *
 *     const elf = readElf(bytes);
 *     const patch = plan(elf, { nops: ['demo_*'], redirects: [] });
 *     const { bytes: patched } = apply(elf, patch, { toolVersion: version });
 *     if (!verify({ elf, bytes }, patched, patch).ok) throw new Error('not written');
 *
 * @packageDocumentation
 */

export { diffObjects as diff } from './diff/diff.ts';
export type { FunctionDiff, ObjectDiff } from './diff/model.ts';
export { type ElfFile, readElf } from './elf/read.ts';
export { buildKernel, type KernelSources } from './kernel/knowledge/build.ts';
export type {
  ExportTable,
  KernelKnowledge,
  KernelOptions,
  KernelStructures,
  SymbolAddresses,
} from './kernel/knowledge/model.ts';
export { encodeIndex, type KernelParts, openIndex } from './kernel/knowledge/store.ts';
export { type ExportedSymbol, parseSymvers } from './kernel/symvers.ts';
export { loadModule as load } from './loader/load.ts';
export type { LoadedImage, LoadOutcome, LoadRequest } from './loader/model.ts';
export { applyMerge, type Merged } from './merge/apply.ts';
export { type WithExports, withExports } from './merge/fix-exports.ts';
export type { MergeObject } from './merge/objects.ts';
export { type MergeOptions, planMerge } from './merge/plan.ts';
export type { MergePlan } from './plan/merge.ts';
export type { PatchPlan, PlannedAction, RedirectAt, SiteForm, Strategy, TocRecovery } from './plan/plan.ts';
export { type Applied, type ApplyOptions, applyPlan as apply } from './rewrite/apply.ts';
export { makePlan as plan, type PatchRequest } from './rewrite/plan.ts';
export { type Reverted, revert } from './rewrite/revert.ts';
export { type ScanOptions, type ScanResult, type ScanSummary, scanObject as scan, summarize } from './sites/scan.ts';
export { type Complaint, InputError, RefusalError } from './util/errors.ts';
export { version } from './util/version.ts';
export { type CheckRequest, checkModule as check } from './verify/check/check.ts';
export type { CheckFinding, CheckResult } from './verify/check/finding.ts';
export { type MergeCase, verifyMerge } from './verify/merged/verify-merge.ts';
export { type Verification, verifyPatched as verify } from './verify/verify.ts';
