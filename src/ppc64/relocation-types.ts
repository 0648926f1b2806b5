/**
 * Every R_PPC64_* relocation type as a row of facts.
 *
 * Sources: the 64-Bit ELF V2 ABI Specification 1.5, section 3.5 (fields 3.5.1, notations 3.5.2, the table 3.5.3, descriptions
 * 3.5.4), for the rows marked `3.5.3`; the GNU tools for the rows marked `GNU`. Names are those that GNU readelf prints.
 *
 * The formula of a row is a *base* and a *part* of it. The letters are the specification's: S symbol value, A addend,
 * P place, `.TOC.` the TOC pointer, G the entry of a GOT relative to `.TOC.`, L the entry of the PLT, M the PLT entry
 * relative to `.TOC.`, R the offset from the start of the symbol's section, B the load base.
 *
 * The specification's `doubleword64` is called `word64` here. It wants the upper 49 bits of a value for a 16-bit field to be
 * all alike (39 for a branch of 24), so these are signed; GNU ld also takes an ADDR16 of up to 0xffff.
 *
 * An oddity worth knowing: `_HIGH` and `_HI` take the same sixteen bits, but only `_HI` must fit; and `TOC16_HA`,
 * `TOC16_LO` and the other halves have to be used in pairs, since the low half is sign-extended by the instruction.
 */

/** Which bits of which unit a type writes. Sizes in bytes are in `fieldWidths`. */
export type RelocationField =
  | 'none'
  | 'word64'
  | 'word32'
  | 'word30'
  | 'low24'
  | 'low14'
  | 'half16'
  | 'half16ds'
  | 'half16dq'
  | 'split16'
  | 'prefix34'
  | 'prefix28';

/** What is computed before a part is taken of it. Those after `.TOC.` need tables that a relocatable object does not have. */
export type RelocationBase =
  | 'none'
  | 'S+A'
  | 'S+A-P'
  | 'S+A-.TOC.'
  | '.TOC.'
  | 'G'
  | 'G-P'
  | 'L'
  | 'L-P'
  | 'M'
  | 'R+A'
  | 'B+A'
  | '@dtpmod'
  | '@tprel'
  | '@dtprel'
  | '@got@tlsgd'
  | '@got@tlsld'
  | '@got@tprel'
  | '@got@dtprel'
  | '@got@tlsgd-P'
  | '@got@tlsld-P'
  | '@got@tprel-P'
  | '@got@dtprel-P'
  | 'resolver';

/** Which part of the base is kept: the specification's `#lo`, `#hi`, `#ha` and so on; `whole` keeps everything. */
export type RelocationPart =
  | 'whole'
  | 'lo'
  | 'hi'
  | 'ha'
  | 'higher'
  | 'highera'
  | 'highest'
  | 'highesta'
  | 'lo34'
  | 'hi30'
  | 'ha30'
  | 'higher34'
  | 'highera34'
  | 'highest34'
  | 'highesta34';

/** `signed`: two's complement; `bitfield`: fits read either as signed or as unsigned; `none`: excess bits are dropped. */
export type Overflow = 'none' | 'signed' | 'bitfield';

export type RelocationRow = readonly [
  type: number,
  name: string,
  field: RelocationField,
  base: RelocationBase,
  part: RelocationPart,
  overflow: Overflow,
  source: '3.5.3' | 'GNU',
];

const abi = '3.5.3';

