/** The two WebAssembly programs for `--nop '*'`, as `cli/patch/quick-nops.ts` puts them together, without files. */
import { createHash } from 'node:crypto';
import { FILE, INPUT, JUDGE, roomSizes, TABLES } from '../../../../src/cli/patch/early-nops.ts';
import type { NopTable } from '../../../../src/plan/nop-table.ts';
import { QuickNops, type QuickPlan } from '../../../../src/rewrite/quick-nops.ts';
import { TAKING_CODE } from '../../../../src/rewrite/taking-code.ts';
import { ProgramsRoom } from '../../../../src/util/programs-room.ts';
import { JUDGING_CODE } from '../../../../src/verify/judging-code.ts';
import { QuickNopsJudge, type QuickVerdict } from '../../../../src/verify/quick-nops.ts';

const taking = new WebAssembly.Module(Buffer.from(TAKING_CODE, 'base64'));
const judging = new WebAssembly.Module(Buffer.from(JUDGING_CODE, 'base64'));

export const TOOL = 'test';

export class Quick {
  readonly room: ProgramsRoom;
  readonly #input: Uint8Array;
  readonly #sha256: string;

  constructor(input: Uint8Array) {
    this.#input = input;
    this.#sha256 = createHash('sha256').update(input).digest('hex');
    this.room = ProgramsRoom.create(roomSizes(input.length))!;
    this.room.bytes(FILE).set(input);
    this.room.bytes(INPUT).set(input);
  }

  /** The plan, and the bytes of the output; `undefined` where the programs leave the file to others. */
  take(): { readonly plan: QuickPlan; readonly output: Uint8Array } | undefined {
    const size = this.#input.length;
    const nops = new QuickNops(taking, this.room, FILE, TABLES);
    const plan = nops.plan(size);
    if (plan === undefined) return undefined;
    const made = nops.carryOut(plan, TOOL, size);
    if (made === undefined) return undefined;
    nops.complete(made, this.#sha256);
    return { plan, output: Uint8Array.from(this.room.bytes(FILE, made.size)) };
  }

  /** What the judge says of `output`; it has been taken before. */
  judge(plan: NopTable, output: Uint8Array): QuickVerdict | undefined {
    this.room.bytes(FILE).set(output);
    const judge = new QuickNopsJudge(judging, this.room, INPUT, FILE, JUDGE);
    return judge.judge(plan, this.#input.length, output.length, this.#sha256, TOOL);
  }
}
