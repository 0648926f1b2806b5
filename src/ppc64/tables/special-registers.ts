/**
 * mfspr and mtspr with the names that GNU objdump gives to special purpose registers for POWER10.
 *
 * The two lists differ: some registers can only be read or only be written under a name (TBL, PVR, the user copies of the
 * performance monitor's), and a few have a name in one direction only.
 */
import type { Row } from './row.ts';

/** Readable and writable under the same number and name. */
const both: readonly (readonly [number: number, name: string])[] = [
  [1, 'xer'],
  [3, 'udscr'],
  [8, 'lr'],
  [9, 'ctr'],
  [13, 'uamr'],
  [17, 'dscr'],
  [18, 'dsisr'],
  [19, 'dar'],
  [22, 'dec'],
  [25, 'sdr1'],
  [26, 'srr0'],
  [27, 'srr1'],
  [28, 'cfar'],
  [29, 'amr'],
  [48, 'pidr'],
  [61, 'iamr'],
  [153, 'fscr'],
  [157, 'uamor'],
  [159, 'pspb'],
  [176, 'dpdes'],
  [180, 'dawr0'],
  [181, 'dawr1'],
  [186, 'rpr'],
  [187, 'ciabr'],
  [188, 'dawrx0'],
  [189, 'dawrx1'],
  [190, 'hfscr'],
  [256, 'vrsave'],
  [272, 'sprg0'],
  [273, 'sprg1'],
  [274, 'sprg2'],
  [275, 'sprg3'],
  [280, 'asr'],
  [282, 'ear'],
  [304, 'hsprg0'],
  [305, 'hsprg1'],
  [306, 'hdisr'],
  [307, 'hdar'],
  [308, 'spurr'],
  [309, 'purr'],
  [310, 'hdec'],
  [313, 'hrmor'],
  [314, 'hsrr0'],
  [315, 'hsrr1'],
  [318, 'lpcr'],
  [319, 'lpidr'],
  [336, 'hmer'],
  [337, 'hmeer'],
  [338, 'pcr'],
  [339, 'heir'],
  [349, 'amor'],
  [464, 'ptcr'],
  [496, 'usprg0'],
  [497, 'usprg1'],
  [505, 'urmor'],
  [506, 'usrr0'],
  [507, 'usrr1'],
  [511, 'smfctrl'],
  [528, 'ibatu0'],
  [529, 'ibatl0'],
  [530, 'ibatu1'],
  [531, 'ibatl1'],
  [532, 'ibatu2'],
  [533, 'ibatl2'],
  [534, 'ibatu3'],
  [535, 'ibatl3'],
  [536, 'dbatu0'],
  [537, 'dbatl0'],
  [538, 'dbatu1'],
  [539, 'dbatl1'],
  [540, 'dbatu2'],
  [541, 'dbatl2'],
  [542, 'dbatu3'],
  [543, 'dbatl3'],
  [769, 'ummcr2'],
  [770, 'ummcra'],
  [771, 'upmc1'],
  [772, 'upmc2'],
  [773, 'upmc3'],
  [774, 'upmc4'],
  [775, 'upmc5'],
  [776, 'upmc6'],
  [779, 'ummcr0'],
  [800, 'bescrs'],
  [801, 'bescrsu'],
  [802, 'bescrr'],
  [803, 'bescrru'],
  [804, 'ebbhr'],
  [805, 'ebbrr'],
  [806, 'bescr'],
  [815, 'tar'],
  [816, 'asdr'],
  [823, 'psscr'],
  [848, 'ic'],
  [849, 'vtb'],
  [855, 'hpsscr'],
  [896, 'ppr'],
  [898, 'ppr32'],
];

const readOnly: readonly (readonly [number: number, name: string])[] = [
  [4, 'rtcu'],
  [5, 'rtcl'],
  [136, 'ctrl'],
  [259, 'usprg3'],
  [268, 'tb'],
  [269, 'tbu'],
  [287, 'pvr'],
  [446, 'tir'],
  [736, 'usier2'],
  [737, 'usier3'],
  [738, 'ummcr3'],
  [768, 'usier'],
  [780, 'usiar'],
  [781, 'usdar'],
  [782, 'ummcr1'],
  [1023, 'pir'],
];

const writeOnly: readonly (readonly [number: number, name: string])[] = [
  [20, 'rtcu'],
  [21, 'rtcl'],
  [128, 'tfhar'],
  [129, 'tfiar'],
  [130, 'texasr'],
  [131, 'texasru'],
  [152, 'ctrl'],
  [284, 'tbl'],
  [285, 'tbu'],
  [286, 'tbu40'],
  [752, 'sier2'],
  [753, 'sier3'],
  [754, 'mmcr3'],
  [784, 'sier'],
  [786, 'mmcra'],
  [787, 'pmc1'],
  [788, 'pmc2'],
  [789, 'pmc3'],
  [790, 'pmc4'],
  [791, 'pmc5'],
  [792, 'pmc6'],
  [795, 'mmcr0'],
  [796, 'siar'],
  [797, 'sdar'],
  [798, 'mmcr1'],
];

/** The register's number with its two halves of five bits exchanged, as it stands in bits 11 to 20. */
function encoded(number: number): number {
  return ((number & 31) << 5) | (number >> 5);
}

function moveRows(
  name: string,
  extended: number,
  operand: 'RT' | 'RS',
  list: readonly (readonly [number, string])[],
): Row[] {
  return list.map(([number, register]): Row => {
    const banked = /^(sprg|[id]bat[ul])([0-3])$/.exec(register);
    const pattern = `31 X=${extended} 31=0 11:20=${encoded(number)}`;
    if (banked === null) return [`${name}${register}`, pattern, operand];
    return [`${name}${banked[1]}`, pattern, operand === 'RT' ? `RT,#${banked[2]}` : `#${banked[2]},RS`];
  });
}

/** Made when they are asked for, as those in `branch.ts`. */
export const specialRegisterRows = (): readonly Row[] => [
  ...moveRows('mf', 339, 'RT', [...both, ...readOnly]),
  ['mfspr', '31 X=339 31=0', 'RT,SPR'],
  ...moveRows('mt', 467, 'RS', [...both, ...writeOnly]),
  ['mtspr', '31 X=467 31=0', 'SPR,RS'],
];
