// SPDX-License-Identifier: GPL-2.0-only
// Module `canary`: the home of the functions that the lab redirects, and of the canary that watches them.
// Every original result is what the C says; a replacement's differs by 1000 a call (fix.c, canary_object.c).
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/stdarg.h>

#include "canary.h"
#include "functions.h"
#include "interrupt.h"

long home_bias = 5; /* not static: the compiler must not know its value */
static unsigned long home_calls;
module_param_named(calls, home_calls, ulong, 0644);

FUNCTION long home_add(long a, long b)
{
	home_calls++;
	return a + b + home_bias;
}
EXPORT_SYMBOL_GPL(home_add);

FUNCTION long home_add_fixed(long a, long b)
{
	home_calls++;
	return a + b + home_bias + 1000;
}

/* k = 0. */
FUNCTION long home_leaf(long value)
{
	return value * 3 + 1;
}
EXPORT_SYMBOL_GPL(home_leaf);

/* All argument registers are in use: a trampoline has r0, r11 and r12, no more. */
FUNCTION long home_eight(long a, long b, long c, long d, long e, long f, long g, long h)
{
	home_calls++;
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + home_bias;
}
EXPORT_SYMBOL_GPL(home_eight);

/* Arguments in the caller's frame, where a new frame would hide them. */
FUNCTION long home_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j)
{
	home_calls++;
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + home_bias;
}
EXPORT_SYMBOL_GPL(home_ten);

FUNCTION long home_variadic(long count, ...)
{
	va_list list;
	long sum = home_bias;

	va_start(list, count);
	while (count-- > 0)
		sum += va_arg(list, long);
	va_end(list);
	home_calls++;
	return sum;
}
EXPORT_SYMBOL_GPL(home_variadic);

/* Returns in r3 and r4: what brings r2 back must leave r4 alone. */
FUNCTION struct pair home_pair(long value)
{
	home_calls++;
	return (struct pair){ value + home_bias, value * 2 };
}

FUNCTION long home_pair_sum(long value)
{
	struct pair pair = home_pair(value);

	home_calls++;
	return pair.low * 10000 + pair.high;
}
EXPORT_SYMBOL_GPL(home_pair_sum);

/* Enters itself through a pointer: as many trampolines are under way as it is deep. */
FUNCTION long home_recurse(long depth, void *again)
{
	home_calls++;
	if (!depth)
		return home_bias;
	return ((recursion *)again)(depth - 1, again) + 1;
}
EXPORT_SYMBOL_GPL(home_recurse);

/* These two enter one another through pointers, so replacements do as well. */
FUNCTION long home_ping(long depth, const struct turns *turns)
{
	home_calls++;
	if (!depth)
		return home_bias;
	return turns->pong(depth - 1, turns) + 1;
}
EXPORT_SYMBOL_GPL(home_ping);

FUNCTION long home_pong(long depth, const struct turns *turns)
{
	home_calls++;
	if (!depth)
		return home_bias;
	return turns->ping(depth - 1, turns) + 1;
}

const struct turns home_turns = { home_ping, home_pong };
EXPORT_SYMBOL_GPL(home_turns);

/* Other tasks run between its entry and its return. */
FUNCTION long home_yield(long value)
{
	cond_resched();
	return value + home_bias;
}
EXPORT_SYMBOL_GPL(home_yield);

/* Entered from another module, this is the case where the save slot above F belongs to a third party. */
FUNCTION long home_sibling(long a, long b)
{
	return home_add(b, a);
}
EXPORT_SYMBOL_GPL(home_sibling);

/* A compiled local caller: with a wrong r2 it would read somebody else's home_bias. */
FUNCTION long home_twice(long a, long b)
{
	long sum = home_add(a, b);

	sum += home_bias;
	return home_add(sum, home_bias);
}
EXPORT_SYMBOL_GPL(home_twice);

EXPORT_SYMBOL_GPL(home_bare);
EXPORT_SYMBOL_GPL(home_framed);

module_param_cb(canary, &canary_param_ops, NULL, 0644);

extern canary_entry canary_add, canary_leaf, canary_eight, canary_ten, canary_variadic, canary_pair, canary_recurse,
	canary_mutual, canary_yield, canary_sibling, canary_twice, canary_bare,
	canary_framed, canary_careless;

#define EIGHT 1, 2, 3, 4, 5, 6, 7, 8
#define BOTH(name, function, original, replaced, ...)                                      \
	{ #name, "local", canary_##name, NULL, { __VA_ARGS__ }, original, replaced },      \
	{ #name, "pointer", canary_pointer, function, { __VA_ARGS__ }, original, replaced }, \
	{ #name, "interrupt", canary_interrupt, &(struct canary_call){ canary_##name }, { __VA_ARGS__ }, original, replaced }

const struct canary_target canary_targets[] = {
	BOTH(add, home_add, 35, 1035, 10, 20),
	BOTH(leaf, home_leaf, 22, 1022, 7),
	BOTH(eight, home_eight, 209, 1209, EIGHT),
	BOTH(ten, home_ten, 390, 1390, EIGHT, 9, 10),
	BOTH(variadic, home_variadic, 50, 1050, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9),
	BOTH(pair, home_pair_sum, 120014, 10121014, 7),
	BOTH(recurse, home_recurse, 25, 21025, 20, (u64)home_recurse),
	BOTH(mutual, home_ping, 25, 21025, 20, (u64)&home_turns),
	BOTH(yield, home_yield, 12, 1012, 7),
	BOTH(sibling, home_sibling, 35, 1035, 10, 20),
	BOTH(twice, home_twice, 50, 2050, 10, 20),
	BOTH(bare, home_bare, 35, 1035, 10, 20),
	BOTH(framed, home_framed, 35, 1035, 10, 20),
	BOTH(careless, home_careless, 35, 1035, 10, 20),
	{ }
};

static int __init home_init(void)
{
	return 0;
}

static void __exit home_exit(void)
{
}

module_init(home_init);
module_exit(home_exit);
MODULE_DESCRIPTION("The lab's canary and the functions that are redirected");
MODULE_LICENSE("GPL");
