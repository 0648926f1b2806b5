// Which lines of the kernel's log are about a module that is loaded.

/** Lines that are not the loader's. Each with its reason. */
const NOT_THE_LOADERS: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^Disabling lock debugging due to kernel taint$/, 'said by the lock debugger, once in the life of a kernel'],
  [
    /^(CPU: \d+ .*PID: |Tainted: \[|Hardware name: |Call Trace:|\[c[0-9a-f]{15}\] \[|-+ interrupt: |(NIP|LR|REGS|MSR|CFAR|IRQMASK|GPR\d+)[: ])/,
    'a stack, which some messages come with',
  ],
  [/^hrtimer: interrupt took \d+ ns$/, 'said by the timer, once, where this machine had other things to do'],
];

export function isOfTheLoader(text: string): boolean {
  return !NOT_THE_LOADERS.some(([pattern]) => pattern.test(text));
}
