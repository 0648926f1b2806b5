// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>
#include <linux/seq_file.h>

int meminfo_proc_show(struct seq_file *m, void *v);
int meminfo_proc_show(struct seq_file *m, void *v)
{
	return 0;
}
EXPORT_SYMBOL_GPL(meminfo_proc_show);

MODULE_DESCRIPTION("What is static in the kernel");
MODULE_LICENSE("GPL");
