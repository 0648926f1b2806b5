// SPDX-License-Identifier: GPL-2.0-only
// Replacements for functions of a kernel image, and a hook that counts. What it needs of the kernel is bound when it is merged, static
// functions among it; addresses in its data become dynamic relocations.
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/utsname.h>

unsigned long image_calls __attribute__((section(".data"))) = 1000;
static unsigned long hooked;
static unsigned long from, to;
static unsigned long left, copied;
/* Of the trampoline. */
extern unsigned long image_custom_calls;
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

/* Behind a function: its result comes third. */
void image_leave(unsigned long ip, unsigned long parent, long result);
void image_leave(unsigned long ip, unsigned long parent, long result)
{
	left++;
	if (result > 0)
		copied += result;
}

/* Static in kernel/sys.c, where it says nothing unless the task has an old personality: uname -r shows it. */
int image_override_release(char __user *release, size_t len);
int image_override_release(char __user *release, size_t len)
{
	char text[] = "tocsin-release";

	return _copy_to_user(release, text, min(len, sizeof(text))) ? -EFAULT : 0;
}

/* Called in the place of _copy_to_user by what fills the answer of uname: uname -v shows it. */
unsigned long image_copy_uname(void __user *to, void *from, unsigned long n);
unsigned long image_copy_uname(void __user *to, void *from, unsigned long n)
{
	struct new_utsname *name = from;

	if (n == sizeof(*name))
		strcpy(name->version, "replaced by tocsin");
	return _copy_to_user(to, from, n);
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
	seq_printf(m, "hooked %lu %pS %pS left %lu %lu custom %lu\n", hooked, (void *)to, (void *)from, left, copied,
		   image_custom_calls);
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
