/** Gives sections of a sample another name and other contents; both are put at the end of the file. */
import { type Mutant, SH } from '../../support/loader.ts';

const ALLOC = 2n;

export function headersOf(mutant: Mutant) {
  const append = (contents: Uint8Array): number => {
    const at = Math.ceil(mutant.bytes.length / 8) * 8;
    const longer = new Uint8Array(at + contents.length);
    longer.set(mutant.bytes);
    longer.set(contents, at);
    mutant.bytes = longer;
    return at;
  };
  return {
    /** The section becomes an allocated one. */
    rename(from: string, to: string, contents: Uint8Array): void {
      const strings = mutant.section('.shstrtab');
      const { view } = mutant;
      const offset = Number(view.getBigUint64(strings.header + SH.offset, true));
      const size = Number(view.getBigUint64(strings.header + SH.size, true));
      const names = mutant.bytes.slice(offset, offset + size);
      const longer = Buffer.concat([names, Buffer.from(`${to}\0`, 'latin1')]);
      mutant.header(strings.index, SH.offset, BigInt(append(longer)));
      mutant.header(strings.index, SH.size, BigInt(longer.length));
      const { index } = mutant.section(from);
      mutant.header(index, SH.name, size);
      mutant.header(index, SH.flags, ALLOC);
      mutant.header(index, SH.offset, BigInt(append(contents)));
      mutant.header(index, SH.size, BigInt(contents.length));
    },
    bytes: () => mutant.bytes,
  };
}
