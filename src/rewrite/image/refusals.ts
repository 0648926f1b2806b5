/** Why a request for a linked kernel image is refused, by code; as refusals.ts beside it, for what only images have. */
import { RefusalError } from '../../util/errors.ts';
import type { RefusalPlace } from '../refusals.ts';

export const imageRefusals = {
  PAT120: {
    cause: '{what} does not go with a linked image',
    remedy: 'see tocsin patch in the README for what a kernel image can be given',
  },
  PAT195: {
    cause: '{what} does not go with a linked image: {why}',
    remedy: 'leave it out; the README says what a kernel image can be given',
  },
  PAT121: {
    cause: 'the image cannot be patched: {what}',
    remedy: 'give the unstripped vmlinux of a ppc64le kernel, as it was linked',
  },
  PAT250: {
    cause: 'the image is linked for {found}, and 64-bit powerpc kernels are for {expected}',
    remedy: 'give the vmlinux of a ppc64le kernel, not its zImage, a boot wrapper or an image that was moved',
  },
  PAT251: {
    cause: '{place} looks like a branch to the local entry of {name}, and no function covers it: it may be data',
    remedy: 'redirect all callers with --at after-site',
  },
  PAT122: {
    cause: 'the record of the call site cannot be dropped: {what}',
    remedy: 'leave this function out, or build the kernel with it marked notrace',
  },
  PAT126: {
    cause: 'there is no room for dynamic relocations: {what}',
    remedy: 'use fewer addresses of functions and data in the objects',
  },
  PAT127: {
    cause: 'the image has no room for {size} bytes of new code',
    remedy: 'hook fewer functions',
  },
  PAT191: {
    cause: 'the {table} of the image cannot grow: {why}',
    remedy: 'leave out of the fix what makes rows of it (WARN and BUG; get_user and its like), or see docs/design.md',
  },
  PAT192: {
    cause: 'the {table} of the image cannot grow, because {name} cannot be told where it is: {why}',
    remedy: 'leave out of the fix what makes rows of it (WARN and BUG; get_user and its like), or see docs/design.md',
  },
  PAT194: {
    cause: 'this word tells where a table is that grows, and another change wants it',
    remedy:
      'do not hook or redirect the functions that search the exception and bug tables, or leave these rows out of the fix',
  },
} as const;

export type ImageRefusalCode = keyof typeof imageRefusals;

export function imageRefusal(
  code: ImageRefusalCode,
  values: Readonly<Record<string, string>> = {},
  at: RefusalPlace = {},
): RefusalError {
  const { cause, remedy } = imageRefusals[code];
  return new RefusalError({
    code,
    message: cause.replace(/\{(\w+)\}/g, (_, key: string) => values[key] ?? ''),
    section: at.section?.name,
    offset: at.section === undefined ? undefined : at.offset,
    function: at.function,
    remedy,
  });
}
