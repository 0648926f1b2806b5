// SPDX-License-Identifier: GPL-2.0-only
// The replacements: another module, another TOC. In a task they sometimes give the processor away, so that others enter meanwhile.
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/stdarg.h>

#include "hammer.h"

static long hammer_bonus = REPLACED;

FUNCTION long hammer_fixed(long a, long b, long c, long d, long e, long f, long depth, void *again, long turn, long last)
{
	long inner = 0;

	if (in_task() && !irqs_disabled() && turn % 16 == 0)
		yield();
	if (depth > 0)
		inner = ((hammered *)again)(a, b, c, d, e, f, depth - 1, again, turn + 1, last);
	return inner + a + b + c + d + e + f + last + READ_ONCE(hammer_bonus);
}
EXPORT_SYMBOL_GPL(hammer_fixed);

FUNCTION long hammer_counted(int count, ...)
{
	va_list list;
	long sum = READ_ONCE(hammer_bonus);

	va_start(list, count);
	while (count-- > 0)
		sum += va_arg(list, long);
	va_end(list);
	return sum;
}
EXPORT_SYMBOL_GPL(hammer_counted);

MODULE_DESCRIPTION("Replacements for the functions of hammer");
MODULE_LICENSE("GPL");
