/** A file before and after its patch, as the loader twin leaves it. */
import type { ElfFile } from '../../elf/read.ts';
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import { loadModule } from '../../loader/load.ts';
import type { LoadedImage, LoaderRemark, LoadOutcome } from '../../loader/model.ts';
import { Findings } from '../check/finding.ts';
import { tellOutcome } from '../check/refusal.ts';
import { asModule, isPlainObject } from './as-module.ts';
import { assumedKernel } from './assumed-kernel.ts';
import type { ExporterOf } from './exporters.ts';
import type { GivenModules } from './given-modules.ts';
import { unsigned } from './unsigned.ts';

/** Somewhere in the area that ppc64 kernels keep for modules: nothing that is proved depends on where. */
const BASE = 0xc008_0000_0100_0000n;

export interface LoadingKernel {
  readonly kernel: KernelKnowledge;
  readonly exporterOf: ExporterOf;
}

/** A file in memory. */
export interface Loaded {
  readonly image: LoadedImage;
  /** What the kernel takes without a word, or with a warning, and does harm. */
  readonly errors: readonly LoaderRemark[];
}

/** Why there is no image. `isRefusal`: a kernel that was given refuses it; else the twin cannot say. */
export interface NoImage {
  readonly code: string;
  readonly message: string;
  readonly isRefusal: boolean;
}

/**
 * @param given a kernel that has to take the file, unless it is a plain object, which no kernel takes
 * @param others modules that are loaded already
 */
export function loadPatched(elf: ElfFile, given: LoadingKernel | undefined, others?: GivenModules): Loaded | NoImage {
  const chosen = isPlainObject(elf) ? undefined : given;
  const module = isPlainObject(elf) ? asModule(elf) : elf;
  const kernel = chosen === undefined ? assumedKernel(module, others?.has) : unsigned(chosen.kernel);
  const exporter: ExporterOf = symbol => others?.exporterOf(symbol) ?? chosen?.exporterOf(symbol);
  const outcome = load(module, kernel, exporter, false);
  if (!outcome.loads) return refusal(outcome, kernel, chosen);
  const errors = outcome.remarks.filter(r => r.level === 'error');
  if (outcome.image !== undefined && !outcome.dangerous) return { image: outcome.image, errors };
  const told = errors[0];
  const why = told === undefined ? 'loading it may crash the kernel' : `${told.message} [${told.code}]`;
  return { code: 'PRV104', message: why, isRefusal: false };
}

/** What a kernel says to a module of which nothing is to be proved. */
export function refusedBy(elf: ElfFile, given: LoadingKernel): NoImage | undefined {
  if (isPlainObject(elf)) return undefined;
  const kernel = unsigned(given.kernel);
  const outcome = load(elf, kernel, given.exporterOf, true);
  return outcome.loads ? undefined : refusal(outcome, kernel, given);
}

function load(elf: ElfFile, kernel: KernelKnowledge, exporter: ExporterOf, checkOnly: boolean): LoadOutcome {
  return loadModule({
    bytes: elf.bytes,
    kernel,
    modules: new Map(),
    exporter,
    placement: { kind: 'base', base: BASE },
    checkOnly,
  });
}

function refusal(outcome: LoadOutcome, kernel: KernelKnowledge, given: LoadingKernel | undefined): NoImage {
  const findings = new Findings();
  const exporterOf = given?.exporterOf ?? (() => undefined);
  const said = tellOutcome(outcome, { kernel, exporterOf, subject: undefined }, findings);
  const message = said ?? `${outcome.errno?.name ?? 'an error'}, without a message`;
  const isRefusal = given !== undefined;
  const code = isRefusal ? (findings.all().find(f => f.level === 'error')?.code ?? 'MOD390') : 'PRV104';
  return { code, message, isRefusal };
}
