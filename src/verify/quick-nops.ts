/**
 * The judge for files from which `--nop '*'` took every call site: the steps of `verifyOutput`, in WebAssembly, for files that are laid
 * out in the usual way. They say "all right", or nothing: then `verifyOutput` has to look, and tells what is wrong. Nothing here is
 * shared with what makes such files but the plan, which is data. Tests hold the two judges together, on good files and on spoiled
 * ones.
 */
import { patchRecordStart } from '../kernel/patch-note.ts';
import type { NopTable } from '../plan/nop-table.ts';
import type { ProgramsRoom } from '../util/programs-room.ts';
import { RELOCATION_RULES } from './judging-code.ts';
import { wantedInformation } from './modinfo.ts';
import type { Verification } from './verification.ts';

/** What `wasm/judge.ts` exports. Addresses and sizes in bytes. */
interface JudgingCode extends Readonly<Record<StepFunction, () => number>> {
  startRoom(at: number, size: number): void;
  setFiles(input: number, inputSize: number, output: number, outputSize: number): void;
  setPlan(at: number, count: number, namesAt: number, names: number, dropsSignature: number): void;
  setRules(at: number): void;
  setHead(at: number, size: number): void;
  setInformation(at: number, size: number): void;
  isTold(): number;
  result(): number;
}

/** The steps of `verifyOutput`, and the functions that do the same. */
const STEPS = {
  're-read': 'reRead',
  structure: 'checkStructure',
  relocations: 'checkRelocations',
  plan: 'checkPlan',
  sections: 'pairSections',
  alignment: 'checkAlignment',
  symbols: 'compareSymbols',
  headers: 'compareHeaders',
  contents: 'compareContents',
  'relocation entries': 'compareRelocations',
  'external calls': 'externalsAreGood',
  names: 'compareStrings',
  'new code': 'hasNoNewCode',
  imports: 'hasNoNewSymbols',
  note: 'checkNote',
  modinfo: 'checkInformation',
  file: 'compareFile',
  'every byte': 'everyByte',
  labels: 'checkLabels',
  actions: 'functionsAreThere',
  'call sites gone': 'sitesAreGone',
  redirects: 'hasNoNewCode',
  trampolines: 'hasNoNewCode',
} as const;

type StepFunction = (typeof STEPS)[keyof typeof STEPS];

/** Words that `result` leaves. */
const RESULT_WORDS = 8;

export interface QuickVerdict {
  /** The names of the steps that were taken, each of which found everything right. */
  readonly checks: readonly string[];
  readonly compared: Verification['compared'];
  readonly relocations: { readonly checked: number; readonly undecided: number };
}

export class QuickNopsJudge {
  readonly #code: JudgingCode;
  readonly #room: ProgramsRoom;
  readonly #input: number;
  readonly #output: number;
  readonly #tables: number;

  /** @param input @param output @param tables numbers of the rooms: the files are at the beginning of theirs */
  constructor(module: WebAssembly.Module, room: ProgramsRoom, input: number, output: number, tables: number) {
    const { memory } = room;
    this.#code = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as JudgingCode;
    this.#room = room;
    this.#input = input;
    this.#output = output;
    this.#tables = tables;
  }

  /**
   * Judges the output of `outputSize` bytes.
   *
   * @param sha256 of the input, as the note is to have it, in lower-case hexadecimal
   * @param tool version of tocsin that the note is to name
   * @returns `undefined` where not every step found everything right
   */
  judge(plan: NopTable, inputSize: number, outputSize: number, sha256: string, tool: string): QuickVerdict | undefined {
    const code = this.#code;
    const { memory, rooms } = this.#room;
    const all = Buffer.from(memory.buffer);
    const tables = rooms[this.#tables]!;
    const rules = Buffer.from(RELOCATION_RULES, 'base64');
    const head = Buffer.from(
      `${patchRecordStart({
        schema: 'tocsin.patch-record/1',
        tool,
        layer: 1,
        original: { size: inputSize, sha256 },
        signatureDropped: plan.dropsSignature,
        codeAdded: 0,
      })}[`,
    );
    const information = Buffer.from(wantedInformation(tool, `nop ${plan.count}, `, sha256));
    let used = 0;
    const put = (bytes: Buffer) => {
      const at = tables.at + used;
      all.set(bytes, at);
      used += bytes.length;
      return at;
    };
    code.setRules(put(rules));
    code.setHead(put(head), head.length);
    code.setInformation(put(information), information.length);
    code.startRoom(tables.at + used, tables.size - used);
    code.setFiles(rooms[this.#input]!.at, inputSize, rooms[this.#output]!.at, outputSize);
    code.setPlan(plan.at, plan.count, plan.namesAt, plan.names, plan.dropsSignature ? 1 : 0);
    const result = this.#steps() ? code.result() >>> 0 : 0;
    if (result === 0) return undefined;
    const words = new Uint32Array(memory.buffer, result, RESULT_WORDS);
    const [
      identical = 0,
      changedByPlan = 0,
      addedByPlan = 0,
      layout = 0,
      removedByPlan = 0,
      checked = 0,
      undecided = 0,
    ] = words;
    return {
      // A step of its own only where there is something to look at.
      checks: Object.keys(STEPS).filter(name => name !== 'modinfo' || code.isTold() === 1),
      compared: { bytes: outputSize, identical, changedByPlan, addedByPlan, layout, removedByPlan },
      relocations: { checked, undecided },
    };
  }

  #steps(): boolean {
    try {
      return Object.values(STEPS).every(step => this.#code[step]() === 1);
    } catch (error) {
      // A number of the file that no check had met led out of the memory.
      if (error instanceof WebAssembly.RuntimeError) return false;
      throw error;
    }
  }
}
