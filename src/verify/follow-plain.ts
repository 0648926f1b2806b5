/**
 * What instructions of a trampoline that do not branch do to what is known of the machine (`machine.ts`). Volatile registers may be
 * written, and memory only in a frame of the trampoline's own and the two slots of the caller's frame that a callee may use.
 */
import type { DecodedInstruction } from '../ppc64/decode.ts';
import type { SymbolIndex } from '../util/indexes.ts';
import { HOME, here, type Machine, stack, UNKNOWN, type Value, valueText } from './machine.ts';
import type { Relocation } from './places.ts';
import {
  R_PPC64_REL16_HA,
  R_PPC64_REL16_LO,
  R_PPC64_TOC16_HA,
  R_PPC64_TOC16_LO,
  R_PPC64_TOC16_LO_DS,
} from './relocation-places.ts';

/** Frames are a multiple of this. */
const FRAME_ALIGNMENT = 16;
const CR_SLOT = 8;
const LR_SLOT = 16;
export const TOC_SLOT = 24;
/** r0, r11 and r12 belong to nobody between a caller and its callee (ELF V2 ABI, table 2.21); r1 and r2 have rules. */
const FREE_REGISTERS = new Set([0, 1, 2, 11, 12]);

/** Instructions that may have a relocation. */
const RELOCATED = new Set(['addis', 'addi', 'ld']);

interface FollowHost {
  error(code: string, message: string, at: number): false;
  symbolName(relocation: Relocation): string;
  /** The doubleword at a place of the code that is followed; of a symbol + addend, where one is given. */
  doubleword(place: number, at: number): Value;
  doublewordOf(symbol: SymbolIndex, addend: number, at: number): Value;
}

export class PlainSteps {
  readonly #host: FollowHost;

  constructor(host: FollowHost) {
    this.#host = host;
  }

  /** One instruction that is no branch; undefined for what is not modelled. */
  step(
    machine: Machine,
    { instruction, values }: DecodedInstruction,
    at: number,
    relocation?: Relocation,
  ): boolean | undefined {
    const [a = 0, b = 0, c = 0] = values;
    const { registers } = machine;
    if (relocation !== undefined && !RELOCATED.has(instruction.mnemonic)) return undefined;
    switch (instruction.mnemonic) {
      case 'nop':
        return true;
      case 'mflr':
        return this.#write(machine, a, machine.lr, at);
      case 'mfctr':
        return this.#write(machine, a, machine.ctr, at);
      case 'mtlr':
        machine.lr = registers[a]!;
        return true;
      case 'mtctr':
        machine.ctr = registers[a]!;
        return true;
      case 'mr':
        return this.#write(machine, a, registers[b]!, at);
      case 'li':
        return this.#write(machine, a, { kind: 'number', value: b }, at);
      case 'lis':
        return this.#write(machine, a, { kind: 'number', value: b * 0x10000 }, at);
      case 'addi':
        return relocation === undefined
          ? this.#write(machine, a, sum(registers[b]!, c), at)
          : this.#addressLow(machine, a, b, at, relocation);
      case 'addis':
        return relocation === undefined
          ? this.#write(machine, a, sum(registers[b]!, c * 0x10000), at)
          : this.#addressHigh(machine, a, b, at, relocation);
      case 'ld':
        return relocation === undefined
          ? this.#load(machine, a, b, c, at)
          : this.#loadByToc(machine, a, c, at, relocation);
      case 'std':
        return this.#store(machine, registers[a]!, b, c, at);
      case 'stdu':
        return this.#push(machine, a, b, c, at);
      default:
        return undefined;
    }
  }

