/** What a kernel will do with a module, and what is wrong with it though the kernel takes it. */
import { loadModule } from '../../loader/load.ts';
import type { LoadedModule } from '../../loader/model.ts';
import type { CheckResult } from './finding.ts';
import { type Judged, judge } from './judge.ts';

export interface CheckRequest extends Judged {
  /** As `insmod` passes them. */
  readonly parameters?: string | undefined;
}

/** Somewhere in the area that ppc64 kernels keep for modules: no rule of the loader depends on where. */
const BASE = 0xc008_0000_0100_0000n;

/** `exporterOf` finds them. */
const NONE: ReadonlyMap<string, LoadedModule> = new Map();

/** Whatever the bytes are, there is an answer: what the kernel does with them. */
export function checkModule(request: CheckRequest): CheckResult {
  const { bytes, kernel, exporterOf, parameters } = request;
  const outcome = loadModule({
    bytes,
    kernel,
    modules: NONE,
    exporter: exporterOf,
    placement: { kind: 'base', base: BASE },
    checkOnly: true,
    ...(parameters !== undefined && { parameters }),
  });
  return judge(outcome, request);
}
