// SPDX-License-Identifier: GPL-2.0-only
// A module that exports something of its own, and gets more from a merged object.
#include <linux/module.h>

int middle_home(int value);
noinline int middle_home(int value)
{
	return value + 1;
}
EXPORT_SYMBOL_GPL(middle_home);

noinline int home_value(int value);
noinline int home_value(int value)
{
	return value * 2;
}

static int answer(char *buffer, const struct kernel_param *parameter)
{
	return sysfs_emit(buffer, "%d\n", home_value(20));
}
static const struct kernel_param_ops operations = { .get = answer };
module_param_cb(answer, &operations, NULL, 0444);

MODULE_DESCRIPTION("Lab of tocsin: a module that a merged object exports from");
MODULE_LICENSE("GPL");
