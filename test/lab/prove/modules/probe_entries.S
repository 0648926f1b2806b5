/* SPDX-License-Identifier: GPL-2.0-only */
#define CANARY_RECOVERS_R1
#define CANARY_LIST "probe_list.h"
#define canary_pointer probe_pointer
#include "canary_entries.S"
