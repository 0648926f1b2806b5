// SPDX-License-Identifier: GPL-2.0-only
// Replacements for functions of a kernel image, and a hook that counts. What it needs of the kernel is bound when it is merged, static
// functions among it; addresses in its data become dynamic relocations.
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/seq_file.h>

unsigned long image_calls __attribute__((section(".data"))) = 1000;
static unsigned long hooked;
static unsigned long from, to;
static const char *const words[] = { "replaced", "by", "tocsin" };

/* Static in fs/proc/meminfo.c. */
int meminfo_proc_show(struct seq_file *m, void *v);
static int (*const original)(struct seq_file *m, void *v) = meminfo_proc_show;
int (*image_pointer)(struct seq_file *m, void *v) = meminfo_proc_show;

void image_enter(unsigned long ip, unsigned long parent);
void image_enter(unsigned long ip, unsigned long parent)
{
	hooked++;
	from = parent;
	to = ip;
}

#define SEQ(name)                                                                                                      \
	int image_##name(struct seq_file *m, void *v);                                                                   \
	int image_##name(struct seq_file *m, void *v)                                                                    \
	{                                                                                                                \
		seq_printf(m, "%s %s %s " #name " %lu\n", words[0], words[1], words[2], ++image_calls);                    \
		return 0;                                                                                                \
	}

#define ATTRIBUTE(name)                                                                                                \
	ssize_t image_##name(struct kobject *k, struct kobj_attribute *a, char *text);                                   \
	ssize_t image_##name(struct kobject *k, struct kobj_attribute *a, char *text)                                    \
	{                                                                                                                \
		return sprintf(text, "%s %s %s " #name " %lu\n", words[0], words[1], words[2], ++image_calls);             \
	}

SEQ(devinfo_show)
SEQ(execdomains_proc_show)
SEQ(filesystems_proc_show)
SEQ(loadavg_proc_show)
SEQ(misc_seq_show)
SEQ(show_console_dev)
SEQ(show_partition)
SEQ(show_softirqs)
SEQ(swap_show)
SEQ(tty_ldiscs_seq_show)
SEQ(show_tty_driver)
SEQ(proc_cgroupstats_show)
ATTRIBUTE(fscaps_show)
ATTRIBUTE(profiling_show)
ATTRIBUTE(rcu_expedited_show)
ATTRIBUTE(rcu_normal_show)
ATTRIBUTE(uevent_seqnum_show)
ATTRIBUTE(vmcoreinfo_show)

/* The counter of the hook, and where it was called last. */
int image_timer_list_show(struct seq_file *m, void *v);
int image_timer_list_show(struct seq_file *m, void *v)
{
	seq_printf(m, "hooked %lu %pS %pS\n", hooked, (void *)to, (void *)from);
	return 0;
}

/* Goes on to a static function of the kernel, by call and by pointer. */
int image_version_proc_show(struct seq_file *m, void *v);
int image_version_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, "version by tocsin\n");
	if (image_pointer == original)
		return image_pointer(m, v);
	return meminfo_proc_show(m, v);
}

MODULE_DESCRIPTION("Replacements to merge into a kernel image");
MODULE_LICENSE("GPL");
