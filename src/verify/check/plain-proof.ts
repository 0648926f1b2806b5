/**
 * The proof of modules that the screen calls plain, where they were read to: `wasm/proving.ts` relocates and proves them. What is not
 * proved of such a module is explained by the prover in TypeScript, from the same memory.
 */
import { EDGE_KINDS, foundIn, giveTables, type ProverCode, proverImports } from '../../prove/core.ts';
import type { FoundFunctions } from '../../prove/prover.ts';
import { LEAVES_BY_SIBLING } from '../../prove/reasons.ts';
import type { ExtraEdge, ProofSubject } from '../../prove/subject.ts';
import type { FileRoom } from '../../util/file-room.ts';
import { lazy } from '../../util/lazy.ts';
import { type Locate, Memory, type PlacedSection } from '../proof/memory.ts';
import { Proof } from '../proof/proof.ts';
import { subjectOver } from '../proof/subject.ts';
import { type CheckFinding, type CheckResult, notJudged, type TocCounts } from './finding.ts';
import type { ScreeningCode } from './plain-kernel.ts';
import { type ProofOptions, withProof } from './proved.ts';

/** What `wasm/proving.ts` exports. Addresses and sizes in bytes. */
export interface ProvingCode extends ScreeningCode, ProverCode {
  addressesAt(): number;
  setEndless(number: number): void;
  imageRoom(size: number): number;
  makeModuleImage(): number;
  proofRoom(): number;
  proveModule(): number;
  counts(): number;
  placeOfProof(which: number): number;
}

/** Numbers of `placeOfProof`: arrays, then numbers. */
const PLACES = {
  code: 0,
  marks: 1,
  globals: 2,
  locals: 3,
  ends: 4,
  parts: 5,
  entryCodes: 6,
  assemblies: 7,
  ofFunctions: 9,
  sections: 10,
  edges: 11,
  words: 16,
  functions: 17,
  toc: 18,
  functionSymbols: 19,
  origin: 20,
  sectionOrder: 21,
  sectionCount: 22,
  stubs: 23,
  stubCount: 24,
  stubSymbols: 25,
  stubsOffset: 26,
  lrIsSavedAtSite: 27,
  edgeCount: 28,
  symbols: 29,
  symbolNames: 30,
  sectionNames: 31,
  headers: 32,
} as const;

/** Where `layout.ts` of `wasm/` puts the first area. */
const BASE = 0xc008_0000_0100_0000n;
const SECTION_WORDS = 5;
const CONSTANT = 1;
const INSTRUCTIONS = 4;
const EDGE_WORDS = 3;
const STUB_SIZE = 40;
const STUB_TARGET = 32;
const SYMBOL_SIZE = 24;
const HEADER_SIZE = 64;
const NUMBER_OF_SYMBOL = 0x7fff_ffff;
/** What the loader makes stubs to besides the module's imports, in its order. */
const TRACERS = ['ftrace_caller', 'ftrace_regs_caller'];

/** What is known of a module's functions. */
export interface ModuleProof {
  readonly toc: TocCounts;
  readonly findings: readonly CheckFinding[];
}

/** A module of whose functions nothing is said yet. */
const UNJUDGED: CheckResult = {
  kind: 'module',
  loads: true,
  toc: notJudged(0),
  findings: [],
  log: [],
  module: '',
  uses: [],
};

export { proverImports };

export class PlainProof {
  readonly #code: ProvingCode;
  readonly #room: FileRoom;
  readonly #options: ProofOptions;

  constructor(code: ProvingCode, room: FileRoom, options: ProofOptions) {
    this.#code = code;
    this.#room = room;
    this.#options = options;
    giveTables(code);
  }

  /**
   * Proves the module that was screened last, and found plain. Its bytes are not those of the file any more.
   *
   * @param size of the file, bytes
   * @returns nothing for one that is left to the twin
   */
  prove(size: number): ModuleProof | undefined {
    if (!this.#mayProve(size) || this.#code.proveModule() === 0) return undefined;
    const [proved, unknown, refuted, , ...hand] = new Uint32Array(this.#code.memory.buffer, this.#code.counts(), 7);
    if (unknown === 0 && refuted === 0) {
      const own = { functions: hand[0]!, proved: hand[0]!, refuted: 0, unknown: 0 };
      const toc = { functions: proved!, proved: proved!, refuted: 0, unknown: 0, judged: true, assembly: own };
      return { toc, findings: [] };
    }
    const found = this.found();
    // Where such a jump leads, and whether that comes back with the right r2, is known from other modules' proofs.
    if (found.reason.includes(LEAVES_BY_SIBLING)) return undefined;
    const { subject, locate, origin } = this.subject();
    const { toc, findings } = withProof(UNJUDGED, new Proof(subject, locate, origin, found), this.#options);
    return { toc, findings };
  }

  /** Makes the image of the module, and room for its proof. */
  #mayProve(size: number): boolean {
    try {
      this.#room.grow(size + (this.#code.imageRoom(size) >>> 0));
      if (this.#code.makeModuleImage() === 0) return false;
      this.#room.grow(this.#code.proofRoom() >>> 0);
      return true;
    } catch (error) {
      // No memory is left for it.
      if (error instanceof RangeError) return false;
      throw error;
    }
  }

  #place(which: keyof typeof PLACES): number {
    return this.#code.placeOfProof(PLACES[which]) >>> 0;
  }

  #words(which: keyof typeof PLACES, count: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.#code.memory.buffer, this.#place(which), count);
  }

  #bytes(which: keyof typeof PLACES, count: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#code.memory.buffer, this.#place(which), count);
  }

