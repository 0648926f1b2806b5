// SPDX-License-Identifier: GPL-2.0-only
// Module `trail_fix`: replacements in a module of their own.
#include <linux/export.h>
#include <linux/module.h>
#include <linux/wait.h>

#include "trail.h"

long trail_fix_bias = 1000;
long trail_fixed(long value);
long trail_copied(long value);

FUNCTION long trail_fixed(long value)
{
	TRAIL_NOTE();
	return value + trail_fix_bias;
}
EXPORT_SYMBOL_GPL(trail_fixed);

FUNCTION long trail_copied(long value)
{
	TRAIL_NOTE();
	return value + trail_fix_bias;
}
EXPORT_SYMBOL_GPL(trail_copied);

static int __init fix_init(void)
{
	return 0;
}

static void __exit fix_exit(void)
{
}

module_init(fix_init);
module_exit(fix_exit);
MODULE_DESCRIPTION("Replacements to be seen in backtraces");
MODULE_LICENSE("GPL");
