/**
 * `apply_relocate_add()` of arch/powerpc/kernel/module_64.c, relocation by relocation, with the kernel's own arithmetic: what it
 * does not check is not checked here, and becomes a remark.
 */
import { SHN_ABS, SHN_LIVEPATCH, SHN_UNDEF } from '../elf/constants.ts';
import { PlainRelocations } from './apply-plain.ts';
import { RELA_SIZE, SYMBOL_SIZE } from './arch.ts';
import { isRelativeBranch } from './branch-words.ts';
import { isTocName } from './frob.ts';
import { textAt } from './headers.ts';
import { SHF_RELA_LIVEPATCH } from './kept-sections.ts';
import { makeLoad, patchInstruction, rewriteEntry, setImmediate34 } from './place-words.ts';
import { type MemoryPlace, PlacedMemory } from './placed-memory.ts';
import * as R from './relocation-numbers.ts';
import { type ErrnoName, KernelRefusal, type LoadState } from './state.ts';
import { highAdjusted, lowHalf, Stubs } from './stubs.ts';
import { symbolized } from './symbolized.ts';
import { tocPointer } from './symbols.ts';

const NOP = 0x6000_0000;
/** ld r2,24(r1) */
const RESTORE_R2 = 0xe841_0018;
const LI_MASK = 0x03ff_fffc;
interface Relocation {
  readonly type: number;
  readonly symbol: number;
  readonly offset: bigint;
  readonly addend: bigint;
}

const unsigned = (value: bigint) => BigInt.asUintN(64, value);
const signed = (value: bigint) => BigInt.asIntN(64, value);

/** ((1 << k) >> 2) << 2 with the k of `st_other`: bytes from the global to the local entry. */
function localEntryOffset(other: number): bigint {
  return BigInt(((1 << (other >> 5)) >> 2) << 2);
}

export class RelocationApplier {
  readonly #state: LoadState;
  readonly #memory: PlacedMemory;
  readonly #stubs: Stubs;
  readonly #toc: bigint;
  readonly #pcrel: boolean;
  readonly #symbols: { readonly view: DataView; readonly at: number };
  readonly #strings: number;
  readonly #plain: PlainRelocations;
  /** The section that is filled, and the relocation section that does it. */
  #target = 0;
  #source = 0;

  constructor(state: LoadState) {
    this.#state = state;
    this.#memory = new PlacedMemory(state);
    this.#stubs = new Stubs(state, this.#memory);
    this.#toc = tocPointer(state);
    this.#pcrel = state.kernel.options.pcrel;
    const { symtab, strtab } = state.index;
    // Without CONFIG_KALLSYMS the symbols stay in the temporary copy.
    this.#symbols = this.#memory.locate(symtab, 0n, 0) ?? { view: state.view, at: state.headers.offset[symtab]! };
    this.#strings = state.headers.offset[strtab]!;
    this.#plain = new PlainRelocations(state, this.#memory, this.#symbols, this.#toc);
  }