  /** What was found of each function, until the next file is read. */
  found(): FoundFunctions {
    return foundIn(this.#code.memory.buffer, this.#place('ofFunctions'), this.#place('functions'));
  }

  /** What was proved, until the next file is read. */
  subject(): {
    readonly subject: ProofSubject;
    readonly locate: Locate;
    readonly origin: bigint;
    readonly memory: Memory;
  } {
    const { buffer } = this.#code.memory;
    const view = new DataView(buffer);
    const bytes = Buffer.from(buffer);
    const count = this.#place('functions');
    const symbols = this.#place('symbols');
    const names = this.#place('symbolNames');
    const text = (at: number) => bytes.toString('latin1', at, bytes.indexOf(0, at));
    const symbolName = (symbol: number) => text(names + view.getUint32(symbols + symbol * SYMBOL_SIZE, true));
    const functionSymbols = this.#words('functionSymbols', count);
    const origin = BASE + BigInt(this.#place('origin'));
    const words = this.#place('words');
    const memory = new Memory(origin, this.#sections(text), new Uint32Array(buffer, this.#place('code'), words));
    const stubs = lazy(() => this.#stubs(symbolName));
    const subject = subjectOver({
      memory,
      functions: {
        count,
        global: this.#words('globals', count),
        local: this.#words('locals', count),
        end: this.#words('ends', count),
        part: this.#bytes('parts', count),
        entryCode: this.#bytes('entryCodes', count),
        assembly: this.#bytes('assemblies', count),
        name: index => symbolName(functionSymbols[index]!),
      },
      marks: this.#bytes('marks', words),
      edges: this.#edges(),
      toc: this.#place('toc') | 0,
      pacaToc: undefined,
      isKernel: false,
      lrIsSavedAtSite: this.#place('lrIsSavedAtSite') === 1,
      externalName: address => stubs().names.get(address),
      stubName: offset => stubs().places.get(offset),
      // Whose contract that would change is known already.
      isExposed: () => true,
    });
    return { subject, locate: offset => memory.locate(offset), origin, memory };
  }

  #sections(text: (at: number) => string): PlacedSection[] {
    const { buffer } = this.#code.memory;
    const count = this.#place('sectionCount');
    const sections = this.#words('sections', (count + 2) * SECTION_WORDS);
    const order = new Uint32Array(buffer, this.#place('sectionOrder'), 2 * count);
    const headers = this.#place('headers');
    const names = this.#place('sectionNames');
    const view = new DataView(buffer);
    return Array.from({ length: count + 2 }, (_, i): PlacedSection => {
      const [offset, size, contents, length, flags] = sections.subarray(i * SECTION_WORDS, (i + 1) * SECTION_WORDS);
      const header = headers + order[2 * i]! * HEADER_SIZE;
      const name = i < count ? text(names + view.getUint32(header, true)) : i === count ? '.symtab' : '.strtab';
      return {
        name,
        offset: offset!,
        bytes: new Uint8Array(buffer, contents! >>> 0, length),
        size: size!,
        isCode: (flags! & INSTRUCTIONS) !== 0,
        isConstant: (flags! & CONSTANT) !== 0,
      };
    });
  }

  #edges(): Map<number, ExtraEdge[]> {
    const edges = new Map<number, ExtraEdge[]>();
    const count = this.#place('edgeCount');
    const list = this.#words('edges', count * EDGE_WORDS);
    for (let i = 0; i < list.length; i += EDGE_WORDS) {
      const edge: ExtraEdge = { kind: EDGE_KINDS[list[i + 1]!]!, target: list[i + 2]! };
      const known = edges.get(list[i]!);
      if (known === undefined) edges.set(list[i]!, [edge]);
      else known.push(edge);
    }
    return edges;
  }

  /** Names of what stubs lead to, by its address, and by the stub's place. */
  #stubs(symbolName: (symbol: number) => string) {
    const names = new Map<bigint, string>();
    const places = new Map<number, string>();
    const count = this.#place('stubCount');
    const symbols = this.#words('stubSymbols', count);
    const at = this.#place('stubs');
    const offset = this.#place('stubsOffset');
    const view = new DataView(this.#code.memory.buffer);
    const tracers = [...TRACERS];
    for (let i = 0; i < count; i++) {
      const symbol = symbols[i]! & NUMBER_OF_SYMBOL;
      const name = symbol === 0 ? (tracers.shift() ?? '') : symbolName(symbol);
      names.set(view.getBigUint64(at + i * STUB_SIZE + STUB_TARGET, true), name);
      places.set(offset + i * STUB_SIZE, name);
    }
    return { names, places };
  }
}
