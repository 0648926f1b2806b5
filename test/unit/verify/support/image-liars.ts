/** Plans of images to lie about, what a lie may change without meaning anything, and the counting of both. */
import type { ElfFile } from '../../../../src/elf/read.ts';
import type { ImagePlan } from '../../../../src/plan/image.ts';
import { applyImagePlan } from '../../../../src/rewrite/image/apply.ts';
import { verifyImage } from '../../../../src/verify/image/verify-image.ts';
import type { RenamedObject } from '../../../../src/verify/merged/renamed.ts';
import { hook, patched, redirect } from '../../rewrite/image/support.ts';
import { patchedCustom, stand } from '../../rewrite/image/support-custom.ts';
import { patchedTables } from '../../rewrite/image/support-tables.ts';
import { liesOf } from './lies.ts';

export interface ImageLiar {
  readonly input: ElfFile;
  readonly plan: ImagePlan;
  readonly objects: readonly ElfFile[];
  readonly renamed?: readonly RenamedObject[];
}

export const IMAGE_LIARS: Readonly<Record<string, () => ImageLiar>> = {
  'a call site': () => patched({ nops: ['first'] }),
  'a redirect and a hook': () => patched({ redirects: [redirect('first', 'fix')], hooks: [hook('leaf', 'count')] }),
  'at the site': () => patched({ redirects: [{ ...redirect('second', 'fix'), at: 'site' }] }),
  'hooks behind functions, and a call': () =>
    patched({
      hooks: [hook('first', 'fix', 'after')],
      retargets: [{ from: 'caller', call: 'helper', to: 'count' }],
    }),
  'callers from outside': () => patched({ redirects: [{ ...redirect('first', 'fix'), at: 'global-entry' }] }),
  'callers of its own': () => patched({ redirects: [{ ...redirect('helper', 'count'), at: 'local-entry' }] }),
  'a trampoline of the user': () => patchedCustom('first', 'helper', stand(true)),
  'rows of tables': () => patchedTables(),
};

/** What may be said otherwise, and why that is harmless. A field that is not here has to be refused. */
export const HARMLESS_IN_IMAGES: readonly (readonly [field: RegExp, why: string])[] = [
  [/\.grounds|^\.warnings/, "the maker's reasons in words: printed as such, and judged by nobody"],
  [/^\.merged\[\]\.name$/, 'what a file is called only its user knows'],
  [/^\.symbols\[\]\.name$/, 'another name of tocsin’s kind'],
  [/^\.symbols\[\]\.type$/, 'a piece of the function in place of a function: the proof follows it as that'],
  [/^\.parts\[\]\.alignment$/, 'what a header says of a place that is fixed, and keeps it'],
  [/^\.unproved/, 'told by the proof'],
  [/^\.schema$/, 'the type of the plan: data between two parts of one program'],
];

export const IMAGE_NAMES = ['first', 'leaf', 'count'];

export interface ImageCampaign {
  readonly tried: number;
  readonly refused: number;
  /** No plan at all: the maker cannot carry it out, or the judge cannot read it. */
  readonly none: number;
  readonly same: number;
  readonly accepted: number;
  /** Accepted for no known reason. */
  readonly harmful: readonly string[];
}

/** @param every takes only every n-th lie */
export function imageCampaign({ input, plan, objects, renamed = [] }: ImageLiar, every = 1): ImageCampaign {
  const good = applyImagePlan(input, plan, { toolVersion: 'test' }).bytes;
  const judge = (of: ImagePlan) => {
    const bytes = applyImagePlan(input, of, { toolVersion: 'test' }).bytes;
    if (!verifyImage(input, bytes, of, objects, renamed).ok) return 'refused';
    return Buffer.compare(bytes, good) === 0 ? 'same' : 'accepted';
  };
  const counts = { tried: 0, refused: 0, accepted: 0, same: 0, none: 0 };
  const harmful: string[] = [];
  let seen = 0;
  for (const { field, path, what, plan: lie } of liesOf(plan, IMAGE_NAMES)) {
    if (seen++ % every !== 0) continue;
    counts.tried++;
    let found: 'refused' | 'accepted' | 'same' | 'none' = 'none';
    try {
      found = judge(lie);
    } catch (error) {
      // Plans are data between two parts of one program: what lacks a field is none.
      if (!(error instanceof Error)) throw error;
    }
    counts[found]++;
    // Lists of actions, symbols and relocations have no order.
    const isHarmless = what === 'moved to the front' || HARMLESS_IN_IMAGES.some(([harmless]) => harmless.test(field));
    if (found === 'accepted' && !isHarmless) harmful.push(`${path}: ${what}`);
  }
  return { ...counts, harmful };
}
