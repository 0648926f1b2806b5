// SPDX-License-Identifier: GPL-2.0-only
// What the victim imports, other than from the kernel.
#include "lab.h"

noinline int lab_helper_plain(int value)
{
	return value + 1;
}
EXPORT_SYMBOL(lab_helper_plain);

noinline int lab_helper_gpl(int value)
{
	return value + 2;
}
EXPORT_SYMBOL_GPL(lab_helper_gpl);

noinline int lab_helper_ns(int value)
{
	return value + 3;
}
EXPORT_SYMBOL_NS_GPL(lab_helper_ns, LAB_NAMESPACE);

MODULE_DESCRIPTION("Exports for the lab's victim");
MODULE_LICENSE("GPL");
