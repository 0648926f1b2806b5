// SPDX-License-Identifier: GPL-2.0-only
// Module `trail_watch`: keeps what was seen on the stack, lets those who looked sleep there, and asks the kernel about the stack of a
// task that sleeps.
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include <linux/sched/task.h>
#include <linux/wait.h>

#include "trail.h"

unsigned long trail_entries[TRAIL_DEPTH];
unsigned int trail_count;
EXPORT_SYMBOL_GPL(trail_entries);
EXPORT_SYMBOL_GPL(trail_count);

static DECLARE_WAIT_QUEUE_HEAD(trail_queue);
static bool trail_asleep;
/* Milliseconds to be busy for, so that a profiler meets somebody there. */
static unsigned int busy;
module_param(busy, uint, 0644);

void trail_wait(void)
{
	unsigned long end = jiffies + msecs_to_jiffies(busy);

	while (busy && time_before(jiffies, end))
		cpu_relax();
	wait_event(trail_queue, !READ_ONCE(trail_asleep));
}
EXPORT_SYMBOL_GPL(trail_wait);

static int show(char *buffer, const unsigned long *entries, unsigned int count)
{
	unsigned int i;
	int length = 0;

	for (i = 0; i < count; i++)
		length += scnprintf(buffer + length, PAGE_SIZE - length, "%pS\n", (void *)entries[i]);
	return length;
}

/* `seen`: the trace that was written down last, one place a line. */
static int get_seen(char *buffer, const struct kernel_param *param)
{
	return show(buffer, trail_entries, trail_count);
}

static const struct kernel_param_ops seen_ops = { .get = get_seen };
module_param_cb(seen, &seen_ops, NULL, 0444);

static int set_asleep(const char *text, const struct kernel_param *param)
{
	int error = kstrtobool(text, &trail_asleep);

	wake_up_all(&trail_queue);
	return error;
}

/* `asleep`: whether those who look at the stack stay there. */
static const struct kernel_param_ops asleep_ops = { .set = set_asleep };
module_param_cb(asleep, &asleep_ops, NULL, 0200);

static unsigned long reliable[TRAIL_DEPTH];
static int reliable_status = -ENODATA;

/* `reliable`: writing `ADDRESS PID` asks the kernel's function at ADDRESS, stack_trace_save_tsk_reliable, for that task's stack. */
static int set_reliable(const char *text, const struct kernel_param *param)
{
	int (*walk)(struct task_struct *task, unsigned long *store, unsigned int size);
	unsigned long address;
	struct task_struct *task;
	int pid;

	if (sscanf(text, "%lx %d", &address, &pid) != 2)
		return -EINVAL;
	task = get_pid_task(find_vpid(pid), PIDTYPE_PID);
	if (!task)
		return -ESRCH;
	walk = (void *)address;
	reliable_status = walk(task, reliable, TRAIL_DEPTH);
	put_task_struct(task);
	return 0;
}

static int get_reliable(char *buffer, const struct kernel_param *param)
{
	int length = scnprintf(buffer, PAGE_SIZE, "%d\n", reliable_status);

	return reliable_status > 0 ? length + show(buffer + length, reliable, reliable_status) : length;
}

static const struct kernel_param_ops reliable_ops = { .set = set_reliable, .get = get_reliable };
module_param_cb(reliable, &reliable_ops, NULL, 0644);

#ifdef CONFIG_KPROBES
/* `probe`: writing a name counts how often control comes there, as reading says; writing nothing ends it. */
static unsigned long probe_hits;
static char probe_name[128];
static struct kprobe probe;

static int probe_hit(struct kprobe *at, struct pt_regs *regs)
{
	probe_hits++;
	return 0;
}

static int set_probe(const char *text, const struct kernel_param *param)
{
	int error;

	if (probe.addr)
		unregister_kprobe(&probe);
	memset(&probe, 0, sizeof(probe));
	probe_hits = 0;
	strscpy(probe_name, text, sizeof(probe_name));
	if (!*strim(probe_name))
		return 0;
	probe.symbol_name = strim(probe_name);
	probe.pre_handler = probe_hit;
	error = register_kprobe(&probe);
	if (error)
		probe.addr = NULL;
	return error;
}

static int get_probe(char *buffer, const struct kernel_param *param)
{
	return scnprintf(buffer, PAGE_SIZE, "%lu\n", probe_hits);
}

static const struct kernel_param_ops probe_ops = { .set = set_probe, .get = get_probe };
module_param_cb(probe, &probe_ops, NULL, 0644);
#endif

static int __init watch_init(void)
{
	return 0;
}

static void __exit watch_exit(void)
{
}

module_init(watch_init);
module_exit(watch_exit);
MODULE_DESCRIPTION("What is on the stack");
MODULE_LICENSE("GPL");
