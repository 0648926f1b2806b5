/**
 * Every relocation of the output by the ABI's rule and the kernel's; `relocation-sweep.ts` is the model, and the rules for each type
 * come from where it has them.
 */

import {
  alignmentOf,
  ENTRY_SIZE,
  flagsOf,
  infoOf,
  offsetOf,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHN_LIVEPATCH,
  SHN_LORESERVE,
  SHT_RELA,
  sizeOf,
  typeOf,
} from '../../elf/wasm/format';
import { isText } from '../../util/wasm/bytes';
import { hasContents, is, nameOf, output, outputSections } from './files';
import { NOP, zeroed } from './memory';
import { sectionOf, strings, symbolCount, symbolOf } from './structure';

const R_PPC64_TOC16: u32 = 47;
const R_PPC64_TOC16_LO_DS: u32 = 64;
const R_PPC64_REL24: u32 = 10;
const R_PPC64_REL24_NOTOC: u32 = 116;
const LD_R2_R12: u32 = 0xe84c0000;
const ADD_R2_R2_R12: u32 = 0x7c426214;
/** r2 points this far into `.toc`, and `.TOC.` lies up to so much in front of that. */
const TOC_BIAS: i64 = 0x8000;
const TOC_SLACK: u32 = 0xff;

/**
 * By type, sixteen bytes: what else is looked at (below); whether the kernel takes it; whether it is defined; width; bits that an
 * offset has none of; whether it stands on an instruction; then, at 8, a bit for each primary opcode that this may have.
 */
const RULE: u32 = 16;
const NOTHING: u32 = 0;
const BRANCH: u32 = 1;
const TOC: u32 = 2;
const RANGE: u32 = 3;
let rules: u32 = 0;

/** By symbol: 1 for the tracer's undefined ones, told when they are first met; 2 for others that were met. */
let tracers: u32 = 0;
/** By type: how many there are. */
export let byType: u32 = 0;
export let checked: u32 = 0;
/** Entries whose range only the addresses of a load decide. */
export let undecided: u32 = 0;
/** Calls of what is defined elsewhere that the loader would break. */
let badExternals: u32 = 0;

export function setRules(at: u32): void {
  rules = at;
}

export function checkRelocations(): bool {
  tracers = zeroed(symbolCount);
  byType = zeroed(4 * 256);
  checked = undecided = badExternals = 0;
  if (tracers === 0 || byType === 0) return false;
  for (let i: u32 = 1; i < outputSections; i++) {
    const table = is(i);
    if (typeOf(table) !== SHT_RELA || !hasContents(table)) continue;
    const target = is(infoOf(table));
    if (!hasContents(target) || offsetOf(target) % 4 !== 0) return false;
    checked += sizeOf(table) / ENTRY_SIZE;
    const start = output + offsetOf(table);
    const end = start + sizeOf(table);
    // In pieces: what is called again is optimised by then.
    for (let at = start; at < end; at += PIECE)
      if (!checkEntries(at, min(at + PIECE, end), infoOf(table))) return false;
  }
  return true;
}

const PIECE: u32 = 512 * ENTRY_SIZE;

export function externalsAreGood(): bool {
  return badExternals === 0;
}

function checkEntries(start: u32, end: u32, home: u32): bool {
  const target = is(home);
  const contents = output + offsetOf(target);
  const size: u64 = sizeOf(target);
  const taken: u32 = (flagsOf(target) & SHF_ALLOC) !== 0 ? 1 : 2;
  for (let at = start; at < end; at += ENTRY_SIZE) {
    const type = load<u32>(at, 8);
    const place = load<u64>(at);
    const index = load<u32>(at, 12);
    if (type > 255 || index >= symbolCount) return false;
    const rule = rules + type * RULE;
    if (load<u8>(rule + taken) === 0 || place >= size || place + load<u8>(rule, 3) > size) return false;
    if ((u32(place) & load<u8>(rule, 4)) !== 0) return false;
    if (load<u8>(rule, 5) !== 0) {
      if (place + 4 > size) return false;
      const opcode: u64 = load<u32>(contents + u32(place)) >>> 26;
      if (((load<u64>(rule, 8) >>> opcode) & 1) === 0) return false;
    }
    store<u32>(byType + 4 * type, load<u32>(byType + 4 * type) + 1);
    const kind: u32 = load<u8>(rule);
    if (kind === NOTHING) continue;
    const symbol = symbolOf(index);
    const section = sectionOf(symbol);
    if (kind === RANGE) undecided += u32(section !== home);
    else if (kind === TOC) {
      if (!checkToc(at, symbol, section, index)) return false;
    } else if (kind === BRANCH) {
      if (section === 0 || section === SHN_LIVEPATCH) {
        undecided++;
        if (!isExternalCall(contents + u32(place), contents + u32(size), index, type)) badExternals++;
      } else if (!isLocalBranch(at, symbol, section, home, contents)) return false;
    } else if (!isEntryCode(contents + u32(place), contents + u32(size))) return false;
  }
  return true;
}

