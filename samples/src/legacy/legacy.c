// SPDX-License-Identifier: GPL-2.0-only
// Compiled three ways by build.sh, for call sites and entry points that no current kernel uses:
//
//	pg.o           -pg: the call of _mcount comes after the prologue, with a nop after it
//	mprofile-lr.o  -pg -mprofile-kernel as compilers before GCC 6 wrote it: LR is stored before the call
//	pcrel.o        -mcpu=power10: no TOC at all, prefixed instructions, REL24_NOTOC (k = 1 where something is called)
extern long legacy_external(long value);
extern long legacy_elsewhere;

static long legacy_count;

__attribute__((noipa)) long legacy_leaf(long value)
{
	return value * 3 + 1;
}

__attribute__((noipa)) long legacy_counter(long value)
{
	legacy_count += value + legacy_elsewhere;
	return legacy_count;
}

long legacy_caller(long value)
{
	return legacy_external(value) + legacy_counter(value);
}

long legacy_sibling(long value)
{
	return legacy_counter(value + 1);
}

long (*const legacy_pointer)(long) = legacy_counter;
