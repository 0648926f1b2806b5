// SPDX-License-Identifier: GPL-2.0-only
// Module `redteam`: what hooks, replacements and trampolines of patched stock modules count in, and functions that count
// and go on where they are told by name.
#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "redteam.h"

/* Calls by number, and where redteam_to_NUMBER goes on. */
struct redteam_slot redteam_slots[REDTEAM_SLOTS];
EXPORT_SYMBOL_GPL(redteam_slots);

/* Who goes on where; NULL where a number does not. */
static char *names[REDTEAM_LAST + 1];

#define PLACE_BITS 16
static struct place {
	unsigned long ip;
	atomic_long_t enters, leaves, passes;
} places[1 << PLACE_BITS];
static atomic_long_t lost;

static unsigned long lookup;
module_param(lookup, ulong, 0444);
MODULE_PARM_DESC(lookup, "address of kallsyms_lookup_name");

notrace static struct place *place_of(unsigned long ip)
{
	unsigned long at = hash_long(ip, PLACE_BITS);
	unsigned int tries;

	for (tries = 0; tries < 256; tries++) {
		struct place *place = &places[(at + tries) & ((1 << PLACE_BITS) - 1)];
		unsigned long was = READ_ONCE(place->ip);

		if (was == 0)
			was = cmpxchg(&place->ip, 0, ip);
		if (was == 0 || was == ip)
			return place;
	}
	return NULL;
}

#define COUNT(name, what) \
notrace noinline void name(unsigned long ip, unsigned long parent, unsigned long result); \
notrace noinline void name(unsigned long ip, unsigned long parent, unsigned long result) \
{ \
	struct place *place = place_of(ip); \
	atomic_long_inc(place ? &place->what : &lost); \
	redteam_spoil(); \
} \
EXPORT_SYMBOL_GPL(name)

COUNT(redteam_enter, enters);
COUNT(redteam_leave, leaves);
COUNT(redteam_pass, passes);

static void resolve(const char *module)
{
	unsigned long (*find)(const char *) = (void *)lookup;
	size_t length = strlen(module);
	unsigned int i;

	for (i = REDTEAM_FIRST; i <= REDTEAM_LAST; i++) {
		const char *name = names[i];
		unsigned long at;

		if (name == NULL || redteam_slots[i].target != 0)
			continue;
		/* CALLER SYMBOL or CALLER MODULE:SYMBOL */
		if (strncmp(name, module, length) != 0 || name[length] != ' ')
			continue;
		at = find(name + length + 1);
		if (at == 0)
			pr_info("redteam: %s is not there\n", name);
		redteam_slots[i].target = at;
	}
}

static int notice(struct notifier_block *nb, unsigned long state, void *data)
{
	struct module *module = data;

	if (state == MODULE_STATE_COMING)
		resolve(module->name);
	return NOTIFY_OK;
}

static struct notifier_block notifier = { .notifier_call = notice, .priority = 100 };

/* `NUMBER CALLER SYMBOL` a write. */
static ssize_t told(struct file *file, const char __user *user, size_t length, loff_t *at)
{
	char *text = memdup_user_nul(user, length);
	char *space;
	unsigned int number;

	if (IS_ERR(text))
		return PTR_ERR(text);
	space = strchr(text, ' ');
	strreplace(text, '\n', 0);
	if (space == NULL) {
		kfree(text);
		return -EINVAL;
	}
	*space = 0;
	if (kstrtouint(text, 10, &number) != 0 || number > REDTEAM_LAST || names[number] != NULL) {
		kfree(text);
		return -EINVAL;
	}
	names[number] = kstrdup(space + 1, GFP_KERNEL);
	kfree(text);
	return length;
}

/* `lost CALLS`; `number NUMBER CALLS` and `place ADDRESS ENTERS LEAVES PASSES` a line. */
static int show(struct seq_file *out, void *unused)
{
	unsigned int i;

	seq_printf(out, "lost %ld\n", atomic_long_read(&lost));
	for (i = 0; i < REDTEAM_SLOTS; i++)
		if (redteam_slots[i].calls != 0)
			seq_printf(out, "number %u %lu\n", i, redteam_slots[i].calls);
	for (i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i].ip != 0)
			seq_printf(out, "place %lx %ld %ld %ld\n", places[i].ip, atomic_long_read(&places[i].enters),
				   atomic_long_read(&places[i].leaves), atomic_long_read(&places[i].passes));
	return 0;
}

static int opened(struct inode *inode, struct file *file)
{
	return single_open_size(file, show, NULL, 4 << 20);
}

static const struct proc_ops operations = {
	.proc_open = opened, .proc_read = seq_read, .proc_write = told, .proc_lseek = seq_lseek,
	.proc_release = single_release,
};

static int __init redteam_init(void)
{
	if (!proc_create("redteam", 0644, NULL, &operations))
		return -ENOMEM;
	return register_module_notifier(&notifier);
}
module_init(redteam_init);
MODULE_DESCRIPTION("Counts calls, for the lab");
MODULE_LICENSE("GPL");
