// SPDX-License-Identifier: GPL-2.0-only
// Replacements for functions of tocsin_demo, in a module of their own and so with another TOC. Each one reads and writes
// its own globals: entered with the wrong r2 it would touch somebody else's memory.
//
// This module knows nothing of tocsin_demo, because the redirected tocsin_demo needs this one loaded first.
#include <linux/kernel.h>
#include <linux/math.h>
#include <linux/module.h>
#include <linux/stdarg.h>

#include "demo.h"

unsigned long fix_slots_squared = DEMO_SLOTS * DEMO_SLOTS;
unsigned long fix_bonus = 1000;
static unsigned long fix_calls;
module_param_named(calls, fix_calls, ulong, 0644);

/* The bound that demo_in_range() got wrong. Calls the kernel, so it has a frame and r2 goes through a save slot. */
DEMO_FUNCTION long fix_in_range(long index)
{
	unsigned long slots = int_sqrt(fix_slots_squared);

	fix_calls++;
	return index >= 0 && index < (long)slots;
}
EXPORT_SYMBOL_GPL(fix_in_range);

/* Unlike demo_parity() it uses the TOC: the function it replaces does not. */
DEMO_FUNCTION long fix_parity(unsigned long value)
{
	fix_calls++;
	return hweight64(value) & 1 ? 0 : 1;
}
EXPORT_SYMBOL_GPL(fix_parity);

DEMO_FUNCTION long fix_sum_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j)
{
	fix_calls++;
	return a + b + c + d + e + f + g + h + i + j + fix_bonus;
}
EXPORT_SYMBOL_GPL(fix_sum_ten);

DEMO_FUNCTION long fix_sum_variadic(int count, ...)
{
	va_list list;
	long sum = fix_bonus;

	va_start(list, count);
	while (count-- > 0)
		sum += va_arg(list, long);
	va_end(list);
	fix_calls++;
	return sum;
}
EXPORT_SYMBOL_GPL(fix_sum_variadic);

/* Also good as a hook: takes what demo_in_range() and demo_alarm() take, and only counts. */
DEMO_FUNCTION void fix_alarm(long index)
{
	fix_calls++;
}
EXPORT_SYMBOL_GPL(fix_alarm);

static int __init fix_init(void)
{
	return 0;
}

static void __exit fix_exit(void)
{
}

module_init(fix_init);
module_exit(fix_exit);
MODULE_DESCRIPTION("Replacements for functions of tocsin_demo");
MODULE_LICENSE("GPL");
