// SPDX-License-Identifier: GPL-2.0-only
// Asks for a livepatch without saying that it is one.
#include <linux/livepatch.h>
#include <linux/module.h>

static int plain_show(struct seq_file *file, void *data)
{
	return 0;
}

static struct klp_func functions[] = {
	{ .old_name = "cmdline_proc_show", .new_func = plain_show },
	{ }
};

static struct klp_object objects[] = {
	{ .funcs = functions },
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
};

static int __init plain_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit plain_exit(void)
{
}

module_init(plain_init);
module_exit(plain_exit);
MODULE_DESCRIPTION("Not marked as a livepatch");
MODULE_LICENSE("GPL");
