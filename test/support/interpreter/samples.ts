/** The samples, and what tocsin makes of them, as the twin loads them: for tests that have no kernel. */
import { readFileSync } from 'node:fs';
import { readElf } from '../../../src/elf/read.ts';
import type { LoadedImage } from '../../../src/loader/model.ts';
import { applyPlan } from '../../../src/rewrite/apply.ts';
import { makePlan, type PatchRequest } from '../../../src/rewrite/plan.ts';
import type { RedirectRequest } from '../../../src/rewrite/redirects.ts';
import type { Generation } from '../kernel-knowledge.ts';
import { GENERATIONS, load } from '../loader.ts';
import { root } from '../samples.ts';

export interface SampleImage {
  readonly name: string;
  readonly image: LoadedImage;
  /** tocsin has changed it. */
  readonly isPatched: boolean;
}

const redirect = (from: string, to: string, options: Partial<RedirectRequest> = {}): PatchRequest => ({
  nops: [],
  redirects: [{ from, to, strategy: 'auto', at: 'after-site', toc: 'recomputed', ...options }],
  allowUnversioned: true,
});

const REQUESTS: readonly (readonly [name: string, request: PatchRequest])[] = [
  ['direct', redirect('demo_in_range', 'demo_in_range_fixed')],
  ['direct at the site', redirect('demo_in_range', 'demo_in_range_fixed', { at: 'site' })],
  ['direct from a leaf', redirect('demo_parity', 'demo_in_range_fixed')],
  ['frame', redirect('demo_in_range', 'fix_in_range')],
  ['frame at the site', redirect('demo_in_range', 'fix_in_range', { at: 'site' })],
  ['frame, saved', redirect('demo_in_range', 'fix_in_range', { toc: 'saved' })],
  ['frame from a leaf, saved', redirect('demo_parity', 'int_sqrt', { toc: 'saved', at: 'site' })],
];

const REPLACEMENT = ['fix_in_range'];

/** @param imports names that no default of the made-up kernel exports */
function image(generation: Generation, bytes: Uint8Array, imports: readonly string[]): LoadedImage {
  const spec = { exports: imports.map(name => ({ name })) };
  const { answer, outcome } = load(generation, bytes, spec, { checkOnly: false });
  if (outcome.image === undefined)
    throw new Error(`the twin refuses a sample: ${answer} ${outcome.log.map(l => l.text).join('; ')}`);
  return outcome.image;
}

/** Plain and patched samples of all generations. */
export function* sampleImages(): Generator<SampleImage> {
  for (const generation of GENERATIONS) {
    const read = (name: string) => new Uint8Array(readFileSync(`${root}samples/${generation}/tocsin_${name}.ko`));
    const demo = read('demo');
    yield { name: `tocsin_demo ${generation}`, image: image(generation, demo, []), isPatched: false };
    yield { name: `tocsin_fix ${generation}`, image: image(generation, read('fix'), []), isPatched: false };
    const elf = readElf(demo);
    for (const [name, request] of REQUESTS) {
      const { bytes } = applyPlan(elf, makePlan(elf, request), { toolVersion: 'test' });
      yield { name: `${name} ${generation}`, image: image(generation, bytes, REPLACEMENT), isPatched: true };
    }
  }
}
