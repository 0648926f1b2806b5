/**
 * Merging relocatable objects into a module, as `ld -r` would, with what modules need beyond it: local symbols of the module
 * that the fix names, tables that the kernel finds by name, one TOC. The plan that comes out is frozen data; `apply.ts` carries
 * it out.
 *
 *     1. each object is what can be merged at all
 *     2. each of its sections gets a place
 *     3. what it defines becomes symbols of the module
 *     4. what its relocations name is found
 */
import type { ElfFile } from '../elf/read.ts';
import { modinfoOf } from '../kernel/modinfo.ts';
import { patchNoteSection } from '../kernel/patch-note.ts';
import { moduleSignature } from '../kernel/signature.ts';
import type { MergePlan, SymbolTarget } from '../plan/merge.ts';
import { SIGNATURE_DROPPED } from '../plan/plan.ts';
import { checkInformation } from './information.ts';
import { ModuleSymbols } from './module-symbols.ts';
import { checkObject, checkTracer, type MergeObject } from './objects.ts';
import { Placement } from './place.ts';
import { mergeRefusal } from './refusals.ts';
import { checkTocReach, checkType } from './relocations.ts';
import { type IsExported, SymbolMerge } from './symbols.ts';

export interface MergeOptions {
  /** What is known of the exports of the kernel and of other modules. */
  readonly isExported?: IsExported | undefined;
}

/**
 * The plan for merging `objects` into `module`, in their order.
 *
 * @throws RefusalError PAT101 to PAT119, PAT200 to PAT202; InputError where a file is damaged
 */
export function planMerge(module: ElfFile, objects: readonly MergeObject[], options: MergeOptions = {}): MergePlan {
  if (!module.isRelocatable) throw mergeRefusal('PAT101', { object: 'the file' });
  if (module.symbols === undefined) throw mergeRefusal('PAT119', { object: 'the module', what: 'no symbol table' });
  for (const object of objects) checkObject(object);
  checkTracer(module, objects);
  const licenses = checkInformation(modinfoOf(module).find(e => e.key === 'license')?.value, objects, 'module');
  const placement = new Placement(module);
  for (const object of objects) placement.add(object);
  const names = new ModuleSymbols(module);
  const symbols = new SymbolMerge(names, objects, placement, options.isExported ?? (() => undefined));
  for (let n = 0; n < objects.length; n++) symbols.define(n);
  bindRelocations(module, objects, placement, symbols);
  const signed = moduleSignature(module.bytes) !== undefined;
  return freeze({
    schema: 'tocsin.merge/1',
    objects: objects.map(o => ({ name: o.name, size: o.elf.bytes.length, sha256: o.sha256 })),
    pieces: [...placement.pieces].sort((a, b) => a.target - b.target || a.offset - b.offset),
    sections: placement.newSections(),
    alignments: placement.alignments(),
    symbols: symbols.symbols,
    targets: symbols.targets,
    bindings: symbols.bindings,
    renamed: symbols.renamed,
    leftOut: placement.leftOut,
    imports: symbols.imports,
    dropsSignature: signed,
    sorted: [],
    exports: [],
    warnings: [...licenses, ...symbols.warnings, ...warnings(module, signed)],
  });
}

function freeze(plan: MergePlan): MergePlan {
  for (const part of Object.values(plan)) Object.freeze(part);
  return Object.freeze(plan);
}

/** No place of a module lies further from another, bytes. */
const FURTHEST = 2 ** 31;

/** Looks at each relocation of each merged section, and finds what it names. */
function bindRelocations(
  module: ElfFile,
  objects: readonly MergeObject[],
  placement: Placement,
  merged: SymbolMerge,
): void {
  const tocIndex = [...module.sections.map(s => s.name), ...placement.newSections().map(s => s.name)].indexOf('.toc');
  const toc = tocIndex < 0 ? undefined : { index: tocIndex, alignment: placement.alignmentOf(tocIndex) };
  // Damage is told of the file that has it, not of what is made of it.
  for (const { target } of placement.pieces)
    for (const table of module.relocationSectionsFor(target)) module.relocations(table);
  for (const piece of placement.pieces) {
    const object = objects[piece.object]!;
    const section = object.elf.sections[piece.section]!.name;
    for (const table of object.elf.relocationSectionsFor(piece.section)) {
      const relocations = object.elf.relocations(table);
      for (let i = 0; i < relocations.count; i++) {
        const type = relocations.type(i);
        checkType(object.name, section, relocations.offset(i), type);
        const target = merged.reference(piece.object, relocations.symbol(i));
        const addend = relocations.addend(i);
        if (Math.abs(addend) > FURTHEST)
          throw mergeRefusal('PAT119', { object: object.name, what: `a relocation with the addend ${addend},` });
        checkTocReach(object.name, type, placeOf(module, merged, target), addend, toc);
      }
    }
  }
}

function placeOf(module: ElfFile, merged: SymbolMerge, { symbol, addend }: SymbolTarget) {
  const symbols = module.symbols!;
  const added = merged.symbols[symbol - symbols.count];
  const section = added === undefined ? symbols.sectionOf(symbol) : added.section;
  const value = added === undefined ? symbols.value(symbol) : added.value;
  return section === 0 ? undefined : { section, value: value + addend };
}

function warnings(module: ElfFile, signed: boolean): string[] {
  const told: string[] = [];
  if (signed) told.push(SIGNATURE_DROPPED);
  if (patchNoteSection(module) !== undefined && module.sectionNamed('.text.tocsin') !== undefined)
    told.push('the module has code of an earlier patch, which stays as it is');
  return told;
}
