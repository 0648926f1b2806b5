/**
 * A copy of a function that keeps the r2 of whoever enters it, for callers that have another TOC.
 *
 *     std   2,-8(1)                below r1 at entry: the top of the frame, which grows by 16 bytes
 *     mflr  0; bcl 20,31,1f; 1: mflr 2; mtlr 0
 *     addis 2,2,(.TOC.-1b)@ha; addi 2,2,(.TOC.-1b)@l
 *     ...                          the words of the function from its local entry on, word by word
 *     trap                         where the last of them is a call that does not come back
 *  9: ld    2,-8(1)                where each blr of the function leads
 *     blr
 *     ...                          for each sibling call: a call with a frame of its own, then the same
 *
 * Words keep their distances from one another, so branches inside and pairs that find their own place stay as they are. Only four
 * kinds of words differ: those that reach memory through r1 (frame.ts), returns, sibling calls, and the tracer's call, which goes.
 * It is entered with anybody's r2 and gives it back, which is the contract of a function with one entry (k = 0).
 */
import { STT_FUNC } from '../../elf/constants.ts';
import type { Section } from '../../elf/section.ts';
import { branchDisplacement, isBranch, isDirectBranch, isLinking } from '../../ppc64/branches.ts';
import { hex } from '../../util/bytes.ts';
import type { SectionOffset, SymbolIndex } from '../../util/indexes.ts';
import { walkFrame } from '../frame-walk.ts';
import { type RefusalCode, refusal } from '../refusals.ts';
import { type Code, placeKey, type Subject } from '../subject.ts';
import { endOf } from '../targets.ts';
import { checkEntryCopies } from './entry-copies.ts';
import { endsInCall, frameDepths, shifted, Unfollowed } from './frame.ts';
import { type CopiedEntry, type CopiedRelocation, TOC } from './object.ts';
import type { TableEntries } from './tables.ts';

const R_PPC64_REL24 = 10;
const R_PPC64_REL16_LO = 250;
const R_PPC64_REL16_HA = 252;
/** REL24; TOC16, TOC16_LO, TOC16_HA, TOC16_DS, TOC16_LO_DS; TOCSAVE; REL16_LO, REL16_HA. */
const COPIED_TYPES = new Set([R_PPC64_REL24, 47, 48, 50, 63, 64, 109, R_PPC64_REL16_LO, R_PPC64_REL16_HA]);
const TRACERS = new Set(['_mcount', 'ftrace_caller', 'ftrace_regs_caller']);

const NOP = 0x60000000;
const TRAP = 0x7fe00008;
const BLR = 0x4e800020;
const LOAD_TOC = 0xe841fff8;
/** Behind the `std`: `1:` is the third word. */
const HEADER = [0xf841fff8, 0x7c0802a6, 0x429f0005, 0x7c4802a6, 0x7c0803a6, 0x3c420000, 0x38420000];
/**
 * ld 0,-8(1); std 0,-8(1); mflr 0; std 0,16(1); stdu 1,-48(1); bl; nop; addi 1,1,48; ld 0,16(1); mtlr 0; ld 2,-8(1); blr.
 *
 * The first two change nothing: what a frame before has left below r1 counts as gone when the next one is made (docs/proof.md), and
 * what is stored anew does not.
 */
const SIBLING = [
  0xe801fff8,
  0xf801fff8,
  0x7c0802a6,
  0xf8010010,
  0xf821ffd1,
  0x48000001,
  NOP,
  0x38210030,
  0xe8010010,
  0x7c0803a6,
  LOAD_TOC,
  BLR,
];
/** Bytes from its start to the call. */
const SIBLING_CALL = 20;

export interface EpilogueCopy {
  readonly words: readonly number[];
  readonly relocations: readonly CopiedRelocation[];
  readonly entries: readonly CopiedEntry[];
  /** Bytes from the start of the copy to the function's local entry. */
  readonly body: number;
  readonly siblings: number;
}

interface Found {
  readonly type: number;
  readonly symbol: SymbolIndex;
  readonly addend: number;
}

/** @throws RefusalError PAT160 to PAT166 */
export function copyOf(subject: Subject, code: Code, name: string, tables: TableEntries): EpilogueCopy {
  return new Copier(subject, code, name).copy(tables);
}

class Copier {
  readonly #subject: Subject;
  readonly #code: Code;
  readonly #name: string;
  readonly #section: Section;
  readonly #words: Uint32Array;
  readonly #start: SectionOffset;
  readonly #end: SectionOffset;
  readonly #on = new Map<SectionOffset, Found>();

