// SPDX-License-Identifier: GPL-2.0-only
// Replacements to merge into module `canary`: the lab takes the object (canary_object.o), never loads the module.
#include <linux/module.h>

#include "functions.h"

static unsigned long object_calls;
long object_bonus = 1005;

FUNCTION long object_add(long a, long b)
{
	object_calls++;
	return a + b + object_bonus;
}

FUNCTION long object_leaf(long value)
{
	object_calls++;
	return value * 3 + object_bonus - 4;
}

FUNCTION void object_hook(void)
{
	object_calls++;
}

MODULE_DESCRIPTION("Replacements to merge into the lab's canary");
MODULE_LICENSE("GPL");
