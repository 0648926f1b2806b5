/* SPDX-License-Identifier: GPL-2.0-only */
#define CANARY_RECOVERS_R1
#define CANARY_LIST "home_list.h"
#include "canary_entries.S"
