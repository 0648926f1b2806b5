/** An object that exports two functions, in the reverse order of their names, and has a table of exceptions. */
import { createHash } from 'node:crypto';
import { readElf } from '../../../../src/elf/read.ts';
import type { MergeObject } from '../../../../src/merge/objects.ts';
import { ObjectBuilder, R, SHF, STT } from '../../../support/object-builder.ts';

const REL32 = 26;
/** addis r2,r12,0; addi r2,r2,0; li r3,1; blr, and lwz r3,0(r3); blr; li r3,0; blr */
const WORDS = [0x3c4c0000, 0x38420000, 0x38600001, 0x4e800020, 0x80630000, 0x4e800020, 0x38600000, 0x4e800020];

/** `fix_exported` has two entries, `fix_another` one, in the namespace FIXES. */
export function exporting(): MergeObject {
  const object = new ObjectBuilder();
  const text = object.code('.text', WORDS, { align: 16 });
  const toc = object.undefined('.TOC.');
  object.relocate(text, 0, R.REL16_HA, toc, 0);
  object.relocate(text, 4, R.REL16_LO, toc, 4);
  const rows = object.section('__ex_table', { flags: SHF.ALLOC, align: 4, bytes: new Uint8Array(8) });
  const start = object.sectionSymbol(text);
  object.relocate(rows, 0, REL32, start, 16);
  object.relocate(rows, 4, REL32, start, 24);
  const exported = [
    object.function('fix_exported', text, 0, 16, { k: 3 }),
    object.function('fix_another', text, 16, 16),
  ];
  const texts = ['GPL\0\0\0\0\0', 'GPL\0FIXES\0\0\0\0\0\0\0'];
  let at = 0;
  const bytes = Buffer.concat(texts.flatMap(t => [Buffer.from(t), Buffer.alloc(8)]));
  const entries = object.section('.export_symbol', { flags: SHF.ALLOC, align: 8, bytes });
  texts.forEach((t, i) => {
    object.symbol(`__export_symbol_${exported[i]!.name}`, { section: entries, value: at, type: STT.NOTYPE });
    at += t.length;
    object.relocate(entries, at, R.ADDR64, exported[i]!, 0);
    at += 8;
  });
  const made = object.build();
  return {
    name: 'exporting.o',
    elf: readElf(made),
    sha256: createHash('sha256').update(made).digest('hex'),
    isOwn: true,
  };
}
