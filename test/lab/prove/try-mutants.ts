// Has a booted kernel try mutants of module `victim`, one after the other: words changed, all functions called through the
// canary, words put back. A mutant may kill the process that calls it, or the machine; the rest is tried all the same.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootKernel, type Generation } from '../harness/harness.ts';
import { proverModules } from './modules.ts';
import type { VictimMutant } from './victims.ts';
import { ANCHOR } from './victims.ts';

export interface Trial {
  readonly mutant: VictimMutant;
  /**
   * - `kept`: all registers came back from every call;
   * - `lost`: some did not;
   * - `killed`: the kernel killed the process that called;
   * - `down`: the machine went down, or did not come back.
   */
  readonly outcome: 'kept' | 'lost' | 'killed' | 'down';
  /** The canary's lines about calls that lost something, and what the kernel said last. */
  readonly said: readonly string[];
  /** Calls whose result was another one, though all registers were kept. */
  readonly changesResults: boolean;
}

/** Modules under other names, for when a process died inside of one and its locks with it. */
const COPIES = 24;
const CALLS = 40;
/** Seconds of the machine's time for all calls of one mutant; a second is plenty. */
const PATIENCE = 15;

/** By function: `victim_deep` calls `victim_add`, so all are called for each mutant. */
const TARGETS =
  'add leaf ten recurse sibling twice outside busy fields through branches framed saved recomputed deep'.split(' ');

/** The module under another name of the same length. */
function renamed(bytes: Uint8Array, name: string): Buffer {
  const copy = Buffer.from(bytes);
  const old = Buffer.from('victim\0');
  const fresh = Buffer.from(`${name}\0`);
  if (old.length !== fresh.length) throw new Error(`${name} is not as long as the module's own name`);
  let count = 0;
  for (let at = copy.indexOf(old); at >= 0; at = copy.indexOf(old, at + 1)) {
    // In .modinfo behind `name=`, in struct module behind other fields; never a part of a longer name.
    const before = copy[at - 1]!;
    if (before !== 0x3d && before !== 0) continue;
    fresh.copy(copy, at);
    count++;
  }
  if (count < 2) throw new Error("the module's name was not found");
  return copy;
}

function script(): string {
  const runs = [...TARGETS.flatMap(t => [`${t} local`, `${t} foreign`]), 'branches other'];
  return `
insmod /files/canary_fix.ko && insmod /files/probe.ko && insmod /files/poke.ko || exit 3
poke=/sys/module/poke/parameters/word
copy=9
fresh() {
  copy=$((copy + 1))
  insmod /files/vict$copy.ko || exit 0
  base=$(awk '$3 == "${ANCHOR}" && $4 == "[vict'$copy']" { print $1 }' /proc/kallsyms)
  canary=/sys/module/vict$copy/parameters/canary
}
run() {
  echo "$1 $2 ${CALLS}" > $canary || { echo "STALE $id canary"; return; }
  read -r line < $canary
  case $line in
    *" original=${CALLS} replaced=0 other=0 r1=0 r2=0 lr=0 nonvolatile=0 cr=0") ;;
    *" r1=0 r2=0 lr=0 nonvolatile=0 cr=0") echo "OTHER $id $line" ;;
    *) echo "LOST $id $line" ;;
  esac
}
try() {
  words=$*
  undo=
  while [ $# -gt 0 ]; do
    echo "$base $1 $2 $3" > $poke || echo "STALE $id $1"
    undo="$1 $3 $2 $undo"
    shift 3
  done
${runs.map(run => `  run ${run}`).join('\n')}
  set -- $undo
  while [ $# -gt 0 ]; do echo "$base $1 $2 $3" > $poke || echo "STALE $id undo"; shift 3; done
  exit 0
}
fresh
id=base
( try )
while read -r id words; do
  echo "TRY $id"
  # One that neither comes back nor dies keeps the processor, or its locks, for ever.
  ( sleep ${PATIENCE}; echo "HUNG $id"; poweroff -f ) & watch=$!
  ( try $words ); status=$?
  kill $watch
  if [ $status = 0 ]; then echo "DONE $id"; else
    echo "KILLED $id $(dmesg | grep -E 'NIP \\[|BUG|Unable' | tail -n 2 | tr '\\n' ' ')"
    fresh
  fi
done < /files/list
echo END
`;
}

