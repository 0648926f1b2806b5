/**
 * One row of an instruction table, written the way the manual and the assembler write it.
 *
 * - mnemonic: as GNU objdump prints it. A bracketed letter stands for two rows, without and with it: `[.]` sets Rc,
 *   `[o]` OE, `[l]` LK, `[a]` AA.
 * - pattern: the primary opcode, then `FIELD=value` for each fixed field (names of `fields.ts`, or `11:15` in the manual's
 *   bit numbers). For a prefixed instruction the prefix's pattern, ` / ` and the pattern of the second word.
 * - operands: as in assembly, see `operands.ts`.
 * - conditions: what must hold beyond the pattern: `RB=RS`, `SH+MB=32`, `RA!=0`, `RA!=RT`, `RA<RT`; `outside`:
 *   RA is none of the registers that a load string fills. A row with a sum or an equality describes an extended mnemonic.
 *
 * Order matters: the first row that matches a word names it, so extended mnemonics stand before what they extend.
 */
export type Row = readonly [mnemonic: string, pattern: string, operands: string, conditions?: string];
