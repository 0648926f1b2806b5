/** The built command line in this process, loaded as `bin/tocsin.js` does, with what it says collected. */
import fs from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { pathToFileURL } from 'node:url';

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Program = (args: readonly string[]) => Promise<Said>;

type Start = (args: readonly string[]) => Promise<number | undefined> | undefined;

const QUICK: Readonly<Record<string, readonly string[]>> = {
  scan: ['start-scan'],
  patch: ['start-nops', 'start-patch'],
  check: ['start-check'],
};

/** @param root the package's folder, with a slash at its end */
export async function loadProgram(root: string): Promise<Program> {
  const { loadBundle } = createRequire(root)(`${root}bin/tocsin.js`);
  const starts = new Map<string, Start>();
  const startOf = (name: string): Start => {
    if (!starts.has(name)) starts.set(name, loadBundle(name).exports.start);
    return starts.get(name)!;
  };
  // A bundle that is loaded anew has handlers of its own.
  process.setMaxListeners(0);
  const cli = await import(pathToFileURL(`${root}dist/cli.js`).href);
  const said = collect();
  return async args => {
    said[1] = said[2] = '';
    const code = await quick(args, startOf);
    return { code: code ?? (await cli.main(args)), stdout: said[1], stderr: said[2] };
  };
}

async function quick(args: readonly string[], startOf: (name: string) => Start): Promise<number | undefined> {
  for (const name of QUICK[args[0] ?? ''] ?? []) {
    const code = await startOf(name)(args);
    if (code !== undefined) return code;
  }
  return undefined;
}

/** From now on, what is written to stdout and stderr. */
function collect(): { 1: string; 2: string } {
  const said = { 1: '', 2: '' };
  const write = fs.writeSync as (...args: unknown[]) => number;
  const patched = (fd: number, data: Uint8Array | string, ...rest: unknown[]): number => {
    if (fd !== 1 && fd !== 2) return write(fd, data, ...rest);
    const bytes = typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.subarray(Number(rest[0] ?? 0)));
    said[fd] += bytes.toString('utf8');
    return bytes.length;
  };
  fs.writeSync = patched as typeof fs.writeSync;
  syncBuiltinESMExports();
  return said;
}
