// SPDX-License-Identifier: GPL-2.0-only
// As little as a module can be.
#include "lab.h"

static int __init small_init(void)
{
	return 0;
}

static void __exit small_exit(void)
{
}

module_init(small_init);
module_exit(small_exit);
MODULE_DESCRIPTION("Almost nothing");
MODULE_LICENSE("GPL");
