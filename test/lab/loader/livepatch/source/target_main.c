// SPDX-License-Identifier: GPL-2.0-only
// The module that klp_fix patches. Each of its two files has a static function `klp_same`, so that only a position tells
// them apart; nothing of what the livepatch uses is exported.
#include <linux/module.h>
#include <linux/moduleparam.h>

int klp_target_other(int value);

/* Can be set, or the compiler would not keep it. */
static int klp_counter = 40;
module_param_named(counter, klp_counter, int, 0600);
MODULE_PARM_DESC(counter, "is added");

static __attribute__((noipa)) int klp_same(int value)
{
	return value + 1;
}

static __attribute__((noipa)) int klp_compute(int value)
{
	return klp_same(value) + klp_counter;
}

static int get_result(char *buffer, const struct kernel_param *parameter)
{
	return sprintf(buffer, "%d\n", klp_compute(1) + klp_target_other(0));
}

static const struct kernel_param_ops result_ops = { .get = get_result };
module_param_cb(result, &result_ops, NULL, 0400);
MODULE_PARM_DESC(result, "computes");

MODULE_DESCRIPTION("What the lab's livepatches patch");
MODULE_LICENSE("GPL");
