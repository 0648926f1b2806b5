// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>

int klp_target_other(int value);

static __attribute__((noipa)) int klp_same(int value)
{
	return value + 100;
}

int klp_target_other(int value)
{
	return klp_same(value);
}
