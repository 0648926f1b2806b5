// Pieces of shell for the lab's machine, and how to read what they print. Each function gives a few lines of busybox
// sh; a test joins those it wants. What a test needs to know is printed as `RESULT KEY=VALUE`, one a line, and found
// by results(); all else on the console is for people.

const TRACING = '/sys/kernel/tracing';

/** Counters of one run of the canary (samples/src/canary.h). All of them count calls. */
export interface CanaryCounts {
  readonly calls: number;
  /** Results: the function's own, its replacement's, neither. */
  readonly original: number;
  readonly replaced: number;
  readonly other: number;
  /** Calls after which the register had another value. `nonvolatile`: any of r14 to r31; `cr`: CR2, CR3 or CR4. */
  readonly r1: number;
  readonly r2: number;
  readonly lr: number;
  readonly nonvolatile: number;
  readonly cr: number;
}

export type CanaryModule = 'canary' | 'canary_ext' | 'tocsin_demo' | 'historical' | 'victim';
export type CanaryPath = 'local' | 'external' | 'pointer' | 'interrupt' | 'foreign' | 'other';

/** Who calls the functions of `canary` that are redirected or hooked. */
export const PATHS = [
  ['canary', 'local'],
  ['canary', 'pointer'],
  ['canary_ext', 'external'],
  ['canary_ext', 'pointer'],
] as const;

/** Begins every script: the shell functions that the other pieces use. */
export function prelude(): string {
  return `
result() { echo "RESULT $1=$2"; }
load() {
  name=\${1##*/}; name=\${name%%.ko*}
  message=$(insmod "$@" 2>&1); result "load.$name" "$?"
  [ -z "$message" ] || result "message.$name" "$message"
}
interrupts() { awk '$1 ~ /^LOC/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' /proc/interrupts; }
canary() {
  before=$(interrupts)
  if echo "$2 $3 $4" > "/sys/module/$1/parameters/canary"; then
    result "canary.$1.$2.$3\${5:+.$5}" "$(cat "/sys/module/$1/parameters/canary")"
    result "interrupts.$1.$2.$3\${5:+.$5}" $(($(interrupts) - before))
  else
    result "canary.$1.$2.$3\${5:+.$5}" failed
  fi
}
`;
}

/**
 * Loads modules from /files, in this order.
 * RESULT `load.NAME` = insmod's exit status, `message.NAME` = what it said.
 */
export function loadModules(files: readonly string[]): string {
  return files.map(file => `load /files/${file}\n`).join('');
}

/** RESULT `unload.NAME` = rmmod's exit status. */
export function unloadModules(names: readonly string[]): string {
  return names.map(name => `rmmod ${name}; result unload.${name} $?\n`).join('');
}

/**
 * Calls a target of the canary many times. `label` tells several runs of the same target apart.
 * RESULT `canary.MODULE.TARGET.PATH[.LABEL]` = a line for canaryCounts(); `interrupts.…` = timer interrupts meanwhile.
 */
export function runCanary(module: CanaryModule, target: string, path: CanaryPath, calls: number, label = ''): string {
  return `canary ${module} ${target} ${path} ${calls} ${label}\n`;
}

/** Prints the sample module's report. RESULT `report.NAME` = value. */
export function demoReport(): string {
  return `while read -r line; do echo "RESULT report.$line"; done < /sys/module/tocsin_demo/parameters/report\n`;
}

/** Whether the tracer knows functions of modules. RESULT `filter.FUNCTION` = its module, or `absent`. */
export function filterFunctions(functions: readonly string[]): string {
  return functions
    .map(
      name => `
result filter.${name} "$(awk '$1 == "${name}" { found = $2 == "" ? "vmlinux" : $2 } END { print found == "" ? "absent" : found }' \\
  ${TRACING}/available_filter_functions | tr -d '[]')"`,
    )
    .concat('')
    .join('\n');
}

/** How many functions of a loaded module the tracer knows. RESULT `functions.NAME` = that number. */
export function countFunctions(modules: readonly string[]): string {
  return modules
    .map(
      name => `
result functions.${name} "$(awk '$2 == "[${name}]" { n++ } END { print n + 0 }' ${TRACING}/available_filter_functions)"`,
    )
    .concat('')
    .join('\n');
}

/**
 * Uses ext4 through a loop device: makes a file system, mounts it, writes, reads back. Needs modules loop and ext4.
 * RESULT `mount` = mount's exit status, `ext4` = `same` if what was read is what was written.
 */
export function useFileSystem(): string {
  return `
dd if=/dev/zero of=/tmp/disk bs=1024 count=4096 2>/dev/null
mke2fs -F /tmp/disk > /dev/null 2>&1 || mkfs.ext2 -F /tmp/disk > /dev/null
device=$(losetup -f); losetup "$device" /tmp/disk; mkdir -p /tmp/mount
mount -t ext4 "$device" /tmp/mount; result mount $?
dd if=/dev/urandom of=/tmp/text bs=1024 count=256 2>/dev/null
cp /tmp/text /tmp/mount/text; sync; umount /tmp/mount; mount -t ext4 "$device" /tmp/mount
cmp /tmp/text /tmp/mount/text && result ext4 same
umount /tmp/mount; losetup -d "$device"
`;
}

