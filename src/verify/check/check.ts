/**
 * What a kernel will do with a module, what is wrong with it though the kernel takes it, and whether its functions keep r2 right;
 * of a kernel image the last of these alone.
 */
import { readElf } from '../../elf/read.ts';
import { loadModule } from '../../loader/load.ts';
import type { LoadedModule, LoadRequest } from '../../loader/model.ts';
import { ReusedMemory } from '../../loader/reused-memory.ts';
import { InputError } from '../../util/errors.ts';
import { CopyModules } from '../copy-modules.ts';
import { mentionsCopies } from '../proof/copies.ts';
import { proveKernel, proveModule } from '../proof/proof.ts';
import { auditNote } from './audits/note.ts';
import { auditUnreadable } from './audits/patched.ts';
import { type CheckResult, Findings, notJudged } from './finding.ts';
import { type Judged, judge } from './judge.ts';
import { LivepatchTargets } from './livepatch-targets.ts';
import { type ProofOptions, withoutProof, withProof } from './proved.ts';

export interface CheckRequest extends Judged, ProofOptions {
  /** As `insmod` passes them. */
  readonly parameters?: string | undefined;
  /**
   * The bytes of a module that is given, by its name: what a livepatch does with it is looked at, and what is proved of copies
   * that another module goes on in.
   */
  readonly moduleNamed?: ((name: string) => Uint8Array | undefined) | undefined;
  /** `false`: only what the kernel does with it. */
  readonly proof?: boolean | undefined;
}

/** Somewhere in the area that ppc64 kernels keep for modules: no rule of the loader depends on where. */
const BASE = 0xc008_0000_0100_0000n;

/** `exporterOf` finds them. */
const NONE: ReadonlyMap<string, LoadedModule> = new Map();

/** Where modules are put to be judged. Nothing of a result lies there. */
const memory = new ReusedMemory();

/** Whatever the bytes are, there is an answer: what the kernel does with them. */
export function checkModule(request: CheckRequest): CheckResult {
  const { bytes, kernel, exporterOf, parameters, signatures } = request;
  const copies = copyModules(request);
  const load: LoadRequest = {
    bytes,
    kernel,
    modules: NONE,
    exporter: copies?.exporterOf ?? exporterOf,
    placement: { kind: 'base', base: BASE },
    ...(parameters !== undefined && { parameters }),
    verifySignature: false,
  };
  const enabled = { ...load, enableLivepatch: kernel.options.livepatch };
  memory.clear();
  // For the proof there has to be an image; the answer is the same with and without.
  const outcome = loadModule({
    ...enabled,
    memory,
    checkOnly: request.proof === false,
    verifySignature: signatures !== false,
  });
  const targets = new LivepatchTargets(enabled, request.moduleNamed);
  const judged = judge(outcome, { ...request, symbolsOfModule: targets.count });
  const late = outcome.livepatch === undefined ? [] : targets.findings(outcome, outcome.livepatch);
  const result = late.length === 0 ? judged : { ...judged, findings: [...judged.findings, ...late] };
  // What may crash the kernel while it is loaded has no image to speak of.
  if (request.proof === false || !result.loads || outcome.dangerous) return result;
  // A livepatch is judged as it is before it is enabled.
  const { image } = outcome.livepatch === undefined ? outcome : loadModule(load);
  if (image === undefined) return withoutProof(result, 'it loads, and yet the twin has no image of it');
  try {
    return withProof(result, proveModule(image, copies?.proofs), request);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return withoutProof(result, error.complaint.message, error.complaint.code);
  }
}

/** Of modules that are given. Not needed by most: their imports may lie anywhere. */
function copyModules({ bytes, kernel, exporterOf, moduleNamed, proof }: CheckRequest): CopyModules | undefined {
  if (proof === false || moduleNamed === undefined || !mentionsCopies(bytes)) return undefined;
  const load = { kernel, modules: NONE, verifySignature: false };
  return new CopyModules(
    (other, placement, exporter) => loadModule({ ...load, bytes: other, placement, exporter }),
    moduleNamed,
    exporterOf,
  );
}

/** Whether the bytes are of a kernel image: an executable or position-independent one, with program headers. */
export function isKernelImage(bytes: Uint8Array): boolean {
  if (bytes.length < 64 || bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46)
    return false;
  const type = bytes[16]! | (bytes[17]! << 8);
  const segments = bytes[56]! | (bytes[57]! << 8);
  return (type === 2 || type === 3) && segments > 0;
}

/** @throws InputError for a damaged image, PRV101 for one without symbols */
export function checkKernel(bytes: Uint8Array, options: ProofOptions): CheckResult {
  const elf = readElf(bytes);
  const proof = proveKernel(elf);
  const noted = new Findings();
  auditUnreadable({ elf }, noted);
  auditNote({ elf }, noted);
  const empty = {
    kind: 'vmlinux',
    loads: true,
    toc: notJudged(0),
    findings: noted.all(),
    log: [],
    module: '',
    uses: [],
  } as const;
  return withProof(empty, proof, options);
}
