/**
 * `tocsin patch`: read, plan, apply, verify, and only then write.
 */
import { createHash } from 'node:crypto';
import { crossCheck } from '../../cross-check/elf-tools.ts';
import { type ElfFile, readElf } from '../../elf/read.ts';
import { type StagedFile, stageFile, writeAtomic } from '../../io/atomic-write.ts';
import { compress } from '../../io/compression.ts';
import { type ObjectFile, readObject, readStored } from '../../io/read.ts';
import { type ExportedSymbol, parseSymvers } from '../../kernel/symvers.ts';
import type { PatchPlan, RedirectAt, TocRecovery } from '../../plan/plan.ts';
import { relocationName } from '../../ppc64/relocations.ts';
import {
  codeOfPlan,
  type PatchDocument,
  type PlanNames,
  type SecondReader,
  wordsOfPlan,
} from '../../report/patch/document.ts';
import { patchText } from '../../report/patch/text.ts';
import { applyPlan } from '../../rewrite/apply.ts';
import { makePlan } from '../../rewrite/plan.ts';
import type { RedirectRequest } from '../../rewrite/redirects.ts';
import { InputError, inFile, RefusalError } from '../../util/errors.ts';
import { version } from '../../util/version.ts';
import { type Verification, verifyObject, verifyPatched } from '../../verify/verify.ts';
import { note, print } from '../terminal.ts';

