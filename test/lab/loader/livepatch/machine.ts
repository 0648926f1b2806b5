// Has a booted kernel load and unload modules in given orders, and reads after each step what the kernel answered, what it
// logged, and what its memory holds of the modules that are loaded then.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Boot, bootKernel } from '../../harness/harness.ts';
import { vmlinux } from './kernel.ts';

export interface Step {
  /** `load`: of a file; `unload`: of a module, which is disabled before if it is a livepatch. */
  readonly action: 'load' | 'unload';
  /** Key of the file, or name of the module. */
  readonly what: string;
  readonly parameters?: string;
}

/** A section to read: its name, and bytes. */
export type Wanted = readonly (readonly [section: string, size: number])[];

export interface Scenario {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Have klp_target compute after each step: only where all relocations of what is patched are done. */
  readonly calls?: boolean;
}

export interface StepAnswer {
  /** What finit_module(2) or the unloading gave, 0 where it was done. */
  readonly errno: number;
  readonly log: readonly { readonly priority: number; readonly text: string }[];
  /** By module and section. Addresses of all sections; bytes of the wanted ones. */
  readonly sections: ReadonlyMap<
    string,
    ReadonlyMap<string, { readonly address: bigint; readonly bytes?: Uint8Array }>
  >;
  /** What klp_target computed; empty where it was not asked. */
  readonly result: string;
}

export interface Run {
  /** By scenario and step; shorter where the machine went down. */
  readonly answers: readonly (readonly StepAnswer[])[];
  readonly boot: Boot;
}

const FUNCTIONS = readFileSync(join(import.meta.dirname, 'steps.sh'), 'utf8');

/**
 * @param files by key
 * @param wanted by name of the module: which sections to read; the same for every file of that module
 */
export async function run(
  scenarios: readonly Scenario[],
  files: ReadonlyMap<string, Uint8Array>,
  wanted: ReadonlyMap<string, Wanted>,
): Promise<Run> {
  const scratch = mkdtempSync(join(tmpdir(), 'tocsin-livepatch-run-'));
  try {
    const program = join(scratch, 'load');
    execFileSync('powerpc64le-linux-gnu-gcc', ['-O2', '-static', '-o', program, join(import.meta.dirname, 'load.c')]);
    const list = join(scratch, 'wanted');
    const lines = [...wanted].flatMap(([module, sections]) => sections.map(s => `${module} ${s[0]} ${s[1]}\n`));
    writeFileSync(list, lines.join(''));
    const used = new Set(scenarios.flatMap(s => s.steps.filter(step => step.action === 'load').map(step => step.what)));
    const paths = [...used].map(key => {
      const path = join(scratch, key);
      writeFileSync(path, files.get(key)!);
      return path;
    });
    const script = [FUNCTIONS];
    for (const { steps, calls } of scenarios) {
      script.push('echo "@scenario"');
      for (const { action, what, parameters = '' } of steps)
        script.push(action === 'load' ? `doload ${what} '${parameters}' ${calls ? 'call' : ''}` : `unload ${what}`);
    }
    const boot = await bootKernel({
      vmlinux,
      script: script.join('\n'),
      files: [program, list, ...paths],
      timeoutSeconds: 900,
      // A kernel that has lost the loading process waits for it for ever.
      silenceSeconds: 60,
      logLevel: 1,
    });
    return { answers: parse(boot.console), boot };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function parse(console: string): StepAnswer[][] {
  const answers: StepAnswer[][] = [];
  let errno = 0;
  let log: { priority: number; text: string }[] = [];
  let sections = new Map<string, Map<string, { address: bigint; bytes?: Uint8Array }>>();
  let result = '';
  for (const line of console.split('\n')) {
    const [, tag, rest = ''] = /^@(\w+) ?(.*)$/.exec(line) ?? [];
    if (tag === 'scenario') answers.push([]);
    else if (tag === 'errno') errno = Number(rest);
    else if (tag === 'log') {
      const [, priority, text] = /^<(\d+)>\[ *[\d.]+\] (.*)$/.exec(rest) ?? [];
      if (text !== undefined) log.push({ priority: Number(priority) & 7, text });
    } else if (tag === 'section') {
      const [module, section, address] = rest.split(' ') as [string, string, string];
      const list = sections.get(module) ?? new Map<string, { address: bigint; bytes?: Uint8Array }>();
      sections.set(module, list.set(section, { address: BigInt(address) }));
    } else if (tag === 'bytes') {
      const [, , module, section, bytes] = rest.split(' ') as [string, string, string, string, string];
      const found = sections.get(module)?.get(section);
      if (found) found.bytes = Buffer.from(bytes, 'hex');
    } else if (tag === 'result') result = rest;
    else if (tag === 'end') {
      answers.at(-1)!.push({ errno, log, sections, result });
      log = [];
      sections = new Map();
      result = '';
    }
  }
  return answers;
}