/**
 * Runs commands while another process switches the function tracer on and off without a pause, then once more with it
 * on. `filter` limits it to these functions; an empty list means all functions of the kernel.
 * `commands` is called with a label for each round.
 * RESULT `tracer.switches` = times it was switched on, `tracer.rounds`, `tracer.enabled` = 1 if it is still in order,
 * `traced.FUNCTION` = calls in the last round's trace (bounded by its buffer).
 */
export function whileTracing(filter: readonly string[], commands: (label: string) => string, switches = 25): string {
  return `
echo 4096 > ${TRACING}/buffer_size_kb
: > ${TRACING}/set_ftrace_filter
${filter.map(name => `echo ${name} >> ${TRACING}/set_ftrace_filter || result filter.failed ${name}`).join('\n')}
rm -f /tmp/stop; echo 0 > /tmp/switches
(
  count=0
  while [ ! -e /tmp/stop ]; do
    echo function > ${TRACING}/current_tracer && count=$((count + 1))
    echo nop > ${TRACING}/current_tracer
    echo $count > /tmp/switches.new; mv /tmp/switches.new /tmp/switches
  done
) &
rounds=0
while [ "$(cat /tmp/switches)" -lt ${switches} ] && [ $rounds -lt 500 ]; do
${commands('switching')}
  rounds=$((rounds + 1))
done
touch /tmp/stop; wait
result tracer.switches "$(cat /tmp/switches)"
result tracer.rounds $rounds
echo function > ${TRACING}/current_tracer
${commands('traced')}
echo 0 > ${TRACING}/tracing_on
${filter.map(name => `result traced.${name} "$(grep -c ': ${name}[ +]' ${TRACING}/trace)"`).join('\n')}
echo nop > ${TRACING}/current_tracer
echo 1 > ${TRACING}/tracing_on
: > ${TRACING}/set_ftrace_filter
result tracer.enabled "$(cat /proc/sys/kernel/ftrace_enabled)"
`;
}

/**
 * Looks through the kernel's log for what must not be there. RESULT `troubles` = number of lines; the lines follow,
 * each as `TROUBLE …`.
 */
export function troubles(): string {
  const signs =
    'WARNING:|Oops|BUG:|ftrace_bug|ftrace failed|ftrace faulted|Unable to handle|Kernel panic|Call Trace|Unknown symbol|' +
    'Unknown ADD relocation|Expected nop|Not expected bl|out of range|soft lockup|stack-protector|Bad kernel stack';
  return `
dmesg | grep -E '${signs}' > /tmp/troubles
sed 's/^/TROUBLE /' /tmp/troubles
result troubles $(wc -l < /tmp/troubles)
`;
}

/**
 * Leaves a loaded module's sections in /out/NAME: `sections` (lines `SECTION ADDRESS`) and one file of raw bytes,
 * named as the section, for each of `sizes` (bytes by section name).
 */
export function dumpSections(name: string, sizes: ReadonlyMap<string, number>): string {
  const reads = [...sizes].map(
    ([section, size]) => `
address=$(cat '/sys/module/${name}/sections/${section}' 2>/dev/null) && kread "$address" ${size} | xxd -r -p > '/out/${name}/${section}'`,
  );
  return `
mkdir -p /out/${name}
(cd /sys/module/${name}/sections && for s in .[!.]* *; do [ ! -f "$s" ] || echo "$s $(cat "$s")"; done) > /out/${name}/sections
${reads.join('\n')}
`;
}

/**
 * All RESULT lines of a console. A key that was printed several times has its last value. Throws where runs of the canary under one
 * key ended differently: whileTracing() has many rounds, and what one of them lost must not hide behind the last.
 */
export function results(console: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [, key, text] of console.matchAll(/RESULT ([^=\s]+)=(.*)$/gm)) {
    const value = text!.trim();
    const before = found.get(key!);
    if (key!.startsWith('canary.') && before !== undefined && before !== value)
      throw new Error(`${key}: ${before}, and in another round ${value}`);
    found.set(key!, value);
  }
  return found;
}

/** Reads the value of a `canary.…` result. Throws on anything else. */
export function canaryCounts(value: string | undefined): CanaryCounts {
  const fields = new Map(
    [...(value ?? '').matchAll(/(\w+)=(\d+)/g)].map(match => [match[1]!, Number(match[2])] as const),
  );
  const field = (name: string): number => {
    const count = fields.get(name);
    if (count === undefined) throw new Error(`not a line of the canary's counters: ${value ?? 'nothing'}`);
    return count;
  };
  return {
    calls: field('calls'),
    original: field('original'),
    replaced: field('replaced'),
    other: field('other'),
    r1: field('r1'),
    r2: field('r2'),
    lr: field('lr'),
    nonvolatile: field('nonvolatile'),
    cr: field('cr'),
  };
}
