// SPDX-License-Identifier: GPL-2.0-only
// A module with something of everything that the loader looks at, for the operators to break.
#include "lab.h"
#include <asm/cputable.h>
#include <asm/feature-fixups.h>
#include <linux/jump_label.h>
#include <linux/kobject.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/nospec.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>

int lab_playground(void);
int lab_calls(void);
int lab_entry(void);
extern u64 lab_words[32];
extern int lab_missing(int value) __attribute__((weak));

static int number = 7;
module_param(number, int, 0644);
MODULE_PARM_DESC(number, "a number");
static unsigned char byte;
module_param(byte, byte, 0444);
static bool flag;
module_param(flag, bool, 0644);
static char *text = "text";
module_param(text, charp, 0444);
static char line[16] = "line";
module_param_string(line, line, sizeof(line), 0444);
static int list[4];
static int list_count;
module_param_array(list, int, &list_count, 0444);
static int risky;
module_param_unsafe(risky, int, 0644);

static DEFINE_PER_CPU(int[16], lab_counts);
static DEFINE_STATIC_KEY_FALSE(lab_key);
static DEFINE_STATIC_KEY_TRUE(lab_on);
DEFINE_STATIC_SRCU(lab_srcu);
static int (*lab_table[])(int) = { lab_helper_plain, lab_helper_gpl, lab_helper_ns };
static const char *const lab_names[] __ro_after_init = { "one", "two", "three" };

noinline int lab_victim_plain(int value)
{
	if (static_branch_unlikely(&lab_key))
		value++;
	if (static_branch_likely(&lab_on))
		value += 2;
	WARN_ON(value < 0);
	pr_debug("victim %d\n", value);
	return lab_helper_plain(value) + lab_helper_gpl(value);
}
EXPORT_SYMBOL(lab_victim_plain);

noinline int lab_victim_gpl(int value)
{
	this_cpu_inc(lab_counts[value & 15]);
	if (lab_missing)
		value = lab_missing(value);
	return lab_table[array_index_nospec(value & 1, 3)](value) + number + byte + flag + list_count;
}
EXPORT_SYMBOL_GPL(lab_victim_gpl);

noinline int lab_victim_ns(int __user *where)
{
	int value = 0;

	/* Two ways for the processor, one of which remains. */
	asm volatile(ASM_FTR_IFSET("addi %0, %0, 1", "addi %0, %0, 2", %1)
		     : "+r"(value) : "i"(CPU_FTR_ARCH_206));
	barrier_nospec();
	if (get_user(value, where))
		return -EFAULT;
	return value + lab_names[value & 1][0] + text[0] + line[0] + risky;
}
EXPORT_SYMBOL_NS_GPL(lab_victim_ns, VICTIM_NAMESPACE);

static noinline int lab_victim_hidden(int value)
{
	return value;
}
NOKPROBE_SYMBOL(lab_victim_hidden);

static int __init victim_init(void)
{
	void *memory = kmalloc(16, GFP_KERNEL);
	struct kobject *folder = kobject_create_and_add("lab_victim", kernel_kobj);
	int index = srcu_read_lock(&lab_srcu);

	srcu_read_unlock(&lab_srcu, index);
	kobject_put(folder);
	kfree(memory);
	lab_words[0] = lab_playground() + lab_calls() + lab_entry() + lab_helper_ns(lab_victim_hidden(1));
	pr_info("victim %d\n", lab_victim_plain(1) + lab_victim_gpl(2) + lab_victim_ns(NULL));
	return 0;
}

static void __exit victim_exit(void)
{
}

module_init(victim_init);
module_exit(victim_exit);
MODULE_AUTHOR("lab");
MODULE_DESCRIPTION("Something of everything");
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0");
MODULE_ALIAS("lab:victim");
MODULE_IMPORT_NS(LAB_NAMESPACE);
