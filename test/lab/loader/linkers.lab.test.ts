/**
 * The psABI rule of src/ppc64/relocations.ts against linkers: relocatable objects with one relocation for each type and each edge
 * of its range (the last value that fits and the first that does not, at both ends, and one that is not aligned), linked at
 * fixed addresses. What fits gives the same bytes; what does not is refused by both, but for what `TAKEN` tells. LLD knows only the
 * types that compilers make today: it is shown those that it does not call unknown.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeField } from '../../../src/ppc64/relocation-fields.ts';
import {
  checkPsabi,
  psabiValue,
  type RelocationFacts,
  type RelocationInputs,
  relocationTypes,
} from '../../../src/ppc64/relocations.ts';

const prefix = process.env.TOCSIN_CROSS ?? 'powerpc64le-linux-gnu-';
const START = 0x1000_0000n;
/** Value of the symbol that all relocations are against; the addends make the edges. */
const SYMBOL = 0x1200_0000n;

/** Dynamic relocations, and REL30, whose value ld shifts down but does not shift up into its field. */
const LEFT_OUT = new Set(['R_PPC64_GLOB_DAT', 'R_PPC64_JMP_SLOT', 'R_PPC64_ADDR64_LOCAL', 'R_PPC64_REL30']);

/** Branches stand in data, since between code linkers would put stubs for those that do not reach. */
const isBranch = (facts: RelocationFacts) => facts.field === 'low24' || facts.field === 'low14';

interface Slot {
  readonly facts: RelocationFacts;
  /** What the formula's base should be: S + A, S + A - P, S + A - .TOC. */
  readonly value: bigint;
}

const SHIFTS: Readonly<Record<string, readonly [shift: bigint, adjust: bigint]>> = {
  whole: [0n, 0n],
  hi: [16n, 0n],
  ha: [16n, 0x8000n],
};

/** The values of the base at the edges of the type's range, and beyond it. */
function edges(facts: RelocationFacts): readonly bigint[] {
  const step = BigInt(facts.alignment);
  // The value of R_PPC64_TOC is .TOC. itself; its addend is 0.
  if (facts.base === '.TOC.') return [];
  if (facts.overflow === 'none') {
    // Everything fits: carries between the parts, and the signs of each.
    const powers = [0n, 15n, 16n, 31n, 32n, 33n, 34n, 47n, 48n, 49n, 50n].map(p => 1n << p);
    return powers.flatMap(power => [power - step, power, -power, power + 0x8000n - step, power + 0x8000n]);
  }
  const [shift, adjust] = SHIFTS[facts.part]!;
  const half = 1n << BigInt(facts.bits - 1);
  const limit = facts.overflow === 'bitfield' ? 2n * half : half;
  const above = (limit << shift) - adjust;
  const below = -(half << shift) - adjust;
  return [above - step, above, below, below - step, 0n, ...(facts.alignment > 1 ? [step / 2n, step + 1n] : [])];
}

/**
 * Where GNU ld takes what the rule refuses: it drops the two low bits of a branch's distance without a word, and for a field that
 * may be read as signed or unsigned it looks only at the bits above the field (-2^n to 2^n - 1 for n bits).
 */
function isTakenByLd({ facts, value }: Slot): boolean {
  if (isBranch(facts) && value % 4n !== 0n) return true;
  const isLoose = facts.overflow === 'bitfield' || facts.name === 'R_PPC64_ADDR24';
  const limit = 1n << BigInt(facts.bits);
  return isLoose && value >= -limit && value < limit;
}

/** LLD lets a field of 16 bits that is read as signed hold what fits as an unsigned number too (`checkIntUInt`). */
function isTakenByLld({ facts, value }: Slot): boolean {
  return ['R_PPC64_ADDR16', 'R_PPC64_TOC16'].includes(facts.name) && value >= 0n && value <= 0xffffn;
}

const TAKEN = { ld: isTakenByLd, lld: isTakenByLld };

