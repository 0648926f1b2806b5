// SPDX-License-Identifier: GPL-2.0-only
// Module `victim`: correct functions of many shapes, whose mutants are tried in a booted kernel, and the canary that calls
// them. It exports nothing, so that mutants with other names can be loaded beside each other.
#include <linux/module.h>
#include <linux/sched.h>

#include "canary.h"
#include "functions.h"

module_param_cb(canary, &canary_param_ops, NULL, 0644);

typedef long pair_function(long a, long b);

extern canary_entry canary_add, canary_leaf, canary_ten, canary_recurse, canary_sibling, canary_twice, canary_outside,
	canary_busy, canary_fields, canary_through, canary_branches, canary_framed, canary_saved, canary_recomputed,
	canary_deep, probe_pointer;

long victim_framed(long a, long b);
long victim_saved(long a, long b);
long victim_recomputed(long a, long b);
long victim_deep(long a, long b);

long victim_bias = 5; /* not static: the compiler must not know their values */
pair_function *victim_target = fix_add;

FUNCTION long victim_add(long a, long b)
{
	return a + b + victim_bias;
}

/* k = 0. */
FUNCTION long victim_leaf(long value)
{
	return value * 3 + 1;
}

FUNCTION long victim_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j)
{
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + victim_bias;
}

FUNCTION long victim_recurse(long depth, void *again)
{
	if (!depth)
		return victim_bias;
	return ((recursion *)again)(depth - 1, again) + 1;
}

FUNCTION long victim_sibling(long a, long b)
{
	return victim_add(b, a);
}

FUNCTION long victim_twice(long a, long b)
{
	long sum = victim_add(a, b);

	sum += victim_bias;
	return victim_add(sum, victim_bias);
}

/* Calls through the loader's stubs, and uses the TOC behind each. */
FUNCTION long victim_outside(long a, long b)
{
	long sum = fix_add(a, b) + victim_bias;

	cond_resched();
	return fix_add(sum, victim_bias) + victim_bias + victim_ten(1, 2, 3, 4, 5, 6, 7, 8, a, b);
}

/* Every non-volatile register is in use, across calls. */
FUNCTION long victim_busy(long a, long b)
{
	long sum = 0, i;

	for (i = 0; i < 3; i++) {
		sum += fix_add(a + i, b);
		asm volatile("li 14,-1; li 15,-1; li 16,-1; li 17,-1; li 18,-1; li 19,-1; li 20,-1; li 21,-1; li 22,-1; li 23,-1;"
			     "li 24,-1; li 25,-1"
			     ::: "r14", "r15", "r16", "r17", "r18", "r19", "r20", "r21", "r22", "r23", "r24", "r25");
		sum += victim_add(a, i);
	}
	return sum;
}

FUNCTION long victim_fields(long a, long b)
{
	asm volatile("cmpdi 2,3,0; cmpdi 3,3,100; cmpdi 4,3,-1" ::: "cr2", "cr3", "cr4");
	return victim_add(a, b);
}

FUNCTION long victim_through(long a, long b)
{
	long sum = READ_ONCE(victim_target)(a, b);

	return sum + victim_bias;
}

/* Several ways out, some with a frame and some without. */
FUNCTION long victim_branches(long a, long b)
{
	if (a > 100)
		return b;
	if (a == 1)
		return victim_add(b, a);
	if (b != 20) {
		b += fix_add(a, victim_bias);
		b -= victim_through(a, b);
	}
	return fix_add(b, a) - victim_bias;
}

#define EIGHT 1, 2, 3, 4, 5, 6, 7, 8
#define BOTH(name, function, original, replaced, ...)                                          \
	{ #name, "local", canary_##name, NULL, { __VA_ARGS__ }, original, replaced },          \
	{ #name, "foreign", probe_pointer, function, { __VA_ARGS__ }, original, replaced }

const struct canary_target canary_targets[] = {
	BOTH(add, victim_add, 35, 0, 10, 20),
	BOTH(leaf, victim_leaf, 22, 0, 7),
	BOTH(ten, victim_ten, 390, 0, EIGHT, 9, 10),
	BOTH(recurse, victim_recurse, 8, 0, 3, (u64)victim_recurse),
	BOTH(sibling, victim_sibling, 35, 0, 10, 20),
	BOTH(twice, victim_twice, 50, 0, 10, 20),
	BOTH(outside, victim_outside, 2554, 0, 10, 20),
	BOTH(busy, victim_busy, 3156, 0, 10, 20),
	BOTH(fields, victim_fields, 35, 0, 10, 20),
	BOTH(through, victim_through, 1040, 0, 10, 20),
	BOTH(branches, victim_branches, 1030, 0, 10, 20),
	{ "branches", "other", probe_pointer, victim_branches, { 10, 21 }, (u64)-10, 0 },
	BOTH(framed, victim_framed, 1035, 0, 10, 20),
	BOTH(saved, victim_saved, 1035, 0, 10, 20),
	BOTH(recomputed, victim_recomputed, 1035, 0, 10, 20),
	BOTH(deep, victim_deep, 60, 0, 10, 20),
	{ }
};

static int __init victim_init(void)
{
	return 0;
}

static void __exit victim_exit(void)
{
}

module_init(victim_init);
module_exit(victim_exit);
MODULE_DESCRIPTION("Functions to mutate, for the lab's prover tests");
MODULE_LICENSE("GPL");
