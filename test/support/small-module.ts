/** Modules of a few words that a kernel of `knowledge()` without symbol versions takes, for tests of single tables. */
import { type Generation, knowledge } from './kernel-knowledge.ts';
import { ObjectBuilder, SHF, SHT, type SymbolHandle } from './object-builder.ts';

export interface SmallModule {
  readonly builder: ObjectBuilder;
  /** Section of the code, and the symbol of its start. */
  readonly text: number;
  readonly code: SymbolHandle;
  /** 64 zero bytes that can be written, and the symbol of their start. */
  readonly data: number;
  readonly variables: SymbolHandle;
}

/**
 * @param words of `.text`
 * @param add puts in what the test is about
 * @param information more of .modinfo, each entry ended by a NUL
 */
export function smallModule(
  generation: Generation,
  words: readonly number[],
  add: (module: SmallModule) => void,
  name = 'small',
  information = '',
): Uint8Array {
  const { vermagic, structures } = knowledge({ generation });
  const builder = new ObjectBuilder();
  const info = `license=GPL\0name=${name}\0vermagic=${vermagic}\0intree=Y\0${information}`;
  builder.section('.modinfo', { flags: SHF.ALLOC, bytes: Buffer.from(info, 'latin1') });
  const text = builder.code('.text', words);
  builder.section('.stubs', { type: SHT.NOBITS, flags: SHF.ALLOC | SHF.EXEC, align: 8, size: 0 });
  const data = builder.section('.data', { flags: SHF.ALLOC | SHF.WRITE, align: 8, bytes: new Uint8Array(64) });
  const self = new Uint8Array(structures.moduleSize);
  self.set(Buffer.from(name), structures.moduleFields.name!);
  builder.section('.gnu.linkonce.this_module', { flags: SHF.ALLOC | SHF.WRITE, align: 64, bytes: self });
  const code = builder.sectionSymbol(text);
  const variables = builder.sectionSymbol(data);
  add({ builder, text, code, data, variables });
  return builder.build();
}