  constructor(subject: Subject, code: Code, name: string) {
    this.#subject = subject;
    this.#code = code;
    this.#name = name;
    this.#section = code.section;
    this.#words = subject.elf.sectionWords(code.section);
    this.#start = code.names[0]!.local;
    this.#end = endOf(code) & ~3;
    if (this.#end <= this.#start) throw this.#refuse('PAT166', 'its symbol says of no code where it ends', this.#start);
    this.#gather();
  }

  #refuse(refused: RefusalCode, what: string, offset: SectionOffset): Error {
    const where = { section: this.#section, offset, function: this.#name };
    return refusal(refused, { name: this.#name, what: `${what} at ${this.#section.name}+${hex(offset)}` }, where);
  }

  #gather(): void {
    for (const table of this.#subject.relocationTablesFor(this.#section.index)) {
      const relocations = this.#subject.elf.relocations(table);
      for (let i = 0; i < relocations.count; i++) {
        const offset = relocations.offset(i);
        if (offset < this.#start || offset >= this.#end) continue;
        const type = relocations.type(i);
        if (this.#on.has(offset & ~3) || !COPIED_TYPES.has(type) || offset % 4 !== 0)
          throw this.#refuse('PAT164', `a relocation of type ${type}`, offset);
        this.#on.set(offset, { type, symbol: relocations.symbol(i), addend: relocations.addend(i) });
      }
    }
  }

  copy(tables: TableEntries): EpilogueCopy {
    const entries = this.#entries(tables);
    try {
      return this.#lay(entries);
    } catch (error) {
      if (error instanceof Unfollowed) throw this.#refuse('PAT160', error.message, error.offset);
      throw error;
    }
  }

  #entries(tables: TableEntries): CopiedEntry[] {
    const body = HEADER.length * 4 - this.#start;
    return tables.within(this.#section.index, this.#start, this.#end).map(entry => {
      const { table, bytes, places, others, isCopied } = entry;
      const outside = places.find(
        p => p.section !== this.#section.index || p.offset < this.#start || p.offset >= this.#end,
      );
      if (!isCopied || outside !== undefined)
        throw this.#refuse('PAT162', `${table} has an entry that cannot be made for another place`, places[0]!.offset);
      return {
        table,
        bytes,
        places: places.map(p => ({ at: p.at, type: p.type, offset: body + p.offset + p.plus })),
        others,
      };
    });
  }

  #sideways(entries: readonly CopiedEntry[]): (offset: number) => readonly number[] {
    const edges = new Map<number, number[]>();
    const body = HEADER.length * 4 - this.#start;
    for (const { table, places } of entries) {
      if (table !== '__ex_table' && table !== '__jump_table') continue;
      const [from, to] = [places.find(p => p.at === 0), places.find(p => p.at === 4)];
      if (from === undefined || to === undefined)
        throw this.#refuse('PAT162', `${table} has an entry without two places`, this.#start);
      edges.set(from.offset - body, [...(edges.get(from.offset - body) ?? []), to.offset - body]);
    }
    return offset => edges.get(offset) ?? [];
  }

  /** Whether the branch at `at` goes elsewhere: through a relocation. */
  #leaves(at: SectionOffset): boolean {
    const word = this.#words[at / 4]!;
    const found = this.#on.get(at);
    if (found === undefined) {
      const to = at + branchDisplacement(word);
      if ((word & 2) !== 0 || to < this.#start || to >= this.#end)
        throw this.#refuse('PAT163', 'a branch without a relocation leads out of it', at);
      return false;
    }
    const { elf } = this.#subject;
    const spot = this.#subject.spotOf(found.symbol, found.addend);
    const own = spot?.section === this.#section && spot.offset > this.#start && spot.offset < this.#end;
    const name = elf.symbols!.name(found.symbol);
    const isEntry = spot === undefined || this.#isEntry(spot.section, spot.offset, found.symbol);
    if (own || !isEntry || /\.cold(\.|$)|^_(save|rest)[gf]pr/.test(name) || found.type !== R_PPC64_REL24)
      throw this.#refuse('PAT163', `a branch leads to ${name || 'another piece of code'}`, at);
    return true;
  }

  /** Where a function begins: at its symbol, or at its local entry named by its section. */
  #isEntry(section: Section, offset: SectionOffset, symbol: SymbolIndex): boolean {
    const isFunction = this.#subject.elf.symbols!.type(symbol) === STT_FUNC;
    return isFunction && this.#subject.entries.has(placeKey(section.index, offset));
  }