export const relocationRows: readonly RelocationRow[] = [
  [0, 'R_PPC64_NONE', 'none', 'none', 'whole', 'none', abi],
  [1, 'R_PPC64_ADDR32', 'word32', 'S+A', 'whole', 'bitfield', abi],
  [2, 'R_PPC64_ADDR24', 'low24', 'S+A', 'whole', 'signed', abi],
  [3, 'R_PPC64_ADDR16', 'half16', 'S+A', 'whole', 'signed', abi],
  [4, 'R_PPC64_ADDR16_LO', 'half16', 'S+A', 'lo', 'none', abi],
  [5, 'R_PPC64_ADDR16_HI', 'half16', 'S+A', 'hi', 'signed', abi],
  [6, 'R_PPC64_ADDR16_HA', 'half16', 'S+A', 'ha', 'signed', abi],
  [7, 'R_PPC64_ADDR14', 'low14', 'S+A', 'whole', 'signed', abi],
  [8, 'R_PPC64_ADDR14_BRTAKEN', 'low14', 'S+A', 'whole', 'signed', 'GNU'],
  [9, 'R_PPC64_ADDR14_BRNTAKEN', 'low14', 'S+A', 'whole', 'signed', 'GNU'],
  [10, 'R_PPC64_REL24', 'low24', 'S+A-P', 'whole', 'signed', abi],
  [11, 'R_PPC64_REL14', 'low14', 'S+A-P', 'whole', 'signed', abi],
  [12, 'R_PPC64_REL14_BRTAKEN', 'low14', 'S+A-P', 'whole', 'signed', 'GNU'],
  [13, 'R_PPC64_REL14_BRNTAKEN', 'low14', 'S+A-P', 'whole', 'signed', 'GNU'],
  [14, 'R_PPC64_GOT16', 'half16', 'G', 'whole', 'signed', abi],
  [15, 'R_PPC64_GOT16_LO', 'half16', 'G', 'lo', 'none', abi],
  [16, 'R_PPC64_GOT16_HI', 'half16', 'G', 'hi', 'signed', abi],
  [17, 'R_PPC64_GOT16_HA', 'half16', 'G', 'ha', 'signed', abi],
  [19, 'R_PPC64_COPY', 'none', 'none', 'whole', 'none', abi],
  [20, 'R_PPC64_GLOB_DAT', 'word64', 'S+A', 'whole', 'none', abi],
  [21, 'R_PPC64_JMP_SLOT', 'word64', 'S+A', 'whole', 'none', abi],
  [22, 'R_PPC64_RELATIVE', 'word64', 'B+A', 'whole', 'none', abi],
  [24, 'R_PPC64_UADDR32', 'word32', 'S+A', 'whole', 'bitfield', abi],
  [25, 'R_PPC64_UADDR16', 'half16', 'S+A', 'whole', 'signed', abi],
  [26, 'R_PPC64_REL32', 'word32', 'S+A-P', 'whole', 'signed', abi],
  [27, 'R_PPC64_PLT32', 'word32', 'L', 'whole', 'bitfield', abi],
  [28, 'R_PPC64_PLTREL32', 'word32', 'L-P', 'whole', 'signed', abi],
  [29, 'R_PPC64_PLT16_LO', 'half16', 'L', 'lo', 'none', abi],
  [30, 'R_PPC64_PLT16_HI', 'half16', 'L', 'hi', 'signed', abi],
  [31, 'R_PPC64_PLT16_HA', 'half16', 'L', 'ha', 'signed', abi],
  [33, 'R_PPC64_SECTOFF', 'half16', 'R+A', 'whole', 'signed', abi],
  [34, 'R_PPC64_SECTOFF_LO', 'half16', 'R+A', 'lo', 'none', abi],
  [35, 'R_PPC64_SECTOFF_HI', 'half16', 'R+A', 'hi', 'signed', abi],
  [36, 'R_PPC64_SECTOFF_HA', 'half16', 'R+A', 'ha', 'signed', abi],
  [37, 'R_PPC64_REL30', 'word30', 'S+A-P', 'whole', 'none', abi],
  [38, 'R_PPC64_ADDR64', 'word64', 'S+A', 'whole', 'none', abi],
  [39, 'R_PPC64_ADDR16_HIGHER', 'half16', 'S+A', 'higher', 'none', abi],
  [40, 'R_PPC64_ADDR16_HIGHERA', 'half16', 'S+A', 'highera', 'none', abi],
  [41, 'R_PPC64_ADDR16_HIGHEST', 'half16', 'S+A', 'highest', 'none', abi],
  [42, 'R_PPC64_ADDR16_HIGHESTA', 'half16', 'S+A', 'highesta', 'none', abi],
  [43, 'R_PPC64_UADDR64', 'word64', 'S+A', 'whole', 'none', abi],
  [44, 'R_PPC64_REL64', 'word64', 'S+A-P', 'whole', 'none', abi],
  [45, 'R_PPC64_PLT64', 'word64', 'L', 'whole', 'none', abi],
  [46, 'R_PPC64_PLTREL64', 'word64', 'L-P', 'whole', 'none', abi],
  [47, 'R_PPC64_TOC16', 'half16', 'S+A-.TOC.', 'whole', 'signed', abi],
  [48, 'R_PPC64_TOC16_LO', 'half16', 'S+A-.TOC.', 'lo', 'none', abi],
  [49, 'R_PPC64_TOC16_HI', 'half16', 'S+A-.TOC.', 'hi', 'signed', abi],
  [50, 'R_PPC64_TOC16_HA', 'half16', 'S+A-.TOC.', 'ha', 'signed', abi],
  [51, 'R_PPC64_TOC', 'word64', '.TOC.', 'whole', 'none', abi],
  [52, 'R_PPC64_PLTGOT16', 'half16', 'M', 'whole', 'signed', abi],
  [53, 'R_PPC64_PLTGOT16_LO', 'half16', 'M', 'lo', 'none', abi],
  [54, 'R_PPC64_PLTGOT16_HI', 'half16', 'M', 'hi', 'signed', abi],
  [55, 'R_PPC64_PLTGOT16_HA', 'half16', 'M', 'ha', 'signed', abi],
  [56, 'R_PPC64_ADDR16_DS', 'half16ds', 'S+A', 'whole', 'signed', abi],
  [57, 'R_PPC64_ADDR16_LO_DS', 'half16ds', 'S+A', 'lo', 'none', abi],
  [58, 'R_PPC64_GOT16_DS', 'half16ds', 'G', 'whole', 'signed', abi],
  [59, 'R_PPC64_GOT16_LO_DS', 'half16ds', 'G', 'lo', 'none', abi],
  [60, 'R_PPC64_PLT16_LO_DS', 'half16ds', 'L', 'lo', 'none', abi],
  [61, 'R_PPC64_SECTOFF_DS', 'half16ds', 'R+A', 'whole', 'signed', abi],
  [62, 'R_PPC64_SECTOFF_LO_DS', 'half16ds', 'R+A', 'lo', 'none', abi],
  [63, 'R_PPC64_TOC16_DS', 'half16ds', 'S+A-.TOC.', 'whole', 'signed', abi],
  [64, 'R_PPC64_TOC16_LO_DS', 'half16ds', 'S+A-.TOC.', 'lo', 'none', abi],
  [65, 'R_PPC64_PLTGOT16_DS', 'half16ds', 'M', 'whole', 'signed', abi],
  [66, 'R_PPC64_PLTGOT16_LO_DS', 'half16ds', 'M', 'lo', 'none', abi],
  [67, 'R_PPC64_TLS', 'none', 'none', 'whole', 'none', abi],
  [68, 'R_PPC64_DTPMOD64', 'word64', '@dtpmod', 'whole', 'none', abi],
  [69, 'R_PPC64_TPREL16', 'half16', '@tprel', 'whole', 'signed', abi],
  [70, 'R_PPC64_TPREL16_LO', 'half16', '@tprel', 'lo', 'none', abi],
  [71, 'R_PPC64_TPREL16_HI', 'half16', '@tprel', 'hi', 'signed', abi],
  [72, 'R_PPC64_TPREL16_HA', 'half16', '@tprel', 'ha', 'signed', abi],
  [73, 'R_PPC64_TPREL64', 'word64', '@tprel', 'whole', 'none', abi],
  [74, 'R_PPC64_DTPREL16', 'half16', '@dtprel', 'whole', 'signed', abi],
  [75, 'R_PPC64_DTPREL16_LO', 'half16', '@dtprel', 'lo', 'none', abi],
  [76, 'R_PPC64_DTPREL16_HI', 'half16', '@dtprel', 'hi', 'signed', abi],
  [77, 'R_PPC64_DTPREL16_HA', 'half16', '@dtprel', 'ha', 'signed', abi],
  [78, 'R_PPC64_DTPREL64', 'word64', '@dtprel', 'whole', 'none', abi],
  [79, 'R_PPC64_GOT_TLSGD16', 'half16', '@got@tlsgd', 'whole', 'signed', abi],
  [80, 'R_PPC64_GOT_TLSGD16_LO', 'half16', '@got@tlsgd', 'lo', 'none', abi],
  [81, 'R_PPC64_GOT_TLSGD16_HI', 'half16', '@got@tlsgd', 'hi', 'signed', abi],
  [82, 'R_PPC64_GOT_TLSGD16_HA', 'half16', '@got@tlsgd', 'ha', 'signed', abi],
  [83, 'R_PPC64_GOT_TLSLD16', 'half16', '@got@tlsld', 'whole', 'signed', abi],
  [84, 'R_PPC64_GOT_TLSLD16_LO', 'half16', '@got@tlsld', 'lo', 'none', abi],
  [85, 'R_PPC64_GOT_TLSLD16_HI', 'half16', '@got@tlsld', 'hi', 'signed', abi],
  [86, 'R_PPC64_GOT_TLSLD16_HA', 'half16', '@got@tlsld', 'ha', 'signed', abi],
  [87, 'R_PPC64_GOT_TPREL16_DS', 'half16ds', '@got@tprel', 'whole', 'signed', abi],
  [88, 'R_PPC64_GOT_TPREL16_LO_DS', 'half16ds', '@got@tprel', 'lo', 'none', abi],
  [89, 'R_PPC64_GOT_TPREL16_HI', 'half16', '@got@tprel', 'hi', 'signed', abi],
  [90, 'R_PPC64_GOT_TPREL16_HA', 'half16', '@got@tprel', 'ha', 'signed', abi],
  [91, 'R_PPC64_GOT_DTPREL16_DS', 'half16ds', '@got@dtprel', 'whole', 'signed', abi],
  [92, 'R_PPC64_GOT_DTPREL16_LO_DS', 'half16ds', '@got@dtprel', 'lo', 'none', abi],
  [93, 'R_PPC64_GOT_DTPREL16_HI', 'half16', '@got@dtprel', 'hi', 'signed', abi],
  [94, 'R_PPC64_GOT_DTPREL16_HA', 'half16', '@got@dtprel', 'ha', 'signed', abi],
  [95, 'R_PPC64_TPREL16_DS', 'half16ds', '@tprel', 'whole', 'signed', abi],
  [96, 'R_PPC64_TPREL16_LO_DS', 'half16ds', '@tprel', 'lo', 'none', abi],
  [97, 'R_PPC64_TPREL16_HIGHER', 'half16', '@tprel', 'higher', 'none', abi],
  [98, 'R_PPC64_TPREL16_HIGHERA', 'half16', '@tprel', 'highera', 'none', abi],
  [99, 'R_PPC64_TPREL16_HIGHEST', 'half16', '@tprel', 'highest', 'none', abi],
  [100, 'R_PPC64_TPREL16_HIGHESTA', 'half16', '@tprel', 'highesta', 'none', abi],
  [101, 'R_PPC64_DTPREL16_DS', 'half16ds', '@dtprel', 'whole', 'signed', abi],
  [102, 'R_PPC64_DTPREL16_LO_DS', 'half16ds', '@dtprel', 'lo', 'none', abi],
  [103, 'R_PPC64_DTPREL16_HIGHER', 'half16', '@dtprel', 'higher', 'none', abi],
  [104, 'R_PPC64_DTPREL16_HIGHERA', 'half16', '@dtprel', 'highera', 'none', abi],
  [105, 'R_PPC64_DTPREL16_HIGHEST', 'half16', '@dtprel', 'highest', 'none', abi],
  [106, 'R_PPC64_DTPREL16_HIGHESTA', 'half16', '@dtprel', 'highesta', 'none', abi],
  [107, 'R_PPC64_TLSGD', 'none', 'none', 'whole', 'none', abi],
  [108, 'R_PPC64_TLSLD', 'none', 'none', 'whole', 'none', abi],
  [109, 'R_PPC64_TOCSAVE', 'none', 'none', 'whole', 'none', abi],
  [110, 'R_PPC64_ADDR16_HIGH', 'half16', 'S+A', 'hi', 'none', abi],
  [111, 'R_PPC64_ADDR16_HIGHA', 'half16', 'S+A', 'ha', 'none', abi],
  [112, 'R_PPC64_TPREL16_HIGH', 'half16', '@tprel', 'hi', 'none', abi],
  [113, 'R_PPC64_TPREL16_HIGHA', 'half16', '@tprel', 'ha', 'none', abi],
  [114, 'R_PPC64_DTPREL16_HIGH', 'half16', '@dtprel', 'hi', 'none', abi],
  [115, 'R_PPC64_DTPREL16_HIGHA', 'half16', '@dtprel', 'ha', 'none', abi],
  [116, 'R_PPC64_REL24_NOTOC', 'low24', 'S+A-P', 'whole', 'signed', abi],
  [117, 'R_PPC64_ADDR64_LOCAL', 'word64', 'S+A', 'whole', 'none', abi],
  [118, 'R_PPC64_ENTRY', 'none', 'none', 'whole', 'none', abi],
  [119, 'R_PPC64_PLTSEQ', 'none', 'none', 'whole', 'none', abi],
  [120, 'R_PPC64_PLTCALL', 'none', 'none', 'whole', 'none', abi],
  [121, 'R_PPC64_PLTSEQ_NOTOC', 'none', 'none', 'whole', 'none', abi],
  [122, 'R_PPC64_PLTCALL_NOTOC', 'none', 'none', 'whole', 'none', abi],
  [123, 'R_PPC64_PCREL_OPT', 'none', 'none', 'whole', 'none', abi],
  [124, 'R_PPC64_REL24_P9NOTOC', 'low24', 'S+A-P', 'whole', 'signed', 'GNU'],
  [128, 'R_PPC64_D34', 'prefix34', 'S+A', 'whole', 'signed', abi],
  [129, 'R_PPC64_D34_LO', 'prefix34', 'S+A', 'lo34', 'none', abi],
  [130, 'R_PPC64_D34_HI30', 'prefix34', 'S+A', 'hi30', 'none', abi],
  [131, 'R_PPC64_D34_HA30', 'prefix34', 'S+A', 'ha30', 'none', abi],
  [132, 'R_PPC64_PCREL34', 'prefix34', 'S+A-P', 'whole', 'signed', abi],
  [133, 'R_PPC64_GOT_PCREL34', 'prefix34', 'G-P', 'whole', 'signed', abi],
  [134, 'R_PPC64_PLT_PCREL34', 'prefix34', 'L-P', 'whole', 'signed', abi],
  [135, 'R_PPC64_PLT_PCREL34_NOTOC', 'prefix34', 'L-P', 'whole', 'signed', abi],
  [136, 'R_PPC64_ADDR16_HIGHER34', 'half16', 'S+A', 'higher34', 'none', abi],
  [137, 'R_PPC64_ADDR16_HIGHERA34', 'half16', 'S+A', 'highera34', 'none', abi],
  [138, 'R_PPC64_ADDR16_HIGHEST34', 'half16', 'S+A', 'highest34', 'none', abi],
  [139, 'R_PPC64_ADDR16_HIGHESTA34', 'half16', 'S+A', 'highesta34', 'none', abi],
  [140, 'R_PPC64_REL16_HIGHER34', 'half16', 'S+A-P', 'higher34', 'none', abi],
  [141, 'R_PPC64_REL16_HIGHERA34', 'half16', 'S+A-P', 'highera34', 'none', abi],
  [142, 'R_PPC64_REL16_HIGHEST34', 'half16', 'S+A-P', 'highest34', 'none', abi],
  [143, 'R_PPC64_REL16_HIGHESTA34', 'half16', 'S+A-P', 'highesta34', 'none', abi],
  [144, 'R_PPC64_D28', 'prefix28', 'S+A', 'whole', 'signed', abi],
  [145, 'R_PPC64_PCREL28', 'prefix28', 'S+A-P', 'whole', 'signed', abi],
  [146, 'R_PPC64_TPREL34', 'prefix34', '@tprel', 'whole', 'signed', abi],
  [147, 'R_PPC64_DTPREL34', 'prefix34', '@dtprel', 'whole', 'signed', abi],
  [148, 'R_PPC64_GOT_TLSGD_PCREL34', 'prefix34', '@got@tlsgd-P', 'whole', 'signed', abi],
  [149, 'R_PPC64_GOT_TLSLD_PCREL34', 'prefix34', '@got@tlsld-P', 'whole', 'signed', abi],
  [150, 'R_PPC64_GOT_TPREL_PCREL34', 'prefix34', '@got@tprel-P', 'whole', 'signed', abi],
  [151, 'R_PPC64_GOT_DTPREL_PCREL34', 'prefix34', '@got@dtprel-P', 'whole', 'signed', abi],
  [240, 'R_PPC64_REL16_HIGH', 'half16', 'S+A-P', 'hi', 'none', abi],
  [241, 'R_PPC64_REL16_HIGHA', 'half16', 'S+A-P', 'ha', 'none', abi],
  [242, 'R_PPC64_REL16_HIGHER', 'half16', 'S+A-P', 'higher', 'none', abi],
  [243, 'R_PPC64_REL16_HIGHERA', 'half16', 'S+A-P', 'highera', 'none', abi],
  [244, 'R_PPC64_REL16_HIGHEST', 'half16', 'S+A-P', 'highest', 'none', abi],
  [245, 'R_PPC64_REL16_HIGHESTA', 'half16', 'S+A-P', 'highesta', 'none', abi],
  [246, 'R_PPC64_REL16DX_HA', 'split16', 'S+A-P', 'ha', 'signed', abi],
  [247, 'R_PPC64_JMP_IREL', 'word64', 'resolver', 'whole', 'none', 'GNU'],
  [248, 'R_PPC64_IRELATIVE', 'word64', 'resolver', 'whole', 'none', abi],
  [249, 'R_PPC64_REL16', 'half16', 'S+A-P', 'whole', 'signed', abi],
  [250, 'R_PPC64_REL16_LO', 'half16', 'S+A-P', 'lo', 'none', abi],
  [251, 'R_PPC64_REL16_HI', 'half16', 'S+A-P', 'hi', 'signed', abi],
  [252, 'R_PPC64_REL16_HA', 'half16', 'S+A-P', 'ha', 'signed', abi],
  [253, 'R_PPC64_GNU_VTINHERIT', 'none', 'none', 'whole', 'none', abi],
  [254, 'R_PPC64_GNU_VTENTRY', 'none', 'none', 'whole', 'none', abi],
];
