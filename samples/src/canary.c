// SPDX-License-Identifier: GPL-2.0-only
// Runs the canary many times and counts what it saw. See canary.h.
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "canary.h"

static_assert(offsetof(struct canary_record, arguments) == CANARY_ARGUMENTS);
static_assert(offsetof(struct canary_record, nonvolatile_in) == CANARY_NONVOLATILE_IN);
static_assert(offsetof(struct canary_record, nonvolatile_out) == CANARY_NONVOLATILE_OUT);
static_assert(offsetof(struct canary_record, cr_in) == CANARY_CR_IN);
static_assert(offsetof(struct canary_record, cr_out) == CANARY_CR_OUT);
static_assert(offsetof(struct canary_record, r1_in) == CANARY_R1_IN);
static_assert(offsetof(struct canary_record, r1_out) == CANARY_R1_OUT);
static_assert(offsetof(struct canary_record, r2_in) == CANARY_R2_IN);
static_assert(offsetof(struct canary_record, r2_out) == CANARY_R2_OUT);
static_assert(offsetof(struct canary_record, lr_in) == CANARY_LR_IN);
static_assert(offsetof(struct canary_record, lr_out) == CANARY_LR_OUT);
static_assert(offsetof(struct canary_record, result) == CANARY_RESULT);

struct canary_counts {
	u64 calls;
	u64 original, replaced, other;	/* results */
	u64 r1, r2, lr, nonvolatile, cr; /* calls that came back with another value */
};

static DEFINE_MUTEX(canary_lock);
static struct canary_record canary_record;
static struct canary_counts canary_counts;
static const struct canary_target *canary_last;

/* New patterns for every call, so that a value left over from the last one cannot pass for this one's. */
static void canary_fill(struct canary_record *record, u64 turn)
{
	u64 pattern = (turn + 1) * 0x9e3779b97f4a7c15ULL;
	int i;

	for (i = 0; i < CANARY_NONVOLATILES; i++) {
		record->nonvolatile_in[i] = pattern;
		pattern = (pattern << 7 | pattern >> 57) + i;
	}
	record->cr_in = pattern & CANARY_CR_MASK;
}

static void canary_compare(const struct canary_target *target, const struct canary_record *record,
			   struct canary_counts *counts)
{
	counts->calls++;
	if (record->result == target->original)
		counts->original++;
	else if (record->result == target->replaced)
		counts->replaced++;
	else
		counts->other++;
	counts->r1 += record->r1_in != record->r1_out;
	counts->r2 += record->r2_in != record->r2_out;
	counts->lr += record->lr_in != record->lr_out;
	counts->cr += record->cr_in != (record->cr_out & CANARY_CR_MASK);
	counts->nonvolatile +=
		memcmp(record->nonvolatile_in, record->nonvolatile_out, sizeof(record->nonvolatile_in)) != 0;
}

static void canary_run(const struct canary_target *target, unsigned long calls)
{
	unsigned long turn;

	memset(&canary_counts, 0, sizeof(canary_counts));
	memcpy(canary_record.arguments, target->arguments, sizeof(canary_record.arguments));
	for (turn = 0; turn < calls; turn++) {
		canary_fill(&canary_record, turn);
		target->entry(&canary_record, target->function);
		canary_compare(target, &canary_record, &canary_counts);
		if (turn % 256 == 255)
			cond_resched();
	}
	canary_last = target;
}

static int canary_set(const char *value, const struct kernel_param *param)
{
	const struct canary_target *target;
	char name[32], path[32];
	unsigned long calls;

	if (sscanf(value, "%31s %31s %lu", name, path, &calls) != 3)
		return -EINVAL;
	for (target = canary_targets; target->name; target++) {
		if (strcmp(name, target->name) || strcmp(path, target->path))
			continue;
		mutex_lock(&canary_lock);
		canary_run(target, calls);
		mutex_unlock(&canary_lock);
		return 0;
	}
	return -ENOENT;
}

static int canary_get(char *buffer, const struct kernel_param *param)
{
	const struct canary_counts *c = &canary_counts;
	int length = 0;

	mutex_lock(&canary_lock);
	if (canary_last)
		length = scnprintf(buffer, 512,
				   "target=%s path=%s calls=%llu original=%llu replaced=%llu other=%llu "
				   "r1=%llu r2=%llu lr=%llu nonvolatile=%llu cr=%llu\n",
				   canary_last->name, canary_last->path, c->calls, c->original, c->replaced, c->other,
				   c->r1, c->r2, c->lr, c->nonvolatile, c->cr);
	mutex_unlock(&canary_lock);
	return length;
}

const struct kernel_param_ops canary_param_ops = {
	.set = canary_set,
	.get = canary_get,
};
