// SPDX-License-Identifier: GPL-2.0-only
// redteam_copied_1000 to redteam_copied_2999: count and call on, with a frame of their own, so that they can be copied by --epilogue.
#include <linux/module.h>
#include <linux/atomic.h>
#include "redteam.h"

typedef unsigned long called(unsigned long, unsigned long, unsigned long, unsigned long, unsigned long, unsigned long,
			     unsigned long, unsigned long);

extern struct redteam_slot redteam_slots[];

#define COPIED(n) \
called redteam_copied_##n; \
noinline unsigned long redteam_copied_##n(unsigned long a, unsigned long b, unsigned long c, unsigned long d, \
					  unsigned long e, unsigned long f, unsigned long g, unsigned long h) \
{ \
	unsigned long result; \
	atomic_long_inc((atomic_long_t *)&redteam_slots[n].calls); \
	result = ((called *)redteam_slots[n].target)(a, b, c, d, e, f, g, h); \
	asm volatile("" : "+r"(result)); \
	return result; \
} \
EXPORT_SYMBOL_GPL(redteam_copied_##n);

HUNDREDS(COPIED)

MODULE_DESCRIPTION("Counts calls, for the lab");
MODULE_LICENSE("GPL");