  #lay(entries: readonly CopiedEntry[]): EpilogueCopy {
    const start = this.#start;
    const end = this.#end;
    const words = [...HEADER];
    const body = words.length * 4;
    const relocations: CopiedRelocation[] = [
      { offset: 20, type: R_PPC64_REL16_HA, symbol: TOC, addend: 8 },
      { offset: 24, type: R_PPC64_REL16_LO, symbol: TOC, addend: 12 },
    ];
    const leaves = (at: number) => this.#leaves(at);
    const followed = { words: this.#words, start, end, sideways: this.#sideways(entries), leaves };
    const depths = frameDepths(followed);
    checkEntryCopies(followed, depths);
    const own = walkFrame(this.#subject, this.#section, this.#code.global).answer === 'no';
    const trap = endsInCall(this.#words, end) ? 1 : 0;
    const returnAt = body + (end - start) + trap * 4;
    const siblings: { readonly from: number; readonly found: Found }[] = [];
    for (let at = start; at < end; at += 4) {
      const word = this.#words[at / 4]!;
      const here = body + at - start;
      const depth = depths[(at - start) / 4]!;
      const found = this.#on.get(at);
      if (depth < 0) {
        // Padding, or what stands behind calls that do not come back: never run, and must not lead anywhere.
        words.push(TRAP);
        continue;
      }
      if (isBranch(word)) {
        const next = this.#branch(word, at, depth, here, returnAt);
        if (next !== undefined) {
          words.push(next);
          continue;
        }
        if (!isLinking(word) && isDirectBranch(word) && found !== undefined) {
          if (word >>> 26 !== 18) throw this.#refuse('PAT163', 'a conditional branch leads to another function', at);
          if (depth !== 0) throw this.#refuse('PAT163', 'a jump with the frame still standing', at);
          siblings.push({ from: here, found });
          words.push(word);
          continue;
        }
        if (found !== undefined && TRACERS.has(this.#subject.elf.symbols!.name(found.symbol))) {
          words.push(NOP);
          continue;
        }
        words.push(word);
      } else {
        words.push(shifted(word, this.#words[at / 4 + 1], depth, own, at));
        if (word >>> 26 === 1) {
          words.push(this.#words[at / 4 + 1]!);
          at += 4;
        }
      }
      if (found !== undefined) relocations.push({ ...found, offset: here });
    }
    if (trap === 1) words.push(TRAP);
    words.push(LOAD_TOC, BLR);
    for (const { from, found } of siblings) {
      const to = words.length * 4;
      words[from / 4] = (0x48000000 | ((to - from) & 0x03fffffc)) >>> 0;
      relocations.push({ ...found, offset: to + SIBLING_CALL });
      words.push(...SIBLING);
    }
    return { words, relocations, entries, body, siblings: siblings.length };
  }

  /** A branch through a register, or out of the body without a relocation; `undefined`: as it is, or by its relocation. */
  #branch(word: number, at: SectionOffset, depth: number, here: number, returnAt: number): number | undefined {
    const distance = returnAt - here;
    if (!isDirectBranch(word)) {
      if (((word >>> 1) & 0x3ff) === 16 && !isLinking(word)) {
        if (depth !== 0) throw this.#refuse('PAT160', 'a return with the frame still standing', at);
        if (word === BLR) return (0x48000000 | (distance & 0x03fffffc)) >>> 0;
        if (distance > 0x7ffc) throw this.#refuse('PAT160', 'a conditional return too far from the end', at);
        return (0x40000000 | (word & 0x03ff0000) | distance) >>> 0;
      }
      // Through CTR with a link: a call by a pointer.
      if (isLinking(word) && ((word >>> 1) & 0x3ff) === 528) return undefined;
      throw this.#refuse('PAT161', 'it goes on at an address in a register', at);
    }
    if (!isLinking(word)) return undefined;
    const found = this.#on.get(at);
    if (found === undefined || found.type !== R_PPC64_REL24)
      throw this.#refuse('PAT163', 'a call without a relocation', at);
    const spot = this.#subject.spotOf(found.symbol, found.addend);
    if (spot?.section === this.#section && spot.offset > this.#start && spot.offset < this.#end)
      throw this.#refuse('PAT163', 'a call of a place inside of it', at);
    return undefined;
  }
}
