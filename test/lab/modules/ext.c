// SPDX-License-Identifier: GPL-2.0-only
// Module `canary_ext`: calls the exported functions of module `canary` from outside, directly and through pointers.
#include <linux/module.h>

#include "canary.h"
#include "functions.h"

module_param_cb(canary, &canary_param_ops, NULL, 0644);

extern canary_entry canary_add, canary_leaf, canary_eight, canary_ten, canary_variadic, canary_pair, canary_recurse,
	canary_mutual, canary_yield, canary_sibling, canary_twice, canary_bare,
	canary_framed;

#define EIGHT 1, 2, 3, 4, 5, 6, 7, 8
#define BOTH(name, function, original, replaced, ...)                                      \
	{ #name, "external", canary_##name, NULL, { __VA_ARGS__ }, original, replaced },   \
	{ #name, "pointer", canary_pointer, function, { __VA_ARGS__ }, original, replaced }

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
	{ }
};

static int __init ext_init(void)
{
	return 0;
}

static void __exit ext_exit(void)
{
}

module_init(ext_init);
module_exit(ext_exit);
MODULE_DESCRIPTION("External callers for the lab's canary");
MODULE_LICENSE("GPL");
