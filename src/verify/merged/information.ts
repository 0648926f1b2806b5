/**
 * `.modinfo` of a merge: what a module says of itself as a whole it says once, and as before. The strings of the objects that may come along
 * are worked out here anew, from module and objects.
 */
import type { ElfFile } from '../../elf/read.ts';
import { isGplCompatible } from '../../kernel/licenses.ts';
import { modinfoOf, WHOLE_MODULE_KEYS } from '../../kernel/modinfo.ts';
import type { SectionIndex } from '../../util/indexes.ts';
import { count, type Report } from '../verification.ts';
import type { MergeCase } from './verify-merge.ts';

const NAME = '.modinfo';

/** By object, then section: the bytes of its `.modinfo` that come along. A section of which all does is not listed. */
export type ExpectedInformation = readonly ReadonlyMap<SectionIndex, Buffer>[];

export function expectedInformation({ module, objects }: MergeCase): ExpectedInformation {
  const own = module.sectionNamed(NAME);
  const there = new Set(own === undefined ? [] : split(module.contents(own)));
  return objects.map(({ elf }) => {
    const changed = new Map<SectionIndex, Buffer>();
    for (const section of elf.sections.filter(s => s.name === NAME)) {
      const all = split(elf.contents(section));
      const rest: string[] = [];
      for (const text of all) {
        if (!there.has(text) && !WHOLE_MODULE_KEYS.has(text.replace(/=.*/s, ''))) rest.push(text);
        there.add(text);
      }
      if (rest.length < all.length)
        changed.set(section.index, Buffer.from(rest.map(text => `${text}\0`).join(''), 'latin1'));
    }
    return changed;
  });
}

function split(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes).toString('latin1');
  return text.split('\0').filter(line => line !== '');
}

export function compareInformation(report: Report, { module, objects }: MergeCase, merged: ElfFile): string {
  const [before, after] = [module, merged].map(elf => modinfoOf(elf).filter(e => WHOLE_MODULE_KEYS.has(e.key)));
  const text = (entries: typeof before) => (entries ?? []).map(e => `${e.key}=${e.value}`);
  if (text(before).join('\0') !== text(after).join('\0'))
    report.error('VER180', `the module would say of itself: ${text(after).join(', ')}`, NAME);
  const license = before!.find(e => e.key === 'license')?.value;
  for (const { name, elf } of objects)
    for (const { key, value } of modinfoOf(elf))
      if (key === 'license' && license !== undefined && isGplCompatible(license) && !isGplCompatible(value))
        report.error('VER181', `${name} is under '${value}', and would be taken to be under '${license}'`, NAME);
  return `${count(before!.length, 'string')} of the module as a whole`;
}
