/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/export.h>
#include <linux/module.h>
#include <linux/version.h>

/* Names of namespaces became strings in 6.13. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define LAB_NAMESPACE "LAB"
#define VICTIM_NAMESPACE "VICTIM"
#else
#define LAB_NAMESPACE LAB
#define VICTIM_NAMESPACE VICTIM
#endif

int lab_helper_plain(int value);
int lab_helper_gpl(int value);
int lab_helper_ns(int value);
