/** The relocation types that the kernel's loader knows: their numbers, by their names in the psABI, and what they write. */
export const R_PPC64_ADDR32 = 1;
export const R_PPC64_REL24 = 10;
export const R_PPC64_REL32 = 26;
export const R_PPC64_ADDR64 = 38;
export const R_PPC64_REL64 = 44;
export const R_PPC64_TOC16 = 47;
export const R_PPC64_TOC16_LO = 48;
export const R_PPC64_TOC16_HA = 50;
export const R_PPC64_TOC = 51;
export const R_PPC64_TOC16_DS = 63;
export const R_PPC64_TOC16_LO_DS = 64;
export const R_PPC64_TOCSAVE = 109;
export const R_PPC64_REL24_NOTOC = 116;
export const R_PPC64_ENTRY = 118;
export const R_PPC64_PCREL34 = 132;
export const R_PPC64_GOT_PCREL34 = 133;
export const R_PPC64_REL16_LO = 250;
export const R_PPC64_REL16_HA = 252;

/** Bytes that each type may write at its place; types that are not here write nothing. */
const WIDTHS: Readonly<Record<number, number>> = {
  [R_PPC64_ADDR32]: 4,
  [R_PPC64_REL24]: 4,
  [R_PPC64_REL32]: 4,
  [R_PPC64_ADDR64]: 8,
  [R_PPC64_REL64]: 8,
  [R_PPC64_TOC16]: 2,
  [R_PPC64_TOC16_LO]: 2,
  [R_PPC64_TOC16_HA]: 2,
  [R_PPC64_TOC]: 8,
  [R_PPC64_TOC16_DS]: 2,
  [R_PPC64_TOC16_LO_DS]: 2,
  [R_PPC64_REL24_NOTOC]: 4,
  [R_PPC64_ENTRY]: 8,
  [R_PPC64_PCREL34]: 8,
  [R_PPC64_GOT_PCREL34]: 8,
  [R_PPC64_REL16_LO]: 2,
  [R_PPC64_REL16_HA]: 2,
};

/** Bytes that a relocation of this type may write; 0 for types that write nothing or are not known. */
export function relocationWidth(type: number): number {
  return WIDTHS[type] ?? 0;
}

/** Whether a loader with or without CONFIG_PPC_KERNEL_PCREL knows a type. */
export function isKnownType(type: number, pcrel: boolean): boolean {
  if (type === R_PPC64_TOCSAVE) return !pcrel;
  if (relocationWidth(type) === 0) return false;
  const isToc = type >= R_PPC64_TOC16 && type <= R_PPC64_TOC16_LO_DS;
  const isPcrel = type === R_PPC64_REL24_NOTOC || type === R_PPC64_PCREL34 || type === R_PPC64_GOT_PCREL34;
  return pcrel ? !isToc : !isPcrel;
}

/** Whether what a type does depends on its symbol. */
export function usesSymbol(type: number): boolean {
  return type !== R_PPC64_TOC && type !== R_PPC64_ENTRY && type !== R_PPC64_TOCSAVE;
}
