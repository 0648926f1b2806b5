/* SPDX-License-Identifier: GPL-2.0-only */
/* The functions that are redirected, and what they are redirected to. */
#ifndef FUNCTIONS_H
#define FUNCTIONS_H

#include <linux/compiler.h>

#define FUNCTION noinline __attribute__((noipa))

struct pair {
	long low, high;
};

typedef long recursion(long depth, void *again);

/* home.c, module canary: F */
extern long home_bias;
long home_add(long a, long b);
long home_leaf(long value);
long home_eight(long a, long b, long c, long d, long e, long f, long g, long h);
long home_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j);
long home_variadic(long count, ...);
struct pair home_pair(long value);
long home_recurse(long depth, void *again);
long home_yield(long value);

/* home.c: callers of F */
long home_sibling(long a, long b);
long home_twice(long a, long b);
long home_pair_sum(long value);

/* home.c: G in the same module */
long home_add_fixed(long a, long b);

/* home_list.h, in assembly: a redirect as it must be, and two as they must not be */
long home_framed(long a, long b);
long home_bare(long a, long b);
long home_careless(long a, long b);

/* fix.c, module canary_fix: G in another one */
extern long fix_bonus;
long fix_add(long a, long b);
long fix_leaf(long value);
long fix_eight(long a, long b, long c, long d, long e, long f, long g, long h);
long fix_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j);
long fix_variadic(long count, ...);
struct pair fix_pair(long value);
long fix_recurse(long depth, void *again);
long fix_yield(long value);
void fix_hook(void);

/* canary_object.c: G in an object to be merged into canary */
long object_add(long a, long b);
long object_leaf(long value);
void object_hook(void);

#endif
