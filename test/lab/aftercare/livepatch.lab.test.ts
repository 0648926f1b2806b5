// What the livepatch core learns of a task that sleeps inside a redirected or hooked function. It lets a task go on with patched code
// when no patched function is on its stack, which stack_trace_save_tsk_reliable tells it.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runMachine } from '../boot/machine.ts';
import { loadModules, prelude } from '../boot/scripts.ts';
import { builtFor, isThere, makeKernel, vmlinux } from '../loader/livepatch/kernel.ts';
import { figure, full } from '../support/lab.ts';
import { tocsinDone } from '../support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-aftercare-livepatch-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const PLAN = {
  schema: 'tocsin.patch-plan/1',
  redirect: [
    { function: 'trail_frame', to: 'trail_fixed', strategy: 'frame' },
    { function: 'trail_shadow', to: 'trail_fixed', strategy: 'shadow' },
    { function: 'trail_direct', to: 'trail_merged', strategy: 'direct' },
  ],
  hook: [
    { functions: 'trail_hook', before: 'trail_entered' },
    { functions: 'trail_leave', after: 'trail_left' },
  ],
};

/**
 * By way: what stands on the stack of the task that sleeps inside, and whether a livepatch of the caller, and of the function itself,
 * waits for that task.
 */
const WAYS: Readonly<
  Record<string, { readonly stack: readonly string[]; readonly caller: boolean; readonly own: boolean }>
> = {
  frame: { stack: ['trail_fixed', '__tocsin_frame_trail_frame', 'trail_frame_caller'], caller: true, own: false },
  direct: { stack: ['trail_merged', 'trail_direct_caller'], caller: true, own: false },
  hook: { stack: ['trail_entered', '__tocsin_hook_trail_hook', 'trail_hook_caller'], caller: true, own: false },
  leave: { stack: ['trail_left', '__tocsin_hook_trail_leave', 'trail_leave_caller'], caller: true, own: false },
  // The caller is not seen, as it is not in a livepatch of the kernel's own.
  shadow: { stack: ['trail_fixed', '__tocsin_shadow_trail_shadow'], caller: false, own: false },
  plain: { stack: ['trail_first', 'livepatch_handler'], caller: false, own: true },
};

/**
 * A task sleeps inside a way; its stack is asked for; `function` is patched; after some seconds the task goes on.
 * RESULT `held.LABEL` = 1 where the transition was still waiting, `done.LABEL` = 0 where it is over when the task has left.
 */
function transition(label: string, way: string, patched: string): string {
  return `
echo 1 > /sys/module/trail_watch/parameters/asleep
echo ${way} > /sys/module/trail/parameters/call &
sleep 1
echo "$(awk '$3 == "stack_trace_save_tsk_reliable" { print $1 }' /proc/kallsyms) $!" > /sys/module/trail_watch/parameters/reliable
sed 's/^/RELIABLE ${label} /' /sys/module/trail_watch/parameters/reliable
insmod /files/trail_second.ko function=${patched}; result second.${label} $?
for wait in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; done
result held.${label} $(cat /sys/kernel/livepatch/trail_second/transition)
echo 0 > /sys/module/trail_watch/parameters/asleep
wait
for wait in $(seq 100); do grep -q 1 /sys/kernel/livepatch/trail_second/transition || break; sleep 0.1; done
result done.${label} $(cat /sys/kernel/livepatch/trail_second/transition)
echo 0 > /sys/kernel/livepatch/trail_second/enabled
for wait in $(seq 300); do [ -d /sys/kernel/livepatch/trail_second ] || break; sleep 0.1; done
rmmod trail_second
`;
}

/** What the kernel answered: its status, then the names that it found, from the first one of the lab's modules on. */
function reliable(console: string, label: string) {
  const lines = console.split('\n').filter(line => line.startsWith(`RELIABLE ${label} `));
  const [status, ...places] = lines.map(line => line.split(' ')[2]!);
  const names = places.map(place => place.split('+')[0]!);
  return { status: Number(status), names: names.slice(names.indexOf('trail_wait') + 1) };
}

const leftOut = !full && !isThere();
if (leftOut)
  console.log(
    'aftercare/livepatch: left out, because its kernel is not in the cache (test/lab/harness/livepatch-kernel builds it; so does --full)',
  );

describe.skipIf(leftOut)('a livepatch and a task inside a redirected function', () => {
  it('is held back wherever a patched function can be seen', async () => {
    if (!isThere()) makeKernel();
    const modules = builtFor([join(import.meta.dirname, 'modules'), join(import.meta.dirname, 'livepatch')]);
    const at = (name: string) => join(scratch, name);
    for (const [name, bytes] of modules) writeFileSync(at(name.endsWith('.o') ? name : `${name}.ko`), bytes);
    mkdirSync(at('patched'));
    writeFileSync(at('plan.json'), JSON.stringify(PLAN));
    const patched = at('patched/trail.ko');
    await tocsinDone(
      'patch',
      at('trail.ko'),
      '-o',
      patched,
      '--plan',
      at('plan.json'),
      '--with',
      at('trail_object.o'),
      '--quiet',
    );
    const { exitStatus, found, said, console } = await runMachine('aftercare-livepatch', {
      vmlinux,
      timeoutSeconds: 600,
      files: [...['trail_watch.ko', 'trail_fix.ko', 'trail_first.ko', 'trail_second.ko'].map(at), patched],
      script: [
        prelude(),
        loadModules(['trail_watch.ko', 'trail_fix.ko', 'trail.ko']),
        'insmod /files/trail_first.ko function=trail_plain; result load.first $?\n',
        'for wait in $(seq 300); do grep -q 1 /sys/kernel/livepatch/trail_first/transition || break; sleep 0.1; done\n',
        ...Object.keys(WAYS).map(way => transition(`${way}.caller`, way, `trail_${way}_caller`)),
        ...Object.keys(WAYS).map(way => transition(`${way}.own`, way, `trail_${way}`)),
      ].join(''),
    });
    expect([exitStatus, found.get('load.trail'), found.get('load.first')], said).toEqual([0, '0', '0']);
    for (const [way, { stack, caller, own }] of Object.entries(WAYS)) {
      const { status, names } = reliable(console, `${way}.caller`);
      expect([way, status > 0, ...names.slice(0, stack.length + 1)], said).toEqual([way, true, ...stack, 'set_call']);
      for (const [what, waits] of Object.entries({ caller, own })) {
        const label = `${way}.${what}`;
        const answers = ['second', 'held', 'done'].map(k => found.get(`${k}.${label}`));
        expect([label, ...answers], said).toEqual([label, '0', waits ? '1' : '0', '0']);
      }
    }
    figure(
      'aftercare, livepatch: ways whose caller holds a transition back',
      Object.values(WAYS).filter(w => w.caller).length,
    );
  });
});
