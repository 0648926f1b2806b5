// SPDX-License-Identifier: GPL-2.0-only
// Merged into a module: counts the calls of its own functions, and shows how many as its parameters.
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

static long redteam_entered, redteam_left;
module_param_named(redteam_entered, redteam_entered, long, 0444);
module_param_named(redteam_left, redteam_left, long, 0444);

notrace noinline void redteam_enter_here(unsigned long ip, unsigned long parent);
notrace noinline void redteam_enter_here(unsigned long ip, unsigned long parent)
{
	atomic_long_inc((atomic_long_t *)&redteam_entered);
}

notrace noinline void redteam_leave_here(unsigned long ip, unsigned long parent, unsigned long result);
notrace noinline void redteam_leave_here(unsigned long ip, unsigned long parent, unsigned long result)
{
	atomic_long_inc((atomic_long_t *)&redteam_left);
}

MODULE_DESCRIPTION("Counts calls of the module that it is merged into, for the lab");
MODULE_LICENSE("GPL");
