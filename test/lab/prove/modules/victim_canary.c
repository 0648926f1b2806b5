// SPDX-License-Identifier: GPL-2.0-only
// An object cannot be in two modules, so each has the canary in a file of its own.
#include "canary.c"
