/** The objects that the ELF tests start from. */
import {
  type BuilderOptions,
  note,
  ObjectBuilder,
  R,
  SHF,
  SHT,
  type SymbolHandle,
} from '../../support/object-builder.ts';
import { ADDIS_ADDI, BLR, bl, LI_R3_1, NOP } from '../../support/words.ts';

export interface Small {
  readonly builder: ObjectBuilder;
  readonly text: number;
  readonly data: number;
  readonly bss: number;
  readonly notes: number;
  readonly local: SymbolHandle;
  readonly global: SymbolHandle;
  readonly external: SymbolHandle;
}

/** Code with two functions, data, NOBITS in the middle, a note, symbols of every binding, relocations of two sections. */
export function small(options: BuilderOptions = {}): Small {
  const builder = new ObjectBuilder(options);
  const text = builder.code('.text', [LI_R3_1, BLR, ...ADDIS_ADDI, bl(0), NOP, BLR]);
  const bss = builder.section('.bss', { type: SHT.NOBITS, flags: SHF.ALLOC | SHF.WRITE, size: 0x1000, align: 32 });
  const data = builder.section('.data', { flags: SHF.ALLOC | SHF.WRITE, bytes: new Uint8Array(21).fill(7), align: 16 });
  const notes = builder.section('.note.test', {
    type: SHT.NOTE,
    align: 4,
    bytes: note('test', 5, Uint8Array.of(1, 2, 3)),
  });
  const section = builder.sectionSymbol(text);
  const local = builder.symbol('local_one', { section: text, type: 2, size: 8 });
  const global = builder.function('global_two', text, 8, 20, { k: 3 });
  const external = builder.undefined('elsewhere');
  builder.symbol('weak_data', { section: data, value: 4, size: 4, bind: 2, type: 1 });
  builder.symbol('constant', { section: 0xfff1, special: true, value: 0x1234n, bind: 1 });
  builder.relocate(text, 16, R.REL24, external);
  builder.relocate(data, 8, R.ADDR64, section, 8);
  return { builder, text, data, bss, notes, local, global, external };
}
