// SPDX-License-Identifier: GPL-2.0-only
// A module with a bug, small enough to read its disassembly, with one function for every kind of call that tocsin tells
// apart. The bug: demo_in_range() accepts an index one past the end. tocsin_fix.c has the replacements.
//
//	cat /sys/module/tocsin_demo/parameters/report      results, one NAME=VALUE a line
//	echo in_range local 1000 > .../parameters/canary   see canary.h; the names and paths are at the end of this file
#include <linux/kernel.h>
#include <linux/math.h>
#include <linux/module.h>
#include <linux/stdarg.h>

#include "canary.h"
#include "demo.h"

long demo_slots = DEMO_SLOTS; /* not static: the compiler must not know its value */
static long demo_table[DEMO_SLOTS + 1] = { [DEMO_SLOTS] = 666 };
static long demo_checks, demo_alarms, demo_hits;

/* The function to redirect. Uses the TOC, has callers of every kind. */
DEMO_FUNCTION long demo_in_range(long index)
{
	demo_checks++;
	return index >= 0 && index <= demo_slots;
}
EXPORT_SYMBOL_GPL(demo_in_range);

/* Its replacement in the same object, for `direct`. */
DEMO_FUNCTION long demo_in_range_fixed(long index)
{
	demo_checks++;
	return index >= 0 && index < demo_slots;
}

/* The function whose calls may become nops: it counts, and nobody needs the count. */
DEMO_FUNCTION void demo_alarm(long index)
{
	demo_alarms++;
}

/* A local caller: no nop after its calls, and the TOC is used after they return. */
DEMO_FUNCTION long demo_lookup(long index)
{
	demo_alarm(index);
	if (!demo_in_range(index))
		return -1;
	demo_hits++;
	return demo_table[index];
}
EXPORT_SYMBOL_GPL(demo_lookup);

DEMO_FUNCTION long demo_lookup_all(long count)
{
	long index, sum = 0;

	for (index = 0; index < count; index++)
		sum += demo_lookup(index);
	return sum;
}

/* A sibling call: demo_in_range() returns to this function's caller. */
DEMO_FUNCTION long demo_sibling(long index)
{
	return demo_in_range(index + 1);
}

/* An indirect call: enters demo_in_range() at its global entry, with its address in r12. */
static struct {
	long (*check)(long index);
} demo_operations = { .check = demo_in_range };

DEMO_FUNCTION long demo_indirect(long index)
{
	long (*check)(long index) = READ_ONCE(demo_operations.check);

	return check(index) + demo_slots;
}

/* A leaf that needs no TOC (k = 0): enters and leaves with whatever r2 its caller had. */
DEMO_FUNCTION long demo_parity(unsigned long value)
{
	value ^= value >> 32;
	value ^= value >> 16;
	value ^= value >> 8;
	value ^= value >> 4;
	return (0x6996 >> (value & 15)) & 1;
}

/* The same without a call site: the compiler leaves no room in a notrace function. */
notrace DEMO_FUNCTION unsigned long demo_swap_halves(unsigned long value)
{
	return value << 32 | value >> 32;
}

/* Ten arguments: the last two are in the caller's frame, where a new frame would hide them. */
DEMO_FUNCTION long demo_sum_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j)
{
	demo_checks++;
	return a + b + c + d + e + f + g + h + i + j;
}

DEMO_FUNCTION long demo_sum_ten_call(void)
{
	return demo_sum_ten(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) + demo_slots;
}

/* Variadic: the caller has a parameter save area, and this function stores its registers there. */
DEMO_FUNCTION long demo_sum_variadic(int count, ...)
{
	va_list list;
	long sum = 0;

	va_start(list, count);
	while (count-- > 0)
		sum += va_arg(list, long);
	va_end(list);
	demo_checks++;
	return sum;
}

/* External calls: into the kernel, through the loader's stubs. */
DEMO_FUNCTION unsigned long demo_external(unsigned long value)
{
	return int_sqrt(value) + demo_slots;
}

static int demo_report_get(char *buffer, const struct kernel_param *param)
{
	long checks = demo_checks, alarms = demo_alarms, hits = demo_hits;
	long in_range = demo_in_range(DEMO_SLOTS), lookup = demo_lookup(DEMO_SLOTS), all = demo_lookup_all(DEMO_SLOTS + 1);

	/* The counters come first in the list but are read last; what follows adds to them on the next reading. */
	checks = demo_checks - checks;
	alarms = demo_alarms - alarms;
	hits = demo_hits - hits;
	return scnprintf(buffer, 1024,
			 "checks=%ld\nalarms=%ld\nhits=%ld\nin_range=%ld\nlookup=%ld\nlookup_all=%ld\nsibling=%ld\n"
			 "indirect=%ld\nother_file=%ld\nparity=%ld\nswap_halves=%lu\nsum_ten=%ld\nsum_variadic=%ld\nexternal=%lu\n",
			 checks, alarms, hits, in_range, lookup, all, demo_sibling(DEMO_SLOTS - 1),
			 demo_indirect(DEMO_SLOTS), demo_other_file(DEMO_SLOTS), demo_parity(7), demo_swap_halves(5UL << 32),
			 demo_sum_ten_call(), demo_sum_variadic(3, 10L, 20L, 30L), demo_external(144));
}

static const struct kernel_param_ops demo_report_ops = { .get = demo_report_get };
module_param_cb(report, &demo_report_ops, NULL, 0444);
module_param_cb(canary, &canary_param_ops, NULL, 0644);

extern canary_entry canary_in_range, canary_sibling, canary_parity, canary_sum_ten, canary_sum_variadic;

const struct canary_target canary_targets[] = {
	{ "in_range", "local", canary_in_range, NULL, { DEMO_SLOTS }, 1, 0 },
	{ "in_range", "pointer", canary_pointer, demo_in_range, { DEMO_SLOTS }, 1, 0 },
	{ "sibling", "local", canary_sibling, NULL, { DEMO_SLOTS - 1 }, 1, 0 },
	{ "sibling", "pointer", canary_pointer, demo_sibling, { DEMO_SLOTS - 1 }, 1, 0 },
	{ "parity", "local", canary_parity, NULL, { 7 }, 1, 0 },
	{ "parity", "pointer", canary_pointer, demo_parity, { 7 }, 1, 0 },
	{ "sum_ten", "local", canary_sum_ten, NULL, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, 55, 1055 },
	{ "sum_ten", "pointer", canary_pointer, demo_sum_ten, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, 55, 1055 },
	{ "sum_variadic", "local", canary_sum_variadic, NULL, { 9, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, 45, 1045 },
	{ "sum_variadic", "pointer", canary_pointer, demo_sum_variadic, { 9, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, 45, 1045 },
	{ }
};

static int __init demo_init(void)
{
	long index;

	for (index = 0; index < DEMO_SLOTS; index++)
		demo_table[index] = index;
	pr_info("tocsin_demo: in_range(%d) is %ld\n", DEMO_SLOTS, demo_in_range(DEMO_SLOTS));
	return 0;
}

static void __exit demo_exit(void)
{
	pr_info("tocsin_demo: unloaded\n");
}

module_init(demo_init);
module_exit(demo_exit);
MODULE_DESCRIPTION("A module for tocsin to practise on");
MODULE_LICENSE("GPL");
