/** A kernel's configuration: the text of `.config`, or the copy that the image carries (CONFIG_IKCONFIG). */
import { gunzipSync } from 'node:zlib';
import { InputError } from '../../util/errors.ts';
import { sectionAt } from '../image.ts';
import type { KernelImage } from './image.ts';

/** Values by name without `CONFIG_`: `y`, `m`, a number, a string in quotes. What is not set is absent. */
export type Configuration = ReadonlyMap<string, string>;

/** @throws InputError KER022 where the text is no configuration of a kernel that loads modules */
export function parseConfig(text: string): Configuration {
  const values = new Map<string, string>();
  for (const match of text.matchAll(/^CONFIG_(\w+)=(.*)$/gm)) values.set(match[1]!, match[2]!.trim());
  if (values.get('MODULES') !== 'y')
    throw new InputError({
      code: 'KER022',
      message: 'not the configuration of a kernel that loads modules',
      expected: 'lines such as CONFIG_MODULES=y',
      found: values.size === 0 ? 'no line that sets an option' : 'CONFIG_MODULES is not set',
      remedy: 'give the .config of the build, or /boot/config-RELEASE',
    });
  return values;
}

/** Larger than any configuration; a damaged image must not expand without end. */
const CONFIG_LIMIT = 16 << 20;
const START = Buffer.from('IKCFG_ST', 'latin1');
const END = Buffer.from('IKCFG_ED', 'latin1');

/** The configuration inside an image between `IKCFG_ST` and `IKCFG_ED`; `undefined` where there is none that can be read. */
export function embeddedConfig(image: KernelImage): Configuration | undefined {
  const at = image.address('kernel_config_data');
  const section = at === undefined ? image.elf.sectionNamed('.rodata') : sectionAt(image.elf, at);
  if (section === undefined) return undefined;
  const bytes = image.elf.contents(section);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  // The marker stands right before the data, and the symbol behind the marker.
  const from = at === undefined ? 0 : Math.max(0, Number(at - section.sh_addr) - START.length);
  const start = text.indexOf(START, from);
  const end = start < 0 ? -1 : text.indexOf(END, start);
  if (end < 0) return undefined;
  try {
    const packed = text.subarray(start + START.length, end);
    return parseConfig(gunzipSync(packed, { maxOutputLength: CONFIG_LIMIT }).toString('latin1'));
  } catch {
    return undefined;
  }
}
