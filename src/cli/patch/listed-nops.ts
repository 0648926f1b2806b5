import { SHT_SYMTAB, SYM_SIZE } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import { NOP_FORMS, NOP_WORDS, type NopTable } from '../../plan/nop-table.ts';
import type { PlannedNop } from '../../plan/plan.ts';

/**
 * The first `most` actions of a plan that is a table, as objects.
 *
 * @param elf the input, or the output: numbers and names are the same
 */
export function listedNops(elf: ElfFile, table: NopTable, memory: WebAssembly.Memory, most: number): PlannedNop[] {
  const { sections, bytes } = elf;
  const symbols = sections.find(s => s.sh_type === SHT_SYMTAB)!;
  const strings = sections[symbols.sh_link]!;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const names = new Uint32Array(memory.buffer, table.namesAt, table.names);
  const nameOf = (listed: number) => {
    const at = strings.sh_offset + file.readUInt32LE(symbols.sh_offset + names[listed]! * SYM_SIZE);
    return file.toString('latin1', at, file.indexOf(0, at));
  };
  const actions: PlannedNop[] = [];
  for (let n = 0; n < Math.min(most, table.count); n++) {
    const words = new Uint32Array(memory.buffer, table.at + n * NOP_WORDS * 4, NOP_WORDS);
    const [section = 0, offset = 0, , form = 0, , , recordTable = 0, , , , first = 0, end = 0] = words;
    const aliases: string[] = [];
    for (let listed = first + 1; listed < end; listed++) aliases.push(nameOf(listed));
    actions.push({
      kind: 'nop',
      function: nameOf(first),
      aliases,
      section: sections[section]!.name,
      offset,
      form: NOP_FORMS[form]!,
      recordRemoved: recordTable !== 0,
    });
  }
  return actions;
}
