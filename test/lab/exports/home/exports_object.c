// SPDX-License-Identifier: GPL-2.0-only
// Exports to merge into module `exports_home`: plain, GPL only, in a namespace, of data, and of what the module has.
#include <linux/module.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define LAB_NAMESPACE "TOCSIN_LAB"
#else
#define LAB_NAMESPACE TOCSIN_LAB
#endif

int zero_calls = 3;
EXPORT_SYMBOL(zero_calls);

int fix_value(int value);
noinline int fix_value(int value)
{
	zero_calls++;
	return value * 2 + 2;
}
EXPORT_SYMBOL(fix_value);

int a_first(int value);
noinline int a_first(int value)
{
	return fix_value(value) + zero_calls;
}
EXPORT_SYMBOL_GPL(a_first);

long next_spaced(int value);
noinline long next_spaced(int value)
{
	return (long)value << 33;
}
EXPORT_SYMBOL_NS_GPL(next_spaced, LAB_NAMESPACE);

MODULE_DESCRIPTION("Lab of tocsin: exports to merge");
MODULE_LICENSE("GPL");
