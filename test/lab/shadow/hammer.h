/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HAMMER_H
#define HAMMER_H

#include <linux/compiler.h>

#define FUNCTION noinline __attribute__((noipa))

/* What each activation of a replacement adds to the result. */
#define REPLACED 1000000L

/*
 * Ten arguments: the last two are in the caller's frame. `depth` is how often the function calls itself through `again`;
 * `turn` decides what the replacement does on the way.
 */
typedef long hammered(long a, long b, long c, long d, long e, long f, long depth, void *again, long turn, long last);

hammered hammer_fixed;
long hammer_counted(int count, ...);

#endif
