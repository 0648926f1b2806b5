// A booted kernel that loads many modules, uses what they drive, and unloads them again (exercise.sh), and what was seen of it.

import { execFileSync } from 'node:child_process';
import { copyFileSync, linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Boot, bootKernel, type Generation } from '../harness/harness.ts';
import { moduleName } from '../loader/capture.ts';
import { IMAGE_NAMES } from './images.ts';

/** As `insmod` passes them, by module. */
const PARAMETERS: Readonly<Record<string, string>> = {
  bonding: 'max_bonds=0',
  brd: 'rd_nr=8 rd_size=8192',
  dummy: 'numdummies=0',
  ifb: 'numifbs=0',
  loop: 'max_loop=4',
  mac80211_hwsim: 'radios=2',
  nbd: 'nbds_max=1',
  null_blk: 'gb=1 memory_backed=1',
  zram: 'num_devices=1',
};

export interface Run {
  readonly boot: Boot;
  /** By module: errno, 0 where it worked, -1 where it did not end. */
  readonly loaded: ReadonlyMap<string, number>;
  readonly unloaded: ReadonlyMap<string, number>;
  /** What was seen of each subsystem, in order. */
  readonly seen: ReadonlyMap<string, readonly string[]>;
  /** The kernel's words since the first module, without times. */
  readonly log: readonly LogLine[];
  /** Calls, by address of the function, of those that stress_count.ko counts; `lost` of those that it had no room for. */
  readonly calls: ReadonlyMap<bigint, number>;
  readonly lost: number;
  /** Calls, by module, of those that count themselves. */
  readonly ownCalls: ReadonlyMap<string, number>;
  /** Where .text of each module was. */
  readonly texts: ReadonlyMap<string, bigint>;
}

interface LogLine {
  /** `load NAME`, `use NAME`, `unload NAME`: what was being done. */
  readonly during: string;
  readonly text: string;
}

export interface Load {
  readonly generation: Generation;
  /** In this order. */
  readonly modules: readonly string[];
  /** stress_count.ko */
  readonly counter: string;
  readonly images: readonly string[];
  /** For copies of the images and all else. */
  readonly scratch: string;
  readonly timeoutSeconds: number;
  /** More files for the machine. */
  readonly extraFiles?: readonly string[];
  /** Changes what the machine does. */
  readonly script?: (text: string) => string;
}

/** The program that uses subsystems, compiled. */
export function useProgram(folder: string): string {
  const program = join(folder, 'use');
  const source = join(import.meta.dirname, 'use');
  const files = readdirSync(source).filter(name => name.endsWith('.c'));
  const flags = ['-O2', '-static', '-Wall', '-Werror'];
  execFileSync('powerpc64le-linux-gnu-gcc', [...flags, '-o', program, ...files.map(name => join(source, name))]);
  return program;
}

export async function loadAndUse({
  generation,
  modules,
  counter,
  images,
  scratch,
  timeoutSeconds,
  extraFiles = [],
  script = text => text,
}: Load): Promise<Run> {
  const folder = join(scratch, 'modules');
  const out = join(scratch, 'out');
  mkdirSync(folder, { recursive: true });
  for (const path of modules) link(path, join(folder, basename(path)));
  const list = join(scratch, 'list');
  const line = (path: string) => `/files/modules/${basename(path)} ${PARAMETERS[moduleName(path)] ?? ''}\n`;
  writeFileSync(list, modules.map(line).join(''));
  const names = join(scratch, 'images');
  writeFileSync(names, `${IMAGE_NAMES.join('\n')}\n`);
  const disks = images.map(image => {
    const copy = join(scratch, basename(image));
    execFileSync('cp', ['--sparse=always', image, copy]);
    return copy;
  });
  const boot = await bootKernel({
    generation,
    script: script(readFileSync(join(import.meta.dirname, 'exercise.sh'), 'utf8')),
    files: [useProgram(scratch), list, names, folder, counter, ...extraFiles],
    disks,
    outFolder: out,
    timeoutSeconds,
    memory: '6G',
    logLevel: 3,
    kernelArguments: 'log_buf_len=16M printk.devkmsg=on',
  });
  return { boot, ...readConsole(boot.console), ...readOut(out, boot.outFiles) };
}

/** Modules of thousands of kilobytes each are not copied where that can be helped. */
function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

function readConsole(console: string): Pick<Run, 'loaded' | 'unloaded' | 'seen'> {
  const errors = (kind: string) =>
    new Map([...console.matchAll(new RegExp(`^${kind} (\\S+) (-?\\d+)$`, 'gm'))].map(m => [m[1]!, Number(m[2])]));
  const seen = new Map<string, string[]>();
  for (const [, name, text] of console.matchAll(/^USE (\S+) (.*)$/gm))
    seen.set(name!, [...(seen.get(name!) ?? []), text!]);
  return { loaded: errors('LOAD'), unloaded: errors('UNLOAD'), seen };
}

function readOut(out: string, files: readonly string[]): Pick<Run, 'log' | 'calls' | 'lost' | 'ownCalls' | 'texts'> {
  const lines = (name: string) =>
    files.includes(name)
      ? readFileSync(join(out, name), 'utf8')
          .split('\n')
          .filter(line => line !== '')
      : [];
  const byModule = (name: string) =>
    lines(name).map(line => [line.split('/')[3]!, line.slice(line.indexOf(' ') + 1)] as const);
  const counts = lines('counts').map(line => line.split(' ') as [string, string]);
  return {
    log: readLog(lines('dmesg')),
    calls: new Map(counts.slice(1).map(([at, calls]) => [BigInt(`0x${at}`), Number(calls)])),
    lost: Number(counts[0]?.[1] ?? Number.NaN),
    ownCalls: new Map(byModule('calls').map(([name, calls]) => [name, Number(calls)])),
    texts: new Map(byModule('texts').map(([name, at]) => [name, BigInt(at)])),
  };
}

function readLog(lines: readonly string[]): readonly LogLine[] {
  let during: string | undefined;
  return lines.flatMap(line => {
    const text = line.replace(/^\[ *\d+\.\d+\] /, '');
    const mark = /^tocsin-stress: (.*)$/.exec(text);
    if (mark) during = mark[1]!;
    return mark || during === undefined ? [] : [{ during, text }];
  });
}
