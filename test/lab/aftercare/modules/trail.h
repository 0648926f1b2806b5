/* SPDX-License-Identifier: GPL-2.0-only */
/* What somebody who looks at the stack from the inside of a function writes down. */
#include <linux/stacktrace.h>

#define FUNCTION noinline __attribute__((noipa))
#define TRAIL_DEPTH 24

extern unsigned long trail_entries[TRAIL_DEPTH];
extern unsigned int trail_count;
/* Sleeps or is busy, as the parameters of `trail_watch` say. */
void trail_wait(void);

/* A macro: the function that is to be seen in the trace is the one that calls it. */
#define TRAIL_NOTE()                                                                                                   \
	do {                                                                                                           \
		trail_count = stack_trace_save(trail_entries, TRAIL_DEPTH, 0);                                         \
		dump_stack();                                                                                          \
		trail_wait();                                                                                          \
	} while (0)
