/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The canary: calls a function the way a local caller, an external caller or a function pointer does, with known
 * values in every register that the callee must leave alone, and counts what came back different.
 *
 * A compiled caller that loses r2 crashes at its next use of a global, often much later. The canary is written in
 * assembly so that it needs none of the registers it watches: it finds its own state from the program counter, puts r2
 * back itself, and can therefore say "lost" a hundred thousand times in a row.
 */
#ifndef CANARY_H
#define CANARY_H

/* Byte offsets in struct canary_record, for canary_entries.S. canary.c asserts that they agree with the structure. */
#define CANARY_ARGUMENTS 0
#define CANARY_NONVOLATILE_IN 80
#define CANARY_NONVOLATILE_OUT 224
#define CANARY_CR_IN 368
#define CANARY_CR_OUT 376
#define CANARY_R1_IN 384
#define CANARY_R1_OUT 392
#define CANARY_R2_IN 400
#define CANARY_R2_OUT 408
#define CANARY_LR_IN 416
#define CANARY_LR_OUT 424
#define CANARY_RESULT 432

#ifndef __ASSEMBLY__

#include <linux/build_bug.h>
#include <linux/moduleparam.h>
#include <linux/types.h>

#define CANARY_NONVOLATILES 18 /* r14 to r31 */
#define CANARY_CR_MASK 0x00fff000ULL /* CR2, CR3, CR4 */

/* What one call had before and after. */
struct canary_record {
	u64 arguments[10];
	u64 nonvolatile_in[CANARY_NONVOLATILES];
	u64 nonvolatile_out[CANARY_NONVOLATILES];
	u64 cr_in, cr_out;
	u64 r1_in, r1_out;
	u64 r2_in, r2_out;
	u64 lr_in, lr_out; /* lr_in: the address that the call must return to */
	u64 result;
};

/* Made by the macros of canary_entries.S. A pointer entry calls `function`; the others have their target built in. */
typedef void canary_entry(struct canary_record *record, void *function);

struct canary_target {
	const char *name;	/* "in_range" */
	const char *path;	/* "local", "external", "pointer", ... */
	canary_entry *entry;
	void *function;		/* for pointer entries */
	u64 arguments[10];
	u64 original;		/* result of the function as compiled */
	u64 replaced;		/* result of its replacement */
};

extern canary_entry canary_pointer;

/* Each module defines its own, ended by an entry without a name. */
extern const struct canary_target canary_targets[];
/* The module parameter `canary`: write "NAME PATH CALLS", read one line of counters. */
extern const struct kernel_param_ops canary_param_ops;

#endif
#endif
