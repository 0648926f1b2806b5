// SPDX-License-Identifier: GPL-2.0-only
// Tasks on two processors, bound and free ones, and interrupts that each raises on the other one, all call the same two functions.
// Each result has to be the function's or its replacement's, and r1 and r2 what they were.
//
//	echo SECONDS > /sys/module/hammer/parameters/run		returns when it is over
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <linux/stdarg.h>

#include "hammer.h"

static unsigned long originals, replaced, wrong, registers, interrupts;
module_param(originals, ulong, 0444);
module_param(replaced, ulong, 0444);
module_param(wrong, ulong, 0444);
module_param(registers, ulong, 0444);
module_param(interrupts, ulong, 0444);

hammered hammer_sum;
long hammer_list(int count, ...);

FUNCTION long hammer_sum(long a, long b, long c, long d, long e, long f, long depth, void *again, long turn, long last)
{
	long inner = 0;

	if (depth > 0)
		inner = ((hammered *)again)(a, b, c, d, e, f, depth - 1, again, turn + 1, last);
	return inner + a + b + c + d + e + f + last;
}

FUNCTION long hammer_list(int count, ...)
{
	va_list list;
	long sum = 0;

	va_start(list, count);
	while (count-- > 0)
		sum += va_arg(list, long);
	va_end(list);
	return sum;
}

static void count(unsigned long *counter, long n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* `found` is `plain`, and REPLACED for each of `entries` calls that was replaced. */
static void judge(long found, long plain, long entries)
{
	long times = (found - plain) / REPLACED;

	if (found != plain + times * REPLACED || times < 0 || times > entries) {
		count(&wrong, 1);
		return;
	}
	count(&replaced, times);
	count(&originals, entries - times);
}

#define REGISTERS(r1, r2) asm volatile("mr %0, 1; mr %1, 2" : "=r"(r1), "=r"(r2))

static FUNCTION void hammer_once(long seed)
{
	long a = seed, depth = seed % 5, plain = a + 2 + 3 + 4 + 5 + 6 + 10, found;
	unsigned long r1, r2, r1_after, r2_after;

	REGISTERS(r1, r2);
	found = hammer_sum(a, 2, 3, 4, 5, 6, depth, hammer_sum, seed, 10);
	REGISTERS(r1_after, r2_after);
	if (r1 != r1_after || r2 != r2_after)
		count(&registers, 1);
	judge(found, plain * (depth + 1), depth + 1);
	found = hammer_list(10, a, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L);
	REGISTERS(r1_after, r2_after);
	if (r1 != r1_after || r2 != r2_after)
		count(&registers, 1);
	judge(found, a + 54, 1);
}

static void hammer_interrupt(void *unused)
{
	count(&interrupts, 1);
	hammer_once(1000 + interrupts % 100);
}

static DEFINE_PER_CPU(call_single_data_t, hammer_work);

static int hammer_task(void *bound)
{
	long seed = (long)bound * 17;

	while (!kthread_should_stop()) {
		hammer_once(++seed % 1000);
		if (bound && seed % 3 == 0) {
			int other = ((long)bound - 1) ^ 1;

			if (cpu_online(other))
				smp_call_function_single_async(other, &per_cpu(hammer_work, other));
		}
		cond_resched();
	}
	return 0;
}

static int run_set(const char *text, const struct kernel_param *param)
{
	struct task_struct *tasks[4];
	unsigned int seconds;
	int cpu, n = 0, error = kstrtouint(text, 0, &seconds);

	if (error)
		return error;
	for_each_online_cpu(cpu) {
		if (n == 2)
			break;
		tasks[n] = kthread_create(hammer_task, (void *)(long)(cpu + 1), "hammer/%d", cpu);
		if (IS_ERR(tasks[n]))
			return PTR_ERR(tasks[n]);
		kthread_bind(tasks[n++], cpu);
	}
	for (; n < 4; n++) {
		tasks[n] = kthread_create(hammer_task, NULL, "hammer/free%d", n);
		if (IS_ERR(tasks[n]))
			return PTR_ERR(tasks[n]);
	}
	while (n-- > 0)
		wake_up_process(tasks[n]);
	msleep(seconds * 1000);
	for (n = 0; n < 4; n++)
		kthread_stop(tasks[n]);
	/* What was raised before is over when this has been answered. */
	on_each_cpu(hammer_interrupt, NULL, 1);
	return 0;
}

static const struct kernel_param_ops run_ops = { .set = run_set };
module_param_cb(run, &run_ops, NULL, 0200);

static int __init hammer_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		INIT_CSD(&per_cpu(hammer_work, cpu), hammer_interrupt, NULL);
	return 0;
}

static void __exit hammer_exit(void)
{
}

module_init(hammer_init);
module_exit(hammer_exit);
MODULE_DESCRIPTION("Hammers two functions from all sides");
MODULE_LICENSE("GPL");