export interface PatchArguments {
  readonly file: string;
  readonly output: string | undefined;
  readonly nops: readonly string[];
  /** `F=G` each. */
  readonly redirects: readonly string[];
  readonly strategy: RedirectRequest['strategy'];
  readonly toc: TocRecovery;
  readonly at: RedirectAt;
  readonly symvers: readonly string[];
  /** A vmlinux whose BTF describes the kernel that the module was built for. */
  readonly kernel: string | undefined;
  readonly allowUnproved: boolean;
  readonly dryRun: boolean;
  readonly report: string | undefined;
  readonly format: 'text' | 'json';
  readonly force: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/** @returns the exit code */
export async function patchCommand(args: PatchArguments): Promise<number> {
  const input = await readObject(args.file);
  try {
    return await patchObject(args, input);
  } catch (error) {
    throw inFile(error, args.file);
  }
}

async function patchObject(args: PatchArguments, input: ObjectFile): Promise<number> {
  const elf = readElf(input.bytes);
  const plan = makePlan(elf, {
    nops: args.nops,
    redirects: args.redirects.map(text => redirect(text, args)),
    exports: await readExports(args.symvers),
    kernelBtf: args.kernel === undefined ? undefined : await readKernelBtf(args.kernel),
    allowUnversioned: args.allowUnproved,
  });
  if (args.dryRun) {
    await show(args, document(args, elf, plan, { written: false }));
    return 0;
  }
  const applied = applyPlan(elf, plan, { toolVersion: version, packed: packedOriginal(input) });
  const stored = await compress(applied.bytes, input.form);
  const staged = await stageFile(args.output!, stored, { mode: input.mode, force: args.force });
  let verdict: Verdict;
  try {
    verdict = await judge(elf, input, plan, applied.bytes, stored, staged);
  } catch (error) {
    await staged.discard();
    throw error;
  }
  const { verification, secondReader } = verdict;
  const ok = verification.ok && secondReader?.agreed === true;
  if (ok) await staged.commit();
  else await staged.discard();
  const { original } = applied.record;
  await show(
    args,
    document(args, elf, plan, { written: ok, verification, original, ...(secondReader && { secondReader }) }),
  );
  if (ok) return 0;
  throw unverified(elf, verification, secondReader);
}

interface Verdict {
  readonly verification: Verification;
  /** Not asked about an output that has not passed verification. */
  readonly secondReader: SecondReader | undefined;
}

/**
 * Judges what the file holds that will take the output's place. A plain file is read again, and what comes back is what
 * everybody judges; a packed one is compared with the packed bytes, which are known to expand to `made`.
 */
async function judge(
  elf: ElfFile,
  input: ObjectFile,
  plan: PatchPlan,
  made: Uint8Array,
  stored: Uint8Array,
  staged: StagedFile,
): Promise<Verdict> {
  const back = staged.readBack();
  const plain = input.form === 'plain';
  if (back !== undefined && !plain && Buffer.compare(back, stored) !== 0) throw notAsWritten();
  const bytes = plain && back !== undefined ? back : made;
  const verification = verifyPatched({ elf, bytes: input.bytes }, bytes, plan);
  // Where the file was read again, the bytes that it was made of serve nobody any more: the package may have them.
  const secondReader = verification.ok ? await askSecondReader(bytes, bytes === made ? undefined : made) : undefined;
  return { verification, secondReader };
}

/** `F=G`; names may hold `@section+offset`, but neither holds `=`. */
function redirect(text: string, args: PatchArguments): RedirectRequest {
  const parts = text.split('=');
  if (parts.length !== 2 || parts[0] === '' || parts[1] === '')
    throw new InputError({
      code: 'CLI001',
      message: `--redirect ${JSON.stringify(text)} does not name two functions`,
      expected: 'F=G',
      remedy: 'write the function to be replaced, "=", and its replacement',
    });
  return { from: parts[0]!, to: parts[1]!, strategy: args.strategy, at: args.at, toc: args.toc };
}

/** What the given `Module.symvers` files export; the first file that knows a symbol counts. */
async function readExports(paths: readonly string[]): Promise<ReadonlyMap<string, ExportedSymbol>> {
  const all = new Map<string, ExportedSymbol>();
  for (const path of paths) {
    const { bytes } = await readStored(path);
    try {
      for (const [name, symbol] of parseSymvers(Buffer.from(bytes).toString('utf8')))
        if (!all.has(name)) all.set(name, symbol);
    } catch (error) {
      throw inFile(error, path);
    }
  }
  return all;
}

/** The `.BTF` of a kernel image: a module's own BTF only makes sense together with it. */
async function readKernelBtf(path: string): Promise<Uint8Array> {
  const { bytes } = await readObject(path);
  try {
    const elf = readElf(bytes);
    const section = elf.sectionNamed('.BTF');
    if (section !== undefined) return elf.contents(section);
    throw new InputError({
      code: 'KER003',
      message: 'the kernel image has no BTF',
      expected: 'a section .BTF',
      remedy:
        'give the vmlinux of a kernel with CONFIG_DEBUG_INFO_BTF, or leave --kernel out: the code alone decides then',
    });
  } catch (error) {
    throw inFile(error, path);
  }
}

function packedOriginal(input: ObjectFile) {
  if (input.form === 'plain') return undefined;
  return { form: input.form, sha256: createHash('sha256').update(input.stored).digest('hex') };
}

function notAsWritten(): RefusalError {
  return new RefusalError({
    code: 'VER901',
    message: 'the file does not hold what was written to it; nothing is put into place',
    remedy: 'look for messages about the disk in the kernel log, and write to another disk',
  });
}

async function askSecondReader(bytes: Uint8Array, copy: Uint8Array | undefined): Promise<SecondReader> {
  const { agreed, sections, differences, skipped } = await crossCheck(bytes, readElf(bytes), copy);
  return {
    agreed,
    sections,
    differences: differences.map(
      d => `section ${d.section ?? '-'}, ${d.field}: tocsin reads ${d.tocsin}, elf-tools ${d.elfTools}`,
    ),
    ...(skipped !== undefined && { skipped }),
  };
}

/** Why an output was not let through: the input broke a rule already, or tocsin made a mistake. */
function unverified(
  elf: ElfFile,
  verification: Verification,
  second: SecondReader | undefined,
): InputError | RefusalError {
  const errors = verification.findings.filter(f => f.level === 'error');
  const before = verifyObject(elf).findings.find(f => f.level === 'error' && errors.some(e => e.code === f.code));
  const finding = before ?? errors[0];
  const place = { section: finding?.section, offset: finding?.offset, function: finding?.function };
  const code = finding?.code ?? 'VER900';
  if (before !== undefined)
    return new InputError({
      code,
      message: `the input breaks a rule already, so nothing is written: ${before.message}`,
      ...place,
      remedy: 'build or copy the file again; a kernel would refuse it or run it wrong',
    });
  return new RefusalError({
    code,
    message: `the result did not pass its own verification, nothing is written: ${finding?.message ?? second?.differences[0] ?? ''}`,
    ...place,
    remedy: 'this is a fault of tocsin or an input that it does not understand: please report it with the input',
  });
}

function document(
  args: PatchArguments,
  elf: ElfFile,
  plan: PatchPlan,
  result: Pick<PatchDocument, 'written' | 'verification' | 'original' | 'secondReader'>,
): PatchDocument {
  const names: PlanNames = {
    section: index => elf.sections[index]?.name ?? `section ${index}`,
    symbol: index => elf.symbols?.name(index) ?? `symbol ${index}`,
    relocationType: relocationName,
  };
  return {
    schema: 'tocsin.patch/1',
    file: args.file,
    ...(args.output !== undefined && !args.dryRun && { output: args.output }),
    dryRun: args.dryRun,
    actions: plan.actions,
    ...(listsWords(args) && { words: wordsOfPlan(plan, names) }),
    newCode: codeOfPlan(plan, names),
    removed: {
      relocations: plan.removedRelocations.length + plan.removedRecords.length,
      records: plan.removedRecords.length,
    },
    importedVersions: plan.addedVersions.map(v => ({ name: v.name, crc: `0x${v.crc.toString(16).padStart(8, '0')}` })),
    warnings: plan.warnings,
    ...result,
  };
}

/** Thousands of words take longer to disassemble than to change. */
function listsWords(args: PatchArguments): boolean {
  return args.dryRun || args.verbose || args.format === 'json' || args.report !== undefined;
}

async function show(args: PatchArguments, doc: PatchDocument): Promise<void> {
  if (args.report !== undefined) {
    const text = args.report.endsWith('.json') ? `${JSON.stringify(doc, null, 2)}\n` : patchText(doc, true);
    await writeAtomic(args.report, Buffer.from(text));
  }
  if (args.format === 'json') print(`${JSON.stringify(doc, null, 2)}\n`);
  else if (!args.quiet || doc.dryRun) print(patchText(doc, args.verbose));
  else for (const warning of doc.warnings) note(`tocsin: ${args.file}: ${warning}`);
}
