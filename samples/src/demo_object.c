// SPDX-License-Identifier: GPL-2.0-only
// A fix that is merged into tocsin_demo: `tocsin patch tocsin_demo.ko --with demo_object.o ...`. It reaches what is static in
// the module by its name, and has a part for each kind of section that a fix may bring. The names that it leaves open are
// defined in demo_object_names.c, so that the kernel's build lets it be linked alone.
//
//	cat /sys/module/tocsin_demo/parameters/fixed		NAME=VALUE a line
#include <linux/bug.h>
#include <linux/cache.h>
#include <linux/gcd.h>
#include <linux/jump_label.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "demo.h"

/* Static in demo.c and canary.c. */
extern long demo_checks, demo_hits;
int canary_get(char *buffer, const struct kernel_param *param);

extern long demo_slots; /* global in demo.c */

static long fixed_calls;			     /* .bss */
static long fixed_limit __read_mostly = DEMO_SLOTS;  /* .data..read_mostly */
static long fixed_once __ro_after_init = 77;	     /* .data..ro_after_init */
static DEFINE_PER_CPU(long, fixed_here) = 5;	     /* .data..percpu */
static DEFINE_STATIC_KEY_FALSE(fixed_key);	     /* __jump_table */
static const char *const fixed_words[] = { "tocsin", "alarm bell" };
static long fixed_bias = 1000;			     /* .data */

/* Right where demo_in_range() is wrong. */
DEMO_FUNCTION long fixed_in_range(long index)
{
	demo_checks++;
	fixed_calls++;
	WARN_ON_ONCE(fixed_calls < 0); /* __bug_table */
	return index >= 0 && index < min(demo_slots, fixed_limit);
}

/* The other way round. Unlike demo_parity() it uses the TOC. */
DEMO_FUNCTION long fixed_parity(unsigned long value)
{
	fixed_calls++;
	return hweight64(value) & 1 ? 0 : 1;
}

/* With a frame, this can only be done in the same object: it has ten arguments. */
DEMO_FUNCTION long fixed_sum_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j)
{
	fixed_calls++;
	return a + b + c + d + e + f + g + h + i + j + fixed_bias;
}

static noinline long fixed_jump(void)
{
	if (static_branch_unlikely(&fixed_key))
		return 1;
	return 0;
}

static int fixed_get(char *buffer, const struct kernel_param *param)
{
	long jumped = fixed_jump(), value = 0;
	int fault = get_user(value, (long __user *)8); /* __ex_table */
	int length;

	static_branch_enable(&fixed_key);
	length = scnprintf(buffer, 1024, "calls=%ld\nslots=%ld\nhits=%d\nonce=%ld\nhere=%ld\njump=%ld%ld\nfault=%d\n"
			   "words=%s, %s\ngcd=%lu\n", fixed_calls, demo_slots, demo_hits > 0, fixed_once,
			   raw_cpu_read(fixed_here), jumped, fixed_jump(), fault, fixed_words[0], fixed_words[1],
			   gcd(84, demo_slots + 20));
	static_branch_disable(&fixed_key);
	/* A static function of the module, entered at its local entry. */
	return length + canary_get(buffer + length, param);
}

static const struct kernel_param_ops fixed_ops = { .get = fixed_get };
module_param_cb(fixed, &fixed_ops, NULL, 0444); /* __param */
MODULE_PARM_DESC(fixed, "what the merged fix has seen");
MODULE_DESCRIPTION("A fix to merge into tocsin_demo");
MODULE_LICENSE("GPL");