  #write(machine: Machine, register: number, value: Value, at: number): boolean {
    if (!FREE_REGISTERS.has(register)) {
      const what = register <= 10 ? 'an argument or result' : 'a register that callers rely on';
      this.#host.error('VER064', `r${register} is written, which holds ${what}`, at);
    }
    if (register !== 1) machine.registers[register] = value;
    else if (value.kind !== 'stack' || value.offset > 0 || value.offset % FRAME_ALIGNMENT !== 0)
      return this.#host.error('VER061', `r1 becomes ${valueText(value)}`, at);
    else machine.moveStack(value);
    return true;
  }

  /** addis rT,rA,(SYMBOL - here)@ha */
  #addressHigh(
    machine: Machine,
    target: number,
    base: number,
    at: number,
    relocation: Relocation,
  ): boolean | undefined {
    const from = machine.registers[base]!;
    if (relocation.type === R_PPC64_TOC16_HA) {
      const { symbol, addend } = relocation;
      return this.#write(machine, target, from.kind === 'home' ? { kind: 'tocHalf', symbol, addend } : UNKNOWN, at);
    }
    if (relocation.type !== R_PPC64_REL16_HA) return undefined;
    const value: Value =
      from.kind === 'here'
        ? { kind: 'half', symbol: relocation.symbol, here: from.offset, place: at, addend: relocation.addend }
        : UNKNOWN;
    return this.#write(machine, target, value, at);
  }

  /** addi rT,rA,(SYMBOL - here)@l; both halves must be of one distance, and that from the address in the register. */
  #addressLow(machine: Machine, target: number, base: number, at: number, relocation: Relocation): boolean | undefined {
    const from = machine.registers[base]!;
    if (relocation.type === R_PPC64_TOC16_LO) {
      const { symbol } = relocation;
      const isWhole = from.kind === 'tocHalf' && from.symbol === symbol && from.addend === 0 && relocation.addend === 0;
      const name = this.#host.symbolName(relocation);
      if (!isWhole) this.#host.error('VER063', `the two halves of the distance to ${name} do not belong together`, at);
      return this.#write(machine, target, isWhole ? { kind: 'symbol', name, symbol } : UNKNOWN, at);
    }
    if (relocation.type !== R_PPC64_REL16_LO) return undefined;
    let value = UNKNOWN;
    if (from.kind === 'half') {
      const name = this.#host.symbolName(relocation);
      const off = from.here + from.addend - from.place;
      const paired = from.symbol === relocation.symbol && from.addend - from.place === relocation.addend - at;
      if (!paired) this.#host.error('VER063', `the two halves of the distance to ${name} do not belong together`, at);
      else if (off !== 0) this.#host.error('VER063', `the computed address of ${name} is wrong by ${off} bytes`, at);
      else value = name === '.TOC.' ? HOME : { kind: 'symbol', name, symbol: relocation.symbol };
    }
    if (target === 2) machine.hasComputedToc = true;
    return this.#write(machine, target, value, at);
  }

  #load(machine: Machine, target: number, displacement: number, base: number, at: number): boolean {
    const from = machine.registers[base]!;
    if (base !== 0 && from.kind === 'here')
      return this.#write(machine, target, this.#host.doubleword(from.offset + displacement, at), at);
    if (base === 0 || from.kind !== 'stack')
      return this.#host.error('VER060', `a load from ${valueText(base === 0 ? UNKNOWN : from)} cannot be followed`, at);
    return this.#write(machine, target, machine.memory.get(from.offset + displacement) ?? UNKNOWN, at);
  }

  /** ld rT,(SYMBOL + addend)@toc@l(rA), behind the high half of the same. */
  #loadByToc(
    machine: Machine,
    target: number,
    base: number,
    at: number,
    { type, symbol, addend }: Relocation,
  ): boolean | undefined {
    if (type !== R_PPC64_TOC16_LO_DS) return undefined;
    const from = machine.registers[base]!;
    const isWhole = from.kind === 'tocHalf' && from.symbol === symbol && from.addend === addend;
    if (!isWhole)
      return this.#host.error('VER063', 'the two halves of the distance to a doubleword do not belong together', at);
    return this.#write(machine, target, this.#host.doublewordOf(symbol, addend, at), at);
  }

  #store(machine: Machine, value: Value, displacement: number, base: number, at: number): boolean {
    const to = machine.registers[base]!;
    if (base === 0 || to.kind !== 'stack')
      return this.#host.error('VER069', `a store to ${valueText(base === 0 ? UNKNOWN : to)}`, at);
    const place = to.offset + displacement;
    const own = machine.top !== undefined && place >= machine.top && place + 8 <= 0;
    if (place === TOC_SLOT)
      this.#host.error(
        'VER069',
        'the TOC slot of the caller’s frame is overwritten: another call in flight may need it',
        at,
      );
    else if (!own && place !== LR_SLOT && place !== CR_SLOT)
      this.#host.error('VER069', `a store outside the trampoline's own frame (${valueText(stack(place))})`, at);
    machine.memory.set(place, value);
    return true;
  }

  /** stdu r1,-size(r1): the only way to make a frame that an unwinder can follow at every instruction. */
  #push(machine: Machine, source: number, displacement: number, base: number, at: number): boolean | undefined {
    if (source !== 1 || base !== 1) return undefined;
    const top = machine.top ?? 0;
    if (displacement >= 0 || displacement % FRAME_ALIGNMENT !== 0)
      return this.#host.error(
        'VER066',
        `a frame of ${-displacement} bytes: frames are a multiple of ${FRAME_ALIGNMENT}`,
        at,
      );
    machine.moveStack(stack(top + displacement));
    machine.memory.set(top + displacement, stack(top));
    return true;
  }
}

function sum(value: Value, add: number): Value {
  if (value.kind === 'stack') return stack(value.offset + add);
  if (value.kind === 'here') return here(value.offset + add);
  if (value.kind === 'number') return { kind: 'number', value: value.value + add };
  return UNKNOWN;
}
