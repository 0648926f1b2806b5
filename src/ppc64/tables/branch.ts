/**
 * Branches, traps, condition register logic and the instructions that enter and leave an interrupt (primary opcodes 2, 3,
 * 16, 17, 18 and 19).
 *
 * Conditional branches have names by the condition and by the prediction: BO = 0b011at and 0b001at branch on a set or clear
 * bit, with `at` = 0b10 not taken (`-`) and 0b11 taken (`+`); BO = 0b1a00t and 0b1a01t count CTR down. The disassembler
 * of the GNU tools reads `at` = 0b01, which is reserved, as no hint in `bc` but as no instruction in the other three;
 * these rows do the same, as they do with BI, which must be 0 for a name without a condition.
 */
import type { Row } from './row.ts';

const conditions = [
  ['lt', 'ge'],
  ['gt', 'le'],
  ['eq', 'ne'],
  ['so', 'ns'],
] as const;

/** What of a branch family differs: suffix of the name, pattern, operands after the condition, does BO bit 4 count. */
interface Family {
  readonly suffix: string;
  readonly pattern: string;
  readonly target: string;
  readonly strict: boolean;
  /** `bcctr` cannot count CTR down: such forms have no extended name. */
  readonly counts: boolean;
}

function join(...operands: readonly string[]): string {
  return operands.filter(operand => operand !== '').join(',');
}

/** Rows whose condition is one bit of a CR field: `beq`, `bne-` and so on. */
function conditionRows({ suffix, pattern, target, strict }: Family): Row[] {
  return conditions.flatMap(([set, clear], bit) =>
    (
      [
        [set, 12],
        [clear, 4],
      ] as const
    ).flatMap(([name, bo]): Row[] => [
      [`b${name}${suffix}`, `${pattern} ${strict ? `BO=${bo}` : `6:9=${bo >> 1}`} 14:15=${bit}`, join('BFI?', target)],
      [`b${name}${suffix}-`, `${pattern} BO=${bo + 2} 14:15=${bit}`, join('BFI?', target)],
      [`b${name}${suffix}+`, `${pattern} BO=${bo + 3} 14:15=${bit}`, join('BFI?', target)],
    ]),
  );
}

/** The reserved hint makes no difference to `bc`: objdump prints `bne` for BO = 5, but the hints come first. */
function hintsFirst(rows: readonly Row[]): Row[] {
  const hinted = rows.filter(([mnemonic]) => /[-+]$/.test(mnemonic));
  return [...hinted, ...rows.filter(row => !hinted.includes(row))];
}

function countingRows({ suffix, pattern, target, strict }: Family): Row[] {
  const rows: Row[] = [];
  for (const [name, bo] of [
    ['bdnz', 16],
    ['bdz', 18],
  ] as const) {
    rows.push(
      [`${name}${suffix}`, `${pattern} ${strict ? `BO=${bo}` : `6:9=${bo >> 1}`} BI=0`, target],
      [`${name}${suffix}-`, `${pattern} BO=${bo + 8} BI=0`, target],
      [`${name}${suffix}+`, `${pattern} BO=${bo + 9} BI=0`, target],
    );
  }
  for (const [name, bo] of [
    ['bdnzf', 0],
    ['bdzf', 2],
    ['bdnzt', 8],
    ['bdzt', 10],
  ] as const)
    rows.push([`${name}${suffix}`, `${pattern} ${strict ? `BO=${bo}` : `6:9=${bo >> 1}`}`, join('BI', target)]);
  return rows;
}

/** What no extended name covers, with BO as a number. */
function generalRows({ pattern, target, counts }: Family, stem: string): Row[] {
  const plain = counts ? [20, 16, 18] : [20, 16, 18, 0, 2, 8, 10];
  return [
    ...plain.map((bo): Row => [stem, `${pattern} BO=${bo}`, join('BO', 'BI', target)]),
    ...[24, 26].map((bo): Row => [`${stem}-`, `${pattern} BO=${bo}`, join('BO', 'BI', target)]),
    ...[25, 27].map((bo): Row => [`${stem}+`, `${pattern} BO=${bo}`, join('BO', 'BI', target)]),
  ];
}

function relativeFamily(link: number, absolute: number): Row[] {
  const suffix = `${link ? 'l' : ''}${absolute ? 'a' : ''}`;
  const target = absolute ? 'BDA' : 'BD';
  const family: Family = { suffix, pattern: `16 AA=${absolute} LK=${link}`, target, strict: false, counts: true };
  return [...hintsFirst(conditionRows(family)), ...countingRows(family), ...generalRows(family, `bc${suffix}`)];
}

