// SPDX-License-Identifier: GPL-2.0-only
// target_message() of drivers/md/dm-ioctl.c as upstream fixed it ("dm-ioctl: report an error if a device has no table",
// 6.1.178), to merge into dm-mod.ko. dm-core.h is a header that the source file has beside it.
#include "dm-core.h"
#include <linux/dm-ioctl.h>
#include <linux/rwsem.h>
#include <linux/slab.h>

#define DM_MSG_PREFIX "ioctl"
#define ALIGN_MASK 7

/* Of the kernel that runs: what is in memory there. */
#include "hash_cell.inc"

/* Static in dm-ioctl.c: tocsin binds these names to what the module has. */
extern struct rw_semaphore _hash_lock;
struct hash_cell *__find_device_hash_cell(struct dm_ioctl *param);
void __dev_status(struct mapped_device *md, struct dm_ioctl *param);

/* Helpers that the compiler put into their callers: the module has no such functions. */
#include "dm_helpers.inc"

#define target_message target_message_fixed
#include "target_message.inc"
