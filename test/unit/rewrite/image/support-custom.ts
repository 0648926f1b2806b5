import { withImageCustoms } from '../../../../src/cli/patch/custom.ts';
import { customObject } from '../../../../src/merge/custom.ts';
import { linkObjects } from '../../../../src/merge/image.ts';
import type { ImagePlan } from '../../../../src/plan/image.ts';
import type { RedirectAt } from '../../../../src/plan/plan.ts';
import { applyImagePlan } from '../../../../src/rewrite/image/apply.ts';
import { makeImagePlan } from '../../../../src/rewrite/image/plan.ts';
import { verifyImage } from '../../../../src/verify/image/verify-image.ts';
import { ObjectBuilder, R, SHF, STT } from '../../../support/object-builder.ts';
import { BLR, given, image, MFLR, NOP } from './support.ts';

const [B, BL] = [0x48000000, 0x48000001];

/** A piece of F: it goes on in F. Its data has the address of F as a function. */
export function piece(): Uint8Array {
  const b = new ObjectBuilder();
  const text = b.code('.text', [0x39600001, B], { align: 16 });
  const data = b.section('.data', { flags: SHF.ALLOC | SHF.WRITE, bytes: new Uint8Array(8), align: 8 });
  b.symbol('__tocsin_trampoline', { section: text, value: 0, size: 8, bind: 1 });
  b.relocate(text, 4, R.REL24, b.undefined('__tocsin_continue'), 0);
  b.relocate(data, 0, R.ADDR64, b.undefined('__tocsin_original'), 0);
  return b.build();
}

/** A function in front of G: calls G, then F as it was, in a frame of its own. */
export function stand(findsToc: boolean): Uint8Array {
  const b = new ObjectBuilder();
  const find = findsToc ? [0x429f0005, 0x7d8802a6, 0x3c4c0000, 0x38420000] : [];
  const words = [MFLR, 0xf8010010, 0xf821ffe1, ...find, BL, NOP, BL, 0x38210020, 0xe8010010, 0x7c0803a6, BLR];
  const text = b.code('.text', words, { align: 16 });
  b.symbol('__tocsin_trampoline', { section: text, value: 0, size: words.length * 4, bind: 1, type: STT.FUNC });
  const calls = 12 + find.length * 4;
  if (findsToc) {
    const toc = b.undefined('__tocsin_toc');
    b.relocate(text, 20, R.REL16_HA, toc, 4);
    b.relocate(text, 24, R.REL16_LO, toc, 8);
  }
  b.relocate(text, calls, R.REL24, b.undefined('__tocsin_target'), 0);
  b.relocate(text, calls + 8, R.REL24, b.undefined('__tocsin_original'), 0);
  return b.build();
}

/** The plan for a redirect by way of the trampoline, and its judge. */
export function patchedCustom(from: string, to: string, bytes: Uint8Array, at: RedirectAt = 'after-site') {
  const input = image();
  const object = given('own.o', bytes);
  const entry = `__tocsin_custom_${from}`;
  const made = customObject(object, { from, to, entry });
  if (!('object' in made)) throw new Error(made[0]);
  const redirect = { from, to, strategy: 'custom:own.o', at, toc: 'recomputed' } as const;
  const renamed = { name: 'own.o', given: object.elf, copy: made.object.elf, from, to, entry };
  const customs = [{ redirect, made, entry, renamed, sha256: object.sha256 }];
  const objects = [made.object];
  const additions = linkObjects(input, objects);
  const redirects = withImageCustoms([redirect], customs, input, additions);
  const plan = makeImagePlan(input, {
    nops: [],
    redirects,
    additions,
    relink: rests => linkObjects(input, objects, rests),
  });
  const check = (of: ImagePlan) => {
    const output = applyImagePlan(input, of, { toolVersion: 'test' }).bytes;
    return verifyImage(input, output, of, [made.object.elf], [renamed]).findings.map(f => f.code);
  };
  return {
    input,
    plan,
    check,
    objects: [made.object.elf],
    renamed: [renamed],
    bytes: applyImagePlan(input, plan, { toolVersion: 'test' }).bytes,
  };
}
