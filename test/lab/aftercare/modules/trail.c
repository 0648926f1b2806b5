// SPDX-License-Identifier: GPL-2.0-only
// Module `trail`: functions that the lab redirects and hooks, one for each way, each with a caller of its own.
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "trail.h"

long trail_bias = 5;

/* F and the function that calls it, which uses its TOC afterwards. */
#define PAIR(name)                                                                                                     \
	long trail_##name(long value);                                                                                 \
	long trail_##name##_caller(long value);                                                                        \
	FUNCTION long trail_##name(long value)                                                                         \
	{                                                                                                              \
		return value * 2 + trail_bias;                                                                         \
	}                                                                                                              \
	FUNCTION long trail_##name##_caller(long value)                                                                \
	{                                                                                                              \
		return trail_##name(value) + trail_bias;                                                               \
	}

PAIR(plain)
PAIR(frame)
PAIR(shadow)
PAIR(direct)
PAIR(entry)
PAIR(hook)
PAIR(leave)
PAIR(copy)

static const struct {
	const char *name;
	long (*call)(long value);
} pairs[] = {
	{ "plain", trail_plain_caller }, { "frame", trail_frame_caller }, { "shadow", trail_shadow_caller },
	{ "direct", trail_direct_caller }, { "entry", trail_entry_caller }, { "hook", trail_hook_caller },
	{ "leave", trail_leave_caller }, { "copy", trail_copy_caller },
};

static long last;

/* `call`: writing the name of a pair calls it with 20; reading gives the result. */
static int set_call(const char *text, const struct kernel_param *param)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++)
		if (sysfs_streq(text, pairs[i].name)) {
			last = pairs[i].call(20);
			return 0;
		}
	return -EINVAL;
}

static int get_call(char *buffer, const struct kernel_param *param)
{
	return scnprintf(buffer, PAGE_SIZE, "%ld\n", last);
}

static const struct kernel_param_ops call_ops = { .set = set_call, .get = get_call };
module_param_cb(call, &call_ops, NULL, 0644);

static int __init trail_init(void)
{
	return 0;
}

static void __exit trail_exit(void)
{
}

module_init(trail_init);
module_exit(trail_exit);
MODULE_DESCRIPTION("Functions to be seen in backtraces");
MODULE_LICENSE("GPL");
