/** Runs of words that the code of shadow redirects is made of. r0, r11 and r12 are free in all of them. */
import {
  R_PPC64_ADDR64,
  R_PPC64_REL16_HA,
  R_PPC64_REL16_LO,
  type Role,
  type Template,
  type TemplateWord,
} from './template.ts';

export const word = (asm: string, value: number): TemplateWord => ({ asm, word: value });

/** An instruction that makes half of an address; `addend` counts from the label that its text names. */
export const near = (asm: string, value: number, half: 'ha' | 'lo', role: Role, addend: number): TemplateWord => ({
  asm,
  word: value,
  relocation: { type: half === 'ha' ? R_PPC64_REL16_HA : R_PPC64_REL16_LO, role, addend },
});

export const BACK = word('mtlr 0', 0x7c0803a6);
/** As `mflr r0` in a call site leaves it. */
export const GOES_ON = word('mflr 0', 0x7c0802a6);

/** r11 = the place of the label; LR is lost. */
export const nextHere = (label: number): Template => [
  word(`bcl 20,31,${label}f`, 0x429f0005),
  word(`${label}: mflr 11`, 0x7d6802a6),
];

/** r11 = the address of `role` + `more`; LR is as it was, and in r0. */
export function here(label: number, role: Role, more = 0, before = ''): Template {
  const to = more === 0 ? role : `${role}+${more}`;
  return [
    word(`${before}mflr 0`, 0x7c0802a6),
    ...nextHere(label),
    BACK,
    near(`addis 11,11,(${to}-${label}b)@ha`, 0x3d6b0000, 'ha', role, 8 + more),
    near(`addi 11,11,(${to}-${label}b)@l`, 0x396b0000, 'lo', role, 12 + more),
  ];
}

/** What r11 points to, plus `value`; r12 gets it too. */
export const add = (label: number, value: 1 | -1): Template => [
  word(`${label}: ldarx 12,0,11`, 0x7d8058a8),
  word(`addi 12,12,${value}`, 0x398c0000 | (value & 0xffff)),
  word('stdcx. 12,0,11', 0x7d8059ad),
  word(`bne- ${label}b`, 0x40c2fff4),
];

/** high = max(high, live): r11 points to the one in front of the other, r12 is what live has become. @param label and the next: what it uses */
export const raiseHigh = (label: number): Template => [
  word('addi 11,11,8', 0x396b0008),
  word(`${label}: ldarx 0,0,11`, 0x7c0058a8),
  word('cmpld 0,12', 0x7c206040),
  word(`bge ${label + 1}f`, 0x4080000c),
  word('stdcx. 12,0,11', 0x7d8059ad),
  word(`bne- ${label}b`, 0x40c2fff0),
];

/** r2 = this object's TOC, right behind the label, whose place is in r11. */
const recomputeToc = (label: number): Template => [
  near(`addis 2,11,(.TOC.-${label}b)@ha`, 0x3c4b0000, 'ha', '.TOC.', 4),
  near(`addi 2,2,(.TOC.-${label}b)@l`, 0x38420000, 'lo', '.TOC.', 8),
];

/**
 * live -= 1, and back to the address in r0, with the r2 that is owed.
 *
 * @param saved whether r2 is there already
 * @param label and the next: what it uses
 */
export const leave = (saved: boolean, label: number): Template => [
  ...nextHere(label),
  ...(saved ? [] : recomputeToc(label)),
  near(`addis 11,11,(state+8-${label}b)@ha`, 0x3d6b0000, 'ha', 'state', saved ? 12 : 20),
  near(`addi 11,11,(state+8-${label}b)@l`, 0x396b0000, 'lo', 'state', saved ? 16 : 24),
  ...add(label + 1, -1),
  BACK,
  word('blr', 0x4e800020),
];

/**
 * The code with G's address behind it.
 *
 * @param code what comes of the load of that address into r12, which holds the place of the label in front of it
 * @param label its number
 * @param rest how F goes on
 */
export function withTarget(code: (loadTarget: TemplateWord) => Template, label: number, rest: Template): Template {
  const draft = code(word('', 0));
  const base = draft.findIndex(row => row.asm === '') - 1;
  const size = draft.length + rest.length;
  const padding = size % 2 === 0 ? [] : [word('nop', 0x60000000)];
  const distance = 4 * (size + padding.length - base);
  const target = { type: R_PPC64_ADDR64, role: 'target', addend: 0 } as const;
  const loadTarget = word(`ld 12,22f-${label}b(12)`, (0xe98c0000 | distance) >>> 0);
  return [
    ...code(loadTarget),
    ...rest,
    ...padding,
    { asm: '22: .quad target', word: 0, relocation: target },
    word('', 0),
  ];
}
