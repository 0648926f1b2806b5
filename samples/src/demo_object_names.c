// SPDX-License-Identifier: GPL-2.0-only
// What demo_object.c finds in the module that it is merged into. Never loaded.
#include <linux/module.h>

#include "demo.h"

long demo_checks, demo_hits, demo_slots;
int canary_get(char *buffer, const struct kernel_param *param);

int canary_get(char *buffer, const struct kernel_param *param)
{
	return 0;
}
