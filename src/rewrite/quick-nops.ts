/**
 * `--nop '*'` in WebAssembly. For a module with ten thousand call sites most of the time of `makePlan` and `applyPlan` goes into
 * making objects for each, and into code that V8 has not optimised yet. The code in `wasm/` does the same for files that are
 * laid out in the usual way and leaves every other file to them: it never refuses. The new file is made in the place of the old one.
 * Tests hold the two together, on stock modules and on damaged ones.
 */
import { patchRecordStart } from '../kernel/patch-note.ts';
import type { NopTable } from '../plan/nop-table.ts';
import { SIGNATURE_DROPPED } from '../plan/plan.ts';
import type { ProgramsRoom } from '../util/programs-room.ts';
import { modinfoString, TOLD_DIGITS } from './modinfo.ts';

/** What `wasm/take.ts` exports. Addresses and sizes in bytes. */
interface TakingCode {
  planFor(at: number, size: number, room: number, tables: number, tablesRoom: number): number;
  textRoom(size: number): number;
  carryOut(head: number, headSize: number, text: number, textSize: number): number;
  recordAt(): number;
  informationAt(): number;
}

/** Words that `planFor` leaves. */
const RESULT_WORDS = 9;

export interface QuickPlan {
  readonly table: NopTable;
  /** Relocations of calls that go; each record goes with one more. */
  readonly calls: number;
  readonly records: number;
  readonly warnings: readonly string[];
  /** Whether the module's information gets a string more. */
  readonly isTold: boolean;
}

export interface Carried {
  /** Of the new file, which stands where the old one did, in bytes. */
  readonly size: number;
  /** Where it has the SHA-256 of the old one, or so many digits of it. */
  readonly digests: readonly { readonly at: number; readonly size: number }[];
}

export class QuickNops {
  readonly #code: TakingCode;
  readonly #room: ProgramsRoom;
  readonly #file: number;
  readonly #tables: number;

  /** @param file @param tables numbers of the rooms: the file is at the beginning of its own */
  constructor(module: WebAssembly.Module, room: ProgramsRoom, file: number, tables: number) {
    const { memory } = room;
    this.#code = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as TakingCode;
    this.#room = room;
    this.#file = file;
    this.#tables = tables;
  }

  /** The plan for the file of `size` bytes; `undefined` where the file is not plain. */
  plan(size: number): QuickPlan | undefined {
    const { memory, rooms } = this.#room;
    const file = rooms[this.#file]!;
    const tables = rooms[this.#tables]!;
    const result = attempt(() => this.#code.planFor(file.at, size, file.size, tables.at, tables.size));
    if (result === 0) return undefined;
    const words = new Uint32Array(memory.buffer, result, RESULT_WORDS);
    const [count = 0, at = 0, names = 0, namesAt = 0, without = 0, calls = 0, records = 0, drops = 0, told = 0] = words;
    const warnings: string[] = [];
    if (without > 0) warnings.push(`${without} functions that match * have no call site and stay as they are`);
    if (drops === 1) warnings.push(SIGNATURE_DROPPED);
    const table = { at, count, namesAt, names, dropsSignature: drops === 1 };
    return { table, calls, records, warnings, isTold: told === 1 };
  }

  /**
   * Carries out the plan that was made last, where the file stands. The new file is whole but for the SHA-256 of the old one.
   *
   * @param tool version of tocsin that the file is to name
   * @param oldSize of the file, in bytes
   * @returns `undefined` where it has no room
   */
  carryOut(plan: QuickPlan, tool: string, oldSize: number): Carried | undefined {
    const { dropsSignature, count } = plan.table;
    const record = {
      schema: 'tocsin.patch-record/1',
      tool,
      layer: 1,
      original: { size: oldSize, sha256: UNKNOWN },
      signatureDropped: dropsSignature,
      codeAdded: 0,
    } as const;
    const head = Buffer.from(`${patchRecordStart(record)}[`);
    const text = plan.isTold ? modinfoString(tool, new Map([['nop', count]]), UNKNOWN) : Buffer.alloc(0);
    const at = this.#code.textRoom(head.length + text.length) >>> 0;
    if (at === 0) return undefined;
    const memory = Buffer.from(this.#room.memory.buffer);
    head.copy(memory, at);
    text.copy(memory, at + head.length);
    const size = attempt(() => this.#code.carryOut(at, head.length, at + head.length, text.length));
    if (size === 0) return undefined;
    const digests = [{ at: this.#code.recordAt() + head.indexOf(UNKNOWN), size: UNKNOWN.length }];
    const told = text.indexOf('-'.repeat(TOLD_DIGITS));
    if (told >= 0) digests.push({ at: this.#code.informationAt() + told, size: TOLD_DIGITS });
    return { size, digests };
  }

  /** Puts the SHA-256 of the old file (lower-case hexadecimal) into its places. */
  complete({ digests }: Carried, sha256: string): void {
    const file = this.#room.bytes(this.#file);
    for (const { at, size } of digests) file.write(sha256.slice(0, size), at, 'latin1');
  }
}

/** As long as a SHA-256 in hexadecimal. */
const UNKNOWN = '-'.repeat(64);

/** What the code gives, as an unsigned number; 0 where a number of the file led out of the memory. */
function attempt(run: () => number): number {
  try {
    return run() >>> 0;
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return 0;
    throw error;
  }
}
