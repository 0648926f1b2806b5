/**
 * The instruction table, compiled: rows of text become masks, values and operand positions.
 *
 * Rows are written in `tables/` as the Power ISA 3.1 writes instructions; nothing else knows an encoding. Instructions of
 * eight bytes (primary opcode 1, Power ISA 3.1 chapter 1.6.3) have a prefix mask and value as well.
 */
import { lazy } from '../util/lazy.ts';
import { bitRange, fieldPosition } from './fields.ts';
import {
  type CompiledPart,
  compileParts,
  isSigned,
  type OperandKind,
  type OperandSpec,
  operandSpecs,
} from './operands.ts';
import { branchRows } from './tables/branch.ts';
import { fixedPointRows } from './tables/fixed-point.ts';
import { floatRows } from './tables/float.ts';
import { loadStoreRows } from './tables/load-store.ts';
import { prefixedRows } from './tables/prefixed.ts';
import type { Row } from './tables/row.ts';
import { specialRegisterRows } from './tables/special-registers.ts';
import { systemRows } from './tables/system.ts';
import { vectorRows } from './tables/vector.ts';
import { vectorScalarRows } from './tables/vector-scalar.ts';

/** One operand of a compiled row. */
export interface Operand {
  /** Name in `operandSpecs`, or `#` for a number that the row fixes. */
  readonly name: string;
  readonly kind: OperandKind;
  readonly parts: readonly CompiledPart[];
  /** Bits of the field; values of `signed` operands are sign-extended from there. */
  readonly width: number;
  readonly signed: boolean;
  readonly scale: number;
  readonly bias: number;
  readonly zeroMeans: number;
  readonly oneBit: boolean;
  /** The operand is this minus the field; -1 where it is the field itself. */
  readonly minuend: number;
  /** The number of a `#` operand. */
  readonly literal: number;
  /** Is it left out when it has this value, and those after it theirs? Undefined: it is always there. */
  readonly omittedAt: number | undefined;
  /** Is it a register's contents that the instruction reads, writes, or both? `none` for numbers. */
  readonly access: 'none' | 'read' | 'write' | 'both';
  /** Printed in parentheses after the operand before it. */
  readonly base: boolean;
}

/** What has to hold between fields of a word, besides mask and value. */
export interface Condition {
  readonly test: 'equal' | 'sum' | 'differ' | 'not' | 'less' | 'below' | 'outside';
  readonly left: readonly CompiledPart[];
  readonly right: readonly CompiledPart[];
  readonly number: number;
}

export interface Instruction {
  /** Position in `instructions`. */
  readonly index: number;
  readonly mnemonic: string;
  /** Of the word, or of the second word of a prefixed instruction; unsigned. */
  readonly mask: number;
  readonly value: number;
  readonly prefixed: boolean;
  readonly prefixMask: number;
  readonly prefixValue: number;
  readonly operands: readonly Operand[];
  readonly conditions: readonly Condition[];
}

/** Calls `make` once for each text: the rows repeat themselves a lot, and loading this module should not take long. */
function remembered<T>(make: (text: string) => T): (text: string) => T {
  const results = new Map<string, T>();
  return text => {
    const known = results.get(text);
    if (known !== undefined) return known;
    const result = make(text);
    results.set(text, result);
    return result;
  };
}

const partsOf = remembered((name): readonly CompiledPart[] => {
  const spec = operandSpecs[name];
  if (spec !== undefined && spec.parts.length > 1) return compileParts(spec);
  const range = bitRange(name) ?? spec?.parts[0];
  if (range === undefined) throw new Error(`instruction table: no field is called ${name}`);
  return [{ ...fieldPosition(range), prefix: false }];
});

interface Pattern {
  mask: number;
  value: number;
}

function setField(pattern: Pattern, name: string, value: number): void {
  let rest = value;
  const parts = partsOf(name);
  for (let at = parts.length - 1; at >= 0; at--) {
    const part = parts[at] as CompiledPart;
    pattern.mask = (pattern.mask | (part.mask << part.shift)) >>> 0;
    pattern.value = (pattern.value | ((rest & part.mask) << part.shift)) >>> 0;
    rest >>>= part.width;
  }
  if (rest !== 0) throw new Error(`instruction table: ${name}=${value} does not fit`);
}

function parsePattern(text: string): Pattern {
  const pattern: Pattern = { mask: 0, value: 0 };
  for (const setting of text.split(' ')) {
    const [name, value] = setting.split('=') as [string, string | undefined];
    if (value === undefined) setField(pattern, 'PO', Number(name));
    else setField(pattern, name, Number(value));
  }
  return pattern;
}

const registerKinds: ReadonlySet<OperandKind> = new Set(['gpr', 'gpr0', 'fpr', 'vr', 'vsr', 'acc', 'cr', 'crbit']);
const targets: ReadonlySet<string> = new Set([
  'RT',
  'RTp',
  'FRT',
  'FRTp',
  'VRT',
  'XT',
  'XTQ',
  'XT5',
  'XTP',
  'XTD',
  'AT',
  'BT',
  'BF',
]);

function accessOf(spec: OperandSpec, name: string, mark: string): Operand['access'] {
  if (!registerKinds.has(spec.kind)) return 'none';
  if (mark === '^') return 'both';
  return mark === '*' || targets.has(name) ? 'write' : 'read';
}

const literalOperand = {
  kind: 'unsigned',
  parts: [],
  width: 0,
  signed: false,
  scale: 0,
  bias: 0,
  zeroMeans: 0,
} as const;

