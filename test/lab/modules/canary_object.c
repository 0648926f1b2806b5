// SPDX-License-Identifier: GPL-2.0-only
// Replacements to merge into module `canary`: the lab takes the object (canary_object.o), never loads the module.
#include <linux/module.h>

#define NAME(name) object_##name
#include "replacements.h"

FUNCTION void object_hook(void)
{
	object_calls++;
}

MODULE_DESCRIPTION("Replacements to merge into the lab's canary");
MODULE_LICENSE("GPL");
