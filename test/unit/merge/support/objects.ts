/** A module and objects to merge into it, as small as they can be. */
import { createHash } from 'node:crypto';
import { type ElfFile, readElf } from '../../../../src/elf/read.ts';
import { applyMerge } from '../../../../src/merge/apply.ts';
import type { MergeObject } from '../../../../src/merge/objects.ts';
import { type MergeOptions, planMerge } from '../../../../src/merge/plan.ts';
import type { MergePlan } from '../../../../src/plan/merge.ts';
import { ObjectBuilder, R, SHF, SHN, SHT, STB, STT, type SymbolHandle } from '../../../support/object-builder.ts';
import { BLR, LI, NOP } from '../../rewrite/support/module.ts';

export const DATA = SHF.ALLOC | SHF.WRITE;
export const TOC16_DS = 63;
export const TOC16_LO_DS = 64;

/** Names in file order: two files with a local `twice` each, a global one, data, a TOC. */
export function moduleBuilder(): ObjectBuilder {
  const object = new ObjectBuilder();
  const text = object.code('.text', [LI, BLR, LI, BLR, NOP], { align: 16 });
  const data = object.section('.data', { flags: DATA, align: 8, bytes: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) });
  const bss = object.section('.bss', { type: SHT.NOBITS, flags: DATA, align: 8, size: 24 });
  const toc = object.section('.toc', { flags: DATA, align: 8, bytes: new Uint8Array(8) });
  const init = object.code('.init.text', [BLR]);
  object.symbol('one.c', { section: SHN.ABS, special: true, type: STT.FILE });
  const textSymbol = object.sectionSymbol(text);
  const dataSymbol = object.sectionSymbol(data);
  object.sectionSymbol(toc);
  object.symbol('twice', { section: data, value: 0, size: 4, type: STT.OBJECT });
  object.symbol('once', { section: bss, value: 8, size: 8, type: STT.OBJECT });
  object.symbol('starts', { section: init, size: 4, type: STT.FUNC });
  object.symbol('two.c', { section: SHN.ABS, special: true, type: STT.FILE });
  object.symbol('twice', { section: data, value: 4, size: 4, type: STT.OBJECT });
  object.function('first', text, 0, 8);
  object.function('second', text, 8, 8, { bind: STB.WEAK });
  object.undefined('imported');
  object.relocate(toc, 0, R.ADDR64, dataSymbol, 4);
  object.relocate(text, 12, R.REL24, textSymbol, 0);
  return object;
}

export function moduleElf(): ElfFile {
  return readElf(moduleBuilder().build());
}

/** An object with `fix` in `.text`; `more` adds to it. */
export function fixObject(more: (object: ObjectBuilder, text: number) => void = () => {}, name = 'fix.o'): MergeObject {
  const object = new ObjectBuilder();
  const text = object.code('.text', [LI, NOP, BLR], { align: 16 });
  object.function(name.replace(/\.o$/, ''), text, 0, 12);
  more(object, text);
  return asObject(object.build(), name);
}

export function asObject(bytes: Uint8Array, name = 'fix.o'): MergeObject {
  return { name, elf: readElf(bytes), sha256: createHash('sha256').update(bytes).digest('hex') };
}

export interface MergedForTest {
  readonly module: ElfFile;
  readonly objects: readonly MergeObject[];
  readonly plan: MergePlan;
  readonly bytes: Uint8Array;
  readonly elf: ElfFile;
}

export function merge(
  objects: readonly MergeObject[],
  module = moduleElf(),
  options: MergeOptions = {},
): MergedForTest {
  const plan = planMerge(module, objects, options);
  const { bytes } = applyMerge(module, objects, plan);
  return { module, objects, plan, bytes, elf: readElf(bytes) };
}

/** What the relocation at `offset` of a section names: `SYMBOL+ADDEND`. */
export function namedAt(elf: ElfFile, section: string, offset: number): string {
  const target = elf.sectionNamed(section)!;
  for (const table of elf.relocationSectionsFor(target.index)) {
    const relocations = elf.relocations(table);
    for (let i = 0; i < relocations.count; i++)
      if (relocations.offset(i) === offset)
        return `${elf.symbols!.name(relocations.symbol(i))}+${relocations.addend(i)}`;
  }
  return 'none';
}

/** Adds a branch to an undefined symbol at the second word of `.text`. */
export function needs(name: string): (object: ObjectBuilder, text: number) => SymbolHandle {
  return (object, text) => {
    const symbol = object.undefined(name);
    object.relocate(text, 4, R.REL24, symbol);
    return symbol;
  };
}
