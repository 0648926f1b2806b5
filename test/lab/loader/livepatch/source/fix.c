// SPDX-License-Identifier: GPL-2.0-only
// Becomes a livepatch when its undefined symbols are converted: those that end in _of_target are of klp_target, those
// that end in _of_kernel are the kernel's, and none of them is exported.
#include <linux/livepatch.h>
#include <linux/module.h>

int klp_same_of_target(int value);
extern int klp_counter_of_target;
int processes_of_kernel(void);
extern char *command_line_of_kernel;

static __attribute__((noipa)) int fixed_compute(int value)
{
	return klp_same_of_target(value) * 1000 + klp_counter_of_target;
}

/* Calls the other two functions twice, so that calls share their stubs. */
static __attribute__((noipa)) int fixed_other(int value)
{
	return klp_same_of_target(value) + processes_of_kernel() * 0;
}

static struct klp_func functions[] = {
	{ .old_name = "klp_compute", .new_func = fixed_compute },
	{ .old_name = "klp_target_other", .new_func = fixed_other },
	{ }
};

static struct klp_object objects[] = {
	{ .name = "klp_target", .funcs = functions },
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
};

static int __init fix_init(void)
{
	pr_info("lab: %d processes, %.7s\n", processes_of_kernel(), command_line_of_kernel);
	return klp_enable_patch(&patch);
}

static void __exit fix_exit(void)
{
}

module_init(fix_init);
module_exit(fix_exit);
MODULE_INFO(livepatch, "Y");
MODULE_DESCRIPTION("Patches klp_target");
MODULE_LICENSE("GPL");
