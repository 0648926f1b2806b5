// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>
#include <linux/seq_file.h>

int meminfo_proc_show(struct seq_file *m, void *v);
int meminfo_proc_show(struct seq_file *m, void *v)
{
	return 0;
}
EXPORT_SYMBOL_GPL(meminfo_proc_show);

/* In the custom trampoline it stands for the rest of a function; in the object, it is the trampoline's. */
void __tocsin_continue(void);
void __tocsin_continue(void)
{
}
EXPORT_SYMBOL_GPL(__tocsin_continue);

unsigned long image_custom_calls;
EXPORT_SYMBOL_GPL(image_custom_calls);

MODULE_DESCRIPTION("What is static in the kernel");
MODULE_LICENSE("GPL");
