// SPDX-License-Identifier: GPL-2.0-only
// Module `hook_watch`: hooks that write down what they were called with, and overwrite every register that a function may.
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/spinlock.h>

#define HOOK noinline __attribute__((noipa))

struct seen {
	unsigned long ip, parent, result, count;
};

struct table {
	struct seen entries[256];
	unsigned int used, shown;
};

static struct table before, after;
/* Calls that no entry was left for: the test wants none. */
static unsigned long lost;
module_param(lost, ulong, 0444);
static DEFINE_RAW_SPINLOCK(lock);

static void note(struct table *table, unsigned long ip, unsigned long parent, unsigned long result)
{
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&lock, flags);
	for (i = 0; i < table->used; i++) {
		struct seen *e = &table->entries[i];

		if (e->ip == ip && e->parent == parent && e->result == result)
			break;
	}
	if (i == ARRAY_SIZE(table->entries)) {
		lost++;
	} else {
		table->entries[i].ip = ip;
		table->entries[i].parent = parent;
		table->entries[i].result = result;
		table->entries[i].count++;
		if (i == table->used)
			table->used++;
	}
	raw_spin_unlock_irqrestore(&lock, flags);
}

#define SPOIL()                                                                                                        \
	asm volatile("li 0,-1; li 3,-1; li 4,-1; li 5,-1; li 6,-1; li 7,-1; li 8,-1; li 9,-1; li 10,-1; li 11,-1;"       \
		     "li 12,-1; mtctr 12; mtcrf 0xc7,12"                                                                \
		     ::: "r0", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "ctr", "cr0", "cr1", "cr5",  \
			 "cr6", "cr7")

HOOK void hook_enter(unsigned long ip, unsigned long parent);
HOOK void hook_leave(unsigned long ip, unsigned long parent, unsigned long result);

HOOK void hook_enter(unsigned long ip, unsigned long parent)
{
	note(&before, ip, parent, 0);
	SPOIL();
}
EXPORT_SYMBOL_GPL(hook_enter);

HOOK void hook_leave(unsigned long ip, unsigned long parent, unsigned long result)
{
	note(&after, ip, parent, result);
	SPOIL();
}
EXPORT_SYMBOL_GPL(hook_leave);

/* One line an entry: ip, parent, result, count. Each reading goes on where the last one ended, for want of room; the last is empty. */
static int show(char *buffer, const struct kernel_param *param)
{
	struct table *table = param->arg;
	int length = 0;

	for (; table->shown < table->used && length < 3500; table->shown++) {
		const struct seen *e = &table->entries[table->shown];

		length += scnprintf(buffer + length, 4096 - length, "%pS %pS %ld %lu\n", (void *)e->ip, (void *)e->parent,
				    (long)e->result, e->count);
	}
	return length;
}

/* Whatever is written empties the table. */
static int forget(const char *text, const struct kernel_param *param)
{
	memset(param->arg, 0, sizeof(struct table));
	return 0;
}

static const struct kernel_param_ops table_ops = { .set = forget, .get = show };
module_param_cb(before, &table_ops, &before, 0644);
module_param_cb(after, &table_ops, &after, 0644);

/* For --retarget: a call of the kernel's, and functions of this module that it may become a call of. */
HOOK unsigned long watch_half(unsigned long value);
HOOK unsigned long watch_root(unsigned long value);

HOOK unsigned long watch_half(unsigned long value)
{
	lost += value == ULONG_MAX;
	return value / 2;
}

HOOK unsigned long watch_root(unsigned long value)
{
	unsigned long root = int_sqrt(value);

	lost += root == ULONG_MAX;
	return root;
}

/* `root`: what watch_root(49) gives. */
static int show_root(char *buffer, const struct kernel_param *param)
{
	return scnprintf(buffer, PAGE_SIZE, "%lu\n", watch_root(49));
}

static const struct kernel_param_ops root_ops = { .get = show_root };
module_param_cb(root, &root_ops, NULL, 0444);

static int __init watch_init(void)
{
	return 0;
}

static void __exit watch_exit(void)
{
}

module_init(watch_init);
module_exit(watch_exit);
MODULE_DESCRIPTION("Hooks for the lab");
MODULE_LICENSE("GPL");
