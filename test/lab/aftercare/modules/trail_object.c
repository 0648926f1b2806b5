// SPDX-License-Identifier: GPL-2.0-only
// An object that is merged into `trail`: a replacement and hooks.
#include <linux/module.h>

#include "trail.h"

long trail_object_bias = 3000;
long trail_merged(long value);
void trail_entered(unsigned long ip, unsigned long parent);
void trail_left(unsigned long ip, unsigned long parent, unsigned long result);

FUNCTION long trail_merged(long value)
{
	TRAIL_NOTE();
	return value + trail_object_bias;
}

FUNCTION void trail_entered(unsigned long ip, unsigned long parent)
{
	TRAIL_NOTE();
	trail_object_bias += ip == parent;
}

FUNCTION void trail_left(unsigned long ip, unsigned long parent, unsigned long result)
{
	TRAIL_NOTE();
	trail_object_bias += ip == result;
}

MODULE_DESCRIPTION("To be merged into the lab's trail");
MODULE_LICENSE("GPL");