  /** What the module's own symbol table says of a symbol; `undefined` where it has no such symbol. */
  symbol(number: number): { readonly name: string; readonly section: number } | undefined {
    const { view, at } = this.#symbols;
    const symbol = at + number * SYMBOL_SIZE;
    if (number >= this.#state.symbolLow.length || symbol + SYMBOL_SIZE > view.byteLength) return undefined;
    const name = textAt(this.#state.bytes, this.#strings + view.getUint32(symbol, true));
    return { name, section: view.getUint16(symbol + 6, true) };
  }

  /** Gives a symbol its address, in the table that init uses and in the one that stays. */
  setSymbol(number: number, address: bigint): void {
    const { arch, symbolLow, symbolHigh, livepatch, rules } = this.#state;
    this.#symbols.view.setBigUint64(this.#symbols.at + number * SYMBOL_SIZE + 8, address, true);
    symbolLow[number] = Number(address & 0xffff_ffffn);
    symbolHigh[number] = Number(address >> 32n);
    const core = arch.memory.find(area => area.kind === (rules.memoryAreas ? 'data' : 'core'));
    // A livepatch module keeps all of its symbols, so both tables have the same numbers.
    if (livepatch && arch.kallsyms !== undefined && core !== undefined)
      core.view.setBigUint64(arch.kallsyms.symbols + number * SYMBOL_SIZE + 8, address, true);
  }

  #refuse(errno: ErrnoName, text?: string): never {
    if (text === undefined) throw new KernelRefusal(errno);
    this.#state.refuse(errno, `module_64: ${this.#state.name}: ${text}`);
  }

  /** The first absolute symbol `TOC.` gets the module's TOC pointer. */
  #fixToc(): void {
    const { headers, index, arch, bytes } = this.#state;
    if (arch.tocFixed || this.#pcrel) return;
    arch.tocFixed = true;
    const { view, at } = this.#symbols;
    const count = Math.floor(headers.size[index.symtab]! / SYMBOL_SIZE);
    for (let i = 1; i < count; i++) {
      const symbol = at + i * SYMBOL_SIZE;
      if (view.getUint16(symbol + 6, true) !== SHN_ABS) continue;
      if (!isTocName(bytes, this.#strings + view.getUint32(symbol, true))) continue;
      view.setBigUint64(symbol + 8, this.#toc, true);
      this.#state.symbolLow[i] = Number(this.#toc & 0xffff_ffffn);
      this.#state.symbolHigh[i] = Number(this.#toc >> 32n);
      return;
    }
  }

  /** Applies one relocation section. @throws KernelRefusal */
  applySection(section: number): void {
    const { headers, contents } = this.#state;
    this.#fixToc();
    this.#source = section;
    this.#target = headers.info[section]!;
    const start = headers.offset[section]!;
    const source = contents[section] ?? this.#state.bytes.subarray(start, start + headers.size[section]!);
    const view = new DataView(source.buffer, source.byteOffset, source.length);
    const count = Math.floor(headers.size[section]! / RELA_SIZE);
    this.#plain.enter(this.#target);
    for (let i = 0; i < count; i++) {
      const at = i * RELA_SIZE;
      if (at + RELA_SIZE > view.byteLength) {
        this.#state.danger('REL103', 'relocations lie behind the end of the file', headers.text(section));
        return;
      }
      if (this.#plain.apply(view, at)) continue;
      this.#apply({
        offset: view.getBigUint64(at, true),
        type: view.getUint32(at + 8, true),
        symbol: view.getUint32(at + 12, true),
        addend: view.getBigInt64(at + 16, true),
      });
    }
  }

  #apply(relocation: Relocation): void {
    const { type, offset } = relocation;
    const width = R.relocationWidth(type);
    const symbol = this.#symbols.at + relocation.symbol * SYMBOL_SIZE;
    const { view } = this.#symbols;
    if (symbol + SYMBOL_SIZE > view.byteLength) {
      this.#danger('REL103', `relocation ${type} names symbol ${relocation.symbol}, which does not exist`, offset);
      return;
    }
    if (!R.isKnownType(type, this.#pcrel)) this.#refuse('ENOEXEC', `Unknown ADD relocation: ${type}`);
    if (relocation.symbol * SYMBOL_SIZE >= this.#state.headers.size[this.#state.index.symtab]!)
      this.#danger('REL103', `relocation ${type} names symbol ${relocation.symbol}, which does not exist`, offset);
    if (R.usesSymbol(type)) this.#watchSymbol(view.getUint16(symbol + 6, true), offset);
    const place = this.#memory.locate(this.#target, offset, width);
    if (place === undefined) {
      this.#danger('REL106', 'a relocation writes outside the memory of the module', offset);
      return;
    }
    if (!this.#memory.isInside(this.#target, offset, width))
      this.#danger('REL106', 'a relocation writes behind the end of its section', offset);
    else this.#watchModuleStructure(type, offset);
    this.#store(relocation, place, symbol);
  }

  /** What is not kept is freed when the module is loaded: an address there leads nowhere. */
  #watchSymbol(section: number, offset: bigint): void {
    const { headers, index, places } = this.#state;
    if (section === SHN_LIVEPATCH && (headers.flags[this.#source]! & SHF_RELA_LIVEPATCH) === 0)
      this.#danger('REL114', 'an ordinary relocation takes a livepatch symbol, which has no address yet', offset);
    if (section === SHN_UNDEF || section >= headers.count || section === index.percpu) return;
    if (places[section] !== undefined) return;
    this.#danger('REL110', `a relocation leads into ${headers.text(section)}, which is not kept`, offset);
  }

  /** Relocations may fill `init` and `exit` of the module's own structure; all else there belongs to the kernel. */
  #watchModuleStructure(type: number, offset: bigint): void {
    if (this.#target !== this.#state.index.thisModule) return;
    const { init, exit } = this.#state.kernel.structures.moduleFields;
    if (init === undefined || exit === undefined) return;
    if (type === R.R_PPC64_ADDR64 && (offset === BigInt(init) || offset === BigInt(exit))) return;
    this.#danger('REL107', "a relocation overwrites the kernel's part of the module structure", offset);
  }

  #store({ type, addend, offset }: Relocation, place: MemoryPlace, symbol: number): void {
    const { view, at, address } = place;
    const value = unsigned(this.#symbols.view.getBigUint64(symbol + 8, true) + addend);
    switch (type) {
      case R.R_PPC64_ADDR32:
        if (value > 0xffff_ffffn && (signed(value) >= 0n || signed(value) < -0x8000_0000n))
          this.#remark('REL001', 'a 64-bit address is cut to 32 bits (ADDR32)', offset);
        view.setUint32(at, Number(value & 0xffff_ffffn), true);
        break;
      case R.R_PPC64_ADDR64:
        view.setBigUint64(at, value, true);
        break;
      case R.R_PPC64_TOC:
        view.setBigUint64(at, this.#toc, true);
        break;
      case R.R_PPC64_REL24:
      case R.R_PPC64_REL24_NOTOC:
        this.#branch(value, place, symbol, offset);
        break;
      case R.R_PPC64_REL64:
        view.setBigUint64(at, unsigned(value - address), true);
        break;
      case R.R_PPC64_REL32: {
        const distance = unsigned(value - address);
        if (unsigned(distance + 0x8000_0000n) > 0xffff_ffffn)
          this.#refuse('ENOEXEC', `REL32 ${signed(distance)} out of range!`);
        view.setUint32(at, Number(distance & 0xffff_ffffn), true);
        break;
      }
      case R.R_PPC64_ENTRY:
        if (!this.#pcrel) rewriteEntry(place, this.#toc);
        break;
      case R.R_PPC64_REL16_HA:
      case R.R_PPC64_REL16_LO: {
        const distance = signed(value - address);
        if (type === R.R_PPC64_REL16_HA) this.#checkHalves(distance, 'REL16', offset);
        view.setUint16(at, type === R.R_PPC64_REL16_HA ? highAdjusted(distance) : lowHalf(distance), true);
        break;
      }
      case R.R_PPC64_PCREL34:
        this.#pcrel34(value, place, symbol);
        break;
      case R.R_PPC64_GOT_PCREL34: {
        const entry = this.#gotFor(value);
        if (entry === 0n) this.#refuse('ENOENT');
        setImmediate34(place, entry - address);
        break;
      }
      case R.R_PPC64_TOCSAVE:
        break;
      default:
        this.#tocHalf(type, unsigned(value - this.#toc), place, offset);
    }
  }

  /** TOC16 and its kin: sixteen bits of the distance from the TOC pointer. */
  #tocHalf(type: number, distance: bigint, { view, at }: MemoryPlace, offset: bigint): void {
    const fits = unsigned(distance + 0x8000n) <= 0xffffn;
    const isMultiple = (distance & 3n) === 0n;
    const bad = (name: string) => this.#refuse('ENOEXEC', `bad ${name} relocation (0x${distance.toString(16)})`);
    const old = view.getUint16(at, true);
    if (type === R.R_PPC64_TOC16) {
      if (!fits) bad('TOC16');
      view.setUint16(at, lowHalf(distance), true);
    } else if (type === R.R_PPC64_TOC16_DS) {
      if (!isMultiple || !fits) bad('TOC16_DS');
      view.setUint16(at, (old & 3) | (lowHalf(distance) & 0xfffc), true);
    } else if (type === R.R_PPC64_TOC16_LO_DS) {
      if (!isMultiple) bad('TOC16_LO_DS');
      view.setUint16(at, (old & 3) | (lowHalf(distance) & 0xfffc), true);
    } else if (type === R.R_PPC64_TOC16_LO) view.setUint16(at, lowHalf(distance), true);
    else {
      this.#checkHalves(signed(distance), 'TOC16', offset);
      view.setUint16(at, highAdjusted(distance), true);
    }
  }

  /** The kernel stores high and low halves of any distance; only those of 32 bits mean what they should. */
  #checkHalves(distance: bigint, name: string, offset: bigint): void {
    if (distance >= -0x8000_8000n && distance < 0x7fff_8000n) return;
    this.#remark('REL002', `the distance ${distance} needs more than the 32 bits of ${name}_HA and ${name}_LO`, offset);
  }

  #branch(value: bigint, place: MemoryPlace, symbol: number, offset: bigint): void {
    const { view: symbols } = this.#symbols;
    const { view, at, address } = place;
    const section = symbols.getUint16(symbol + 6, true);
    let target = value;
    if (section === SHN_UNDEF || section === SHN_LIVEPATCH) {
      const name = textAt(this.#state.bytes, this.#strings + symbols.getUint32(symbol, true));
      target = this.#stubs.forAddress(value, name);
      if (target === 0n) this.#refuse('ENOENT');
      this.#restoreR2(name, place, offset);
      const number = (symbol - this.#symbols.at) / SYMBOL_SIZE;
      if (section === SHN_UNDEF) this.#plain.learn(number, value, target, this.#stubs.isExempt(name));
    } else {
      const other = symbols.getUint8(symbol + 5);
      if (other >> 5 === 1 || other >> 5 === 7)
        this.#remark(
          'REL003',
          `a call to a function whose st_other says ${other >> 5}: the loader takes it for ${localEntryOffset(other)} bytes`,
          offset,
        );
      target = unsigned(target + localEntryOffset(other));
    }
    const distance = unsigned(target - address);
    if (unsigned(distance + 0x200_0000n) > 0x3ff_ffffn || (distance & 3n) !== 0n)
      this.#refuse('ENOEXEC', `REL24 ${signed(distance)} out of range!`);
    const word = ((view.getUint32(at, true) & ~LI_MASK) | (Number(distance & 0x3ff_ffffn) & LI_MASK)) >>> 0;
    patchInstruction(place, word);
  }

  /** `restore_r2()`: the word after a call through a stub becomes the one that takes r2 back. */
  #restoreR2(name: string, { view, at, address }: MemoryPlace, offset: bigint): void {
    if (this.#pcrel || this.#stubs.isExempt(name)) return;
    const call = view.getUint32(at, true);
    if (!isRelativeBranch(call) || (call & 1) === 0) {
      this.#remark(
        'REL004',
        `a jump without return to ${name}: its stub saves r2 in the frame of the caller's caller`,
        offset,
      );
      return;
    }
    if (at + 8 > view.byteLength) {
      this.#danger('REL106', 'the word after a call is outside the memory of the module', offset);
      return;
    }
    const next = view.getUint32(at + 4, true);
    if (next === RESTORE_R2 && this.#state.rules.acceptsRestore) return;
    if (next !== NOP) {
      const where = symbolized(this.#state, unsigned(address + 4n));
      this.#refuse('ENOEXEC', `Expected nop after call, got ${next.toString(16).padStart(8, '0')} at ${where}`);
    }
    view.setUint32(at + 4, RESTORE_R2, true);
  }

  /** PCREL34; per-cpu data lies too far away, so its address is loaded from a GOT entry instead of computed. */
  #pcrel34(value: bigint, place: MemoryPlace, symbol: number): void {
    let distance = unsigned(value - place.address);
    if (unsigned(distance + 0x2_0000_0000n) > 0x3_ffff_ffffn) {
      if (this.#symbols.view.getUint16(symbol + 6, true) !== this.#state.arch.percpuSection)
        this.#refuse('ENOEXEC', `REL34 ${signed(distance)} out of range!`);
      const entry = this.#gotFor(value);
      if (entry === 0n) this.#refuse('ENOENT');
      distance = unsigned(entry - place.address);
      makeLoad(place);
    }
    setImmediate34(place, distance);
  }

  /** `got_for_addr()`: the entry of `.mygot` that holds an address; 0 where there is no room. */
  #gotFor(target: bigint): bigint {
    const { arch, headers } = this.#state;
    const place = this.#memory.locate(arch.gotSection, 0n, 0);
    if (place === undefined) {
      this.#state.danger('REL105', '.mygot is not kept', '.mygot');
      return 0n;
    }
    const entries = Math.floor(headers.size[arch.gotSection]! / 8);
    for (let i = 0; ; i++) {
      const at = place.at + i * 8;
      if (at + 8 > place.view.byteLength) {
        this.#state.danger('REL105', 'the loader looks for a GOT entry behind the memory of .mygot', '.mygot');
        return 0n;
      }
      const known = place.view.getBigUint64(at, true);
      if (known !== 0n && i >= entries) {
        this.#state.danger('REL105', 'all entries of .mygot are taken', '.mygot');
        return 0n;
      }
      if (known === 0n) place.view.setBigUint64(at, target, true);
      if (known === 0n || known === target) return place.address + BigInt(i * 8);
    }
  }

  #remark(code: string, message: string, offset: bigint): void {
    const section = this.#state.headers.text(this.#target);
    this.#state.remark({ code, level: 'warning', message, section, offset: Number(BigInt.asIntN(53, offset)) });
  }

  #danger(code: string, message: string, offset: bigint): void {
    const { headers } = this.#state;
    this.#state.dangerous = true;
    this.#state.remark({
      code,
      level: 'error',
      message: `${message} (${headers.text(this.#source)})`,
      section: headers.text(this.#target),
      offset: Number(BigInt.asIntN(53, offset)),
    });
  }
}
