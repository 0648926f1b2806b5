/**
 * Damages many inputs and gives each to tocsin, in processes of their own: one that hangs, runs out of memory or dies takes
 * only itself along, and is named by its seed.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { build } from 'esbuild';
import { buildProgram } from '../support/cli.ts';
import { root } from '../support/samples.ts';
import type { Message } from './run.ts';

interface Violation {
  readonly seed: number;
  readonly subject: string;
  readonly mutations: readonly string[];
  readonly step: string;
  readonly problem: string;
}

export interface Campaign {
  readonly violations: readonly Violation[];
  /** How often each step ended how. */
  readonly ends: ReadonlyMap<string, number>;
  /** Milliseconds. */
  readonly slowest: number;
  readonly slowestSeed: number;
  /** Bytes, the largest process. */
  readonly memory: number;
}

/** An input may take 5 s; a process that says nothing for longer is stuck. */
const STUCK_MS = 20_000;
const HEAP_MB = 900;
const SLICE = 2000;
/** Enough to work on; more would only repeat them. */
const MOST_VIOLATIONS = 50;

/** What a process does with each input: all that the library does with one, or a command of the built program. */
export type Program = 'run' | 'commands/run';

export async function campaign(
  first: number,
  count: number,
  processes: number,
  program: Program = 'run',
): Promise<Campaign> {
  if (program === 'commands/run') buildProgram();
  const folder = `${root}node_modules/.tocsin-fuzz-${process.pid}-${program.length}`;
  mkdirSync(folder, { recursive: true });
  try {
    const script = `${folder}/run.mjs`;
    await build({
      entryPoints: [`${root}test/fuzz/${program}.ts`],
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      logLevel: 'warning',
    });
    return await new Runner(script, first, count).run(processes);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

class Runner {
  readonly #script: string;
  readonly #end: number;
  #next: number;
  readonly #violations: Violation[] = [];
  readonly #ends = new Map<string, number>();
  #slowest = 0;
  #slowestSeed = 0;
  #memory = 0;

  constructor(script: string, first: number, count: number) {
    this.#script = script;
    this.#next = first;
    this.#end = first + count;
  }

  async run(processes: number): Promise<Campaign> {
    await Promise.all(Array.from({ length: processes }, () => this.#work()));
    const violations = this.#violations.sort((a, b) => a.seed - b.seed);
    return {
      violations,
      ends: this.#ends,
      slowest: this.#slowest,
      slowestSeed: this.#slowestSeed,
      memory: this.#memory,
    };
  }

  /** Takes slices of seeds until none are left; goes on behind an input that a process did not survive. */
  async #work(): Promise<void> {
    while (this.#next < this.#end && this.#violations.length < MOST_VIOLATIONS) {
      const first = this.#next;
      this.#next = Math.min(first + SLICE, this.#end);
      const end = this.#next;
      for (let at = first; at < end && this.#violations.length < MOST_VIOLATIONS; )
        at = await this.#slice(at, end - at);
    }
  }

  /** @returns the seed to go on with */
  #slice(first: number, count: number): Promise<number> {
    return new Promise(resolve => {
      const child = fork(this.#script, [root, `${first}`, `${count}`], {
        execArgv: [`--max-old-space-size=${HEAP_MB}`],
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      });
      let at: Extract<Message, { kind: 'at' }> = { kind: 'at', seed: first, subject: '?', mutations: [] };
      let isDone = false;
      let stderr = '';
      let watch = setTimeout(stuck, STUCK_MS, child);
      child.stderr?.on('data', chunk => {
        stderr = (stderr + chunk).slice(-4000);
      });
      child.on('message', (message: Message) => {
        clearTimeout(watch);
        watch = setTimeout(stuck, STUCK_MS, child);
        if (message.kind === 'at') at = message;
        else if (message.kind === 'violation') this.#add(at, message.step, message.problem);
        else {
          isDone = true;
          this.#collect(message);
        }
      });
      child.on('exit', (code, signal) => {
        clearTimeout(watch);
        if (isDone) return resolve(first + count);
        this.#add(at, 'process', `ended with ${code ?? signal}\n${stderr}`);
        resolve(at.seed + 1);
      });
    });
  }

  #add({ seed, subject, mutations }: Extract<Message, { kind: 'at' }>, step: string, problem: string): void {
    this.#violations.push({ seed, subject, mutations, step, problem });
  }

  #collect(message: Extract<Message, { kind: 'done' }>): void {
    for (const [key, n] of Object.entries(message.ends)) this.#ends.set(key, (this.#ends.get(key) ?? 0) + n);
    if (message.slowest > this.#slowest) [this.#slowest, this.#slowestSeed] = [message.slowest, message.slowestSeed];
    this.#memory = Math.max(this.#memory, message.memory);
  }
}

function stuck(child: ChildProcess): void {
  child.kill('SIGKILL');
}

/** What happened, for people: each violation with what makes it again. */
export function campaignText({ violations, ends, slowest, slowestSeed, memory }: Campaign): string {
  const lines = violations.map(
    v =>
      `seed ${v.seed}, ${v.subject}, ${v.step}:\n  ${v.mutations.join('\n  ')}\n  ${v.problem.split('\n').slice(0, 8).join('\n  ')}\n`,
  );
  const counts = [...ends].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([end, n]) => `${`${n}`.padStart(8)}  ${end}`);
  const summary = `slowest ${Math.round(slowest)} ms (seed ${slowestSeed}), largest process ${Math.round(memory / 1e6)} MB, ${violations.length} violations`;
  return [...lines, ...counts, summary].join('\n');
}
