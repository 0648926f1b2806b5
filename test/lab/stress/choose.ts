// Which modules of a kernel are loaded under stress, and in which order.

import { type Kernel, loadOrder } from '../harness/harness.ts';
import { moduleName } from '../loader/capture.ts';
import { spread } from '../support/lab.ts';
import { plainModulesOf } from '../support/plain.ts';

/**
 * Left out: they hang without their hardware (speakup_*), work on the machine itself (it is reset, or time stops), or do
 * something else than drive things when they are loaded, and end with an error by design.
 */
const UNFIT =
  /^(speakup_|test_|.*_test$|.*kunit.*|.*torture.*|.*scale$|tcrypt$|lkdtm$|hangcheck_timer$|softdog$|.*_wdt$|.*wdog.*|hwpoison_inject$|notifier_error_inject$|.*_notifier_error_inject$|mce_inject$|pktgen$|evbug$|kgdbts$|.*_selftest.*|dmatest$|backtracetest$|kheaders$|configs$|crash_hotplug$)/;

/**
 * Plain files in an order in which they load: first `wanted`, then others spread evenly over the kernel's modules, each with what
 * it needs, until there are `count`.
 *
 * @param wanted names of modules; those that the kernel has not are passed over
 */
export function chooseModules(of: Kernel, wanted: readonly string[], count: number): readonly string[] {
  const plain = new Map(plainModulesOf(of).map(module => [module.packed, module.plain]));
  const names = of.modules.map(moduleName);
  const present = wanted.filter(name => names.includes(name));
  const order = new Set(loadOrder(of, present));
  const fit = names.filter(name => !UNFIT.test(name));
  // Each round looks between those of the last one.
  for (let parts = 64; order.size < count && parts < 4 * fit.length; parts *= 2)
    for (const name of spread(fit, parts)) {
      const needed = loadOrder(of, [name]).filter(path => !order.has(path));
      if (needed.some(path => UNFIT.test(moduleName(path)))) continue;
      if (order.size + needed.length <= count) for (const path of needed) order.add(path);
    }
  return [...order].map(path => plain.get(path)!);
}
