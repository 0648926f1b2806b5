/** Who is taken to export what a module imports from other modules. */
import { expect, it } from 'vitest';
import { readElf } from '../../../../src/elf/read.ts';
import { exportersFor } from '../../../../src/verify/patched/exporters.ts';
import { ObjectBuilder } from '../../../support/object-builder.ts';

const object = new ObjectBuilder();
const text = object.code('.text', [0x4e800020]);
object.function('own', text, 0, 4);
object.undefined('imported');
const symbol = (name: string, exporter: string) => ({ name, crc: 7, exporter, gplOnly: true, namespace: 'NS' });
const exporterOf = exportersFor(
  readElf(object.build()),
  new Map(
    [symbol('fix_a', 'drivers/fix/fix'), symbol('kernel_b', 'vmlinux'), symbol('own', 'drivers/own')].map(s => [
      s.name,
      s,
    ]),
  ),
);

it('goes by Module.symvers', () => {
  const module = exporterOf('fix_a')!;
  expect(module.name).toBe('fix');
  expect(module.exports.get('fix_a')).toMatchObject({ crc: 7, gplOnly: true, namespace: 'NS' });
  expect(exporterOf('fix_a')).toBe(module);
});

it('takes what was imported before to be there', () => {
  expect(exporterOf('imported')!.exports.get('imported')).toMatchObject({
    crc: undefined,
    gplOnly: false,
    namespace: '',
  });
});

it('knows nothing of the kernel, of others, and of what the module has itself', () => {
  for (const name of ['kernel_b', 'unheard_of', 'own']) expect(exporterOf(name)).toBeUndefined();
});
