/** A livepatch and what it patches, made by hand: `klp_enable_patch()` is called with a structure of the objects and functions that are given. */
import { type Conversion, type ConversionOptions, makeLivepatch } from './klp.ts';
import { R, SHF } from './object-builder.ts';
import { smallModule } from './small-module.ts';

export const BLR = 0x4e80_0020;
export const NOP = 0x6000_0000;
export const BL = 0x4800_0001;
const ADDIS_R3_R2 = 0x3c62_0000;
const ADDI_R3_R3 = 0x3863_0000;

/** Offset of the call of `hidden` in the livepatch's .text. */
export const CALL = 20;
/** Offset in .data.klp of a word that holds the address of `hidden_data`. */
export const POINTER = 24;

export interface ObjectSpec {
  readonly name?: string;
  readonly functions?: readonly (readonly [name: string, position?: number])[];
}

export interface PatchSpec {
  readonly objects?: readonly ObjectSpec[];
  readonly states?: readonly (readonly [id: number, version: number])[];
  readonly replace?: boolean;
  readonly name?: string;
  /** Without the instructions that make the argument, and with the call. */
  readonly hidesArgument?: boolean;
  readonly unmarked?: boolean;
}

/** A module whose first function enables the patch; behind it `hidden` is called, and `hidden_data` pointed to. */
export function unconverted({
  objects = [],
  states = [],
  replace = false,
  name = 'fix',
  hidesArgument,
  unmarked = false,
}: PatchSpec): Uint8Array {
  const prepare = hidesArgument ? [NOP, NOP] : [ADDIS_R3_R2, ADDI_R3_R3];
  return smallModule(
    '6.1',
    [...prepare, BL, NOP, BLR, BL, NOP, BLR],
    ({ builder, text, code }) => {
      const texts = objects.flatMap(o => [o.name ?? '', ...(o.functions ?? []).map(f => f[0])]);
      const strings = builder.section('.rodata.str', { flags: SHF.ALLOC, bytes: Buffer.from(`${texts.join('\0')}\0`) });
      const inStrings = (string: string) =>
        texts.slice(0, texts.indexOf(string)).join('\0').length + (texts.indexOf(string) > 0 ? 1 : 0);
      const functions = objects.map(o => (o.functions ?? []).length + 1);
      const objectsAt = 64;
      const functionsAt = objectsAt + 168 * (objects.length + 1);
      const statesAt = functionsAt + 152 * functions.reduce((a, b) => a + b, 0);
      const bytes = new Uint8Array(statesAt + 24 * (states.length + 1));
      const view = new DataView(bytes.buffer);
      bytes[32 + 24] = replace ? 1 : 0;
      for (const [i, [id, version]] of states.entries()) {
        view.setBigUint64(statesAt + 24 * i, BigInt(id), true);
        view.setUint32(statesAt + 24 * i + 8, version, true);
      }
      // The structure lies at 32, the pointer to hidden_data before it.
      const positions: number[] = [];
      let at = functionsAt;
      for (const object of objects) {
        for (const [i, [, position = 0]] of (object.functions ?? []).entries())
          view.setBigUint64(at + 152 * i + 16, BigInt(position), true);
        positions.push(at);
        at += 152 * ((object.functions ?? []).length + 1);
      }
      const data = builder.section('.data.klp', { flags: SHF.ALLOC | SHF.WRITE, align: 8, bytes });
      const klp = builder.sectionSymbol(data);
      const rodata = builder.sectionSymbol(strings);
      const self = builder.sectionSymbol(5);
      builder.relocate(data, 32, R.ADDR64, self);
      builder.relocate(data, 32 + 8, R.ADDR64, klp, objectsAt);
      if (states.length > 0) builder.relocate(data, 32 + 16, R.ADDR64, klp, statesAt);
      for (const [i, object] of objects.entries()) {
        const place = objectsAt + 168 * i;
        if (object.name !== undefined) builder.relocate(data, place, R.ADDR64, rodata, inStrings(object.name));
        builder.relocate(data, place + 8, R.ADDR64, klp, positions[i]!);
        for (const [j, [string]] of (object.functions ?? []).entries()) {
          builder.relocate(data, positions[i]! + 152 * j, R.ADDR64, rodata, inStrings(string));
          builder.relocate(data, positions[i]! + 152 * j + 8, R.ADDR64, code, CALL);
        }
      }
      if (!hidesArgument) {
        builder.relocate(text, 0, R.TOC16_HA, klp, 32);
        builder.relocate(text, 4, R.TOC16_LO, klp, 32);
      }
      builder.function('enabler', text, 0, 32, { bind: 0 });
      builder.relocate(text, 8, R.REL24, builder.undefined('klp_enable_patch'));
      builder.relocate(text, CALL, R.REL24, builder.undefined('hidden'));
      builder.relocate(data, POINTER, R.ADDR64, builder.undefined('hidden_data'), 16);
    },
    name,
    unmarked ? '' : 'livepatch=Y\0',
  );
}

/** What the relocations of `hidden` and `hidden_data` name: `vmlinux.hidden,1` unless told. */
export interface Names {
  readonly code?: string;
  readonly data?: string;
}

export function patch(
  spec: PatchSpec = {},
  names: Names = {},
  options: ConversionOptions = {},
  more: Partial<Conversion> = {},
) {
  const to = (name: string) => `.klp.sym.${name}`;
  return makeLivepatch(
    unconverted(spec),
    [
      { from: 'hidden', to: to(names.code ?? 'vmlinux.hidden,1'), ...more },
      { from: 'hidden_data', to: to(names.data ?? 'vmlinux.hidden,1') },
    ],
    options,
  );
}

/** A module with the functions `one` (at 0) and twice `two` (at 4 and 8). */
export function targetBytes(name = 'target'): Uint8Array {
  return smallModule(
    '6.1',
    [BLR, BLR, BLR],
    ({ builder, text }) => {
      for (const [i, symbol] of ['one', 'two', 'two'].entries()) builder.function(symbol, text, 4 * i, 4, { bind: 0 });
    },
    name,
  );
}
