/**
 * Capstone as a second opinion on words that the instruction table does not know.
 *
 * It is asked late and believed little. Measured over two million words with random operands, everything that it alone
 * recognises under a name that the table has too is an invalid form (`lbzu` with RA = 0, `lmw` into its own base, branches
 * with a reserved BO), and it reads the second word of a prefixed instruction as one of its own. So its answer counts only for
 * mnemonics that the table lacks altogether: embedded and historic instructions. Each word is shown to it alone, at
 * address 0, which keeps its signed addresses out of the text.
 */
import { instructionsNamed } from '../../ppc64/instructions.ts';

/** Text for a word, or null when Capstone does not know it or must not be believed. */
export type WordReader = (word: number) => string | null;

let reader: Promise<WordReader> | undefined;

/** `r3, 0x10(r1)` becomes `r3,16(r1)`. */
function operandsAsObjdump(text: string): string {
  return text.replaceAll(', ', ',').replaceAll(/0x[0-9a-f]+/g, number => BigInt(number).toString());
}

async function createReader(): Promise<WordReader> {
  const { default: load } = await import('@alexaltea/capstone-js');
  const { Capstone, ARCH_PPC, MODE_64, MODE_LITTLE_ENDIAN } = await load();
  const handle = new Capstone(ARCH_PPC, MODE_64 | MODE_LITTLE_ENDIAN);
  return word => {
    const bytes = [word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24];
    try {
      const instruction = handle.disasm(bytes, 0)[0];
      if (instruction === undefined || instructionsNamed(instruction.mnemonic).length > 0) return null;
      return `${instruction.mnemonic.padEnd(8)}${operandsAsObjdump(instruction.op_str)}`.trimEnd();
    } catch {
      // Its way of saying that the word is no instruction.
      return null;
    }
  };
}

/** Loads Capstone (WebAssembly, some 40 ms) the first time that it is asked for. */
export function loadCapstone(): Promise<WordReader> {
  reader ??= createReader();
  return reader;
}
