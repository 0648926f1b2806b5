/**
 * A spinner for long work, on a terminal only. ora animates on the event loop, so work has to hand over now and then;
 * `tick` says when that is due. Terminals that report no width make ora spin forever: they get none.
 */
import type { Ora } from 'ora';

const FIRST_MS = 300;
const EVERY_MS = 80;

export class Progress {
  readonly #enabled: boolean;
  readonly #what: string;
  readonly #started = performance.now();
  #spinner: Ora | undefined;
  #last = performance.now();

  constructor(what: string, quiet: boolean) {
    const { stderr } = process;
    this.#what = what;
    this.#enabled = !quiet && stderr.isTTY === true && stderr.columns > 0 && process.env.CI === undefined;
  }

  /** Shows `done` of `total` if it is time to, and lets the spinner turn. */
  async tick(done: number, total: number): Promise<void> {
    if (!this.#enabled) return;
    const now = performance.now();
    if (now - this.#last < EVERY_MS || now - this.#started < FIRST_MS) return;
    this.#last = now;
    if (this.#spinner === undefined) {
      const { default: ora } = await import('ora');
      this.#spinner = ora({ stream: process.stderr, discardStdin: false }).start();
    }
    const left = ((now - this.#started) / Math.max(done, 1)) * (total - done);
    this.#spinner.text = `${this.#what} ${done} of ${total}, about ${Math.ceil(left / 1000)} s left`;
    await new Promise(resolve => setImmediate(resolve));
  }

  stop(): void {
    this.#spinner?.stop();
    this.#spinner = undefined;
  }
}