const hex = (word: number): string => (word >>> 0).toString(16);

/** Boots as often as it takes. */
export async function tryMutants(
  generation: Generation,
  mutants: readonly VictimMutant[],
): Promise<{ trials: readonly Trial[]; boots: number }> {
  const { fix, probe, poke, victim } = proverModules(generation);
  const scratch = mkdtempSync(join(tmpdir(), 'tocsin-victims-'));
  const trials = new Map<number, Trial>();
  let boots = 0;
  try {
    const bytes = readFileSync(victim);
    const copies = Array.from({ length: COPIES }, (_, i) => {
      const path = join(scratch, `vict${10 + i}.ko`);
      writeFileSync(path, renamed(bytes, `vict${10 + i}`));
      return path;
    });
    const list = join(scratch, 'list');
    while (trials.size < mutants.length) {
      const left = mutants.map((_, i) => i).filter(i => !trials.has(i));
      writeFileSync(
        list,
        left
          .map(i => `${i} ${mutants[i]!.words.map(w => `${w.offset} ${hex(w.old)} ${hex(w.new)}`).join(' ')}\n`)
          .join(''),
      );
      boots++;
      const { console } = await bootKernel({
        generation,
        timeoutSeconds: 900,
        silenceSeconds: PATIENCE * 3,
        files: [fix, probe, poke, list, ...copies],
        script: script(),
        kernelArguments: 'softlockup_panic=1 watchdog_thresh=4',
      });
      const before = trials.size;
      for (const [i, trial] of read(console, mutants)) trials.set(i, trial);
      if (trials.size === before) throw new Error(`the machine tries nothing:\n${console.slice(-3000)}`);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return { trials: mutants.map((_, i) => trials.get(i)!), boots };
}

/**
 * What a console tells up to the mutant that could not be tried, because one before it has left the kernel in disorder. Where
 * nothing was tried before, the image in the machine is not the twin's, or the canary is not clean.
 */
function trusted(console: string): string {
  const stale = /^(?:STALE .*|(?:LOST|OTHER) base .*)$/m.exec(console);
  if (stale === null) return console;
  const begun = [...console.slice(0, stale.index).matchAll(/^TRY \d+$/gm)];
  if (begun.length < 2) throw new Error(`not the code that was judged: ${stale[0]}\n${console.slice(-3000)}`);
  return console.slice(0, begun.at(-1)!.index);
}

/** What one boot's console tells. The last mutant that was begun and not ended took the machine with it. */
function* read(all: string, mutants: readonly VictimMutant[]): Generator<readonly [number, Trial]> {
  const console = trusted(all);
  const said = new Map<number, string[]>();
  let open: number | undefined;
  let behind = 0;
  for (const { 1: verb, 2: number, 3: rest, index } of console.matchAll(
    /^(TRY|LOST|OTHER|DONE|KILLED) (\d+) ?(.*)$/gm,
  )) {
    const i = Number(number);
    const lines = said.get(i) ?? [];
    said.set(i, lines);
    if (verb === 'TRY') open = i;
    else if (verb === 'LOST' || verb === 'OTHER') lines.push(`${verb} ${rest}`);
    else {
      open = undefined;
      const isLost = lines.some(line => line.startsWith('LOST'));
      if (verb === 'KILLED') lines.push(rest!);
      yield [
        i,
        {
          mutant: mutants[i]!,
          outcome: verb === 'KILLED' ? 'killed' : isLost ? 'lost' : 'kept',
          said: lines,
          changesResults: lines.some(line => line.startsWith('OTHER')),
        },
      ];
    }
    behind = index;
  }
  if (open === undefined) return;
  const last = console
    .slice(behind)
    .split('\n')
    .filter(line => /HUNG|NIP|BUG|Unable|soft lockup|panic|Oops/.test(line));
  yield [
    open,
    { mutant: mutants[open]!, outcome: 'down', said: [...said.get(open)!, ...last.slice(0, 4)], changesResults: false },
  ];
}
