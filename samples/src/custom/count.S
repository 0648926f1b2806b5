/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A trampoline for `tocsin patch --strategy custom:count.o --redirect F=F`: counts the calls of F, then F goes on. The number
 * is the module's parameter `calls`.
 *
 * No type: it is a piece of F that lies elsewhere. r0, r11, r12, CTR and CR0 are free at F's entry; r0 holds the return address when
 * F goes on, as `mflr r0` in front of a call site leaves it.
 */
	.text
	.balign	16
	.globl	__tocsin_trampoline
__tocsin_trampoline:
	mflr	0
	bcl	20, 31, 1f
1:	mflr	11
	mtlr	0
	addis	11, 11, (calls - 1b)@ha
	addi	11, 11, (calls - 1b)@l
2:	ldarx	12, 0, 11
	addi	12, 12, 1
	stdcx.	12, 0, 11
	bne-	2b
	b	__tocsin_continue

	.local	calls
	.section .bss
	.balign	8
calls:	.skip	8

/* struct kernel_param (include/linux/moduleparam.h): name, module, operations, permissions, level, flags, argument. */
	.section __param, "a"
	.balign	8
	.quad	name, __this_module, param_ops_ulong
	.short	0444
	.byte	-1, 0
	.long	0
	.quad	calls

	.section .rodata
name:	.string	"calls"
