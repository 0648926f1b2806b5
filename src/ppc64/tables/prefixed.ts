/**
 * Instructions of eight bytes (Power ISA 3.1, chapter 1.6.3): a prefix of primary opcode 1, then a word.
 *
 * The prefix's bits 6 to 7 are its type: 0 goes before a load or store that has no short form (8LS), 1 before a
 * register-to-register word (8RR), 2 before a word that also exists alone (MLS), 3 is the no-op. Loads, stores and paddi
 * take a 34-bit displacement, its upper 18 bits in the prefix, and with R = 1 count from their own address (RA is then 0).
 */
import type { Row } from './row.ts';

/** Type 2: the word alone exists too, with a 16-bit displacement. */
const modified: readonly (readonly [mnemonic: string, primary: number, register: string])[] = [
  ['plwz', 32, 'RT'],
  ['plbz', 34, 'RT'],
  ['pstw', 36, 'RS'],
  ['pstb', 38, 'RS'],
  ['plhz', 40, 'RT'],
  ['plha', 42, 'RT'],
  ['psth', 44, 'RS'],
  ['plfs', 48, 'FRT'],
  ['plfd', 50, 'FRT'],
  ['pstfs', 52, 'FRS'],
  ['pstfd', 54, 'FRS'],
];

/** Type 0: the word means something else alone, or nothing. */
const eightByte: readonly (readonly [mnemonic: string, opcode: string, register: string])[] = [
  ['plwa', '41', 'RT'],
  ['plxsd', '42', 'VRT'],
  ['plxssp', '43', 'VRT'],
  ['pstxsd', '46', 'VRS'],
  ['pstxssp', '47', 'VRS'],
  ['plxv', '0:4=25', 'XT5'],
  ['pstxv', '0:4=27', 'XS5'],
  ['plq', '56', 'RTp'],
  ['pld', '57', 'RT'],
  ['plxvp', '58', 'XTP'],
  ['pstq', '60', 'RSp'],
  ['pstd', '61', 'RS'],
  ['pstxvp', '62', 'XSP'],
];

function memoryRows(mnemonic: string, type: number, opcode: string | number, register: string): Row[] {
  const prefix = `1 6:7=${type} 8:10=0 12:13=0`;
  return [
    [mnemonic, `${prefix} 11=0 / ${opcode}`, `${register},D34(RA0)`],
    [mnemonic, `${prefix} 11=1 / ${opcode} RA=0`, `${register},P34`],
  ];
}

const registerPrefix = '1 6:7=1 8:15=0';

export const prefixedRows: readonly Row[] = [
  ['pli', '1 6:7=2 8:13=0 / 14 RA=0', 'RT,SI34'],
  ['paddi', '1 6:7=2 8:13=0 / 14', 'RT,RA,SI34'],
  ['pla', '1 6:7=2 8:10=0 11=1 12:13=0 / 14 RA=0', 'RT,P34'],
  ...modified.flatMap(([mnemonic, primary, register]) => memoryRows(mnemonic, 2, primary, register)),
  ...eightByte.flatMap(([mnemonic, opcode, register]) => memoryRows(mnemonic, 0, opcode, register)),
  ['xxsplti32dx', `${registerPrefix} / 32 11:13=0`, 'XTD,U14:14,IMM32'],
  ['xxspltidp', `${registerPrefix} / 32 11:14=2`, 'XTD,IMM32'],
  ['xxspltiw', `${registerPrefix} / 32 11:14=3`, 'XTD,IMM32'],
  ['xxblendvb', `${registerPrefix} 16:31=0 / 33 26:27=0`, 'XT,XA,XB,XC'],
  ['xxblendvh', `${registerPrefix} 16:31=0 / 33 26:27=1`, 'XT,XA,XB,XC'],
  ['xxblendvw', `${registerPrefix} 16:31=0 / 33 26:27=2`, 'XT,XA,XB,XC'],
  ['xxblendvd', `${registerPrefix} 16:31=0 / 33 26:27=3`, 'XT,XA,XB,XC'],
  ['xxpermx', `${registerPrefix} 16:28=0 / 34 26:27=0`, 'XT,XA,XB,XC,UIM3'],
  ['xxeval', `${registerPrefix} 16:23=0 / 34 26:27=1`, 'XT,XA,XB,XC,IMM8'],
  ['pnop', '1 6:7=3 8:31=0 / 0:4=0', ''],
];
