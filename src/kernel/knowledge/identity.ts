/** Which kernel an image is: its release, and the string that a module's `vermagic` is compared with. */
import { InputError } from '../../util/errors.ts';
import type { KernelImage } from './image.ts';

export interface Identity {
  readonly release: string;
  readonly version: readonly [major: number, minor: number];
  readonly vermagic: string;
  /** What the kernel prints first; names the compiler. */
  readonly banner: string;
}

/**
 * From `vermagic` of kernel/module/main.c and `linux_banner`, which must name the same release.
 *
 * @throws InputError KER020, KER021
 */
export function identityOf(image: KernelImage): Identity {
  const bannerAt = image.address('linux_banner');
  const banner = (bannerAt === undefined ? undefined : image.textAt(bannerAt)) ?? '';
  const bannerRelease = /^Linux version (\S+) /.exec(banner)?.[1];
  const at = image.address('vermagic');
  const vermagic = at === undefined ? undefined : image.textAt(at);
  if (vermagic === undefined || !/^\d+\.\d+\S* /.test(vermagic))
    throw new InputError({
      code: 'KER020',
      message: 'the image does not say which modules it takes',
      expected: 'the string "vermagic" of kernel/module/main.c, which begins with the release',
      found: vermagic === undefined ? 'no symbol of that name' : JSON.stringify(vermagic.slice(0, 60)),
      remedy: 'give the unstripped vmlinux of a kernel with CONFIG_MODULES, or its complete System.map',
    });
  const identity = identityFrom(vermagic, banner);
  if (bannerRelease !== undefined && bannerRelease !== identity.release)
    throw new InputError({
      code: 'KER021',
      message: 'the image names two releases',
      expected: `${identity.release}, as in vermagic`,
      found: `${bannerRelease}, as in linux_banner`,
      remedy: 'give an undamaged vmlinux and the System.map of the same build',
    });
  return identity;
}

/** The same from the string alone; it has to begin with a release. */
export function identityFrom(vermagic: string, banner = ''): Identity {
  const release = vermagic.slice(0, vermagic.indexOf(' '));
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release)!;
  return { release, version: [Number(major), Number(minor)], vermagic, banner };
}
