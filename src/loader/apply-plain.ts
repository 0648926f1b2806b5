/**
 * Relocations as almost all of them are: of the common types, in their section, to a symbol that is there, with a value that fits.
 * They are applied in 32-bit halves without an object for each; whatever is not plain is left to apply.ts, which has the
 * kernel's own arithmetic, its refusals and the remarks.
 */
import { SHN_LIVEPATCH, SHN_UNDEF } from '../elf/constants.ts';
import { SYMBOL_SIZE } from './arch.ts';
import type { PlacedMemory } from './placed-memory.ts';
import * as R from './relocation-numbers.ts';
import type { LoadState } from './state.ts';

const TWO_32 = 0x1_0000_0000;
const NOP = 0x6000_0000;
/** ld r2,24(r1) */
const RESTORE_R2 = 0xe841_0018;
const LI_MASK = 0x03ff_fffc;
/** ld r2,0(r12); add r2,r2,r12 become addis r2,r12,0; addi r2,r2,0 */
const LD_R2_R12 = 0xe84c_0000;
const ADD_R2_R2_R12 = 0x7c42_6214;
const ADDIS_R2_R12 = 0x3c4c_0000;
const ADDI_R2_R2 = 0x3842_0000;

/** Of `#stubs`: a stub is known, and the restore of r2 behind calls through it is wanted. */
const KNOWN = 1;
const RESTORED = 2;

const NONE: DataView = new DataView(new ArrayBuffer(0));

export class PlainRelocations {
  readonly #state: LoadState;
  readonly #memory: PlacedMemory;
  readonly #symbols: { readonly view: DataView; readonly at: number };
  readonly #count: number;
  readonly #tocLow: number;
  readonly #tocHigh: number;
  /** By symbol: whether its stub is known, for which value, and where it is. Halves of addresses. */
  readonly #stubs: Uint8Array;
  readonly #stubHalves: Uint32Array;
  /** By section: 1 where nothing may lead. */
  readonly #gone: Uint8Array;
  #isEnabled: boolean;
  /** The section that is filled: its memory, where it begins there, its size, its address. */
  #view: DataView = NONE;
  #start = 0;
  #size = 0;
  #low = 0;
  #high = 0;

  constructor(
    state: LoadState,
    memory: PlacedMemory,
    symbols: { readonly view: DataView; readonly at: number },
    toc: bigint,
  ) {
    this.#state = state;
    this.#memory = memory;
    this.#symbols = symbols;
    const { headers, index, places } = state;
    const inView = Math.floor((symbols.view.byteLength - symbols.at) / SYMBOL_SIZE);
    this.#count = Math.min(Math.floor(headers.size[index.symtab]! / SYMBOL_SIZE), inView);
    this.#tocLow = Number(toc & 0xffff_ffffn);
    this.#tocHigh = Number(toc >> 32n);
    this.#stubs = new Uint8Array(this.#count);
    this.#stubHalves = new Uint32Array(this.#count * 4);
    this.#gone = new Uint8Array(headers.count);
    for (let i = 1; i < headers.count; i++) if (i !== index.percpu && places[i] === undefined) this.#gone[i] = 1;
    this.#isEnabled = !state.kernel.options.pcrel;
  }

  /** From now on relocations fill `section`. */
  enter(section: number): void {
    const { index, headers } = this.#state;
    // A module that writes its own stubs makes what is known of them worthless.
    if (section === index.stubs) this.#isEnabled = false;
    const place = section === index.thisModule ? undefined : this.#memory.locate(section, 0n, 0);
    this.#view = place?.view ?? NONE;
    this.#start = place?.at ?? 0;
    this.#size = place === undefined ? 0 : Math.min(headers.size[section]!, place.view.byteLength - place.at);
    this.#low = Number((place?.address ?? 0n) & 0xffff_ffffn);
    this.#high = Number((place?.address ?? 0n) >> 32n);
  }

