/**
 * Which instruction a relocation type may stand on, and what else about its place can be told from the object alone. All
 * of it is derived from the field, the part and the kernel's rule in the relocation tables, and laid out in arrays by
 * type so that a module's relocations can be checked at the speed of memory.
 */
import { kernelRule } from '../ppc64/relocation-kernel.ts';
import type { RelocationField, RelocationPart } from '../ppc64/relocation-types.ts';
import { fieldWidth, type RelocationFacts, relocationTypes } from '../ppc64/relocations.ts';

/** Types whose symbols or values are looked at as well. */
export const R_PPC64_REL24 = 10;
export const R_PPC64_ADDR64 = 38;
export const R_PPC64_TOC16 = 47;
export const R_PPC64_TOC16_LO = 48;
export const R_PPC64_TOC16_HA = 50;
export const R_PPC64_TOC16_DS = 63;
export const R_PPC64_TOC16_LO_DS = 64;
export const R_PPC64_REL24_NOTOC = 116;
export const R_PPC64_ENTRY = 118;
export const R_PPC64_REL16_LO = 250;
export const R_PPC64_REL16_HA = 252;

/** What the module loader does with a type. */
export const KERNEL_REFUSES = 0;
export const KERNEL_TAKES = 1;
export const KERNEL_TAKES_PCREL = 2;
export const KERNEL_TAKES_TOC = 3;

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** D-form: mulli, subfic, compares, addic, addi, addis; the logical ones; loads and stores of up to 4 bytes and floats. */
const D_FORM = [7, 8, ...range(10, 15), ...range(24, 29), ...range(32, 55)];
/** DS-form (and DQ-form, which the GNU tools relocate with the same types): ld, lwa, std, lq, lxsd, stxv and so on. */
const DS_FORM = [56, 57, 58, 61, 62];

/** Primary opcodes that a field may be part of; `undefined` where the field is data, or nothing is written. */
function opcodes(field: RelocationField, part: RelocationPart): readonly number[] | undefined {
  switch (field) {
    case 'low24':
      return [18];
    case 'low14':
      return [16];
    case 'half16':
      if (part === 'ha') return [15];
      return part === 'whole' || part === 'lo' ? D_FORM : [14, 15, 24, 25];
    case 'half16ds':
    case 'half16dq':
      return DS_FORM;
    case 'split16':
      return [19];
    case 'prefix34':
    case 'prefix28':
      return [1];
    default:
      return undefined;
  }
}

/** Words by opcode, for messages. */
export function opcodesText(field: RelocationField, part: RelocationPart): string {
  const list = opcodes(field, part) ?? [];
  if (field === 'low24') return 'b or bl';
  if (field === 'half16' && part === 'ha') return 'addis';
  if (field === 'half16ds' || field === 'half16dq') return 'a DS-form load or store (ld, lwa, std and so on)';
  if (field === 'half16' && list.length > 10) return 'a D-form instruction (addi, ori, lwz and so on)';
  return `an instruction with primary opcode ${list.join(', ')}`;
}

const known = new Uint8Array(256);
const width = new Uint8Array(256);
/** The r_offset has no bit of this. Doublewords stand on multiples of 4: so `.quad .TOC.-f` does before a function's entry. */
const placeMask = new Uint8Array(256);
const isInstruction = new Uint8Array(256);
const lowOpcodes = new Uint32Array(256);
const highOpcodes = new Uint32Array(256);
const kernel = new Uint8Array(256);
/** The value, before range, is one that addresses decide: such entries count as undecided unless a rule says more. */
const ranged = new Uint8Array(256);

function kernelAnswer(type: number): number {
  const plain = kernelRule(type, false) !== undefined;
  const pcrel = kernelRule(type, true) !== undefined;
  if (plain) return pcrel ? KERNEL_TAKES : KERNEL_TAKES_TOC;
  return pcrel ? KERNEL_TAKES_PCREL : KERNEL_REFUSES;
}

function compile(facts: RelocationFacts): void {
  const { type, field, part } = facts;
  const list = opcodes(field, part);
  known[type] = 1;
  width[type] = fieldWidth(type);
  isInstruction[type] = list === undefined ? 0 : 1;
  placeMask[type] = list !== undefined ? 3 : Math.min(Math.max(width[type]! - 1, 0), 3);
  for (const opcode of list ?? []) {
    if (opcode < 32) lowOpcodes[type] = (lowOpcodes[type]! | (1 << opcode)) >>> 0;
    else highOpcodes[type] = (highOpcodes[type]! | (1 << (opcode - 32))) >>> 0;
  }
  kernel[type] = kernelAnswer(type);
  ranged[type] = facts.overflow !== 'none' && facts.bits < 64 && facts.base !== 'none' ? 1 : 0;
}

for (const facts of relocationTypes()) if (facts.type < 256) compile(facts);

/** By type, below 256. */
export const places = { known, width, placeMask, isInstruction, lowOpcodes, highOpcodes, kernel, ranged } as const;
