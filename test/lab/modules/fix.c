// SPDX-License-Identifier: GPL-2.0-only
// Module `canary_fix`: replacements with a TOC of their own.
#include <linux/module.h>
#include <linux/sched.h>

#define NAME(name) fix_##name
#include "replacements.h"

module_param_named(calls, fix_calls, ulong, 0644);

EXPORT_SYMBOL_GPL(fix_add);
EXPORT_SYMBOL_GPL(fix_leaf);
EXPORT_SYMBOL_GPL(fix_eight);
EXPORT_SYMBOL_GPL(fix_ten);
EXPORT_SYMBOL_GPL(fix_variadic);
EXPORT_SYMBOL_GPL(fix_pair);
EXPORT_SYMBOL_GPL(fix_recurse);
EXPORT_SYMBOL_GPL(fix_ping);
EXPORT_SYMBOL_GPL(fix_pong);

/* Really gives the processor away, with the trampoline's frame on the stack. */
FUNCTION long fix_yield(long value)
{
	fix_calls++;
	yield();
	return value + fix_bonus;
}
EXPORT_SYMBOL_GPL(fix_yield);

/* For --hook: overwrites every volatile register that a function may, so that a hook which saves too little shows. */
FUNCTION void fix_hook(void)
{
	fix_calls++;
	asm volatile("li 0,-1; li 3,-1; li 4,-1; li 5,-1; li 6,-1; li 7,-1; li 8,-1; li 9,-1; li 10,-1; li 11,-1; li 12,-1;"
		     "mtctr 12; mtcrf 0xc7,12"
		     ::: "r0", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "ctr", "cr0", "cr1", "cr5",
			 "cr6", "cr7");
}
EXPORT_SYMBOL_GPL(fix_hook);

static int __init fix_init(void)
{
	return 0;
}

static void __exit fix_exit(void)
{
}

module_init(fix_init);
module_exit(fix_exit);
MODULE_DESCRIPTION("Replacements for functions of the lab's canary");
MODULE_LICENSE("GPL");
