/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DEMO_H
#define DEMO_H

#include <linux/compiler.h>

/* Keeps a function whole: no inlining, no clone, and callers that know only its ABI. */
#define DEMO_FUNCTION noinline __attribute__((noipa))

#define DEMO_SLOTS 16

/* demo.c */
long demo_in_range(long index);
long demo_in_range_fixed(long index);
long demo_lookup(long index);
long demo_lookup_all(long count);
long demo_sibling(long index);
long demo_indirect(long index);
long demo_parity(unsigned long value);
unsigned long demo_swap_halves(unsigned long value);
long demo_sum_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j);
long demo_sum_ten_call(void);
long demo_sum_variadic(int count, ...);
void demo_alarm(long index);
unsigned long demo_external(unsigned long value);

/* demo_more.c */
long demo_other_file(long index);

/* tocsin_fix.c */
extern unsigned long fix_slots_squared, fix_bonus;
long fix_in_range(long index);
long fix_parity(unsigned long value);
long fix_sum_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j);
long fix_sum_variadic(int count, ...);
void fix_alarm(long index);

/* demo_object.c, to be merged into tocsin_demo */
long fixed_in_range(long index);
long fixed_parity(unsigned long value);
long fixed_sum_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j);

#endif
