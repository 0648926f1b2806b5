/**
 * What objects say in `.modinfo`. `ld -r` puts all strings one behind the other, and the kernel takes the first of a key: so the module's
 * licence counts for the code of the objects as well, whatever they say. What a module says of itself as a whole stays as the module
 * says it, a string that is there already does not come twice, and the objects' licences are looked at here.
 */
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { isGplCompatible } from '../kernel/licenses.ts';
import { modinfoOf, WHOLE_MODULE_KEYS } from '../kernel/modinfo.ts';
import type { MergedPiece } from '../plan/merge.ts';
import type { MergeObject } from './objects.ts';
import { mergeRefusal } from './refusals.ts';

export const INFORMATION = '.modinfo';

/** The strings of a module that is being merged into. */
export class Information {
  readonly #said: Set<string>;

  /** @throws RefusalError PAT116 where something behind the module's last string would become part of it */
  constructor(module: ElfFile) {
    const section = module.sectionNamed(INFORMATION);
    this.#said = new Set(section === undefined ? [] : strings(module, section, 'the module').map(s => s.text));
  }

  /**
   * What comes along of an object's section; `[]`: nothing, `undefined`: all of it, as it is.
   *
   * @throws RefusalError PAT116
   */
  kept({ name, elf }: MergeObject, section: Section): MergedPiece['kept'] | [] {
    const kept: (readonly [number, number])[] = [];
    let isWhole = true;
    for (const { text, start, end } of strings(elf, section, name)) {
      const isOut = WHOLE_MODULE_KEYS.has(text.split('=', 1)[0]!) || this.#said.has(text);
      this.#said.add(text);
      if (isOut) isWhole = false;
      else kept.push([start, end]);
    }
    return isWhole ? undefined : kept;
  }
}

function strings(elf: ElfFile, section: Section, object: string) {
  const bytes = Buffer.from(elf.contents(section));
  if (bytes.length > 0 && bytes.at(-1) !== 0)
    throw mergeRefusal('PAT116', { object, section: section.name, what: 'its last string has no end' });
  const found: { readonly text: string; readonly start: number; readonly end: number }[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start) + 1;
    if (end - start > 1) found.push({ text: bytes.toString('latin1', start, end - 1), start, end });
    start = end;
  }
  return found;
}

/**
 * The licences of the objects beside that of what they become part of.
 *
 * @param license undefined: none is stated
 * @returns what the user should know
 * @throws RefusalError PAT200, PAT201
 */
export function checkInformation(
  license: string | undefined,
  objects: readonly MergeObject[],
  whole: 'module' | 'image',
): string[] {
  const told: string[] = [];
  const isGpl = license !== undefined && isGplCompatible(license);
  for (const { name: object, elf, isOwn } of objects) {
    if (isOwn === true) continue;
    const entries = modinfoOf(elf);
    if (entries.some(e => e.key === 'livepatch')) throw mergeRefusal('PAT201', { object });
    const licenses = entries.filter(e => e.key === 'license').map(e => e.value);
    const other = licenses.find(l => isGplCompatible(l) !== isGpl);
    if (other !== undefined && isGpl) throw mergeRefusal('PAT200', { object, other, license, whole });
    if (other !== undefined)
      told.push(
        `${object} is under '${other}', and the ${whole} ${license === undefined ? 'states no licence' : `under '${license}'`}, which is what counts`,
      );
    if (licenses.length === 0 && license !== undefined)
      told.push(`${object} states no licence: the kernel takes it to be under that of the ${whole}, '${license}'`);
  }
  return told;
}
