// SPDX-License-Identifier: GPL-2.0-only
// A livepatch of one function of `trail`, which a parameter names; who is in it may sleep there.
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "trail.h"

#ifndef REPLACEMENT
#define REPLACEMENT trail_first
#endif

static char *function;
module_param(function, charp, 0);

static FUNCTION long REPLACEMENT(long value)
{
	trail_wait();
	return value + 10000;
}

static struct klp_func functions[] = {
	{ .new_func = REPLACEMENT },
	{ }
};

static struct klp_object objects[] = {
	{ .name = "trail", .funcs = functions },
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
};

static int __init livepatch_init(void)
{
	functions[0].old_name = function;
	return klp_enable_patch(&patch);
}

static void __exit livepatch_exit(void)
{
}

module_init(livepatch_init);
module_exit(livepatch_exit);
MODULE_INFO(livepatch, "Y");
MODULE_DESCRIPTION("Patches one function of trail");
MODULE_LICENSE("GPL");
