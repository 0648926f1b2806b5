/* SPDX-License-Identifier: GPL-2.0-only */
/* Replacements with names that NAME makes. Each counts and reads a bonus, so each needs its own r2. */
#include <linux/stdarg.h>

#include "functions.h"

long NAME(bonus) = 1005;
static unsigned long NAME(calls);

FUNCTION long NAME(add)(long a, long b)
{
	NAME(calls)++;
	return a + b + NAME(bonus);
}

/* Uses the TOC, unlike what it replaces. */
FUNCTION long NAME(leaf)(long value)
{
	NAME(calls)++;
	return value * 3 + NAME(bonus) - 4;
}

FUNCTION long NAME(eight)(long a, long b, long c, long d, long e, long f, long g, long h)
{
	NAME(calls)++;
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + NAME(bonus);
}

FUNCTION long NAME(ten)(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j)
{
	NAME(calls)++;
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + NAME(bonus);
}

FUNCTION long NAME(variadic)(long count, ...)
{
	va_list list;
	long sum = NAME(bonus);

	va_start(list, count);
	while (count-- > 0)
		sum += va_arg(list, long);
	va_end(list);
	NAME(calls)++;
	return sum;
}

FUNCTION struct pair NAME(pair)(long value)
{
	NAME(calls)++;
	return (struct pair){ value + NAME(bonus), value * 2 + NAME(bonus) - 5 };
}

FUNCTION long NAME(recurse)(long depth, void *again)
{
	NAME(calls)++;
	if (!depth)
		return NAME(bonus);
	return ((recursion *)again)(depth - 1, again) + NAME(bonus) - 4;
}

/* These two enter one another through pointers. */
FUNCTION long NAME(ping)(long depth, const struct turns *turns)
{
	NAME(calls)++;
	if (!depth)
		return NAME(bonus);
	return turns->pong(depth - 1, turns) + NAME(bonus) - 4;
}

FUNCTION long NAME(pong)(long depth, const struct turns *turns)
{
	NAME(calls)++;
	if (!depth)
		return NAME(bonus);
	return turns->ping(depth - 1, turns) + NAME(bonus) - 4;
}
