/**
 * What the kernel's module loader does with each relocation type that it knows.
 *
 * Mirrors `apply_relocate_add` of `arch/powerpc/kernel/module_64.c`, read in 6.1 and 6.12. A type that is not here makes
 * the loader refuse the module ("Unknown ADD relocation"). It is laxer than the ABI: the high and low halves of a
 * TOC-relative or place-relative value are stored without any range check, so an object whose TOC ends up more than 2 GB
 * from its data would load and read the wrong memory.
 */
import type { RelocationBase, RelocationPart } from './relocation-types.ts';

/**
 * - `always`: in every ppc64le kernel.
 * - `toc`: only where the kernel itself uses a TOC.
 * - `pcrel`: only with CONFIG_PPC_KERNEL_PCREL (6.4 and later).
 */
export type KernelAvailability = 'always' | 'toc' | 'pcrel';

export interface KernelRule {
  readonly type: number;
  readonly availability: KernelAvailability;
  /** `none`: the loader writes nothing because of the value (TOCSAVE), or rewrites code conditionally (ENTRY). */
  readonly base: RelocationBase;
  readonly part: RelocationPart;
  /** Bits of the signed range that the whole value (before a part is taken) must fit, or 0 for no check. */
  readonly signedBits: 0 | 16 | 26 | 32 | 34;
  /** The value must be a multiple of this, in bytes. */
  readonly alignment: 1 | 4;
  /** What is particular about this type. */
  readonly note: string;
}

type Row = readonly [
  type: number,
  availability: KernelAvailability,
  base: RelocationBase,
  part: RelocationPart,
  signedBits: KernelRule['signedBits'],
  alignment: KernelRule['alignment'],
  note: string,
];

const rows: readonly Row[] = [
  [1, 'always', 'S+A', 'whole', 0, 1, 'the low 32 bits are stored, the rest dropped'],
  [10, 'always', 'S+A-P', 'whole', 26, 4, 'S is a stub for an undefined or livepatch symbol, else its local entry'],
  [26, 'always', 'S+A-P', 'whole', 32, 1, 'exception tables, jump labels and bug tables'],
  [38, 'always', 'S+A', 'whole', 0, 1, 'stored whole'],
  [44, 'always', 'S+A-P', 'whole', 0, 1, 'stored whole; feature fixups and large-model TOC offsets'],
  [47, 'toc', 'S+A-.TOC.', 'whole', 16, 1, 'the only TOC half whose range is checked without an alignment'],
  [48, 'toc', 'S+A-.TOC.', 'lo', 0, 1, 'unchecked'],
  [50, 'toc', 'S+A-.TOC.', 'ha', 0, 1, 'unchecked'],
  [51, 'toc', '.TOC.', 'whole', 0, 1, 'symbol and addend are ignored'],
  [63, 'toc', 'S+A-.TOC.', 'whole', 16, 4, 'the two low bits of the instruction are kept'],
  [64, 'toc', 'S+A-.TOC.', 'lo', 0, 4, 'alignment only; the two low bits of the instruction are kept'],
  [109, 'toc', 'none', 'whole', 0, 1, 'a marker, ignored'],
  [116, 'pcrel', 'S+A-P', 'whole', 26, 4, 'as REL24'],
  [
    118,
    'always',
    'none',
    'whole',
    0,
    1,
    'ld+add becomes addis+addi when .TOC.-P is within 2 GB; nothing in a pcrel kernel',
  ],
  [132, 'pcrel', 'S+A-P', 'whole', 34, 1, 'the prefix and suffix immediates'],
  [133, 'pcrel', 'G-P', 'whole', 0, 1, 'the loader makes the GOT entry itself; unchecked'],
  [250, 'always', 'S+A-P', 'lo', 0, 1, 'unchecked'],
  [252, 'always', 'S+A-P', 'ha', 0, 1, 'unchecked'],
];

const rules = new Map<number, KernelRule>(
  rows.map(([type, availability, base, part, signedBits, alignment, note]) => [
    type,
    { type, availability, base, part, signedBits, alignment, note },
  ]),
);

/** The loader's rule for a type, or undefined for a type that it refuses. `pcrel`: the kernel has CONFIG_PPC_KERNEL_PCREL. */
export function kernelRule(type: number, pcrel = false): KernelRule | undefined {
  const rule = rules.get(type);
  if (rule === undefined) return undefined;
  if (rule.availability === (pcrel ? 'toc' : 'pcrel')) return undefined;
  return rule;
}
