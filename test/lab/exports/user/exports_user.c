// SPDX-License-Identifier: GPL-2.0-only
// Imports what `exports_home` exports, and what a merged object has added to it.
#include <linux/module.h>
#include <linux/version.h>

extern int zero_calls;
int fix_value(int value);
int a_first(int value);
long next_spaced(int value);
int middle_home(int value);

static char told[64];
module_param_string(told, told, sizeof(told), 0444);

static int __init user_init(void)
{
	int before = zero_calls;
	int fixed = fix_value(10);
	int first = a_first(1);

	snprintf(told, sizeof(told), "%d %d %d %lx %d", fixed, first - zero_calls, zero_calls - before,
		 next_spaced(5), middle_home(6));
	return 0;
}
module_init(user_init);

static void __exit user_exit(void)
{
}
module_exit(user_exit);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS("TOCSIN_LAB");
#else
MODULE_IMPORT_NS(TOCSIN_LAB);
#endif
MODULE_DESCRIPTION("Lab of tocsin: a module that imports from another");
MODULE_LICENSE("GPL");
