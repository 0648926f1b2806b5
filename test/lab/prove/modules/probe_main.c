// SPDX-License-Identifier: GPL-2.0-only
// Module `probe`: calls functions of the other modules through pointers, as external code with a TOC of its own does. The
// frame, and the TOC save slot in it, are this module's; nobody but the canary needs its r2.
#include <linux/module.h>

#include "canary.h"

extern canary_entry probe_pointer;
EXPORT_SYMBOL_GPL(probe_pointer);

static int __init probe_init(void)
{
	return 0;
}

static void __exit probe_exit(void)
{
}

module_init(probe_init);
module_exit(probe_exit);
MODULE_DESCRIPTION("A caller from outside for the lab's prover tests");
MODULE_LICENSE("GPL");
