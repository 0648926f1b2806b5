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

struct turns {
	long (*ping)(long depth, const struct turns *turns);
	long (*pong)(long depth, const struct turns *turns);
};

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
long home_ping(long depth, const struct turns *turns);
long home_pong(long depth, const struct turns *turns);
extern const struct turns home_turns;

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

/* replacements.h: G in another module, canary_fix, and in an object to be merged into canary */
#define REPLACEMENTS(NAME)                                                                                             \
	extern long NAME(bonus);                                                                                       \
	long NAME(add)(long a, long b);                                                                                \
	long NAME(leaf)(long value);                                                                                   \
	long NAME(eight)(long a, long b, long c, long d, long e, long f, long g, long h);                              \
	long NAME(ten)(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j);                \
	long NAME(variadic)(long count, ...);                                                                          \
	struct pair NAME(pair)(long value);                                                                            \
	long NAME(recurse)(long depth, void *again);                                                                   \
	long NAME(ping)(long depth, const struct turns *turns);                                                        \
	long NAME(pong)(long depth, const struct turns *turns);

#define IN_FIX(name) fix_##name
#define IN_OBJECT(name) object_##name
REPLACEMENTS(IN_FIX)
REPLACEMENTS(IN_OBJECT)
long fix_yield(long value);
void fix_hook(void);
void object_hook(void);

#endif