/** `bl`, and a nop behind it unless it goes to the tracer. */
function isExternalCall(word: u32, end: u32, index: u32, type: u32): bool {
  if (index === 0 || (load<u32>(word) & 3) !== 1) return false;
  if (isTracer(index) || type === R_PPC64_REL24_NOTOC) return true;
  return word + 8 <= end && load<u32>(word, 4) === NOP;
}

function isTracer(index: u32): bool {
  let answer: u32 = load<u8>(tracers + index);
  if (answer === 0) {
    const symbol = symbolOf(index);
    const name = strings + load<u32>(symbol);
    const isOne = isText(name, '_mcount') || isText(name, 'ftrace_caller') || isText(name, 'ftrace_regs_caller');
    answer = isOne && sectionOf(symbol) === 0 ? 1 : 2;
    store<u8>(tracers + index, u8(answer));
  }
  return answer === 1;
}

function isLocalBranch(at: u32, symbol: u32, section: u32, home: u32, contents: u32): bool {
  if (section >= SHN_LORESERVE) return false;
  const target = is(section);
  const k: u32 = load<u8>(symbol, 5) >>> 5;
  if ((k === 1 && load<u32>(at, 8) === R_PPC64_REL24) || load<u32>(symbol, 12) !== 0) return false;
  const addend = load<i64>(at, 16);
  if (addend > 0xffff_ffff || addend < -0xffff_ffff) return false;
  const local: i64 = k === 7 ? 0 : ((1 << k) >>> 2) << 2;
  const destination = i64(load<u32>(symbol, 8)) + local + addend;
  if ((flagsOf(target) & SHF_EXECINSTR) === 0 || destination < 0 || destination >= i64(sizeOf(target))) return false;
  if ((load<u32>(contents + load<u32>(at)) & 2) !== 0) return false;
  if (section !== home) {
    undecided++;
    return (destination & 3) === 0;
  }
  const distance = destination - i64(load<u32>(at));
  return (distance & 3) === 0 && distance >= -0x200_0000 && distance < 0x200_0000;
}

/** TOC16, TOC16_DS, TOC16_LO_DS: where the 16 bits reach in the TOC. */
function checkToc(at: u32, symbol: u32, section: u32, index: u32): bool {
  if (index === 0) return false;
  if (section === 0) {
    undecided++;
    return true;
  }
  if (section >= SHN_LORESERVE || load<u32>(symbol, 12) !== 0) return false;
  const addend = load<i64>(at, 16);
  if (addend > 0xffff_ffff || addend < -0xffff_ffff) return false;
  const place = i64(load<u32>(symbol, 8)) + addend;
  const type = load<u32>(at, 8);
  const home = is(section);
  if (type !== R_PPC64_TOC16 && load<u64>(home, 48) >= 4 && (place & 3) !== 0) return false;
  if (type === R_PPC64_TOC16_LO_DS) return true;
  if (isText(nameOf(section), '.toc')) {
    const slack: i64 = alignmentOf(home) > TOC_SLACK ? 0 : TOC_SLACK;
    const lowest = place - TOC_BIAS;
    if (lowest >= -0x8000 && lowest + slack <= 0x7fff) return true;
    if (lowest > 0x7fff || lowest + slack < -0x8000) return false;
  }
  undecided++;
  return true;
}

/** The two instructions of R_PPC64_ENTRY: ld r2,D(r12); add r2,r2,r12. */
function isEntryCode(word: u32, end: u32): bool {
  return word + 8 <= end && (load<u32>(word) & 0xffff0003) === LD_R2_R12 && load<u32>(word, 4) === ADD_R2_R2_R12;
}