  /** A call of `symbol`, whose value is `value`, goes through this stub. */
  learn(symbol: number, value: bigint, stub: bigint, isExempt: boolean): void {
    if (symbol >= this.#count) return;
    this.#stubs[symbol] = isExempt ? KNOWN : KNOWN | RESTORED;
    const halves = this.#stubHalves;
    halves[symbol * 4] = Number(value & 0xffff_ffffn);
    halves[symbol * 4 + 1] = Number(value >> 32n);
    halves[symbol * 4 + 2] = Number(stub & 0xffff_ffffn);
    halves[symbol * 4 + 3] = Number(stub >> 32n);
  }

  /**
   * Applies the relocation at byte `at` of a relocation section.
   *
   * @returns false where it is not plain; then nothing was done
   */
  apply(source: DataView, at: number): boolean {
    const offset = source.getUint32(at, true);
    const type = source.getUint32(at + 8, true);
    const number = source.getUint32(at + 12, true);
    if (!this.#isEnabled || source.getUint32(at + 4, true) !== 0 || number >= this.#count) return false;
    if (offset + R.relocationWidth(type) > this.#size || this.#state.dangerous) return false;
    const symbols = this.#symbols.view;
    const symbol = this.#symbols.at + number * SYMBOL_SIZE;
    const section = symbols.getUint16(symbol + 6, true);
    if (section === SHN_LIVEPATCH || (section < this.#gone.length && this.#gone[section] === 1)) return false;
    const sum = symbols.getUint32(symbol + 8, true) + source.getUint32(at + 16, true);
    const low = sum >>> 0;
    const carry = sum >= TWO_32 ? 1 : 0;
    const high = (symbols.getUint32(symbol + 12, true) + source.getUint32(at + 20, true) + carry) >>> 0;
    const place = this.#start + offset;
    switch (type) {
      case R.R_PPC64_ADDR64:
        this.#view.setUint32(place, low, true);
        this.#view.setUint32(place + 4, high, true);
        return true;
      case R.R_PPC64_REL24:
        return section === SHN_UNDEF
          ? this.#callStub(number, low, high, offset)
          : section < this.#gone.length && this.#branch(low, high, symbols.getUint8(symbol + 5) >> 5, offset);
      case R.R_PPC64_TOC16_HA:
      case R.R_PPC64_TOC16_LO:
      case R.R_PPC64_TOC16_LO_DS:
        return this.#tocHalf(type, signedHalves(low - this.#tocLow, high - this.#tocHigh), place);
      case R.R_PPC64_REL32: {
        const distance = this.#distance(low, high, offset);
        if (distance < -0x8000_0000 || distance > 0x7fff_ffff) return false;
        this.#view.setUint32(place, distance >>> 0, true);
        return true;
      }
      case R.R_PPC64_REL64: {
        const distance = this.#distance(low, high, offset);
        if (!Number.isSafeInteger(distance)) return false;
        this.#view.setUint32(place, distance >>> 0, true);
        this.#view.setUint32(place + 4, Math.floor(distance / TWO_32) >>> 0, true);
        return true;
      }
      case R.R_PPC64_ENTRY:
        return this.#entry(offset, place);
      default:
        return false;
    }
  }

  /** From the place to an address, bytes; exact as long as it is a safe integer. */
  #distance(low: number, high: number, offset: number): number {
    return signedHalves(low - this.#low - offset, high - this.#high);
  }

  #tocHalf(type: number, distance: number, place: number): boolean {
    if (distance < -0x8000_8000 || distance >= 0x7fff_8000) return false;
    const low = distance & 0xffff;
    if (type === R.R_PPC64_TOC16_HA)
      this.#view.setUint16(place, Math.floor((distance + 0x8000) / 0x1_0000) & 0xffff, true);
    else if (type === R.R_PPC64_TOC16_LO) this.#view.setUint16(place, low, true);
    else if ((distance & 3) !== 0) return false;
    else this.#view.setUint16(place, (this.#view.getUint16(place, true) & 3) | low, true);
    return true;
  }

  /** A branch to a function of the module: behind its set-up of r2. */
  #branch(low: number, high: number, k: number, offset: number): boolean {
    if (k === 1 || k === 7) return false;
    return this.#point(this.#distance(low + (((1 << k) >> 2) << 2), high, offset), offset);
  }

  /** Puts a distance into the branch at `offset`. */
  #point(distance: number, offset: number): boolean {
    if (distance < -0x200_0000 || distance > 0x1ff_ffff || (distance & 3) !== 0) return false;
    const place = this.#start + offset;
    const word = this.#view.getUint32(place, true);
    if (word >>> 26 !== 18) return false;
    this.#view.setUint32(place, ((word & ~LI_MASK) | (distance & LI_MASK)) >>> 0, true);
    return true;
  }

  #callStub(number: number, low: number, high: number, offset: number): boolean {
    const known = this.#stubs[number]!;
    const halves = this.#stubHalves;
    if (known === 0 || halves[number * 4] !== low || halves[number * 4 + 1] !== high) return false;
    const view = this.#view;
    const place = this.#start + offset;
    const isRestored = (known & RESTORED) !== 0;
    if (isRestored) {
      if (offset + 8 > this.#size || (view.getUint32(place, true) & 0xfc00_0003) >>> 0 !== 0x4800_0001) return false;
      const next = view.getUint32(place + 4, true);
      if (next !== NOP && !(next === RESTORE_R2 && this.#state.rules.acceptsRestore)) return false;
    }
    if (!this.#point(this.#distance(halves[number * 4 + 2]!, halves[number * 4 + 3]!, offset), offset)) return false;
    if (isRestored) view.setUint32(place + 4, RESTORE_R2, true);
    return true;
  }

  /** The set-up of r2 that loads the distance to the TOC, made one that has it in its own words. */
  #entry(offset: number, place: number): boolean {
    const distance = this.#distance(this.#tocLow, this.#tocHigh, offset);
    const view = this.#view;
    if (distance < -0x8000_8000 || distance > 0x7fff_7fff) return false;
    if ((view.getUint32(place, true) & ~0xfffc) >>> 0 !== LD_R2_R12) return false;
    if (view.getUint32(place + 4, true) !== ADD_R2_R2_R12) return false;
    const adjusted = Math.floor((distance + 0x8000) / 0x1_0000) & 0xffff;
    view.setUint32(place, (ADDIS_R2_R12 | adjusted) >>> 0, true);
    view.setUint32(place + 4, (ADDI_R2_R2 | (distance & 0xffff)) >>> 0, true);
    return true;
  }
}

/** The difference of two addresses from the differences of their halves; exact where it is small. */
function signedHalves(low: number, high: number): number {
  return high * TWO_32 + low;
}