function wanted(facts: RelocationFacts): boolean {
  const probe = { type: facts.type, S: 0n, A: 0n, P: 0n, toc: 0n };
  return facts.field !== 'none' && psabiValue(probe) !== null && !LEFT_OUT.has(facts.name);
}

function inputsOf(slots: readonly Slot[], toc: bigint): readonly RelocationInputs[] {
  return slots.map(({ facts, value }, i) => {
    const P = START + BigInt(i * 8);
    const from = facts.base === 'S+A' ? 0n : facts.base === 'S+A-P' ? P : toc;
    return { type: facts.type, S: SYMBOL, A: BigInt.asIntN(64, value + from - SYMBOL), P, toc };
  });
}

interface Linked {
  readonly words: readonly { readonly first: number; readonly second: number }[];
  readonly refused: ReadonlySet<number>;
  readonly toc: bigint;
}

type Linker = 'ld' | 'lld';

/** @param which slots get their relocation; the others stay empty, at the same places */
function link(
  folder: string,
  linker: Linker,
  section: '.text' | '.data',
  inputs: readonly RelocationInputs[],
  which: (slot: number) => boolean,
): Linked {
  const [source, object, linked, binary] = ['edges.s', 'edges.o', 'edges', 'edges.bin'].map(n => join(folder, n)) as [
    string,
    string,
    string,
    string,
  ];
  const names = new Map(relocationTypes().map(f => [f.type, f.name]));
  const lines = inputs.map(({ type, A }, i) => {
    const relocation = which(i) ? `.reloc ., ${names.get(type)}, symbol${A < 0n ? A : `+${A}`}\n` : '';
    return `${relocation}.quad 0\n`;
  });
  const tail = '.quad .TOC.@tocbase\n.section .toc,"aw"\n.quad 1\n';
  writeFileSync(source, `.abiversion 2\n${section}\n${lines.join('')}${tail}`);
  execFileSync(`${prefix}as`, ['-mpower10', '-o', object, source]);
  const place = section === '.text' ? '-Ttext' : '-Tdata';
  // --no-toc-optimize: neither linker changes instructions whose high part is zero.
  const common = [
    '--noinhibit-exec',
    '--no-toc-optimize',
    `--defsym=symbol=${SYMBOL}`,
    '-e',
    '0',
    place,
    `0x${START.toString(16)}`,
  ];
  const [program, options] =
    linker === 'ld'
      ? // Without --verbose ld tells only the first ten.
        [`${prefix}ld`, [...common, '--verbose', '-o', linked, object]]
      : ['ld.lld', [...common, '--error-limit=0', '-o', linked, object]];
  const { stdout, stderr, error } = spawnSync(program, options, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (error !== undefined) throw error;
  const refused = new Set<number>();
  for (const line of `${stdout}\n${stderr}`.split('\n')) {
    if (!/truncated to fit|not a multiple|out of range|improper alignment|is not aligned/.test(line)) continue;
    const offset = /\(\.(?:text|data)\+0x([0-9a-f]+)\)/.exec(line)?.[1];
    if (offset !== undefined) refused.add(Number.parseInt(offset, 16) >> 3);
  }
  // Some of what ld refuses keeps it from writing anything.
  if (refused.size > 0) return { words: [], refused, toc: 0n };
  execFileSync(`${prefix}objcopy`, ['-O', 'binary', '-j', section, linked, binary]);
  const bytes = readFileSync(binary);
  const words = inputs.map((_, i) => ({ first: bytes.readUInt32LE(i * 8), second: bytes.readUInt32LE(i * 8 + 4) }));
  return { words, refused, toc: bytes.readBigUInt64LE(inputs.length * 8) };
}

/** Types that LLD does not have: it says so of each, and writes nothing. */
function unknownToLld(): ReadonlySet<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-linkers-'));
  try {
    const source = join(folder, 'types.s');
    const object = join(folder, 'types.o');
    const lines = types.map(({ name }) => `.reloc ., ${name}, symbol\n.quad 0\n`);
    writeFileSync(source, `.abiversion 2\n${lines.join('')}`);
    execFileSync(`${prefix}as`, ['-mpower10', '-o', object, source]);
    const options = ['--error-limit=0', `--defsym=symbol=${SYMBOL}`, '-e', '0', '-o', join(folder, 'linked'), object];
    const { stderr } = spawnSync('ld.lld', options, { encoding: 'utf8' });
    return new Set([...stderr.matchAll(/unknown relocation \((\d+)\)/g)].map(match => Number(match[1])));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Both {
  readonly inputs: readonly RelocationInputs[];
  /** What the linker stored where all fits. */
  readonly words: Linked['words'];
  /** Slots that it refused, of those that should fit and of those that should not. */
  readonly refused: ReadonlySet<number>;
}

/** Links once to learn where `.TOC.` will be, then all that should fit, then all that should not. */
function linkEdges(linker: Linker, section: '.text' | '.data', slots: readonly Slot[]): Both {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-linkers-'));
  try {
    const { toc } = link(folder, linker, section, inputsOf(slots, START), () => false);
    const inputs = inputsOf(slots, toc);
    const fits = inputs.map(i => checkPsabi(i) === null);
    const good = link(folder, linker, section, inputs, i => fits[i]!);
    if (good.refused.size === 0) expect(good.toc).toBe(toc);
    const bad = link(folder, linker, section, inputs, i => !fits[i]!);
    return { inputs, words: good.words, refused: new Set([...good.refused, ...bad.refused]) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function describeSlot({ facts, value }: Slot): string {
  return `${facts.name} ${value < 0n ? '-' : ''}0x${(value < 0n ? -value : value).toString(16)}`;
}

const types = relocationTypes().filter(wanted);
describe.each(['ld', 'lld'] as const)('%s agrees with the psABI rule', linker => {
  it.each(['.text', '.data'] as const)('in %s', section => {
    const unknown = linker === 'lld' ? unknownToLld() : new Set<number>();
    const slots = types
      .filter(facts => isBranch(facts) === (section === '.data') && !unknown.has(facts.type))
      .flatMap(facts => edges(facts).map(value => ({ facts, value })));
    const used = new Set(slots.map(({ facts }) => facts.name));
    const { words, refused, inputs } = linkEdges(linker, section, slots);
    const differing: string[] = [];
    let fitting = 0;
    let overflowing = 0;
    let taken = 0;
    slots.forEach((slot, i) => {
      const finding = checkPsabi(inputs[i]!);
      if (finding !== null && TAKEN[linker](slot)) {
        expect(refused.has(i), describeSlot(slot)).toBe(false);
        taken++;
        return;
      }
      if ((finding === null) === refused.has(i)) {
        differing.push(
          `${describeSlot(slot)}: ${finding === null ? 'fits' : finding.rule}, the linker ${refused.has(i) ? 'refuses' : 'takes'} it`,
        );
        return;
      }
      if (finding !== null) {
        overflowing++;
        return;
      }
      fitting++;
      const mine = encodeField(slot.facts.type, { first: 0, second: 0 }, psabiValue(inputs[i]!)!);
      const its = words[i] ?? { first: -1, second: -1 };
      if (mine.first !== its.first || mine.second !== its.second)
        differing.push(
          `${describeSlot(slot)}: ${mine.first.toString(16)} ${mine.second.toString(16)}, the linker ${its.first.toString(16)} ${its.second.toString(16)}`,
        );
    });
    expect(differing).toEqual([]);
    console.log(
      `linkers: ${linker} ${section}: ${used.size} types, ${fitting} that fit give the same bytes, ${overflowing} are refused by both, ${taken} by the rule alone`,
    );
    // LLD has two types of branches, and none of 14 bits with a hint.
    expect(fitting).toBeGreaterThan(linker === 'lld' && section === '.data' ? 5 : 20);
    expect(overflowing).toBeGreaterThan(10);
  });
});
