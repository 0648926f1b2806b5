// SPDX-License-Identifier: GPL-2.0-only
// minix_fill_super() of fs/minix/inode.c as upstream fixed it ("minix: handle set_blocksize failures", 6.1.189), to merge
// into minix.ko. minix.h is the header that the source file has beside it.
#include "minix.h"
#include <linux/buffer_head.h>
#include <linux/slab.h>

/* Static in fs/minix/inode.c: tocsin binds the name to what the module has. */
extern const struct super_operations minix_sops;

/* A helper that the compiler put into its caller: the module has no such function. */
#include "minix_helpers.inc"

#define minix_fill_super minix_fill_super_fixed
#include "minix_fill_super.inc"
