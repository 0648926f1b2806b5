/** The two WebAssembly programs for `--nop '*'`, as `cli/patch/quick-nops.ts` puts them together, without files. */
import { createHash } from 'node:crypto';
import { patchRecordStart } from '../../../../src/kernel/patch-note.ts';
import type { NopTable } from '../../../../src/plan/nop-table.ts';
import { QuickNops, type QuickPlan, roomsForTaking } from '../../../../src/rewrite/quick-nops.ts';
import { TAKING_CODE } from '../../../../src/rewrite/taking-code.ts';
import { ProgramsRoom } from '../../../../src/util/programs-room.ts';
import { JUDGING_CODE } from '../../../../src/verify/judging-code.ts';
import { QuickNopsJudge, type QuickVerdict, roomForJudging } from '../../../../src/verify/quick-nops.ts';

const taking = new WebAssembly.Module(Buffer.from(TAKING_CODE, 'base64'));
const judging = new WebAssembly.Module(Buffer.from(JUDGING_CODE, 'base64'));

export const TOOL = 'test';

export class Quick {
  readonly room: ProgramsRoom;
  readonly #input: Uint8Array;
  readonly #sha256: string;

  constructor(input: Uint8Array) {
    const rooms = roomsForTaking(input.length);
    this.#input = input;
    this.#sha256 = createHash('sha256').update(input).digest('hex');
    this.room = ProgramsRoom.create([rooms.file, input.length, rooms.tables, roomForJudging(input.length)])!;
    this.room.bytes(0).set(input);
    this.room.bytes(1).set(input);
  }

  /** The plan, and the bytes of the output; `undefined` where the programs leave the file to others. */
  take(): { readonly plan: QuickPlan; readonly output: Uint8Array } | undefined {
    const size = this.#input.length;
    const nops = new QuickNops(taking, this.room, 0, 2);
    const plan = nops.plan(size);
    if (plan === undefined) return undefined;
    const head = patchRecordStart({
      schema: 'tocsin.patch-record/1',
      tool: TOOL,
      layer: 1,
      original: { size, sha256: this.#sha256 },
      signatureDropped: plan.table.dropsSignature,
      codeAdded: 0,
    });
    const made = nops.carryOut(Buffer.from(`${head}[`));
    return made === undefined ? undefined : { plan, output: Uint8Array.from(this.room.bytes(0, made)) };
  }

  /** What the judge says of `output`; it has been taken before. */
  judge(plan: NopTable, output: Uint8Array): QuickVerdict | undefined {
    this.room.bytes(0).set(output);
    const judge = new QuickNopsJudge(judging, this.room, 1, 0, 3);
    return judge.judge(plan, this.#input.length, output.length, this.#sha256, TOOL);
  }
}
