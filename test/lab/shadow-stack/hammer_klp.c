// SPDX-License-Identifier: GPL-2.0-only
// A livepatch of the kernel's own on a replacement: what hammer_sum leads to is itself replaced. It does the same, and counts.
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#include "hammer.h"

static unsigned long patched;
module_param(patched, ulong, 0444);

static FUNCTION long klp_fixed(long a, long b, long c, long d, long e, long f, long depth, void *again, long turn,
			       long last)
{
	long inner = 0;

	__atomic_fetch_add(&patched, 1, __ATOMIC_RELAXED);
	if (in_task() && !irqs_disabled() && turn % 16 == 0)
		yield();
	if (depth > 0)
		inner = ((hammered *)again)(a, b, c, d, e, f, depth - 1, again, turn + 1, last);
	return inner + a + b + c + d + e + f + last + REPLACED;
}

static struct klp_func functions[] = { { .old_name = "hammer_fixed", .new_func = klp_fixed }, {} };
static struct klp_object objects[] = { { .name = "hammer_fix", .funcs = functions }, {} };
static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objects };

static int __init hammer_klp_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit hammer_klp_exit(void)
{
}

module_init(hammer_klp_init);
module_exit(hammer_klp_exit);
MODULE_INFO(livepatch, "Y");
MODULE_DESCRIPTION("A livepatch of hammer_fix");
MODULE_LICENSE("GPL");
