// SPDX-License-Identifier: GPL-2.0-only
// A caller in another file of the same module: local once linked, but compiled with a nop after the call.
#include "demo.h"

static long demo_more_calls;

DEMO_FUNCTION long demo_other_file(long index)
{
	long in_range = demo_in_range(index);

	demo_more_calls++;
	return in_range;
}
