// SPDX-License-Identifier: GPL-2.0-only
// redteam_to_1000 to redteam_to_2999: count, and go on at the target without a frame, with all arguments as they are.
#include <linux/linkage.h>
#include <linux/module.h>
#include "redteam.h"

#define ENTRY(n) \
	".globl	redteam_to_" #n "\n.type	redteam_to_" #n ", @function\n" \
	"redteam_to_" #n ":\n" \
	"0:	addis	2, 12, .TOC.-0b@ha\n	addi	2, 2, .TOC.-0b@l\n" \
	"	.localentry	redteam_to_" #n ", 8\n" \
	"	addis	11, 2, (redteam_slots+16*" #n ")@toc@ha\n	addi	11, 11, (redteam_slots+16*" #n ")@toc@l\n" \
	"1:	ldarx	12, 0, 11\n	addi	12, 12, 1\n	stdcx.	12, 0, 11\n	bne-	1b\n" \
	"	ld	12, 8(11)\n	tdeqi	12, 0\n	mtctr	12\n	bctr\n" \
	".size	redteam_to_" #n ", . - redteam_to_" #n "\n"
#define FORWARD(n) \
	void redteam_to_##n(void); \
	asm(".pushsection .text\n.balign 16\n" ENTRY(n) ".popsection\n"); \
	EXPORT_SYMBOL_GPL(redteam_to_##n);

asm(".pushsection .text\n.globl redteam_spoil\n.type redteam_spoil, @function\nredteam_spoil:\n"
    "	lis	3, 0x5a5a\n	ori	3, 3, 0xa5a5\n	sldi	3, 3, 16\n"
    "	mr	0, 3\n	mr	4, 3\n	mr	5, 3\n	mr	6, 3\n	mr	7, 3\n	mr	8, 3\n	mr	9, 3\n	mr	10, 3\n"
    "	mr	11, 3\n	mr	12, 3\n	mtctr	3\n	mtxer	3\n	mtcrf	0xc7, 3\n	blr\n"
    ".size redteam_spoil, . - redteam_spoil\n.popsection\n");

HUNDREDS(FORWARD)
