// SPDX-License-Identifier: GPL-2.0-only
// Merged into a module, so that it counts the calls of its own functions and shows their number as its parameter `stress_calls`.
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

static long calls;
module_param_named(stress_calls, calls, long, 0444);

notrace noinline void stress_count_here(unsigned long ip, unsigned long parent);
notrace noinline void stress_count_here(unsigned long ip, unsigned long parent)
{
	atomic_long_inc((atomic_long_t *)&calls);
}

MODULE_DESCRIPTION("Counts calls of the module that it is merged into, for the lab");
MODULE_LICENSE("GPL");