/** `U12:15` and `S11:15`: an unsigned or a signed number in those bits. */
function rawOperand(text: string): OperandSpec | undefined {
  const range = /^[US]\d+:\d+$/.test(text) ? bitRange(text.slice(1)) : undefined;
  return range === undefined ? undefined : { kind: text.startsWith('S') ? 'signed' : 'unsigned', parts: [range] };
}

function compileOperand(text: string, base: boolean): Operand {
  if (text.startsWith('#'))
    return {
      ...literalOperand,
      name: '#',
      oneBit: false,
      minuend: -1,
      literal: Number(text.slice(1)),
      omittedAt: undefined,
      access: 'none',
      base,
    };
  const match = /^(?:(\d+)-)?([A-Za-z][A-Za-z0-9:]*)([*^]?)(\?(\d*))?$/.exec(text);
  const spec = match === null ? undefined : (operandSpecs[match[2] as string] ?? rawOperand(match[2] as string));
  if (match === null || spec === undefined) throw new Error(`instruction table: no operand is called ${text}`);
  const name = match[2] as string;
  const parts = compileParts(spec);
  return {
    name,
    kind: spec.kind,
    parts,
    width: parts.reduce((sum, part) => sum + part.width, 0),
    signed: isSigned(spec.kind),
    scale: spec.scale ?? 0,
    bias: spec.bias ?? 0,
    zeroMeans: spec.zeroMeans ?? 0,
    oneBit: spec.oneBit ?? false,
    minuend: match[1] === undefined ? -1 : Number(match[1]),
    literal: 0,
    omittedAt: match[4] === undefined ? undefined : Number(match[5]),
    access: accessOf(spec, name, match[3] as string),
    base,
  };
}

const compileOperands = remembered((text): readonly Operand[] => {
  if (text === '') return [];
  return text.split(',').flatMap(item => {
    const match = /^(.*)\((.*)\)$/.exec(item);
    if (match === null) return [compileOperand(item, false)];
    return [compileOperand(match[1] as string, false), compileOperand(match[2] as string, true)];
  });
});

const compileCondition = remembered((text): Condition => {
  if (text === 'outside') return { test: 'outside', left: partsOf('RA'), right: partsOf('RT'), number: 0 };
  const match = /^([\w:]+)(?:\+([\w:]+))?(!=|=|<)([\w:]+)$/.exec(text);
  if (match === null) throw new Error(`instruction table: no condition is written ${text}`);
  const [, first, second, operator, last] = match as unknown as [string, string, string | undefined, string, string];
  const left = partsOf(first);
  const number = /^\d+$/.test(last) ? Number(last) : 0;
  if (second !== undefined) return { test: 'sum', left, right: partsOf(second), number };
  const against = /^\d+$/.test(last) ? [] : partsOf(last);
  if (operator === '=') return { test: 'equal', left, right: against, number };
  if (operator === '<') return { test: against.length > 0 ? 'less' : 'below', left, right: against, number };
  return { test: against.length > 0 ? 'differ' : 'not', left, right: against, number };
});

const compileConditions = remembered((text): readonly Condition[] =>
  text.split(' ').filter(Boolean).map(compileCondition),
);

/** Bits that a bracketed letter of a mnemonic sets. */
const letterFields: Readonly<Record<string, string>> = { '.': 'Rc', o: 'OE', l: 'LK', a: 'AA' };

/** `and[.]` stands for `and` and `and.`. */
function expand([mnemonic, pattern, operands, conditions]: Row): readonly Row[] {
  const match = /\[(.)\]/.exec(mnemonic);
  if (match === null) return [[mnemonic, pattern, operands, conditions ?? '']];
  const [group, letter] = match as unknown as [string, string];
  const field = letterFields[letter];
  return [0, 1].flatMap(bit =>
    expand([
      mnemonic.replace(group, bit === 1 ? letter : ''),
      `${pattern} ${field}=${bit}`,
      letter === 'a' && bit === 1 ? `${operands}A` : operands,
      conditions ?? '',
    ]),
  );
}

function compile([mnemonic, text, operands, conditions]: Row, index: number): Instruction {
  const [first, second] = text.split(' / ') as [string, string | undefined];
  const head = parsePattern(first);
  const body = second === undefined ? head : parsePattern(second);
  return {
    index,
    mnemonic,
    mask: body.mask,
    value: body.value,
    prefixed: second !== undefined,
    prefixMask: second === undefined ? 0 : head.mask,
    prefixValue: second === undefined ? 0 : head.value,
    operands: compileOperands(operands),
    conditions: compileConditions(conditions ?? ''),
  };
}

/** Every row, extended mnemonics before what they extend. An index into this list names an instruction everywhere else. */
export const instructions = lazy((): readonly Instruction[] =>
  [
    ...branchRows(),
    ...fixedPointRows,
    ...loadStoreRows,
    ...specialRegisterRows(),
    ...systemRows,
    ...floatRows,
    ...vectorRows,
    ...vectorScalarRows,
    ...prefixedRows,
  ]
    .flatMap(expand)
    .map(compile),
);

const byMnemonic = lazy(() => {
  const map = new Map<string, Instruction[]>();
  for (const instruction of instructions()) {
    const list = map.get(instruction.mnemonic);
    if (list === undefined) map.set(instruction.mnemonic, [instruction]);
    else list.push(instruction);
  }
  return map;
});

/** Rows by mnemonic, in table order. */
export function instructionsNamed(mnemonic: string): readonly Instruction[] {
  return byMnemonic().get(mnemonic) ?? [];
}
