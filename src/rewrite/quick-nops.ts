/**
 * `--nop '*'` in WebAssembly. For a module with ten thousand call sites most of the time of `makePlan` and `applyPlan` goes into
 * making objects for each, and into code that V8 has not optimised yet. The code in `wasm/` does the same for files that are
 * laid out in the usual way and leaves every other file to them: it never refuses. The new file is made in the place of the old one.
 * Tests hold the two together, on stock modules and on damaged ones.
 */
import type { NopTable } from '../plan/nop-table.ts';
import { SIGNATURE_DROPPED } from '../plan/plan.ts';
import type { ProgramsRoom } from '../util/programs-room.ts';
import { TAKING_CODE } from './taking-code.ts';

/** What `wasm/take.ts` exports. Addresses and sizes in bytes. */
interface TakingCode {
  planFor(at: number, size: number, room: number, tables: number, tablesRoom: number): number;
  headRoom(size: number): number;
  carryOut(head: number, headSize: number): number;
}

/** Words that `planFor` leaves. */
const RESULT_WORDS = 8;

export interface QuickPlan {
  readonly table: NopTable;
  /** Relocations of calls that go; each record goes with one more. */
  readonly calls: number;
  readonly records: number;
  readonly warnings: readonly string[];
}

export function compileTaking(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(Buffer.from(TAKING_CODE, 'base64'));
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
    const [count = 0, at = 0, names = 0, namesAt = 0, without = 0, calls = 0, records = 0, drops = 0] = words;
    const warnings: string[] = [];
    if (without > 0) warnings.push(`${without} functions that match * have no call site and stay as they are`);
    if (drops === 1) warnings.push(SIGNATURE_DROPPED);
    const table = { at, count, namesAt, names, dropsSignature: drops === 1 };
    return { table, calls, records, warnings };
  }

  /**
   * Carries the plan out that was made last, where the file stands.
   *
   * @param head of the note's record, as `patchRecordStart` makes it
   * @returns the size of the new file; `undefined` where it has no room
   */
  carryOut(head: Buffer): number | undefined {
    const at = this.#code.headRoom(head.length) >>> 0;
    if (at === 0) return undefined;
    head.copy(Buffer.from(this.#room.memory.buffer), at);
    const size = attempt(() => this.#code.carryOut(at, head.length));
    return size === 0 ? undefined : size;
  }
}

/** What the code gives, as an unsigned number; 0 where a number of the file led out of the memory. */
function attempt(run: () => number): number {
  try {
    return run() >>> 0;
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return 0;
    throw error;
  }
}
