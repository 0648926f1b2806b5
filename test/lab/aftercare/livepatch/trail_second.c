// SPDX-License-Identifier: GPL-2.0-only
#define REPLACEMENT trail_second
#include "trail_first.c"
