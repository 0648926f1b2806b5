// SPDX-License-Identifier: GPL-2.0-only
// Calls seq_put_decimal_ull() of the kernel from outside: through the loader's stub, and through a pointer.
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

static void (*volatile put)(struct seq_file *m, const char *delimiter, unsigned long long number) = seq_put_decimal_ull;

static int image_caller_show(struct seq_file *m, void *v)
{
	seq_put_decimal_ull(m, " ", 1);
	put(m, " ", 2);
	seq_write(m, "\n", 1);
	return 0;
}

static int __init image_caller_init(void)
{
	return proc_create_single("image_caller", 0, NULL, image_caller_show) ? 0 : -ENOMEM;
}
module_init(image_caller_init);

static void __exit image_caller_exit(void)
{
	remove_proc_entry("image_caller", NULL);
}
module_exit(image_caller_exit);

MODULE_DESCRIPTION("A caller of the kernel from outside");
MODULE_LICENSE("GPL");
