/**
 * A thread that runs the built command line for `inThread` of `cli.ts`: one command after the other, each with the environment that
 * it is given.
 */
import { type MessagePort, workerData } from 'node:worker_threads';
import { loadProgram } from '../fuzz/commands/program.ts';

export interface Order {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** `done` becomes 1 when the answer can be taken from the port. */
export interface Thread {
  readonly root: string;
  readonly port: MessagePort;
  readonly done: Int32Array;
}

const { root, port, done } = workerData as Thread;
const usual = { ...process.env };

function answer(what: object): void {
  port.postMessage(what);
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
}

const fail = (error: unknown) => answer({ failure: error instanceof Error ? error.stack : String(error) });
process.on('uncaughtException', fail);
const program = loadProgram(root);

port.on('message', async ({ args, env }: Order) => {
  for (const name of Object.keys(process.env)) if (!(name in usual)) delete process.env[name];
  Object.assign(process.env, usual, env);
  try {
    answer(await (await program)(args));
  } catch (error) {
    fail(error);
  }
});
