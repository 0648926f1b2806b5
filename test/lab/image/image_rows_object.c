// SPDX-License-Identifier: GPL-2.0-only
// A replacement with rows of the kernel's bug and exception tables: a warning that is given once, with its place, and reads of memory of
// which one fails. Atomics leave rows about their barriers.
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

static atomic_t shown;

static noinline int image_read(const char *from)
{
	char byte;

	__get_kernel_nofault(&byte, from, char, failed);
	return byte;
failed:
	return -EFAULT;
}

int image_rows_show(struct seq_file *m, void *v);
int image_rows_show(struct seq_file *m, void *v)
{
	static const char letter[] = "R";

	int count = atomic_inc_return_acquire(&shown);

	WARN_ON_ONCE(count > 0);
	seq_printf(m, "rows %d %d %d\n", image_read((const char *)0xc00fffffffff0000), image_read(letter), count);
	return 0;
}

MODULE_DESCRIPTION("A replacement with rows of tables to merge into a kernel image");
MODULE_LICENSE("GPL");
