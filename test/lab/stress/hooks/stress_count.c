// SPDX-License-Identifier: GPL-2.0-only
// Module `stress_count`: a hook that counts the calls of each function.
#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#define SLOT_BITS 17

struct slot {
	unsigned long ip;
	atomic_long_t calls;
};

static struct slot slots[1 << SLOT_BITS];
/* Calls that no slot was left for: the test wants none. */
static atomic_long_t lost;

/* Callable from everywhere: no lock, and nothing that is traced. */
notrace noinline void stress_count(unsigned long ip, unsigned long parent);
notrace noinline void stress_count(unsigned long ip, unsigned long parent)
{
	unsigned long at = hash_long(ip, SLOT_BITS);
	unsigned int tries;

	for (tries = 0; tries < 64; tries++) {
		struct slot *slot = &slots[(at + tries) & ((1 << SLOT_BITS) - 1)];
		unsigned long was = READ_ONCE(slot->ip);

		if (was == 0)
			was = cmpxchg(&slot->ip, 0, ip);
		if (was == 0 || was == ip) {
			atomic_long_inc(&slot->calls);
			return;
		}
	}
	atomic_long_inc(&lost);
}
EXPORT_SYMBOL_GPL(stress_count);

/* /proc/stress_count: `ADDRESS CALLS` a line, the first one `lost CALLS`. */
static int show(struct seq_file *out, void *unused)
{
	unsigned int at;

	seq_printf(out, "lost %ld\n", atomic_long_read(&lost));
	for (at = 0; at < ARRAY_SIZE(slots); at++)
		if (slots[at].ip != 0)
			seq_printf(out, "%lx %ld\n", slots[at].ip, atomic_long_read(&slots[at].calls));
	return 0;
}

static int __init count_init(void)
{
	return proc_create_single("stress_count", 0444, NULL, show) ? 0 : -ENOMEM;
}

static void __exit count_exit(void)
{
	remove_proc_entry("stress_count", NULL);
}

module_init(count_init);
module_exit(count_exit);
MODULE_DESCRIPTION("Counts calls, for the lab");
MODULE_LICENSE("GPL");
