// SPDX-License-Identifier: GPL-2.0-only
// Module `historical`: ways of redirecting calls that have gone wrong somewhere, in historical_list.h, and the canary that
// counts what each of them loses. `local` callers share the module's TOC; `foreign` ones are module `probe`'s.
#include <linux/module.h>

#include "canary.h"
#include "functions.h"

module_param_cb(canary, &canary_param_ops, NULL, 0644);

extern canary_entry canary_plain, canary_ten, canary_slot, canary_slot_sibling, canary_near, canary_far, canary_by_toc,
	canary_frameless, canary_callee, canary_prepared, canary_oldest, canary_middle, probe_pointer;

long historical_plain(long a, long b);
long historical_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j);
long historical_slot(long a, long b);
long historical_slot_sibling(long a, long b);
long historical_distance(long a, long b);
long historical_compare(long a, long b);
long historical_frameless(long a, long b);
long historical_callee(long a, long b);
long historical_skipped(long a, long b);
long historical_prepared(long a, long b);
long historical_oldest(long depth, void *again);
long historical_middle(long a, long b);

long historical_bias = 5; /* not static: the compiler must not know its value */

/* Enters what called it once more, through a pointer. */
FUNCTION long historical_descend(long depth, void *again)
{
	if (!depth)
		return historical_bias;
	return ((recursion *)again)(depth - 1, again) + 1;
}

#define EIGHT 1, 2, 3, 4, 5, 6, 7, 8
#define BOTH(name, function, original, replaced, ...)                                          \
	{ #name, "local", canary_##name, NULL, { __VA_ARGS__ }, original, replaced },          \
	{ #name, "foreign", probe_pointer, function, { __VA_ARGS__ }, original, replaced },    \
	{ #name, "pointer", canary_pointer, function, { __VA_ARGS__ }, original, replaced }

const struct canary_target canary_targets[] = {
	BOTH(plain, historical_plain, 35, 1035, 10, 20),
	BOTH(ten, historical_ten, 390, 1390, EIGHT, 9, 10),
	BOTH(slot, historical_slot, 35, 1035, 10, 20),
	BOTH(slot_sibling, historical_slot_sibling, 35, 1035, 10, 20),
	BOTH(near, historical_distance, 35, 1035, 10, 20),
	{ "far", "local", canary_far, NULL, { 10, 20 }, 35, 1035 },
	BOTH(by_toc, historical_compare, 35, 1035, 10, 20),
	BOTH(frameless, historical_frameless, 35, 1035, 10, 20),
	{ "callee", "local", canary_callee, NULL, { 10, 20 }, 35, 1035 },
	{ "skipped", "pointer", canary_pointer, historical_skipped, { 10, 20 }, 35, 1035 },
	{ "prepared", "local", canary_prepared, NULL, { 10, 20 }, 35, 1035 },
	{ "once", "local", canary_oldest, NULL, { 0, (u64)historical_oldest }, 5, 1005 },
	{ "oldest", "local", canary_oldest, NULL, { 1, (u64)historical_oldest }, 6, 1006 },
	{ "middle", "local", canary_middle, NULL, { 10, 20 }, 35, 1035 },
	{ }
};

static int __init historical_init(void)
{
	return 0;
}

static void __exit historical_exit(void)
{
}

module_init(historical_init);
module_exit(historical_exit);
MODULE_DESCRIPTION("What has gone wrong elsewhere, for the lab's prover tests");
MODULE_LICENSE("GPL");