function registerFamily(register: 'lr' | 'ctr' | 'tar', extended: number, link: number): Row[] {
  const suffix = `${register}${link ? 'l' : ''}`;
  const counts = register !== 'ctr';
  const family: Family = {
    suffix,
    pattern: `19 X=${extended} LK=${link} 16:18=0`,
    target: 'BH?',
    strict: true,
    counts,
  };
  return [
    [`b${suffix}`, `${family.pattern} BO=20 BI=0`, 'BH?'],
    ...conditionRows(family),
    ...(counts ? countingRows(family) : []),
    ...generalRows(family, `bc${suffix}`),
  ];
}

/** Names of the TO field's values, for `tweqi`, `tdlgt` and their like. */
const traps = [
  ['lgt', 1],
  ['llt', 2],
  ['eq', 4],
  ['lge', 5],
  ['lle', 6],
  ['gt', 8],
  ['ge', 12],
  ['lt', 16],
  ['le', 20],
  ['ne', 24],
  ['u', 31],
] as const;

function trapRows(stem: string, end: string, pattern: string, operands: string): Row[] {
  return [
    ...traps.map(([name, to]): Row => [`${stem}${name}${end}`, `${pattern} TO=${to}`, operands]),
    [`${stem}${end}`, pattern, `TO,${operands}`],
  ];
}

/** Made when they are asked for: it takes longer than reading all other tables, and most runs decode nothing. */
export const branchRows = (): readonly Row[] => [
  ['b[l][a]', '18', 'LI'],
  ...[0, 1].flatMap(link => [0, 1].flatMap(absolute => relativeFamily(link, absolute))),
  ...[0, 1].flatMap(link => [
    ...registerFamily('lr', 16, link),
    ...registerFamily('ctr', 528, link),
    ...registerFamily('tar', 560, link),
  ]),

  ...trapRows('td', 'i', '2', 'RA,SI'),
  ...trapRows('tw', 'i', '3', 'RA,SI'),
  ['trap', '31 X=4 TO=31 RA=0 RB=0 31=0', ''],
  ...trapRows('tw', '', '31 X=4 31=0', 'RA,RB'),
  ...trapRows('td', '', '31 X=68 31=0', 'RA,RB'),
  ['attn', '0 X=256 31=0', ''],

  ['sc', '17 30=1 31=0 6:15=0', 'LEV?'],
  ['scv', '17 30=0 31=1 6:15=0', 'LEV'],
  ['rfid', '19 X=18 6:20=0 31=0', ''],
  ['hrfid', '19 X=274 6:20=0 31=0', ''],
  ['urfid', '19 X=306 6:20=0 31=0', ''],
  ['rfscv', '19 X=82 6:20=0 31=0', ''],
  ['rfi', '19 X=50 6:20=0 31=0', ''],
  ['rfebb', '19 X=146 6:19=0 31=0', 'S?1'],
  ['stop', '19 X=370 6:20=0 31=0', ''],
  ['isync', '19 X=150 6:20=0 31=0', ''],

  ['lnia', '19 26:30=2 11:15=0 16:25=0 31=0', 'RT'],
  ['addpcis', '19 26:30=2', 'RT,DX'],

  ['mcrf', '19 X=0 9:10=0 14:20=0 31=0', 'BF,BFA'],
  ['crnot', '19 X=33 31=0', 'BT,BA', 'BB=BA'],
  ['crnor', '19 X=33 31=0', 'BT,BA,BB'],
  ['crclr', '19 X=193 31=0', 'BT', 'BA=BT BB=BT'],
  ['crxor', '19 X=193 31=0', 'BT,BA,BB'],
  ['crset', '19 X=289 31=0', 'BT', 'BA=BT BB=BT'],
  ['creqv', '19 X=289 31=0', 'BT,BA,BB'],
  ['crmove', '19 X=449 31=0', 'BT,BA', 'BB=BA'],
  ['cror', '19 X=449 31=0', 'BT,BA,BB'],
  ['crand', '19 X=257 31=0', 'BT,BA,BB'],
  ['crandc', '19 X=129 31=0', 'BT,BA,BB'],
  ['crnand', '19 X=225 31=0', 'BT,BA,BB'],
  ['crorc', '19 X=417 31=0', 'BT,BA,BB'],
];
