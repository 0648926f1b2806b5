// SPDX-License-Identifier: GPL-2.0-only
// More rows for tables that have grown before: a warning, and a read that fails.
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

int image_again_show(struct seq_file *m, void *v);
int image_again_show(struct seq_file *m, void *v)
{
	char byte;

	WARN_ON_ONCE(m);
	__get_kernel_nofault(&byte, (const char *)0xc00fffffffff0000, char, failed);
	return 0;
failed:
	seq_puts(m, "again\n");
	return 0;
}

MODULE_DESCRIPTION("Another replacement with rows of tables to merge into a kernel image");
MODULE_LICENSE("GPL");
