// SPDX-License-Identifier: GPL-2.0-only
// Module `canary_fix`: replacements with a TOC of their own. Each reads fix_bonus and counts, so each needs its own r2.
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/stdarg.h>

#include "functions.h"

long fix_bonus = 1005;
static unsigned long fix_calls;
module_param_named(calls, fix_calls, ulong, 0644);

FUNCTION long fix_add(long a, long b)
{
	fix_calls++;
	return a + b + fix_bonus;
}
EXPORT_SYMBOL_GPL(fix_add);

/* Uses the TOC, unlike what it replaces. */
FUNCTION long fix_leaf(long value)
{
	fix_calls++;
	return value * 3 + fix_bonus - 4;
}
EXPORT_SYMBOL_GPL(fix_leaf);

FUNCTION long fix_eight(long a, long b, long c, long d, long e, long f, long g, long h)
{
	fix_calls++;
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + fix_bonus;
}
EXPORT_SYMBOL_GPL(fix_eight);

FUNCTION long fix_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j)
{
	fix_calls++;
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + fix_bonus;
}
EXPORT_SYMBOL_GPL(fix_ten);

FUNCTION long fix_variadic(long count, ...)
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
EXPORT_SYMBOL_GPL(fix_variadic);

FUNCTION struct pair fix_pair(long value)
{
	fix_calls++;
	return (struct pair){ value + fix_bonus, value * 2 + fix_bonus - 5 };
}
EXPORT_SYMBOL_GPL(fix_pair);

FUNCTION long fix_recurse(long depth, void *again)
{
	fix_calls++;
	if (!depth)
		return fix_bonus;
	return ((recursion *)again)(depth - 1, again) + fix_bonus - 4;
}
EXPORT_SYMBOL_GPL(fix_recurse);

/* Really gives the processor away, with the trampoline's frame on the stack. */
FUNCTION long fix_yield(long value)
{
	fix_calls++;
	yield();
	return value + fix_bonus;
}
EXPORT_SYMBOL_GPL(fix_yield);

/* For --hook: overwrites every volatile register that a function may, so that a hook which saves too little shows. */
FUNCTION void fix_hook(void)
{
	fix_calls++;
	asm volatile("li 0,-1; li 3,-1; li 4,-1; li 5,-1; li 6,-1; li 7,-1; li 8,-1; li 9,-1; li 10,-1; li 11,-1; li 12,-1;"
		     "mtctr 12; mtcrf 0xc7,12"
		     ::: "r0", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "ctr", "cr0", "cr1", "cr5",
			 "cr6", "cr7");
}
EXPORT_SYMBOL_GPL(fix_hook);

static int __init fix_init(void)
{
	return 0;
}

static void __exit fix_exit(void)
{
}

module_init(fix_init);
module_exit(fix_exit);
MODULE_DESCRIPTION("Replacements for functions of the lab's canary");
MODULE_LICENSE("GPL");
